#include "report/report_chart.h"

#include <math.h>

/* In the units of the drawing, which is as wide as its column. */
enum {
    WIDTH = 420,
    HEIGHT = 236,
    LEFT = 46,
    RIGHT = 10,
    TOP = 10,
    BOTTOM = 40,
    Y_MARKS = 5,
    X_MARKS = 8,
    DOTS_MOST = 40
};

static const char *const line_class[] = {"train", "validation"};
static const char *const dashes[] = {"none", "7 3", "2 3", "9 3 2 3", "4 2"};
enum { DASHES = sizeof dashes / sizeof *dashes };

typedef struct range {
    double low, high, step;
} range;

typedef struct axes {
    range x, y;
} axes;

static bool is_drawable(double value)
{
    return isfinite(value) && fabs(value) <= 1e30;
}

static bool is_point(const chart_line *line, int i)
{
    return i >= 0 && i < line->count && is_drawable(line->x[i]) && is_drawable(line->y[i]);
}

bool chart_is_empty(const chart *c)
{
    for (int k = 0; k < c->lines; k++)
        for (int i = 0; i < c->line[k].count; i++)
            if (is_point(c->line + k, i)) return false;
    return true;
}

/* ---- axes -------------------------------------------------------------------------------------------------------- */

double chart_step(double wide, int most)
{
    const double least = wide / most, power = pow(10, floor(log10(least)));
    for (int i = 0; i < 3; i++) {
        const double step = power * (double[]){1, 2, 5}[i];
        if (step >= least * (1 - 1e-9)) return step;
    }
    return 10 * power;
}

static void widen(range *r, double value)
{
    r->low = fmin(r->low, value);
    r->high = fmax(r->high, value);
}

/* Epochs from the first to the last; of a single one, something around it. */
static range epochs(range seen)
{
    if (seen.high - seen.low < 1) seen = (range){seen.low - 1, seen.high + 1, 0};
    seen.step = fmax(1, chart_step(seen.high - seen.low, X_MARKS));
    return seen;
}

/* Whole steps, 0 among them. */
static range values(range seen)
{
    if (!(seen.high - seen.low > 1e-30)) seen.high = seen.low + 1;
    const double step = chart_step(seen.high - seen.low, Y_MARKS);
    return (range){floor(seen.low / step + 1e-9) * step, ceil(seen.high / step - 1e-9) * step, step};
}

static axes axes_of(const chart *c)
{
    axes seen = {{INFINITY, -INFINITY, 0}, {0, c->top, 0}};
    for (int k = 0; k < c->lines; k++)
        for (int i = 0; i < c->line[k].count; i++) {
            if (!is_point(c->line + k, i)) continue;
            widen(&seen.x, c->line[k].x[i]);
            widen(&seen.y, c->line[k].y[i]);
        }
    return (axes){epochs(seen.x), values(seen.y)};
}

static double across(const axes *a, double x)
{
    return LEFT + (x - a->x.low) / (a->x.high - a->x.low) * (WIDTH - LEFT - RIGHT);
}

static double down(const axes *a, double y)
{
    return HEIGHT - BOTTOM - (y - a->y.low) / (a->y.high - a->y.low) * (HEIGHT - TOP - BOTTOM);
}

static void put_axes(text_file *f, const chart *c, const axes *a)
{
    for (int i = 0; a->y.low + i * a->y.step <= a->y.high + a->y.step / 2; i++) {
        const double value = a->y.low + i * a->y.step, y = down(a, value);
        text_put_format(
            f, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" class=\"left\">%.4g</text>\n", LEFT,
            y, WIDTH - RIGHT, LEFT - 6, y + 4, fabs(value) < a->y.step / 2 ? 0 : value);
    }
    for (double x = ceil(a->x.low / a->x.step) * a->x.step; x <= a->x.high; x += a->x.step)
        text_put_format(
            f, "<path class=\"mark\" d=\"M%.1f %dv5\"/><text x=\"%.1f\" y=\"%d\" class=\"below\">%.0f</text>\n",
            across(a, x), HEIGHT - BOTTOM, across(a, x), HEIGHT - BOTTOM + 18, x);
    text_put_format(f, "<path class=\"mark\" d=\"M%d %dH%d\"/><text x=\"%d\" y=\"%d\" class=\"below\">", LEFT,
                    HEIGHT - BOTTOM, WIDTH - RIGHT, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4);
    text_put_xml(f, c->x_title);
    text_put(f, "</text>\n");
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

/* Points without neighbours are dots; those of validation always, where there are not too many. */
static void put_dots(text_file *f, const axes *a, const chart_line *line)
{
    const bool all = line->kind == LINE_VALIDATION && line->count <= DOTS_MOST;
    for (int i = 0; i < line->count; i++)
        if (is_point(line, i) && (all || (!is_point(line, i - 1) && !is_point(line, i + 1))))
            text_put_format(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.4\"/>", across(a, line->x[i]),
                            down(a, line->y[i]));
}

static void put_line(text_file *f, const axes *a, const chart_line *line)
{
    text_put_format(f, "<g class=\"%s\"><title>%s, fold %d</title><path stroke-dasharray=\"%s\" d=\"",
                    line_class[line->kind], line_class[line->kind], line->fold, dashes[(line->fold - 1) % DASHES]);
    for (int i = 0; i < line->count; i++)
        if (is_point(line, i))
            text_put_format(f, "%c%.1f %.1f", is_point(line, i - 1) ? 'L' : 'M', across(a, line->x[i]),
                            down(a, line->y[i]));
    text_put(f, "\"/>");
    put_dots(f, a, line);
    text_put(f, "</g>\n");
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void put_key(text_file *f, const char *class_name, const char *dash, const char *word, int fold)
{
    text_put_format(f,
                    "<span><svg class=\"key\" viewBox=\"0 0 30 8\"><g class=\"%s\"><path stroke-dasharray=\"%s\" "
                    "d=\"M0 4H30\"/></g></svg> %s",
                    class_name, dash, word);
    if (fold) text_put_format(f, " %d", fold);
    text_put(f, "</span> ");
}

/* Colours say whether a line is of training or validation, dashes of which fold, where there are several. */
static void put_legend(text_file *f, const chart *c)
{
    bool kinds[2] = {false, false}, several = false;
    for (int k = 0; k < c->lines; k++) {
        kinds[c->line[k].kind] = true;
        several = several || c->line[k].fold != c->line[0].fold;
    }
    text_put(f, "<span class=\"legend\">");
    for (int k = 0; k < 2; k++)
        if (kinds[k]) put_key(f, line_class[k], "none", line_class[k], 0);
    for (int k = 0; several && k < c->lines; k++)
        if (k == 0 || c->line[k].fold != c->line[k - 1].fold)
            put_key(f, "any", dashes[(c->line[k].fold - 1) % DASHES], "fold", c->line[k].fold);
    text_put(f, "</span>");
}

void chart_put(text_file *f, const chart *c)
{
    const axes a = axes_of(c);
    text_put(f, "<figure class=\"chart\"><figcaption><b>");
    text_put_xml(f, c->title);
    text_put(f, "</b> ");
    put_legend(f, c);
    text_put_format(f, "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    text_put_xml(f, c->title);
    text_put(f, "\">\n");
    put_axes(f, c, &a);
    for (int k = 0; k < c->lines; k++) put_line(f, &a, c->line + k);
    text_put(f, "</svg></figure>\n");
}
