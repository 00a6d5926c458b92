/* furrow_predict: every parcel's class and probabilities, from one checkpoint or the mean of several folds'. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "run/checkpoint.h"
#include "run/infer.h"
#include "run/session.h"
#include "run/weights.h"

typedef struct prediction {
    session s;
    weight_files weights;
    int count, classes;
    char **names;   /* [classes] */
    double *p;      /* [count x classes] probabilities */
    int64_t *tally; /* [classes] parcels predicted as each */
} prediction;

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

static int best_class(const prediction *r, int i)
{
    return argmax(r->p + (size_t)i * (size_t)r->classes, r->classes);
}

static int write_csv(const prediction *r, const char *path)
{
    text t = {0};
    put_text(&t, "id,label,class");
    for (int k = 0; k < r->classes; k++) {
        put(&t, ",", 1);
        put_csv(&t, "p_", r->names[k]);
    }
    put(&t, "\n", 1);
    for (int i = 0; i < r->count; i++) {
        int best = best_class(r, i);
        put_csv(&t, "", pixelset_id(r->s.set, i));
        put(&t, ",", 1);
        put_csv(&t, "", r->names[best]);
        put_format(&t, ",%d", best);
        for (int k = 0; k < r->classes; k++) put_format(&t, ",%.7g", r->p[(size_t)i * (size_t)r->classes + (size_t)k]);
        put(&t, "\n", 1);
    }
    int rc = write_text(&t, path);
    free(t.bytes);
    return rc;
}

static int write_json(const prediction *r, const char *path)
{
    text t = {0};
    put_text(&t, "{\"classes\": [");
    for (int k = 0; k < r->classes; k++) {
        if (k) put_text(&t, ", ");
        put_json(&t, r->names[k]);
    }
    put_text(&t, "],\n\"parcels\": [");
    for (int i = 0; i < r->count; i++) {
        int best = best_class(r, i);
        put_text(&t, i ? ",\n{\"id\": " : "\n{\"id\": ");
        put_json(&t, pixelset_id(r->s.set, i));
        put_text(&t, ", \"label\": ");
        put_json(&t, r->names[best]);
        put_format(&t, ", \"class\": %d, \"probabilities\": [", best);
        for (int k = 0; k < r->classes; k++)
            put_format(&t, "%s%.7g", k ? ", " : "", r->p[(size_t)i * (size_t)r->classes + (size_t)k]);
        put_text(&t, "]}");
    }
    put_text(&t, "\n]}\n");
    int rc = write_text(&t, path);
    free(t.bytes);
    return rc;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

/* The mean of log-probabilities, made probabilities that sum to 1. */
static void normalise(const prediction *r, int networks)
{
    for (int i = 0; i < r->count; i++) {
        double *row = r->p + (size_t)i * (size_t)r->classes, sum = 0;
        for (int k = 0; k < r->classes; k++) sum += row[k] = exp(row[k] / networks);
        for (int k = 0; k < r->classes; k++) row[k] /= sum;
        r->tally[argmax(row, r->classes)]++;
    }
}

static int check_finite(const prediction *r)
{
    for (int i = 0; i < r->count; i++)
        for (int k = 0; k < r->classes; k++)
            if (!isfinite(r->p[(size_t)i * (size_t)r->classes + (size_t)k]))
                return fail(FAILED,
                            "parcel %s: the network's output is not a finite number; the weights or the "
                            "normalisation do not fit these data",
                            pixelset_id(r->s.set, i));
    return OK;
}

static int run_weights(prediction *r, feed *f, const char *path, const uint32_t *order)
{
    int rc = OK;
    network *w = NULL;
    cJSON *state = NULL;
    const run_config *c = &r->s.config;
    int batch_size = c->eval.batch_size.present ? c->eval.batch_size.value : c->train.batch_size;
    TRY(session_network(&r->s, 0, &w));
    if (!r->p) {
        r->classes = model_classes(w->model);
        TRY(checkpoint_peek(path, NULL, &state));
        TRY(class_names(&r->s, state, r->classes, &r->names));
        TRY_NEW(r->p = memory_new((size_t)r->count * (size_t)r->classes, sizeof *r->p));
        TRY_NEW(r->tally = memory_new((size_t)r->classes, sizeof *r->tally));
    }
    TRY(checkpoint_load(path, w, CHECKPOINT_WEIGHTS));
    TRY(infer_add(w, f, order, r->count, batch_size, path, r->p));
done:
    network_free(w);
    cJSON_Delete(state);
    return rc;
}

static int run_all(prediction *r)
{
    int rc = OK;
    feed *f = NULL;
    uint32_t *order = memory_new((size_t)r->count, sizeof *order);
    TRY_NEW(order);
    for (int i = 0; i < r->count; i++) order[i] = (uint32_t)i;
    TRY(session_feed(&r->s, &f));
    for (int i = 0; i < r->weights.count; i++) TRY(run_weights(r, f, r->weights.path[i], order));
    if (r->weights.count > 1) log_note("the mean of %d folds' log-probabilities", r->weights.count);
    TRY(check_finite(r));
    normalise(r, r->weights.count);
done:
    feed_free(f);
    free(order);
    return rc;
}

static int write_results(const prediction *r, const char *folder, char **json)
{
    int rc = OK;
    char *csv = path_join(folder, "predictions.csv"), *document = path_join(folder, "predictions.json");
    TRY_NEW(csv);
    TRY_NEW(document);
    TRY(write_csv(r, csv));
    TRY(write_json(r, document));
    cJSON *all = cJSON_CreateObject();
    cJSON_AddNumberToObject(all, "parcels", r->count);
    cJSON_AddNumberToObject(all, "networks", r->weights.count);
    cJSON_AddStringToObject(all, "csv", csv);
    cJSON_AddStringToObject(all, "json", document);
    cJSON *tally = cJSON_AddObjectToObject(all, "classes");
    for (int k = 0; k < r->classes; k++) cJSON_AddNumberToObject(tally, r->names[k], (double)r->tally[k]);
    rc = json_text(all, json);
done:
    free(csv);
    free(document);
    return rc;
}

int furrow_predict(const furrow_run_options *o, char **json)
{
    int rc = OK;
    prediction r = {0};
    *json = NULL;
    if (!o->weights || !o->out) {
        rc = fail(USAGE, "predict needs weights and a folder to write into");
        goto done;
    }
    TRY(weights_find(o->weights, o->fold, &r.weights));
    TRY(session_open(o, false, r.weights.path[0], &r.s));
    r.count = pixelset_count(r.s.set);
    TRY(folder_make(o->out)); /* before the work: a bad path is said at once */
    TRY(run_all(&r));
    TRY(write_results(&r, o->out, json));
done:
    names_free(r.names, r.classes);
    free(r.p);
    free(r.tally);
    weights_free(&r.weights);
    session_close(&r.s);
    return rc;
}
