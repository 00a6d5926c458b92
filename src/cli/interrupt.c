#include "cli/interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "furrow.h"

static sigset_t caught;

static void end_process(int number)
{
    signal(number, SIG_DFL);
    raise(number);
    pthread_sigmask(SIG_UNBLOCK, &caught, NULL);
}

static void *wait_for_signals(void *unused)
{
    int number;
    (void)unused;
    if (!sigwait(&caught, &number)) furrow_interrupt();
    if (!sigwait(&caught, &number)) end_process(number);
    return NULL;
}

/* A thread that waits for them, and no handler: OpenCL drivers that bring LLVM put handlers of their own in place of
 * ours, which take the files away that their compiler is just writing and make it fail. Blocked signals reach no
 * handler. All later threads inherit the mask. */
void interrupt_catch(void)
{
    pthread_t thread;
    sigemptyset(&caught);
    sigaddset(&caught, SIGINT);
    sigaddset(&caught, SIGTERM);
    signal(SIGINT, SIG_DFL); /* shells start background jobs with it ignored */
    pthread_sigmask(SIG_BLOCK, &caught, NULL);
    if (pthread_create(&thread, NULL, wait_for_signals, NULL))
        pthread_sigmask(SIG_UNBLOCK, &caught, NULL); /* then a signal ends the process, as it would any */
    else
        pthread_detach(thread);
}
