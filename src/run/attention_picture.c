#include "run/attention_picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/text_file.h"

/* In SVG units. */
enum {
    WIDTH = 960,
    LEFT = 150, /* room for names */
    RIGHT = 24,
    MARGIN = 12, /* beside the first and the last date */
    TOP = 48,    /* room for the title */
    BARS = 120,
    GAP = 14,
    STRIP = 15,
    AXIS = 44,
    BAR_WIDEST = 12,
    CELL_WIDEST = 16,
    LABELS_MOST = 14, /* along the axis */
};

typedef struct sheet {
    const attention_drawing *d;
    text_file *file;
    double unit;             /* a day's width */
    double bar;              /* a bar's */
    double most, most_strip; /* largest weights drawn */
    int strips_top, axis_top;
} sheet;

/* ---- measures ------------------------------------------------------------------------------------------------------ */

static double place(const sheet *s, double day)
{
    return LEFT + MARGIN + (day - s->d->day[0] + 0.5) * s->unit;
}

static double largest(const double *weight, int count, double sofar)
{
    for (int i = 0; i < count; i++)
        if (weight[i] > sofar) sofar = weight[i];
    return sofar;
}

static sheet sheet_of(const attention_drawing *d)
{
    const double room = WIDTH - LEFT - RIGHT - 2 * MARGIN, span = d->day[d->dates - 1] - d->day[0] + 1;
    sheet s = {.d = d, .unit = room / span};
    double nearest = room;
    for (int i = 1; i < d->dates; i++) nearest = fmin(nearest, (d->day[i] - d->day[i - 1]) * s.unit);
    s.bar = fmax(1, fmin(BAR_WIDEST, 0.75 * nearest));
    s.most = largest(d->mean, d->dates, 1e-9);
    s.most_strip = 1e-9;
    for (int k = 0; k < d->strips; k++) s.most_strip = largest(d->strip[k].weight, d->dates, s.most_strip);
    s.strips_top = TOP + BARS + GAP;
    s.axis_top = s.strips_top + d->strips * STRIP;
    return s;
}

/* ---- parts --------------------------------------------------------------------------------------------------------- */

static void put_label(const sheet *s, double x, double y, const char *anchor, const char *text)
{
    text_put_format(s->file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    text_put_xml(s->file, text);
    text_put(s->file, "</text>\n");
}

/* A box with the date and its share as its tooltip. */
static void put_box(const sheet *s, double x, double y, double width, double height, const char *fill, int date,
                    double weight)
{
    text_put_format(s->file, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"><title>", x, y,
                    width, height, fill);
    if (s->d->calendar)
        text_put(s->file, date_write(s->d->day[date]).text);
    else
        text_put_format(s->file, "%d", (int)s->d->day[date]);
    text_put_format(s->file, ": %.2f %%</title></rect>\n", 100 * weight);
}

static void put_bars(const sheet *s)
{
    const double foot = TOP + BARS;
    char *most = text_format("%.1f %%", 100 * s->most);
    put_label(s, LEFT - 8, TOP + 10, "end", most ? most : "");
    free(most);
    put_label(s, LEFT - 8, foot - 14, "end", "share of attention");
    put_label(s, LEFT - 8, foot, "end", "mean of heads");
    for (int i = 0; i < s->d->dates; i++) {
        const double w = s->d->mean[i];
        if (isnan(w)) continue;
        const double height = BARS * w / s->most;
        put_box(s, place(s, s->d->day[i]) - s->bar / 2, foot - height, s->bar, height, "#2b6a4d", i, w);
    }
    text_put_format(s->file, "<path d=\"M%d %.1fH%d\" stroke=\"#888\"/>\n", LEFT, foot, WIDTH - RIGHT);
}

/* From white to a dark green, linear in the weight. */
static void put_strip(const sheet *s, int k)
{
    static const int dark[3] = {0x0b, 0x4a, 0x35};
    const attention_strip *strip = &s->d->strip[k];
    const double y = s->strips_top + k * STRIP;
    put_label(s, LEFT - 8, y + STRIP - 4, "end", strip->name);
    for (int i = 0; i < s->d->dates; i++) {
        const double w = strip->weight[i], x = place(s, s->d->day[i]);
        if (isnan(w)) continue;
        const double before = i ? (s->d->day[i] - s->d->day[i - 1]) * s->unit / 2 : CELL_WIDEST;
        const double after = i + 1 < s->d->dates ? (s->d->day[i + 1] - s->d->day[i]) * s->unit / 2 : CELL_WIDEST;
        const double left = fmin(before, CELL_WIDEST / 2.0), right = fmin(after, CELL_WIDEST / 2.0);
        char fill[8];
        uint32_t colour = 0;
        for (int c = 0; c < 3; c++)
            colour = colour << 8 | (uint32_t)lround(255 + (dark[c] - 255) * fmax(0, fmin(1, w / s->most_strip)));
        snprintf(fill, sizeof fill, "#%06x", (unsigned)colour & 0xffffffu);
        put_box(s, x - left, y, left + right, STRIP - 1, fill, i, w);
    }
}

static void put_tick(const sheet *s, double day, const char *label)
{
    const double x = place(s, day);
    text_put_format(s->file, "<path d=\"M%.1f %dv6\" stroke=\"#888\"/>\n", x, s->axis_top);
    if (label) put_label(s, x, s->axis_top + 20, "middle", label);
}

/* The first days of months; every so many of them named. */
static void put_months(const sheet *s)
{
    const int32_t first = s->d->day[0], last = s->d->day[s->d->dates - 1];
    const int months = (last - first) / 30 + 1, step = (months + LABELS_MOST - 1) / LABELS_MOST;
    int seen = 0;
    for (int32_t day = first; day <= last; day++) {
        date_text text = date_write(day);
        if (text.text[8] != '0' || text.text[9] != '1') continue;
        text.text[7] = 0; /* YYYY-MM */
        put_tick(s, day, seen++ % step ? NULL : text.text);
    }
    if (seen) return;
    put_tick(s, first, date_write(first).text);
    if (last > first) put_tick(s, last, date_write(last).text);
}

static void put_numbers(const sheet *s)
{
    const int step = (s->d->dates + LABELS_MOST - 1) / LABELS_MOST;
    for (int i = 0; i < s->d->dates; i += step) {
        char *label = text_format("%d", (int)s->d->day[i]);
        put_tick(s, s->d->day[i], label);
        free(label);
    }
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

int attention_picture(const char *path, const attention_drawing *d)
{
    if (d->dates < 1) return OK;
    sheet s = sheet_of(d);
    const int height = s.axis_top + AXIS;
    int rc = text_file_open(path, &s.file);
    if (rc) return rc;
    text_put_format(s.file,
                    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                    "font-family=\"sans-serif\" font-size=\"11\" fill=\"#333\">\n"
                    "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<g font-size=\"15\">",
                    WIDTH, height, WIDTH, height);
    put_label(&s, LEFT, 26, "start", d->title);
    text_put(s.file, "</g>\n");
    put_bars(&s);
    for (int k = 0; k < d->strips; k++) put_strip(&s, k);
    char *scale = text_format("strips: white 0, dark %.1f %%", 100 * s.most_strip);
    put_label(&s, WIDTH - RIGHT, s.axis_top + 36, "end", scale ? scale : "");
    free(scale);
    if (d->calendar)
        put_months(&s);
    else
        put_numbers(&s);
    text_put(s.file, "</svg>\n");
    return text_file_finish(s.file);
}
