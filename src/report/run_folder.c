#include "report/run_folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/schema.h"
#include "format/h5.h"

enum { JSON_BYTES_MAX = 256 << 20 };

int run_folder_open(const char *path, run_folder *out)
{
    int rc = OK;
    run_folder f = {.path = path};
    char *config = path_join(path, "conf.json");
    TRY_NEW(config);
    TRY(json_read(config, JSON_BYTES_MAX, &f.config));
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(f.config, "model");
    if (!cJSON_IsObject(settings)) {
        rc = fail(FAILED, "%s has no model; wanted a run folder that train made", config);
        goto done;
    }
    TRY(model_new(settings, config, &f.model));
    *out = f;
    f = (run_folder){0};
done:
    run_folder_close(&f);
    free(config);
    return rc;
}

void run_folder_close(run_folder *f)
{
    cJSON_Delete(f->config);
    model_free(f->model);
    *f = (run_folder){0};
}

char *run_folder_title(const run_folder *f)
{
    return text_format("%s%s", model_title(f->model), model_head(f->model) ? " + PaPs" : "");
}

char *run_folder_path(const run_folder *f, int fold, const char *file)
{
    return fold ? text_format("%s/Fold_%d/%s", f->path, fold, file) : path_join(f->path, file);
}

int run_folder_read(const run_folder *f, int fold, const char *file, cJSON **out)
{
    int rc = OK;
    char *path = run_folder_path(f, fold, file);
    *out = NULL;
    TRY_NEW(path);
    if (!file_exists(path)) goto done;
    TRY(json_read(path, JSON_BYTES_MAX, out));
    if (!cJSON_IsObject(*out)) {
        cJSON_Delete(*out);
        *out = NULL;
        rc = fail(FAILED, "%s: wanted a JSON object", path);
    }
done:
    free(path);
    return rc;
}

int run_measure(const cJSON *object, const char *where, const char *key, double *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item) && !cJSON_IsNull(item))
        return fail(FAILED, "%s: %s is %s, wanted a number or null", where, key, item ? "something else" : "missing");
    *out = cJSON_IsNull(item) ? (double)NAN : item->valuedouble;
    return OK;
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

static bool ends_in(const char *text, const char *end)
{
    const size_t length = strlen(text), wanted = strlen(end);
    return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

/* What no optimiser moves: running statistics, and the confidence threshold of a head. */
static bool is_trained(const char *key)
{
    return !ends_in(key, ".running_mean") && !ends_in(key, ".running_var") && !ends_in(key, "num_batches_tracked") &&
           strcmp(key, "min_confidence");
}

static int count_weights(const char *path, double *count)
{
    int rc = OK;
    h5 *file = NULL;
    char **names = NULL;
    size_t number = 0;
    TRY(h5_open(path, &file));
    TRY(h5_list(file, "/weights", &names, &number));
    for (size_t i = 0; i < number; i++) {
        h5_about about;
        if (!is_trained(names[i])) continue;
        char *key = text_format("/weights/%s", names[i]);
        TRY_NEW(key);
        rc = h5_about_of(file, key, &about);
        free(key);
        if (rc) goto done;
        *count += (double)about.count;
    }
done:
    h5_names_free(names, number);
    h5_close(file);
    return rc;
}

int run_folder_parameters(const run_folder *f, int fold, double *count)
{
    int rc = OK;
    char *path = run_folder_path(f, fold, "model.h5");
    *count = 0;
    TRY_NEW(path);
    if (file_exists(path)) TRY(count_weights(path, count));
done:
    free(path);
    return rc;
}

mean_deviation mean_deviation_of(const double *value, int count)
{
    double mean = 0, squares = 0;
    for (int i = 0; i < count; i++) mean += value[i] / count;
    for (int i = 0; i < count; i++) squares += pow(value[i] - mean, 2);
    return (mean_deviation){count ? mean : (double)NAN, count > 1 ? sqrt(squares / (count - 1)) : (double)NAN};
}
