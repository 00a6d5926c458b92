/* The small functions of furrow.h that only hand over to base. */
#include "base/error.h"
#include "base/log.h"
#include "furrow.h"
#include "run/config.h"

const char *furrow_error(void)
{
    return error_message();
}

void furrow_interrupt(void)
{
    interrupt_request();
}

void furrow_listen(const furrow_listener *listener)
{
    if (!listener) {
        log_listen(NULL);
        return;
    }
    log_listen(&(log_listener){
        .user = listener->user,
        .note = listener->note,
        .warning = listener->warning,
        .progress = listener->progress,
    });
}

char *furrow_config_help(void)
{
    return config_help();
}
