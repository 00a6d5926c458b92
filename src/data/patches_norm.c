/* Normalisation of patches: of a part of the data as published (dataset.py and train_semantic.py of VSainteuf/utae-paps), or by
 * the values of another pack. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/patches_internal.h"

static int fold_of(const patches *s, int sample)
{
    return patch_pack_fold(s->pack, (size_t)sample);
}

static bool has_values(const patch_satellite *a, int fold /* 1 .. */)
{
    return fold >= 1 && fold <= a->folds && isfinite(a->mean[(size_t)(fold - 1) * (size_t)a->bands]);
}

/* A band that never differs would be divided by 0. */
static void warn_of_zeros(const patch_satellite *a)
{
    int zeros = 0;
    for (int c = 0; c < a->bands; c++) {
        double sum = 0;
        for (int f = 1; f <= a->folds; f++)
            if (has_values(a, f)) sum += a->std[(f - 1) * a->bands + c];
        zeros += sum == 0;
    }
    if (zeros)
        log_warning("normalisation %s: %d of %d standard deviations are 0; 1 is used there", a->source, zeros,
                    a->bands);
}

/* Adds the row of a fold to mean and std, which divide by `rows` in the end. */
static void row_add(const patch_satellite *a, int fold, double *mean, double *std)
{
    for (int c = 0; c < a->bands; c++) {
        mean[c] += a->mean[(fold - 1) * a->bands + c];
        std[c] += a->std[(fold - 1) * a->bands + c];
    }
}

/* The mean over all rows of the pack at `path`, for every sample. */
static int take_rows(patches *s, const patch_satellite *a, const char *path, problems *p)
{
    const size_t bands = (size_t)a->bands;
    int rows = 0;
    if (a->bands != s->about->bands) {
        problem_add(p, FAILED, "data.norm: %s has %d bands of %s, wanted %d", path, a->bands, a->name, s->about->bands);
        return OK;
    }
    s->given_norm = memory_new(2 * bands, sizeof *s->given_norm);
    if (!s->given_norm) return FAILED;
    for (int f = 1; f <= a->folds; f++) {
        if (!has_values(a, f)) continue;
        row_add(a, f, s->given_norm, s->given_norm + bands);
        rows++;
    }
    for (size_t c = 0; c < 2 * bands; c++) s->given_norm[c] /= rows > 0 ? rows : 1;
    if (rows)
        warn_of_zeros(a);
    else
        problem_add(p, FAILED, "data.norm: %s has no normalisation of %s", path, a->name);
    return OK;
}

static int take_pack(patches *s, const char *path, problems *p)
{
    patch_pack *other = NULL;
    int index, rc = patch_pack_open(path, &other);
    if (!rc) rc = patch_pack_find_satellite(other, s->about->name, &index);
    if (rc) {
        problem_carry(p, rc, "data.norm, which is \"pack\", \"none\" or a pack of patches", patch_pack_path(s->pack));
        rc = OK;
    } else {
        rc = take_rows(s, patch_pack_satellite(other, index), path, p);
    }
    patch_pack_close(other);
    return rc;
}

int patch_normalisation_find(patches *s, const patches_options *o, problems *p)
{
    bool any = false;
    name_list without = {0};
    s->normalise = !o->norm || strcmp(o->norm, "none") != 0;
    if (!s->normalise) return OK;
    if (o->norm && strcmp(o->norm, "pack") != 0) return take_pack(s, o->norm, p);
    for (int f = 1; f <= s->about->folds; f++) any |= has_values(s->about, f);
    if (!any) {
        problem_add(p, USAGE, "data.norm is pack, but the pack has no normalisation of %s: wanted none",
                    s->about->name);
        return OK;
    }
    for (int i = 0; i < s->count; i++)
        if (fold_of(s, i) && !has_values(s->about, fold_of(s, i))) name_list_add(&without, patches_id(s, i));
    if (without.count)
        problem_add(p, FAILED, "%lld patches are of folds of which %s has no values: %s", without.count,
                    s->about->source, name_list_text(&without));
    else
        warn_of_zeros(s->about);
    return OK;
}

/* Adds the rows of the folds of the samples to sum [mean, std]; how many rows. */
static int add_own(const patches *s, const uint32_t *sample, int count, bool *taken, double *sum)
{
    bool any = false;
    int rows = 0;
    for (int i = 0; i < count; i++) {
        const int fold = fold_of(s, sample ? (int)sample[i] : i);
        if (fold) any = taken[fold] = true;
    }
    for (int f = 1; f <= s->about->folds; f++) {
        if (any ? !taken[f] : !has_values(s->about, f)) continue; /* patches without a fold: all rows, as published */
        row_add(s->about, f, sum, sum + s->about->bands);
        rows++;
    }
    return rows;
}

int patches_normalisation(const patches *s, const uint32_t *sample, int count, float **mean, float **std)
{
    const size_t bands = (size_t)s->about->bands;
    int rc = OK, rows = 0;
    bool *taken = NULL;
    double *sum = NULL;
    float *values = NULL;
    TRY_NEW(taken = memory_new((size_t)s->about->folds + 1, sizeof *taken));
    TRY_NEW(sum = memory_new(2 * bands, sizeof *sum));
    TRY_NEW(values = memory_new(2 * bands, sizeof *values));
    if (s->given_norm) {
        memcpy(sum, s->given_norm, 2 * bands * sizeof *sum);
        rows = 1;
    } else if (s->normalise) {
        rows = add_own(s, sample, sample ? count : s->count, taken, sum);
    }
    for (size_t c = 0; c < bands; c++) {
        values[c] = (float)(rows > 0 ? sum[c] / rows : 0);
        values[bands + c] = sum[bands + c] > 0 ? (float)(sum[bands + c] / rows) : 1;
    }
    *mean = values;
    *std = values + bands;
done:
    free(taken);
    free(sum);
    return rc;
}
