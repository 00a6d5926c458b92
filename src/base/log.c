#include "base/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

static log_listener current;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile sig_atomic_t interrupted, stopped; /* by all, by the watcher */
static log_watcher *watching;
static void *watching_user;

enum { LINE_MAX_BYTES = 4096 };

void log_listen(const log_listener *listener)
{
    pthread_mutex_lock(&lock);
    current = listener ? *listener : (log_listener){0};
    pthread_mutex_unlock(&lock);
}

static void say(void (*to)(void *user, const char *text), const char *format, va_list arguments)
{
    char text[LINE_MAX_BYTES];
    if (!to) return;
    vsnprintf(text, sizeof text, format, arguments);
    to(current.user, text);
}

void log_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&lock);
    say(current.note, format, arguments);
    pthread_mutex_unlock(&lock);
    va_end(arguments);
}

void log_warning(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&lock);
    say(current.warning, format, arguments);
    pthread_mutex_unlock(&lock);
    va_end(arguments);
}

void log_progress(const char *task, size_t done, size_t total, const char *metric)
{
    pthread_mutex_lock(&lock);
    if (current.progress) current.progress(current.user, task, done, total, metric);
    if (watching && !watching(watching_user, task, done, total, metric)) stopped = 1;
    pthread_mutex_unlock(&lock);
}

void log_watch(log_watcher *watcher, void *user)
{
    pthread_mutex_lock(&lock);
    watching = watcher;
    watching_user = user;
    stopped = 0;
    pthread_mutex_unlock(&lock);
}

void interrupt_request(void)
{
    interrupted = 1;
}

void interrupt_clear(void)
{
    interrupted = 0;
}

bool interrupt_requested(void)
{
    return interrupted || stopped;
}

int interrupt_check(void)
{
    return interrupt_requested() ? fail(INTERRUPTED, "interrupted; the same command goes on") : OK;
}
