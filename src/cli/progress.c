#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "furrow.h"

static const double quiet_seconds = 2, bar_interval = 0.1, line_interval = 5;
enum { BAR = 24 };

/* The task under way. */
static struct {
    char task[96];
    size_t first, done;    /* units: when it was first heard of, and now */
    double started, shown; /* seconds; shown 0: never */
    bool bar;              /* a bar stands on the terminal's current line */
} current;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void erase_bar(void)
{
    if (current.bar) fputs("\r\033[K", stderr);
    current.bar = false;
}

static void note(void *user, const char *text)
{
    (void)user;
    erase_bar();
    fprintf(stderr, "furrow: %s\n", text);
}

static void warning(void *user, const char *text)
{
    (void)user;
    erase_bar();
    fprintf(stderr, "furrow: warning: %s\n", text);
}

static void put_duration(char *out, size_t size, double seconds)
{
    long s = (long)(seconds + 0.5);
    if (s < 3600)
        snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
    else
        snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

/* "TASK  1200/9000  850/s  0:09 left  loss 0.12" */
static void describe(char *out, size_t size, size_t total, const char *metric, double seconds)
{
    double rate = seconds > 0 ? (double)(current.done - current.first) / seconds : 0;
    char of[32] = "", left[48] = "";
    if (total) snprintf(of, sizeof of, "/%zu", total);
    if (total > current.done && rate > 0) {
        char duration[32];
        put_duration(duration, sizeof duration, (double)(total - current.done) / rate);
        snprintf(left, sizeof left, "  %s left", duration);
    }
    snprintf(out, size, "%s  %zu%s  %.*f/s%s%s%s", current.task, current.done, of, rate < 10 ? 1 : 0, rate, left,
             *metric ? "  " : "", metric);
}

static void show_bar(size_t total, const char *text)
{
    char bar[BAR + 1];
    size_t filled = total ? current.done * BAR / total : 0;
    if (filled > BAR) filled = BAR;
    memset(bar, '.', BAR);
    memset(bar, '#', filled);
    bar[BAR] = 0;
    fprintf(stderr, "\r\033[K");
    if (total) fprintf(stderr, "[%s] ", bar);
    fputs(text, stderr);
    fflush(stderr);
    current.bar = true;
}

static void progress(void *user, const char *task, size_t done, size_t total, const char *metric)
{
    (void)user;
    double t = now();
    if (strncmp(task, current.task, sizeof current.task - 1) != 0 || done < current.done) {
        erase_bar();
        snprintf(current.task, sizeof current.task, "%s", task);
        current.first = done;
        current.started = t;
        current.shown = 0;
    }
    current.done = done;
    bool terminal = isatty(STDERR_FILENO);
    double seconds = t - current.started;
    if (seconds < quiet_seconds || t - current.shown < (terminal ? bar_interval : line_interval)) return;
    char text[384];
    describe(text, sizeof text, total, metric, seconds);
    current.shown = t;
    if (terminal)
        show_bar(total, text);
    else
        fprintf(stderr, "%s\n", text);
}

void progress_install(void)
{
    furrow_listen(&(furrow_listener){.note = note, .warning = warning, .progress = progress});
}

void progress_end(void)
{
    erase_bar();
}
