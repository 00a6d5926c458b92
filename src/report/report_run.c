#include "report/report_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

enum { EPOCHS_MOST = 1 << 20 };

static const char *const class_keys[] = {"IoU", "Precision", "Recall", "F1-score", "samples", NULL};
static const char *const panoptic_keys[] = {"SQ", "RQ", "PQ", "TP", "FP", "FN", NULL};
static const char *const tested_keys[] = {"test_accuracy", "test_IoU", NULL};
static const char *const tested_panoptic_keys[] = {"test_SQ", "test_RQ", "test_PQ", NULL};

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* ---- checks ------------------------------------------------------------------------------------------------------ */

static int check_measures(const cJSON *object, const char *where, const char *const *keys)
{
    double value;
    for (int i = 0; keys[i]; i++) {
        int rc = run_measure(object, where, keys[i], &value);
        if (rc) return rc;
    }
    return OK;
}

/* {name: {"IoU", ...}}, or of a head {name: {"SQ", ...}}. */
static int check_overall(const report_run *r, const char *path)
{
    int rc = OK;
    const cJSON *one, *classes = report_classes(r);
    if (!cJSON_IsObject(classes))
        return fail(FAILED, "%s: %s is not there; wanted an object of classes", path,
                    r->head ? "classes" : "per_class");
    cJSON_ArrayForEach(one, classes) {
        char *where = text_format("%s: %s", path, one->string);
        TRY_NEW(where);
        rc = check_measures(one, where, r->head ? panoptic_keys : class_keys);
        free(where);
        if (rc) goto done;
    }
done:
    return rc;
}

/* "12" */
static int epoch_of(const char *key, double *out)
{
    char *end;
    const long value = strtol(key, &end, 10);
    if (key[0] < '1' || key[0] > '9' || *end || value > EPOCHS_MOST) return FAILED;
    *out = (double)value;
    return OK;
}

/* {epoch: {name: number or null}}, the epochs rising. */
static int check_epochs(const cJSON *list, const char *path)
{
    double before = 0, now;
    const cJSON *entry, *item;
    cJSON_ArrayForEach(entry, list) {
        if (epoch_of(entry->string, &now) || now <= before)
            return fail(FAILED, "%s: \"%s\" after epoch %.0f; wanted a later epoch, to %d", path, entry->string, before,
                        EPOCHS_MOST);
        if (!cJSON_IsObject(entry)) return fail(FAILED, "%s: epoch %s: wanted an object", path, entry->string);
        cJSON_ArrayForEach(item, entry)
            if (!cJSON_IsNumber(item) && !cJSON_IsNull(item))
                return fail(FAILED, "%s: epoch %s: %s: wanted a number or null", path, entry->string, item->string);
        before = now;
    }
    return OK;
}

static int check_timing(const cJSON *timing, const char *path)
{
    static const char *const texts[] = {"device", "driver"};
    double value;
    for (int i = 0; i < 2; i++)
        if (!cJSON_IsString(member(timing, texts[i]))) return fail(FAILED, "%s: %s: wanted text", path, texts[i]);
    if (!cJSON_IsObject(member(timing, "epochs"))) return fail(FAILED, "%s: epochs: wanted an object", path);
    int rc = run_measure(timing, path, "peak_bytes", &value);
    return rc ? rc : check_epochs(member(timing, "epochs"), path);
}

/* ---- folds ------------------------------------------------------------------------------------------------------- */

static void fold_free(report_fold *f)
{
    cJSON_Delete(f->log);
    cJSON_Delete(f->metrics);
    cJSON_Delete(f->timing);
}

static int read_log(const report_run *r, report_fold *f)
{
    int rc = OK;
    char *path = run_folder_path(&r->folder, f->number, "trainlog.json");
    TRY_NEW(path);
    TRY(run_folder_read(&r->folder, f->number, "trainlog.json", &f->log));
    TRY(check_epochs(f->log, path));
done:
    free(path);
    return rc;
}

static int read_metrics(const report_run *r, report_fold *f)
{
    int rc = OK;
    char *path = run_folder_path(&r->folder, f->number, "test_metrics.json");
    TRY_NEW(path);
    TRY(run_folder_read(&r->folder, f->number, "test_metrics.json", &f->metrics));
    if (f->metrics) TRY(check_measures(f->metrics, path, r->head ? tested_panoptic_keys : tested_keys));
done:
    free(path);
    return rc;
}

static int read_timing(const report_run *r, report_fold *f)
{
    int rc = OK;
    char *path = run_folder_path(&r->folder, f->number, "timing.json");
    TRY_NEW(path);
    TRY(run_folder_read(&r->folder, f->number, "timing.json", &f->timing));
    if (f->timing) TRY(check_timing(f->timing, path));
done:
    free(path);
    return rc;
}

/* Adds the fold's matrix, where it has one. */
static int read_confusion(report_run *r, int fold)
{
    int rc = OK;
    confusion one = {0};
    const int classes = model_classes(r->folder.model);
    char *path = run_folder_path(&r->folder, fold, "conf_mat.npy");
    TRY_NEW(path);
    if (r->head || !file_exists(path)) goto done;
    TRY(confusion_new(classes, &one));
    TRY(confusion_read(&one, path));
    for (int i = 0; i < classes * classes; i++)
        if (one.count[i] < 0 || one.count[i] > INT64_MAX / 2 / RUN_FOLDS_MAX / classes) {
            rc = fail(FAILED, "%s: row %d, column %d is %lld; wanted a count", path, i / classes, i % classes,
                      (long long)one.count[i]);
            goto done;
        }
    if (!r->confusion.classes) TRY(confusion_new(classes, &r->confusion));
    confusion_add(&r->confusion, &one);
done:
    confusion_free(&one);
    free(path);
    return rc;
}

static int read_fold(report_run *r, int number)
{
    int rc = OK;
    report_fold f = {.number = number};
    TRY(read_log(r, &f));
    TRY(read_metrics(r, &f));
    if (!f.log && !f.metrics) goto done;
    TRY(read_timing(r, &f));
    TRY(read_confusion(r, number));
    r->fold[r->folds++] = f;
    f = (report_fold){0};
done:
    fold_free(&f);
    return rc;
}

static int read_folds(report_run *r)
{
    int rc = OK;
    TRY_NEW(r->fold = memory_new(RUN_FOLDS_MAX, sizeof *r->fold));
    for (int number = 1; number <= RUN_FOLDS_MAX; number++) TRY(read_fold(r, number));
    if (!r->folds) rc = fail(FAILED, "%s has no Fold_k/trainlog.json: no epoch of it has been trained", r->folder.path);
done:
    return rc;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static int read_overall(report_run *r)
{
    int rc = OK;
    char *path = run_folder_path(&r->folder, 0, "overall.json");
    TRY_NEW(path);
    TRY(run_folder_read(&r->folder, 0, "overall.json", &r->overall));
    if (r->overall) TRY(check_overall(r, path));
done:
    free(path);
    return rc;
}

static int find_maps(report_run *r)
{
    if (!r->maps) return OK;
    int rc = OK;
    char *picture = path_join(r->maps, "attention.svg");
    TRY_NEW(picture);
    TRY(folder_list(r->maps, ".png", &r->map, &r->maps_count));
    r->attention = file_exists(picture);
    if (!r->maps_count && !r->attention)
        rc = fail(FAILED, "%s has neither .png files nor an attention.svg; wanted a folder that predict wrote into",
                  r->maps);
done:
    free(picture);
    return rc;
}

int report_run_read(const char *path, const char *maps, report_run *out)
{
    int rc = OK;
    report_run r = {.maps = maps};
    TRY(run_folder_open(path, &r.folder));
    r.head = model_head(r.folder.model) != NULL;
    r.percent = model_kind_of(r.folder.model) == MODEL_DENSE && !r.head;
    TRY_NEW(r.title = run_folder_title(&r.folder));
    TRY(read_folds(&r));
    TRY(run_folder_parameters(&r.folder, r.fold[0].number, &r.parameters));
    TRY(read_overall(&r));
    TRY(find_maps(&r));
    *out = r;
    r = (report_run){0};
done:
    report_run_free(&r);
    return rc;
}

void report_run_free(report_run *r)
{
    for (int i = 0; i < r->folds; i++) fold_free(r->fold + i);
    free(r->fold);
    cJSON_Delete(r->overall);
    confusion_free(&r->confusion);
    folder_free(r->map, r->maps_count);
    free(r->title);
    run_folder_close(&r->folder);
    *r = (report_run){0};
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static double number(const cJSON *item)
{
    return cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
}

void report_curve_free(report_curve *c)
{
    free(c->epoch);
    free(c->value);
    *c = (report_curve){0};
}

int report_curve_of(const cJSON *epochs, const char *key, double scale, report_curve *out)
{
    int rc = OK;
    const size_t most = (size_t)cJSON_GetArraySize(epochs);
    const cJSON *entry;
    report_curve c = {0};
    TRY_NEW(c.epoch = memory_new(most, sizeof *c.epoch));
    TRY_NEW(c.value = memory_new(most, sizeof *c.value));
    cJSON_ArrayForEach(entry, epochs) {
        const cJSON *item = member(entry, key);
        if (!item || epoch_of(entry->string, c.epoch + c.count)) continue;
        c.value[c.count++] = number(item) * scale;
    }
    *out = c;
    c = (report_curve){0};
done:
    report_curve_free(&c);
    return rc;
}

mean_deviation report_tested(const report_run *r, const char *key, double scale)
{
    double values[RUN_FOLDS_MAX];
    int count = 0;
    for (int i = 0; i < r->folds; i++)
        if (r->fold[i].metrics) values[count++] = number(member(r->fold[i].metrics, key)) * scale;
    return mean_deviation_of(values, count);
}

const cJSON *report_classes(const report_run *r)
{
    return member(r->overall, r->head ? "classes" : "per_class");
}

double report_iou_scale(const report_run *r)
{
    return r->percent ? 1 : 100;
}
