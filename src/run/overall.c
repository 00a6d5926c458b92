#include "run/overall.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "network/infer.h"
#include "run/fold.h"

/* Adds up the tables of the folds that have one; *folds lists them. */
static int sum_folds(const session *s, score *sum, cJSON *folds)
{
    int rc = OK;
    for (int k = 1; k <= s->config.train.kfold; k++) {
        char *path = fold_path(s, k, score_table(&s->config));
        if (!path) return FAILED;
        if (file_exists(path)) {
            rc = score_read(sum, path);
            if (!rc) json_append(folds, cJSON_CreateNumber(k));
        }
        free(path);
        if (rc) return rc;
    }
    return OK;
}

/* A void class is left out of the measures. */
static cJSON *measures(const score *sum, const char *const *names)
{
    if (sum->parcels) return panoptic_metrics_json(sum->parcels->metrics, names);
    const confusion *measured = score_measured(sum);
    cJSON *out = confusion_overall(measured);
    json_add(out, "per_class", confusion_per_class(measured, names));
    return out;
}

int overall_write(session *s, cJSON **out)
{
    int rc = OK, classes = 0;
    network *w = NULL;
    score sum = {0};
    char **names = NULL, *path = path_join(s->config.train.res_dir, "overall.json");
    cJSON *overall = NULL, *folds = cJSON_CreateArray();
    TRY_NEW(path);
    TRY(session_network(s, 0, &w));
    classes = model_classes(w->model);
    TRY(class_names(s, NULL, classes + 1, &names)); /* a head may count one class more, of void pixels */
    TRY(score_new(&s->config, w, &sum));
    TRY(sum_folds(s, &sum, folds));
    overall = measures(&sum, (const char *const *)names);
    json_add(overall, "folds", folds);
    folds = NULL;
    TRY(json_write(path, overall));
    *out = overall;
    overall = NULL;
done:
    score_free(&sum);
    network_free(w);
    cJSON_Delete(overall);
    cJSON_Delete(folds);
    names_free(names, classes + 1);
    free(path);
    return rc;
}
