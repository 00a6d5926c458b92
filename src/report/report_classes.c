/* A run's classes: their measures, and which is taken for which. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report_page.h"

enum { CONFUSION_MOST = 64 };

static double measure(const cJSON *one, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(one, key);
    return cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
}

/* ---- measures ---------------------------------------------------------------------------------------------------- */

static const struct class_column {
    const char *key, *title; /* title NULL: what is counted */
    bool share;              /* a fraction, shown in percent with a bar; else a count */
} classifier_columns[] = {{"IoU", "IoU %", true},     {"Precision", "precision %", true}, {"Recall", "recall %", true},
                          {"F1-score", "F1 %", true}, {"samples", NULL, false},           {0}},
  head_columns[] = {{"SQ", "SQ %", true},
                    {"RQ", "RQ %", true},
                    {"PQ", "PQ %", true},
                    {"TP", "TP", false},
                    {"FP", "FP", false},
                    {"FN", "FN", false},
                    {0}};

static void put_measure(text_file *f, double value, bool share)
{
    if (share && isfinite(value))
        text_put_format(f, "<td class=\"share\" style=\"--v:%.1f%%\">%.1f</td>", 100 * fmax(0, fmin(1, value)),
                        100 * value);
    else {
        text_put(f, "<td>");
        report_put_number(f, value, 0, "");
        text_put(f, "</td>");
    }
}

static void put_means(text_file *f, const report_run *r)
{
    static const char *const means[] = {"SQ", "RQ", "PQ"};
    text_put(f, "<tr class=\"mean\"><th>mean</th>");
    for (int i = 0; i < 3; i++) put_measure(f, measure(r->overall, means[i]), true);
    text_put(f, "<td></td><td></td><td></td></tr>\n");
}

static const char *counted(const report_run *r)
{
    return r->percent ? "pixels" : "parcels";
}

void report_put_classes(text_file *f, const report_run *r)
{
    const struct class_column *column = r->head ? head_columns : classifier_columns;
    const cJSON *one;
    text_put(f, "<div class=\"box\"><table class=\"numbers\"><thead><tr><th>class</th>");
    for (int k = 0; column[k].key; k++)
        text_put_format(f, "<th>%s</th>", column[k].title ? column[k].title : counted(r));
    text_put(f, "</tr></thead><tbody>\n");
    cJSON_ArrayForEach(one, report_classes(r)) {
        text_put(f, "<tr><th>");
        text_put_xml(f, one->string);
        text_put(f, "</th>");
        for (int k = 0; column[k].key; k++) put_measure(f, measure(one, column[k].key), column[k].share);
        text_put(f, "</tr>\n");
    }
    if (r->head) put_means(f, r);
    text_put(f, "</tbody></table></div>\n");
    if (r->head) text_put(f, "<p class=\"note\">Means over the classes that occur: PQ there is not SQ x RQ.</p>\n");
}

/* ---- confusion --------------------------------------------------------------------------------------------------- */

/* A class that is void, or occurs neither in truth nor among predictions, has no IoU. */
static bool is_shown(const report_run *r, int k)
{
    const cJSON *classes = report_classes(r);
    if (cJSON_GetArraySize(classes) != r->confusion.classes) return true;
    return isfinite(measure(cJSON_GetArrayItem(classes, k), "IoU"));
}

/* Its column's number, and its name where that says more. */
static void put_name(text_file *f, const report_run *r, int k)
{
    const cJSON *classes = report_classes(r);
    const bool named = cJSON_GetArraySize(classes) == r->confusion.classes;
    const char *name = named ? cJSON_GetArrayItem(classes, k)->string : "";
    char index[16];
    snprintf(index, sizeof index, "%d", k);
    text_put_format(f, "<th><span class=\"index\">%s</span> ", index);
    if (strcmp(name, index)) text_put_xml(f, name);
    text_put(f, "</th>");
}

/* White to dark: green where truth was met, else red, by the share of the row. */
static void put_cell(text_file *f, int64_t count, double share, bool hit)
{
    static const double green[3] = {0x0b, 0x5a, 0x3e}, red[3] = {0xa8, 0x2a, 0x1c};
    const double *dark = hit ? green : red;
    int shade[3];
    if (!count) {
        text_put(f, "<td></td>");
        return;
    }
    for (int i = 0; i < 3; i++) shade[i] = (int)lround(255 + (dark[i] - 255) * share);
    text_put_format(f, "<td title=\"%lld\" style=\"background:#%02x%02x%02x%s\">", (long long)count, (unsigned)shade[0],
                    (unsigned)shade[1], (unsigned)shade[2], share > 0.45 ? ";color:#fff" : "");
    text_put_format(f, share < 0.005 ? "&lt;1</td>" : "%.0f</td>", 100 * share);
}

static void put_row(text_file *f, const report_run *r, int truth)
{
    const int classes = r->confusion.classes;
    const int64_t *row = r->confusion.count + truth * classes;
    int64_t total = 0;
    for (int k = 0; k < classes; k++) total += is_shown(r, k) ? row[k] : 0;
    text_put(f, "<tr>");
    put_name(f, r, truth);
    for (int k = 0; k < classes; k++)
        if (is_shown(r, k)) put_cell(f, row[k], total ? (double)row[k] / (double)total : 0, k == truth);
    text_put_format(f, "<td class=\"total\">%lld</td></tr>\n", (long long)total);
}

void report_put_confusion(text_file *f, const report_run *r)
{
    const int classes = r->confusion.classes;
    if (classes > CONFUSION_MOST) {
        text_put_format(f, "<p class=\"note\">%d classes are too many for a table; Fold_k/conf_mat.npy has them.</p>\n",
                        classes);
        return;
    }
    text_put(f, "<div class=\"box\"><table class=\"confusion\"><thead><tr><th>true \\ predicted</th>");
    for (int k = 0; k < classes; k++)
        if (is_shown(r, k)) text_put_format(f, "<th>%d</th>", k);
    text_put(f, "<th>all</th></tr></thead><tbody>\n");
    for (int k = 0; k < classes; k++)
        if (is_shown(r, k)) put_row(f, r, k);
    text_put_format(f,
                    "</tbody></table></div>\n<p class=\"note\">Percent of the true class's %s, all tested folds "
                    "together; without classes that are void or do not occur.</p>\n",
                    counted(r));
}
