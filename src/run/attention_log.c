#include "run/attention_log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text_file.h"
#include "format/npy.h"
#include "run/attention_picture.h"

/* Sums over samples, day by day: a row for each head and, of parcels, for each class; the mean over heads before them. */
typedef struct totals {
    int first, days, rows;
    double *sum;     /* [1 + rows][days] */
    int64_t *number; /* likewise: samples in the sum */
} totals;

struct attention_log {
    prediction *job;
    int heads, height, width; /* of the maps; parcels: 1 x 1 */
    bool parcels, calendar;
    int32_t reference;
    totals all;
    text_file *table; /* parcels: attention.csv; patches: attention.json */
    char *table_path;
    bool empty;
    int32_t *offsets;
    size_t offset_capacity;
    float *map; /* [heads x dates x h x w] of a patch */
    size_t map_capacity;
    double *mean; /* [1 + heads][dates] of a sample */
    size_t mean_capacity;
    int32_t *day; /* [dates] since 1970-01-01 */
    size_t day_capacity;
};

/* ---- life ---------------------------------------------------------------------------------------------------------- */

/* One sample of one date tells what the network's attention looks like. */
static int look_at_network(attention_log *a)
{
    int rc = OK;
    network *w = a->job->networks.network;
    w->keep_attention = true;
    w->recorded = false;
    TRY(network_record(w, false, 1, 1, 1));
    const tensor *t = network_attention(w);
    if (!t) {
        rc = fail(USAGE, "%s has no attention over dates: predict without --attention", model_arch(w->model));
        goto done;
    }
    a->heads = tensor_channels(t);
    a->height = a->parcels ? 1 : w->image_out.map_height;
    a->width = a->parcels ? 1 : w->image_out.map_width;
done:
    return rc;
}

static int totals_new(attention_log *a)
{
    int rc = OK, last;
    totals *t = &a->all;
    samples_days(&a->job->s.set, &t->first, &last);
    t->days = last - t->first + 1;
    t->rows = a->heads + (a->parcels ? a->job->classes : 0);
    const size_t cells = (1 + (size_t)t->rows) * (size_t)t->days;
    TRY_NEW(t->sum = memory_new(cells, sizeof *t->sum));
    TRY_NEW(t->number = memory_new(cells, sizeof *t->number));
done:
    return rc;
}

static int table_open(attention_log *a)
{
    int rc = OK;
    TRY_NEW(a->table_path = path_join(a->job->folder, a->parcels ? "attention.csv" : "attention.json"));
    TRY(text_file_open(a->table_path, &a->table));
    if (!a->parcels) {
        text_put(a->table, "{\"patches\": [");
        goto done;
    }
    text_put(a->table, "id,date,mean");
    for (int h = 0; h < a->heads; h++) text_put_format(a->table, ",head_%d", h + 1);
    text_put(a->table, "\n");
done:
    return rc;
}

int attention_log_new(prediction *job, attention_log **out)
{
    int rc = OK;
    attention_log *a = memory_new(1, sizeof *a);
    TRY_NEW(a);
    a->job = job;
    a->parcels = !job->s.set.images;
    a->empty = true;
    a->calendar = samples_reference(&job->s.set, &a->reference);
    TRY(look_at_network(a));
    TRY(totals_new(a));
    TRY(table_open(a));
    *out = a;
    a = NULL;
done:
    attention_log_free(a);
    return rc;
}

void attention_log_free(attention_log *a)
{
    if (!a) return;
    text_file_abandon(a->table);
    void *const all[] = {a->all.sum, a->all.number, a->table_path, a->offsets, a->map, a->mean, a->day, a};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* ---- a sample ------------------------------------------------------------------------------------------------------ */

static int reserve(attention_log *a, int dates)
{
    int rc = OK;
    const size_t cells = (size_t)a->heads * (size_t)dates;
    TRY(memory_grow((void **)&a->map, &a->map_capacity, cells * (size_t)(a->height * a->width), sizeof *a->map));
    TRY(memory_grow((void **)&a->mean, &a->mean_capacity, cells + (size_t)dates, sizeof *a->mean));
    TRY(memory_grow((void **)&a->day, &a->day_capacity, (size_t)dates, sizeof *a->day));
done:
    return rc;
}

/* rows [h w x dates x heads], as the device leaves them, to map [heads x dates x h w]; and the means over pixels and,
 * first, over heads. */
static void settle(attention_log *a, const float *rows, int dates)
{
    const int pixels = a->height * a->width;
    memset(a->mean, 0, (1 + (size_t)a->heads) * (size_t)dates * sizeof *a->mean);
    for (int p = 0; p < pixels; p++)
        for (int t = 0; t < dates; t++)
            for (int h = 0; h < a->heads; h++) {
                const float w = *rows++;
                a->map[((size_t)h * (size_t)dates + (size_t)t) * (size_t)pixels + (size_t)p] = w;
                a->mean[t] += (double)w / pixels / a->heads;
                a->mean[(h + 1) * dates + t] += (double)w / pixels;
            }
}

static void total_row(totals *t, int row, const int32_t *days, const double *weight, int dates)
{
    for (int i = 0; i < dates; i++) {
        const size_t at = (size_t)row * (size_t)t->days + (size_t)(days[i] - t->first);
        t->sum[at] += weight[i];
        t->number[at]++;
    }
}

static void put_date(const attention_log *a, int date)
{
    if (a->calendar)
        text_put(a->table, date_write(a->day[date]).text);
    else
        text_put_format(a->table, "%d", (int)a->day[date]);
}

static void put_parcel(const attention_log *a, const char *id, int dates)
{
    for (int t = 0; t < dates; t++) {
        text_put_csv(a->table, "", id);
        text_put(a->table, ",");
        put_date(a, t);
        for (int h = 0; h <= a->heads; h++) text_put_format(a->table, ",%.6g", a->mean[h * dates + t]);
        text_put(a->table, "\n");
    }
}

static void put_patch(attention_log *a, const char *id, int dates)
{
    text_put(a->table, a->empty ? "\n{\"id\": " : ",\n{\"id\": ");
    a->empty = false;
    text_put_json(a->table, id);
    text_put(a->table, ", \"dates\": [");
    for (int t = 0; t < dates; t++) {
        text_put(a->table, t ? ", \"" : "\"");
        put_date(a, t);
        text_put(a->table, "\"");
    }
    text_put(a->table, "], \"weights\": [");
    for (int t = 0; t < dates; t++) text_put_format(a->table, "%s%.6g", t ? ", " : "", a->mean[t]);
    text_put(a->table, "]}");
}

/* ---- drawings ------------------------------------------------------------------------------------------------------ */

static void strips_free(attention_strip *strip, int count)
{
    if (strip)
        for (int k = 0; k < count; k++) free((char *)strip[k].name);
    free(strip);
}

/* A strip for each head and each of `classes`, from weight [heads + classes][dates]. */
static int strips_new(const attention_log *a, const double *weight, int dates, int classes, attention_strip **out)
{
    int rc = OK;
    const int count = a->heads + classes;
    attention_strip *strip = memory_new((size_t)count, sizeof *strip);
    TRY_NEW(strip);
    for (int k = 0; k < count; k++) {
        strip[k].name =
            k < a->heads ? text_format("head %d", k + 1) : text_format("class %s", a->job->names[k - a->heads]);
        TRY_NEW(strip[k].name);
        strip[k].weight = weight + (size_t)k * (size_t)dates;
    }
    *out = strip;
    strip = NULL;
done:
    strips_free(strip, count);
    return rc;
}

static int draw_patch(const attention_log *a, const char *id, int dates)
{
    int rc = OK;
    attention_strip *strip = NULL;
    char *path = text_format("%s/%s_attention.svg", a->job->folder, id);
    char *title = text_format("Patch %s: what each date weighs", id);
    TRY_NEW(path);
    TRY_NEW(title);
    TRY(strips_new(a, a->mean + dates, dates, 0, &strip));
    TRY(attention_picture(path, &(attention_drawing){title, a->day, dates, a->calendar, a->mean, strip, a->heads}));
done:
    strips_free(strip, a->heads);
    free(path);
    free(title);
    return rc;
}

/* The days that any sample has, and the means of all rows on them. */
static int means(const attention_log *a, int32_t **days, double **weight, int *count)
{
    int rc = OK;
    const totals *t = &a->all;
    *count = 0;
    TRY_NEW(*days = memory_new((size_t)t->days, sizeof **days));
    TRY_NEW(*weight = memory_new((1 + (size_t)t->rows) * (size_t)t->days, sizeof **weight));
    for (int d = 0; d < t->days; d++)
        if (t->number[d]) (*days)[(*count)++] = t->first + d;
    for (int r = 0; r <= t->rows; r++)
        for (int i = 0; i < *count; i++) {
            const size_t at = (size_t)r * (size_t)t->days + (size_t)((*days)[i] - t->first);
            (*weight)[r * *count + i] = t->number[at] ? t->sum[at] / (double)t->number[at] : NAN;
        }
    if (a->calendar)
        for (int i = 0; i < *count; i++) (*days)[i] += a->reference;
done:
    return rc;
}

static int draw_all(const attention_log *a, const char *path)
{
    int rc = OK, count;
    const int classes = a->all.rows - a->heads;
    int32_t *days = NULL;
    double *weight = NULL;
    attention_strip *strip = NULL;
    char *title = text_format("What each date weighs, mean over %d %s", a->job->count, samples_noun(&a->job->s.set));
    TRY_NEW(title);
    TRY(means(a, &days, &weight, &count));
    TRY(strips_new(a, weight + count, count, classes, &strip));
    TRY(attention_picture(path, &(attention_drawing){title, days, count, a->calendar, weight, strip, a->all.rows}));
done:
    strips_free(strip, a->all.rows);
    free(title);
    free(days);
    free(weight);
    return rc;
}

/* ---- all of them --------------------------------------------------------------------------------------------------- */

static int save_map(const attention_log *a, const char *id, int dates)
{
    const size_t size[4] = {(size_t)a->heads, (size_t)dates, (size_t)a->height, (size_t)a->width};
    char *path = text_format("%s/%s_attention.npy", a->job->folder, id);
    if (!path) return FAILED;
    int rc = npy_save(path, NUMBER_F32, 4, size, a->map);
    free(path);
    return rc;
}

static int take_sample(attention_log *a, const inference *i, int k, int class)
{
    int rc = OK;
    const int first = a->offsets[k], dates = a->offsets[k + 1] - first, pixels = a->height * a->width;
    const int32_t *days = i->batch->days + first;
    const char *id = samples_id(&a->job->s.set, (int)i->batch->sample[k]);
    TRY(reserve(a, dates));
    settle(a, i->attention + (size_t)first * (size_t)pixels * (size_t)a->heads, dates);
    for (int t = 0; t < dates; t++) a->day[t] = days[t] + (a->calendar ? a->reference : 0);
    for (int h = 0; h <= a->heads; h++) total_row(&a->all, h, days, a->mean + (size_t)h * (size_t)dates, dates);
    if (a->parcels) {
        total_row(&a->all, 1 + a->heads + class, days, a->mean, dates);
        put_parcel(a, id, dates);
        goto done;
    }
    put_patch(a, id, dates);
    TRY(save_map(a, id, dates));
    TRY(draw_patch(a, id, dates));
done:
    return rc;
}

int attention_log_take(attention_log *a, const inference *i, const int *classes)
{
    int rc = OK;
    const batch *b = i->batch;
    TRY(memory_grow((void **)&a->offsets, &a->offset_capacity, (size_t)b->samples + 1, sizeof *a->offsets));
    TRY(buffer_read(b->offsets, 0, a->offsets, ((size_t)b->samples + 1) * sizeof *a->offsets));
    for (int k = 0; k < b->samples; k++) TRY(take_sample(a, i, k, classes ? classes[k] : 0));
done:
    return rc;
}

int attention_log_finish(attention_log *a, cJSON *all)
{
    int rc = OK;
    char *picture = path_join(a->job->folder, "attention.svg");
    TRY_NEW(picture);
    if (!a->parcels) text_put(a->table, "\n]}\n");
    rc = text_file_finish(a->table);
    a->table = NULL;
    if (rc) goto done;
    TRY(draw_all(a, picture));
    cJSON_AddStringToObject(all, "attention", a->table_path);
    cJSON_AddStringToObject(all, "attention_picture", picture);
done:
    free(picture);
    return rc;
}
