/* predict for parcels: predictions.csv and predictions.json, a line a parcel. */
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text_file.h"
#include "run/attention_log.h"

typedef struct parcels {
    prediction *job;
    double *p; /* [count x classes] probabilities */
    int done;
    int *class; /* of a batch's */
    size_t class_capacity;
} parcels;

/* ---- the two files ----------------------------------------------------------------------------------------------- */

static int best_class(const parcels *r, int i)
{
    return argmax(r->p + (size_t)i * (size_t)r->job->classes, r->job->classes);
}

static int write_csv(const parcels *r, const char *path)
{
    text_file *f = NULL;
    int rc = text_file_open(path, &f);
    if (rc) return rc;
    text_put(f, "id,label,class");
    for (int k = 0; k < r->job->classes; k++) {
        text_put(f, ",");
        text_put_csv(f, "p_", r->job->names[k]);
    }
    text_put(f, "\n");
    for (int i = 0; i < r->job->count; i++) {
        int best = best_class(r, i);
        text_put_csv(f, "", samples_id(&r->job->s.set, i));
        text_put(f, ",");
        text_put_csv(f, "", r->job->names[best]);
        text_put_format(f, ",%d", best);
        for (int k = 0; k < r->job->classes; k++)
            text_put_format(f, ",%.7g", r->p[(size_t)i * (size_t)r->job->classes + (size_t)k]);
        text_put(f, "\n");
    }
    return text_file_finish(f);
}

static int write_json(const parcels *r, const char *path)
{
    text_file *f = NULL;
    int rc = text_file_open(path, &f);
    if (rc) return rc;
    text_put(f, "{\"classes\": [");
    for (int k = 0; k < r->job->classes; k++) {
        if (k) text_put(f, ", ");
        text_put_json(f, r->job->names[k]);
    }
    text_put(f, "],\n\"parcels\": [");
    for (int i = 0; i < r->job->count; i++) {
        int best = best_class(r, i);
        text_put(f, i ? ",\n{\"id\": " : "\n{\"id\": ");
        text_put_json(f, samples_id(&r->job->s.set, i));
        text_put(f, ", \"label\": ");
        text_put_json(f, r->job->names[best]);
        text_put_format(f, ", \"class\": %d, \"probabilities\": [", best);
        for (int k = 0; k < r->job->classes; k++)
            text_put_format(f, "%s%.7g", k ? ", " : "", r->p[(size_t)i * (size_t)r->job->classes + (size_t)k]);
        text_put(f, "]}");
    }
    text_put(f, "\n]}\n");
    return text_file_finish(f);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static int take(void *user, const inference *i)
{
    parcels *r = user;
    double *p = r->p + (size_t)r->done * (size_t)i->classes;
    int rc = OK;
    TRY(prediction_probabilities(r->job, i, p));
    TRY(memory_grow((void **)&r->class, &r->class_capacity, (size_t)i->rows, sizeof *r->class));
    for (int k = 0; k < i->rows; k++) {
        r->class[k] = argmax(p + (size_t)k * (size_t)i->classes, i->classes);
        r->job->tally[r->class[k]]++;
    }
    if (r->job->attention) TRY(attention_log_take(r->job->attention, i, r->class));
    r->done += i->rows;
done:
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
    TRY(prediction_run(job, false, take, &r));
    TRY(write_csv(&r, csv));
    TRY(write_json(&r, document));
    cJSON_AddNumberToObject(all, "parcels", job->count);
    cJSON_AddStringToObject(all, "csv", csv);
    cJSON_AddStringToObject(all, "json", document);
done:
    free(r.p);
    free(r.class);
    free(csv);
    free(document);
    return rc;
}
