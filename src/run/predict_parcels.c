/* predict for parcels: predictions.csv and predictions.json, a line a parcel. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "run/prediction.h"

typedef struct parcels {
    prediction *job;
    double *p; /* [count x classes] probabilities */
    int done;
} parcels;

/* ---- text -------------------------------------------------------------------------------------------------------- */

typedef struct text {
    char *bytes;
    size_t length, capacity;
    bool failed;
} text;

static void put(text *t, const char *bytes, size_t length)
{
    void *items = t->bytes;
    if (t->failed) return;
    if (memory_grow(&items, &t->capacity, t->length + length, 1)) {
        t->failed = true;
        return;
    }
    t->bytes = items;
    memcpy(t->bytes + t->length, bytes, length);
    t->length += length;
}

static void put_text(text *t, const char *string)
{
    put(t, string, strlen(string));
}

static void __attribute__((format(printf, 2, 3))) put_format(text *t, const char *format, ...)
{
    char line[64];
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    put(t, line, (size_t)used);
}

/* RFC 4180: quoted when it holds a comma, a quote or a line's end; quotes doubled. */
static void put_csv(text *t, const char *prefix, const char *value)
{
    bool quoted = strpbrk(value, ",\"\r\n") != NULL;
    if (quoted) put(t, "\"", 1);
    put_text(t, prefix);
    for (const char *c = value; *c; c++) {
        if (*c == '"') put(t, "\"", 1);
        put(t, c, 1);
    }
    if (quoted) put(t, "\"", 1);
}

static void put_json(text *t, const char *string)
{
    put(t, "\"", 1);
    for (const char *c = string; *c; c++) {
        if ((unsigned char)*c < 0x20) {
            put_format(t, "\\u%04x", (unsigned)(unsigned char)*c);
            continue;
        }
        if (*c == '"' || *c == '\\') put(t, "\\", 1);
        put(t, c, 1);
    }
    put(t, "\"", 1);
}

static int write_text(text *t, const char *path)
{
    if (t->failed) return FAILED;
    return file_write(path, t->bytes, t->length);
}

/* ---- the two files ----------------------------------------------------------------------------------------------- */

static int best_class(const parcels *r, int i)
{
    return argmax(r->p + (size_t)i * (size_t)r->job->classes, r->job->classes);
}

static int write_csv(const parcels *r, const char *path)
{
    text t = {0};
    put_text(&t, "id,label,class");
    for (int k = 0; k < r->job->classes; k++) {
        put(&t, ",", 1);
        put_csv(&t, "p_", r->job->names[k]);
    }
    put(&t, "\n", 1);
    for (int i = 0; i < r->job->count; i++) {
        int best = best_class(r, i);
        put_csv(&t, "", samples_id(&r->job->s.set, i));
        put(&t, ",", 1);
        put_csv(&t, "", r->job->names[best]);
        put_format(&t, ",%d", best);
        for (int k = 0; k < r->job->classes; k++)
            put_format(&t, ",%.7g", r->p[(size_t)i * (size_t)r->job->classes + (size_t)k]);
        put(&t, "\n", 1);
    }
    int rc = write_text(&t, path);
    free(t.bytes);
    return rc;
}

static int write_json(const parcels *r, const char *path)
{
    text t = {0};
    put_text(&t, "{\"classes\": [");
    for (int k = 0; k < r->job->classes; k++) {
        if (k) put_text(&t, ", ");
        put_json(&t, r->job->names[k]);
    }
    put_text(&t, "],\n\"parcels\": [");
    for (int i = 0; i < r->job->count; i++) {
        int best = best_class(r, i);
        put_text(&t, i ? ",\n{\"id\": " : "\n{\"id\": ");
        put_json(&t, samples_id(&r->job->s.set, i));
        put_text(&t, ", \"label\": ");
        put_json(&t, r->job->names[best]);
        put_format(&t, ", \"class\": %d, \"probabilities\": [", best);
        for (int k = 0; k < r->job->classes; k++)
            put_format(&t, "%s%.7g", k ? ", " : "", r->p[(size_t)i * (size_t)r->job->classes + (size_t)k]);
        put_text(&t, "]}");
    }
    put_text(&t, "\n]}\n");
    int rc = write_text(&t, path);
    free(t.bytes);
    return rc;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static int take(void *user, const inference *i)
{
    parcels *r = user;
    double *p = r->p + (size_t)r->done * (size_t)i->classes;
    int rc = prediction_probabilities(r->job, i, p);
    for (int k = 0; k < i->rows && !rc; k++) r->job->tally[argmax(p + (size_t)k * (size_t)i->classes, i->classes)]++;
    r->done += i->rows;
    return rc;
}

static int run_all(parcels *r)
{
    int rc = OK;
    prediction *job = r->job;
    uint32_t *order = memory_new((size_t)job->count, sizeof *order);
    TRY_NEW(order);
    for (int i = 0; i < job->count; i++) order[i] = (uint32_t)i;
    const batches_pass pass = {.order = order, .count = job->count, .batch_size = session_eval_batch(&job->s)};
    TRY(infer(&job->networks, job->batches, pass, "predict", take, r));
done:
    free(order);
    return rc;
}

int predict_parcels(prediction *job, cJSON *all)
{
    int rc = OK;
    parcels r = {.job = job};
    char *csv = path_join(job->folder, "predictions.csv"), *document = path_join(job->folder, "predictions.json");
    TRY_NEW(csv);
    TRY_NEW(document);
    TRY_NEW(r.p = memory_new((size_t)job->count * (size_t)job->classes, sizeof *r.p));
    TRY(run_all(&r));
    TRY(write_csv(&r, csv));
    TRY(write_json(&r, document));
    cJSON_AddNumberToObject(all, "parcels", job->count);
    cJSON_AddStringToObject(all, "csv", csv);
    cJSON_AddStringToObject(all, "json", document);
done:
    free(r.p);
    free(csv);
    free(document);
    return rc;
}
