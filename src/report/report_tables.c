/* The tables of all runs, a column a run: what they are and came to, and their settings. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/schema.h"
#include "report/report_page.h"

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

void report_put_number(text_file *f, double value, int decimals, const char *unit)
{
    if (isfinite(value))
        text_put_format(f, "%.*f%s", decimals, value, unit);
    else
        text_put(f, "–");
}

void report_put_duration(text_file *f, double seconds)
{
    if (!(seconds < 1e12))
        text_put(f, "–");
    else if (seconds < 120)
        text_put_format(f, "%.*f s", seconds < 10 ? 2 : 0, seconds);
    else if (seconds < 7200)
        text_put_format(f, "%.0f min", seconds / 60);
    else
        text_put_format(f, "%.0f h %02.0f min", floor(seconds / 3600), floor(fmod(seconds, 3600) / 60));
}

void report_put_bytes(text_file *f, double bytes)
{
    const bool giga = bytes >= 1024.0 * 1024 * 1024;
    report_put_number(f, bytes / 1024 / 1024 / (giga ? 1024 : 1), giga || bytes < 1e7 ? 1 : 0, giga ? " GiB" : " MiB");
}

/* ---- summary ----------------------------------------------------------------------------------------------------- */

static void put_title(text_file *f, const report_run *r)
{
    text_put_xml(f, r->title);
}

static void put_samples(text_file *f, const report_run *r)
{
    text_put(f, r->head ? "patches, parcels are found in them" : r->percent ? "patches" : "parcels");
}

static void put_parameters(text_file *f, const report_run *r)
{
    report_put_number(f, r->parameters > 0 ? r->parameters : (double)NAN, 0, "");
}

static void put_folds(text_file *f, const report_run *r)
{
    int tested = 0;
    for (int i = 0; i < r->folds; i++) tested += r->fold[i].metrics != NULL;
    text_put_format(f, "%d of %d tested", tested, r->folds);
}

static void put_epochs(text_file *f, const report_run *r)
{
    int most = 0;
    for (int i = 0; i < r->folds; i++)
        most = cJSON_GetArraySize(r->fold[i].log) > most ? cJSON_GetArraySize(r->fold[i].log) : most;
    text_put_format(f, "%d", most);
}

/* "63.1 ± 0.4 %" */
static void put_tested(text_file *f, const report_run *r, const char *key, double scale)
{
    const mean_deviation over = report_tested(r, key, scale);
    const bool several = isfinite(over.deviation);
    report_put_number(f, over.mean, 2, several ? " ± " : " %");
    if (several) report_put_number(f, over.deviation, 2, " %");
}

static void put_accuracy(text_file *f, const report_run *r)
{
    put_tested(f, r, "test_accuracy", 1);
}

static void put_iou(text_file *f, const report_run *r)
{
    put_tested(f, r, "test_IoU", report_iou_scale(r));
}

static void put_sq(text_file *f, const report_run *r)
{
    put_tested(f, r, "test_SQ", 100);
}

static void put_rq(text_file *f, const report_run *r)
{
    put_tested(f, r, "test_RQ", 100);
}

static void put_pq(text_file *f, const report_run *r)
{
    put_tested(f, r, "test_PQ", 100);
}

/* Of the first fold that has one. */
static const cJSON *timing_of(const report_run *r, const char *key)
{
    for (int i = 0; i < r->folds; i++)
        if (r->fold[i].timing) return cJSON_GetObjectItemCaseSensitive(r->fold[i].timing, key);
    return NULL;
}

static void put_text(text_file *f, const cJSON *text)
{
    text_put_xml(f, cJSON_IsString(text) ? text->valuestring : "–");
}

static void put_device(text_file *f, const report_run *r)
{
    put_text(f, timing_of(r, "device"));
}

static void put_driver(text_file *f, const report_run *r)
{
    put_text(f, timing_of(r, "platform"));
    text_put(f, ", ");
    put_text(f, timing_of(r, "driver"));
}

static void put_seconds(text_file *f, const report_run *r)
{
    double seconds = 0;
    for (int i = 0; i < r->folds; i++)
        seconds += report_time(r->fold + i, "train_seconds").seconds + report_time(r->fold + i, "val_seconds").seconds;
    report_put_duration(f, seconds);
}

static void put_peak(text_file *f, const report_run *r)
{
    double most = -INFINITY;
    for (int i = 0; i < r->folds; i++) {
        const cJSON *peak = cJSON_GetObjectItemCaseSensitive(r->fold[i].timing, "peak_bytes");
        if (cJSON_IsNumber(peak)) most = fmax(most, peak->valuedouble);
    }
    report_put_bytes(f, most);
}

enum of_whom { OF_ALL, OF_CLASSIFIERS, OF_HEADS, OF_TIMED };

static const struct summary_row {
    const char *name;
    enum of_whom whom;
    void (*put)(text_file *f, const report_run *r);
} summary[] = {
    {"network", OF_ALL, put_title},
    {"samples", OF_ALL, put_samples},
    {"parameters", OF_ALL, put_parameters},
    {"folds", OF_ALL, put_folds},
    {"epochs", OF_ALL, put_epochs},
    {"test accuracy", OF_CLASSIFIERS, put_accuracy},
    {"test mIoU", OF_CLASSIFIERS, put_iou},
    {"test SQ", OF_HEADS, put_sq},
    {"test RQ", OF_HEADS, put_rq},
    {"test PQ", OF_HEADS, put_pq},
    {"device", OF_TIMED, put_device},
    {"driver", OF_TIMED, put_driver},
    {"time, all epochs", OF_TIMED, put_seconds},
    {"memory, planned peak", OF_TIMED, put_peak},
};

static bool concerns(const struct summary_row *row, const report_run *r)
{
    switch (row->whom) {
    case OF_CLASSIFIERS: return !r->head;
    case OF_HEADS: return r->head;
    case OF_TIMED: return report_is_timed(r);
    case OF_ALL: break;
    }
    return true;
}

static void put_heads(text_file *f, const report_run *each, int runs, const char *first)
{
    text_put_format(f, "<div class=\"box\"><table class=\"facts\"><thead><tr><th>%s</th>", first);
    for (int i = 0; i < runs; i++) {
        text_put(f, "<th>");
        text_put_xml(f, each[i].folder.path);
        text_put(f, "</th>");
    }
    text_put(f, "</tr></thead><tbody>\n");
}

void report_put_summary(text_file *f, const report_run *each, int runs)
{
    put_heads(f, each, runs, "run");
    for (size_t k = 0; k < sizeof summary / sizeof *summary; k++) {
        bool any = false;
        for (int i = 0; i < runs; i++) any = any || concerns(summary + k, each + i);
        if (!any) continue;
        text_put_format(f, "<tr><th>%s</th>", summary[k].name);
        for (int i = 0; i < runs; i++) {
            text_put(f, "<td>");
            if (concerns(summary + k, each + i))
                summary[k].put(f, each + i);
            else
                text_put(f, "–");
            text_put(f, "</td>");
        }
        text_put(f, "</tr>\n");
    }
    text_put(f, "</tbody></table></div>\n");
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

/* The runs' configurations at one place: each an object, or NULL. */
typedef struct settings {
    text_file *file;
    int runs;
} settings;

/* It may be broken behind a dot or a low line. */
static void put_key_name(text_file *f, const char *name)
{
    for (; *name; name++) {
        text_put_xml(f, (const char[]){*name, 0});
        if (*name == '.' || *name == '_') text_put(f, "<wbr>");
    }
}

/* A row; a text is shown without its quotes. */
static int put_values(const settings *s, const char *name, const cJSON *const *value)
{
    int rc = OK;
    bool differs = false;
    for (int i = 1; i < s->runs; i++) differs = differs || !cJSON_Compare(value[0], value[i], true);
    text_put(s->file, differs ? "<tr class=\"differs\"><th>" : "<tr><th>");
    put_key_name(s->file, name);
    text_put(s->file, "</th>");
    for (int i = 0; i < s->runs; i++) {
        char *text = NULL;
        text_put(s->file, "<td>");
        if (value[i] && !cJSON_IsString(value[i])) TRY_NEW(text = json_print(value[i], false));
        text_put_xml(s->file, text ? text : value[i] ? value[i]->valuestring : "–");
        text_put(s->file, "</td>");
        free(text);
    }
    text_put(s->file, "</tr>\n");
done:
    return rc;
}

static int put_members(const settings *s, const char *prefix, const cJSON *const *object);

/* What the runs have under `key`: a row, or where one has an object, its members. */
static int put_key(const settings *s, const char *prefix, const char *key, const cJSON *const *object)
{
    int rc = OK;
    bool deeper = false;
    const cJSON **value = memory_new((size_t)s->runs, sizeof *value);
    char *name = text_format("%s%s%s", prefix, *prefix ? "." : "", key);
    TRY_NEW(value);
    TRY_NEW(name);
    for (int i = 0; i < s->runs; i++) {
        value[i] = cJSON_GetObjectItemCaseSensitive(object[i], key);
        deeper = deeper || cJSON_IsObject(value[i]);
    }
    TRY(deeper ? put_members(s, name, value) : put_values(s, name, value));
done:
    free(value);
    free(name);
    return rc;
}

/* Every key that some run has, once. (json_read lets objects be 64 deep.) */
static int put_members(const settings *s, const char *prefix, const cJSON *const *object)
{
    for (int i = 0; i < s->runs; i++) {
        const cJSON *item;
        if (!cJSON_IsObject(object[i])) continue;
        cJSON_ArrayForEach(item, object[i]) {
            bool seen = false;
            for (int j = 0; j < i; j++) seen = seen || cJSON_GetObjectItemCaseSensitive(object[j], item->string);
            int rc = seen ? OK : put_key(s, prefix, item->string, object);
            if (rc) return rc;
        }
    }
    return OK;
}

int report_put_settings(text_file *f, const report_run *each, int runs)
{
    int rc = OK;
    const settings s = {f, runs};
    const cJSON **config = memory_new((size_t)runs, sizeof *config);
    TRY_NEW(config);
    for (int i = 0; i < runs; i++) config[i] = each[i].folder.config;
    put_heads(f, each, runs, "key");
    TRY(put_members(&s, "", config));
    text_put(f, "</tbody></table></div>\n");
done:
    free(config);
    return rc;
}
