/* The page of a report: one HTML file that needs nothing else, neither network nor scripts. */
#ifndef FURROW_REPORT_REPORT_PAGE_H
#define FURROW_REPORT_REPORT_PAGE_H

#include "base/text_file.h"
#include "report/report_run.h"

/* Written whole or not at all. samples: the most pictures shown of a run's maps; *shown: how many were, in all. FAILED,
 * naming the file, when a picture is none or the page cannot be written. */
int report_page(const char *path, const report_run *each, int runs, int samples, int *shown);

/* ---- its rooms: each puts HTML; what can fail beside writing gives a code ---------------------------------------- */

/* Tables of all runs, a column each (report/report_tables.c). */
void report_put_summary(text_file *f, const report_run *each, int runs);
int report_put_settings(text_file *f, const report_run *each, int runs);

/* Of one run: classes and confusion matrix (report/report_classes.c), */
void report_put_classes(text_file *f, const report_run *r);
void report_put_confusion(text_file *f, const report_run *r);
/* curves over epochs (report/report_curves.c), */
int report_put_curves(text_file *f, const report_run *r);
int report_put_times(text_file *f, const report_run *r);
/* and pictures (report/report_pictures.c). */
int report_put_maps(text_file *f, const report_run *r, int samples, int *shown);
int report_put_attention(text_file *f, const report_run *r);

/* Has any fold a timing.json? */
bool report_is_timed(const report_run *r);
/* Over all folds: seconds of one kind ("train_seconds") and how many epochs have it. */
typedef struct time_spent {
    double seconds;
    int epochs;
} time_spent;
time_spent report_time(const report_fold *f, const char *key);

/* A number with so many decimals and what follows it, or a dash where it is not finite. */
void report_put_number(text_file *f, double value, int decimals, const char *unit);
void report_put_duration(text_file *f, double seconds); /* "2 h 05 min" */
void report_put_bytes(text_file *f, double bytes);      /* "123 MiB" */

#endif
