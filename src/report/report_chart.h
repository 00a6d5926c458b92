/* A line chart as inline SVG, for a page (report/report_page.c has its style sheet: what a kind of line looks like). */
#ifndef FURROW_REPORT_REPORT_CHART_H
#define FURROW_REPORT_REPORT_CHART_H

#include <stdbool.h>

#include "base/text_file.h"

enum line_kind { LINE_TRAIN, LINE_VALIDATION };

typedef struct chart_line {
    enum line_kind kind;
    int fold;            /* its dashes; also told when the pointer rests on it */
    int count;           /* of points */
    const double *x, *y; /* [count], x rising; what is not finite, or beyond 1e30, interrupts the line */
} chart_line;

typedef struct chart {
    const char *title, *x_title;
    double top; /* of the axis, which starts at 0 (or below, where values are); 0: as the values want it */
    const chart_line *line;
    int lines;
} chart;

bool chart_is_empty(const chart *c); /* no point can be drawn: nothing would be to be seen */

/* A <figure> of a chart that is not empty. Errors are the file's. */
void chart_put(text_file *f, const chart *c);

/* Distances of an axis' marks: 1, 2 or 5 times a power of ten, such that at most `most` of them span `range` > 0. */
double chart_step(double range, int most);

#endif
