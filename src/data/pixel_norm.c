/* Normalisation values as the device takes them: one row of bands, or a row a date. A standard deviation of 0 occurs in
 * real data (a date that is wholly empty): 1 is used, said once. */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/internal.h"
#include "format/h5.h"
#include "format/normalisation.h"

/* Both the pack and a file's reader promise that it fits the bands and dates: 1 x 1, 1 x C or T x C. */
typedef struct norm_source {
    int rows, columns;
    const double *mean, *std;
    const char *name;
} norm_source;

/* The T of every sample, 0 where they differ. */
static int common_dates(const pixelset *s)
{
    for (int i = 0; i < s->count; i++)
        if (pixelset_dates(s, i) != s->longest) return 0;
    return s->longest;
}

static int take(pixelset *s, const norm_source *n)
{
    size_t bands = (size_t)pixelset_bands(s), rows = (size_t)n->rows, count = rows * bands, zeros = 0;
    s->mean = memory_new(count, sizeof *s->mean);
    s->std = memory_new(count, sizeof *s->std);
    if (!s->mean || !s->std) return FAILED;
    for (size_t i = 0; i < count; i++) {
        size_t at = n->columns == 1 ? i / bands : i;
        float std = (float)n->std[at];
        zeros += std == 0;
        s->mean[i] = (float)n->mean[at];
        s->std[i] = std == 0 ? 1 : std;
    }
    s->norm_rows = n->rows;
    if (zeros)
        log_warning("normalisation %s: %zu of %zu standard deviations are 0; 1 is used there", n->name, zeros, count);
    return OK;
}

static int take_file(pixelset *s, const char *path, problems *p)
{
    normalisation n = {0};
    int rc = normalisation_read(path, common_dates(s), pixelset_bands(s), &n);
    if (rc) {
        problem_carry(p, rc, "data.norm", pixelset_pack_path(s->pack));
        return OK;
    }
    rc = take(s, &(norm_source){n.rows, n.columns, n.mean, n.std, path});
    normalisation_free(&n);
    return rc;
}

/* That of another pack, such as the one that a network was trained on. */
static int take_pack(pixelset *s, const char *path, problems *p)
{
    pixelset_pack *other = NULL;
    const char *here = pixelset_pack_path(s->pack);
    const int bands = pixelset_bands(s), dates = common_dates(s);
    int rc = pixelset_pack_open(path, &other);
    if (rc) {
        problem_carry(p, rc, "data.norm", here);
        return OK;
    }
    const pack_normalisation *n = pixelset_pack_normalisation(other);
    if (n->columns != 1 && n->columns != bands)
        problem_add(p, FAILED, "data.norm: %s has values for %d bands, wanted %d", path, n->columns, bands);
    else if (n->rows != 1 && n->rows != dates)
        problem_add(p, FAILED, "data.norm: %s has values for each of %d dates, which these parcels do not have", path,
                    n->rows);
    else
        rc = take(s, &(norm_source){n->rows, n->columns, n->mean, n->std, path});
    pixelset_pack_close(other);
    return rc;
}

int normalisation_find(pixelset *s, const pixelset_options *o, problems *p)
{
    static const double zero = 0, one = 1;
    const pack_normalisation *n = pixelset_pack_normalisation(s->pack);
    if (!s->count) return OK;
    if (!o->norm || !strcmp(o->norm, "none")) return take(s, &(norm_source){1, 1, &zero, &one, "none"});
    if (strcmp(o->norm, "pack")) return h5_is(o->norm) ? take_pack(s, o->norm, p) : take_file(s, o->norm, p);
    return take(s, &(norm_source){n->rows, n->columns, n->mean, n->std, n->source});
}
