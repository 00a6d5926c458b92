#include "format/normalisation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/pickle.h"

typedef struct table {
    int rank;
    size_t shape[2];
    double *values;
} table;

static int tuple_read(const pickle *p, const char *path, table *mean, table *std)
{
    const pickle_value *root = pickle_root(p);
    int rc = OK;
    if ((root->kind != PICKLE_TUPLE && root->kind != PICKLE_LIST) || root->count != 2)
        return fail(FAILED, "%s: holds %s, wanted a tuple (means, standard deviations)", path,
                    pickle_kind_name(root->kind));
    TRY(pickle_numbers(root->items[0], path, "the first of the tuple (means)", &mean->rank, mean->shape,
                       &mean->values));
    TRY(pickle_numbers(root->items[1], path, "the second of the tuple (deviations)", &std->rank, std->shape,
                       &std->values));
    if (mean->shape[0] != std->shape[0] || mean->shape[1] != std->shape[1])
        rc = fail(FAILED, "%s: %zu x %zu means, but %zu x %zu standard deviations", path, mean->shape[0],
                  mean->shape[1], std->shape[0], std->shape[1]);
done:
    return rc;
}

static int values_check(const char *path, const table *mean, const table *std)
{
    size_t count = mean->shape[0] * mean->shape[1];
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(mean->values[i])) return fail(FAILED, "%s: mean %zu is not finite", path, i);
        if (!isfinite(std->values[i]) || std->values[i] < 0)
            return fail(FAILED, "%s: standard deviation %zu is %g, wanted 0 or more", path, i, std->values[i]);
    }
    return OK;
}

/* How often each value is repeated to make rows x columns of the wanted form; false when nothing fits. */
static bool form_of(const table *t, size_t dates, size_t bands, size_t *rows, size_t *repeat)
{
    size_t count = t->shape[0] * t->shape[1];
    *rows = 1;
    *repeat = 1;
    if (count == 1) return true;
    if (t->rank == 2 && t->shape[0] > 1) {
        *rows = t->shape[0];
        if (t->shape[1] == 1) *repeat = bands;
        return dates && t->shape[0] == dates && (t->shape[1] == bands || t->shape[1] == 1);
    }
    if (count == bands) return true;
    *rows = count;
    *repeat = bands;
    return t->rank == 1 && dates && count == dates;
}

static double *spread(const table *t, size_t repeat)
{
    size_t count = t->shape[0] * t->shape[1];
    double *out = memory_new(count * repeat, sizeof *out);
    for (size_t i = 0; out && i < count * repeat; i++) out[i] = t->values[i / repeat];
    return out;
}

int normalisation_read(const char *path, int dates, int bands, normalisation *out)
{
    int rc = OK;
    pickle *p = NULL;
    table mean = {0}, std = {0};
    size_t rows, repeat;
    *out = (normalisation){0};
    TRY(pickle_read(path, &p));
    TRY(tuple_read(p, path, &mean, &std));
    TRY(values_check(path, &mean, &std));
    if (!form_of(&mean, (size_t)dates, (size_t)bands, &rows, &repeat)) {
        rc = dates ? fail(FAILED, "%s: arrays of %zu x %zu, wanted one value, C (%d), T (%d) or T x C", path,
                          mean.shape[0], mean.shape[1], bands, dates)
                   : fail(FAILED, "%s: arrays of %zu x %zu, wanted one value or C (%d); T differs between parcels",
                          path, mean.shape[0], mean.shape[1], bands);
        goto done;
    }
    TRY_NEW(out->mean = spread(&mean, repeat));
    TRY_NEW(out->std = spread(&std, repeat));
    out->rows = (int)rows;
    out->columns = (int)(mean.shape[0] * mean.shape[1] * repeat / rows);
done:
    if (rc) normalisation_free(out);
    free(mean.values);
    free(std.values);
    pickle_free(p);
    return rc;
}

void normalisation_free(normalisation *n)
{
    free(n->mean);
    free(n->std);
    *n = (normalisation){0};
}
