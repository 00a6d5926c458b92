#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 8192 }; /* a list of problems is one message */

static _Thread_local char message[MESSAGE_MAX];

/* Through a copy: the arguments may point into the old message. */
int fail(int code, const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(message, text, strlen(text) + 1);
    return code;
}

int fail_within(int code, const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return fail(code, "%s: %s", text, message);
}

const char *error_message(void)
{
    return message;
}

void panic(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("furrow: bug: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}
