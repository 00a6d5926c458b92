/* A drawing (SVG) of attention over the calendar: a bar for each date, and below it a strip for each row of weights. */
#ifndef FURROW_RUN_ATTENTION_PICTURE_H
#define FURROW_RUN_ATTENTION_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct attention_strip {
    const char *name;     /* "head 3", a class */
    const double *weight; /* [dates]; NaN: nothing known */
} attention_strip;

typedef struct attention_drawing {
    const char *title;
    const int32_t *day; /* [dates] rising; since 1970-01-01 (calendar), else any number */
    int dates;
    bool calendar;
    const double *mean; /* [dates] of the bars; NaN: none */
    const attention_strip *strip;
    int strips;
} attention_drawing;

/* Written as file_write does. FAILED: out of memory, or the file cannot be written. */
int attention_picture(const char *path, const attention_drawing *d);

#endif
