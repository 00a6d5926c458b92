/* Messages and progress. The layers below the command line never print: they call these, and whoever runs the
 * program (src/cli, or a user of the library) installs a listener that shows them. No listener: silence. */
#ifndef FURROW_BASE_LOG_H
#define FURROW_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

typedef struct log_listener {
    void *user;
    void (*note)(void *user, const char *text);    /* something worth knowing */
    void (*warning)(void *user, const char *text); /* something probably wrong, work goes on */
    /* done of total units (total 0: unknown); metric may be "". Called often: the listener thins out. */
    void (*progress)(void *user, const char *task, size_t done, size_t total, const char *metric);
} log_listener;

void log_listen(const log_listener *listener); /* copied; NULL silences. Not while another thread works. */

/* Thread safe: calls to the listener are serialised. */
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_progress(const char *task, size_t done, size_t total, const char *metric);

/* Ctrl-C: the command line's signal handler sets it; long loops ask it and return INTERRUPTED. */
void interrupt_request(void); /* async-signal-safe */
void interrupt_clear(void);
bool interrupt_requested(void);
/* OK, or what a command returns then that goes on where it was when it is given again: INTERRUPTED, and says so. */
int interrupt_check(void);

/* Beside the listener, one run's own: told the progress; where it returns false, interrupt_requested() is true until the
 * watch ends. NULL ends it. */
typedef bool log_watcher(void *user, const char *task, size_t done, size_t total, const char *metric);
void log_watch(log_watcher *watcher, void *user);

#endif
