/* Reference results of the panoptic metrics: some cases, each a batch of patches counted by one accumulator. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "metric/panoptic_metrics.h"
#include "verify/verify.h"

static const double metrics_limit = 1e-5;

enum { VALUES_MAX = 1 << 28, CLASSES_MAX = 1 << 16 };

/* The last dimension of a target (docs/formats.md); what is not named here belongs to the loss. */
enum { TARGET_INSTANCE = 1, TARGET_CLASS = 6, TARGET_CHANNELS = 7 };

enum { TABLE_MATCHED, TABLE_EXTRA, TABLE_MISSED, TABLE_IOU, TABLE_COLUMNS };

/* One case of the file: /caseN. */
typedef struct reference_case {
    h5 *file;
    const char *group; /* its name, without the slash */
    int patches, height, width, classes;
    float *target;         /* patches x height x width x TARGET_CHANNELS */
    float *instance;       /* patches x height x width, predicted */
    int32_t *class_of;     /* the same */
    float *table;          /* classes without background and void x TABLE_COLUMNS */
    float overall[3];      /* SQ, RQ, PQ */
    int32_t *integer_maps; /* one patch: true instances, true classes, predicted instances */
} reference_case;

static void case_free(reference_case *c)
{
    free(c->target);
    free(c->instance);
    free(c->class_of);
    free(c->table);
    free(c->integer_maps);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static char *path_in(const reference_case *c, const char *name)
{
    return text_format("/%s/%s", c->group, name);
}

/* Reads /caseN/name whole; `rank` dimensions are wanted. */
static int read_array(const reference_case *c, const char *name, enum number_type type, int rank, void **out,
                      h5_about *about)
{
    int rc = OK;
    char *path = path_in(c, name);
    TRY_NEW(path);
    TRY(h5_read_new(c->file, path, type, VALUES_MAX, out, about));
    if (about->rank != rank || !about->count)
        rc = fail(FAILED, "%s: %s has %d dimensions and %zu values; wanted %d and at least 1", h5_path(c->file), path,
                  about->rank, about->count, rank);
done:
    free(path);
    return rc;
}

/* The same for a map per patch, of the target's size. */
static int read_maps(const reference_case *c, const char *name, enum number_type type, void **out)
{
    h5_about about;
    int rc = read_array(c, name, type, 3, out, &about);
    if (rc) return rc;
    if (about.shape[0] != (size_t)c->patches || about.shape[1] != (size_t)c->height ||
        about.shape[2] != (size_t)c->width)
        return fail(FAILED, "%s: /%s/%s is %zu x %zu x %zu; wanted the target's %d x %d x %d", h5_path(c->file),
                    c->group, name, about.shape[0], about.shape[1], about.shape[2], c->patches, c->height, c->width);
    return OK;
}

static int read_target(reference_case *c)
{
    h5_about about;
    int rc = read_array(c, "target", NUMBER_F32, 4, (void **)&c->target, &about);
    if (rc) return rc;
    if (about.shape[3] != TARGET_CHANNELS)
        return fail(FAILED, "%s: /%s/target has %zu channels; wanted %d", h5_path(c->file), c->group, about.shape[3],
                    (int)TARGET_CHANNELS);
    c->patches = (int)about.shape[0];
    c->height = (int)about.shape[1];
    c->width = (int)about.shape[2];
    return OK;
}

/* Rows are the classes between background, the first, and void, the last. */
static int read_results(reference_case *c)
{
    int rc = OK;
    h5_about about;
    char *path = path_in(c, "sq_rq_pq");
    TRY_NEW(path);
    TRY(h5_read(c->file, path, NUMBER_F32, 3, c->overall));
    TRY(read_array(c, "table", NUMBER_F32, 2, (void **)&c->table, &about));
    if (about.shape[1] != TABLE_COLUMNS || about.shape[0] > CLASSES_MAX)
        rc = fail(FAILED, "%s: /%s/table is %zu x %zu; wanted at most %d classes x %d", h5_path(c->file), c->group,
                  about.shape[0], about.shape[1], (int)CLASSES_MAX, (int)TABLE_COLUMNS);
    else
        c->classes = (int)about.shape[0] + 2;
done:
    free(path);
    return rc;
}

static int read_case(reference_case *c)
{
    int rc = OK;
    TRY(read_target(c));
    TRY(read_maps(c, "pred_instance", NUMBER_F32, (void **)&c->instance));
    TRY(read_maps(c, "pred_semantic", NUMBER_I32, (void **)&c->class_of));
    TRY(read_results(c));
    TRY_NEW(c->integer_maps = memory_new(3 * (size_t)c->height * (size_t)c->width, sizeof *c->integer_maps));
done:
    return rc;
}

/* ---- counting ---------------------------------------------------------------------------------------------------- */

/* From a channel of reals, every `stride`-th value, to integers. Signs and ranges are the accumulator's to check. */
static int to_integers(const reference_case *c, const char *name, const float *from, size_t stride, int32_t *to)
{
    for (size_t p = 0; p < (size_t)c->height * (size_t)c->width; p++) {
        const float value = from[p * stride];
        if (!(fabsf(value) <= 0x1p30F) || floorf(value) < value)
            return fail(FAILED, "%s: /%s/%s has the value %g where ids or classes stand", h5_path(c->file), c->group,
                        name, (double)value);
        to[p] = (int32_t)value;
    }
    return OK;
}

static int count_patch(const reference_case *c, size_t patch, panoptic_metrics *m)
{
    int rc = OK;
    const size_t pixels = (size_t)c->height * (size_t)c->width;
    const float *target = c->target + patch * pixels * TARGET_CHANNELS;
    int32_t *instance = c->integer_maps, *class_of = instance + pixels, *found = class_of + pixels;
    char *where = text_format("%s: /%s, patch %zu", h5_path(c->file), c->group, patch);
    TRY_NEW(where);
    TRY(to_integers(c, "target", target + TARGET_INSTANCE, TARGET_CHANNELS, instance));
    TRY(to_integers(c, "target", target + TARGET_CLASS, TARGET_CHANNELS, class_of));
    TRY(to_integers(c, "pred_instance", c->instance + patch * pixels, 1, found));
    const panoptic_map truth = {c->height, c->width, instance, class_of};
    const panoptic_map predicted = {c->height, c->width, found, c->class_of + patch * pixels};
    TRY(panoptic_metrics_add(m, &truth, &predicted, where));
done:
    free(where);
    return rc;
}

static int tell(const reference_case *c, const char *name, double error, verify_report *r)
{
    char *path = text_format("%s/%s", c->group, name);
    if (!path) return FAILED;
    verify_tell(r, path, error, metrics_limit);
    free(path);
    return OK;
}

/* The larger; NaN when either is. */
static double worse(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

static int compare_table(const reference_case *c, const panoptic_metrics *m, verify_report *r)
{
    double error = 0;
    for (int k = 1; k < c->classes - 1; k++) {
        const panoptic_counts got = panoptic_metrics_counts(m, k);
        const float *wanted = c->table + (size_t)(k - 1) * TABLE_COLUMNS;
        error = worse(error, fabs((double)got.matched - (double)wanted[TABLE_MATCHED]));
        error = worse(error, fabs((double)got.extra - (double)wanted[TABLE_EXTRA]));
        error = worse(error, fabs((double)got.missed - (double)wanted[TABLE_MISSED]));
        error = worse(error, fabs(got.iou - (double)wanted[TABLE_IOU]));
    }
    return tell(c, "table", error, r);
}

/* Both undefined is equal. */
static double apart(double got, float wanted)
{
    return isnan(got) && isnan(wanted) ? 0 : fabs(got - (double)wanted);
}

static int compare_overall(const reference_case *c, const panoptic_metrics *m, verify_report *r)
{
    const panoptic_quality got = panoptic_metrics_overall(m);
    const double error =
        worse(worse(apart(got.sq, c->overall[0]), apart(got.rq, c->overall[1])), apart(got.pq, c->overall[2]));
    return tell(c, "sq_rq_pq", error, r);
}

static int verify_case(h5 *file, const char *group, verify_report *r)
{
    int rc = OK;
    reference_case c = {.file = file, .group = group};
    panoptic_metrics *m = NULL;
    TRY(read_case(&c));
    TRY(panoptic_metrics_new(c.classes, 0, c.classes - 1, &m));
    for (int i = 0; i < c.patches; i++) TRY(count_patch(&c, (size_t)i, m));
    TRY(compare_table(&c, m, r));
    TRY(compare_overall(&c, m, r));
done:
    panoptic_metrics_free(m);
    case_free(&c);
    return rc;
}

int verify_panoptic_metrics(h5 *file, verify_report *r)
{
    int rc = OK, cases = 0;
    char **names = NULL;
    size_t count = 0;
    TRY(h5_list(file, "/", &names, &count));
    for (size_t i = 0; i < count; i++) {
        if (strncmp(names[i], "case", 4) != 0) continue;
        TRY(verify_case(file, names[i], r));
        cases++;
    }
    if (!cases) rc = fail(FAILED, "%s: holds no /case0, /case1, ... of panoptic metrics", h5_path(file));
done:
    h5_names_free(names, count);
    return rc;
}
