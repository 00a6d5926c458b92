/* The published folds of PASTIS, and the normalisation of a part of the data (dataset.py and train_semantic.py of
 * VSainteuf/utae-paps). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/patches_internal.h"

enum { FOLDS = 5, TRAINING_FOLDS = 3 };

/* ---- the split --------------------------------------------------------------------------------------------------- */

static int fold_of(const patches *s, int sample)
{
    return patch_pack_fold(s->pack, (size_t)sample);
}

/* The samples of `folds` folds from `fold` (1 ..) on, a fold after the other. */
static int part_new(const patches *s, int fold, int folds, uint32_t **out, int *count)
{
    *out = memory_new((size_t)s->count, sizeof **out);
    if (!*out) return FAILED;
    for (int f = fold - 1; f < fold - 1 + folds; f++)
        for (int i = 0; i < s->count; i++)
            if (fold_of(s, i) == f % FOLDS + 1) (*out)[(*count)++] = (uint32_t)i;
    return OK;
}

int patches_split(const patches *s, int fold, fold_split *out)
{
    int rc = OK;
    name_list without = {0};
    *out = (fold_split){0};
    if (fold < 1 || fold > FOLDS) return fail(USAGE, "fold %d does not exist, wanted 1 to %d", fold, FOLDS);
    for (int i = 0; i < s->count; i++)
        if (fold_of(s, i) < 1 || fold_of(s, i) > FOLDS) name_list_add(&without, patches_id(s, i));
    if (without.count)
        return fail(FAILED, "%s: %lld patches have no fold, wanted 1 to %d: %s", patch_pack_path(s->pack),
                    without.count, FOLDS, name_list_text(&without));
    TRY(part_new(s, fold, TRAINING_FOLDS, &out->train, &out->train_count));
    TRY(part_new(s, fold + TRAINING_FOLDS, 1, &out->validation, &out->validation_count));
    TRY(part_new(s, fold + TRAINING_FOLDS + 1, 1, &out->test, &out->test_count));
done:
    if (rc) fold_split_free(out);
    return rc;
}

/* ---- normalisation ----------------------------------------------------------------------------------------------- */

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

int patch_normalisation_find(patches *s, const patches_options *o, problems *p)
{
    bool any = false;
    name_list without = {0};
    s->normalise = !o->norm || o->norm[0] == 'p';
    if (!s->normalise) return OK;
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

/* Adds the row of a fold to mean and std, which divide by `rows` in the end. */
static void row_add(const patch_satellite *a, int fold, double *mean, double *std)
{
    for (int c = 0; c < a->bands; c++) {
        mean[c] += a->mean[(fold - 1) * a->bands + c];
        std[c] += a->std[(fold - 1) * a->bands + c];
    }
}

int patches_normalisation(const patches *s, const uint32_t *sample, int count, float **mean, float **std)
{
    const size_t bands = (size_t)s->about->bands;
    bool *taken = memory_new((size_t)s->about->folds + 1, sizeof *taken), any = false;
    double *sum = memory_new(2 * bands, sizeof *sum), rows = 0;
    float *values = memory_new(2 * bands, sizeof *values);
    int rc = taken && sum && values ? OK : FAILED;
    for (int i = 0; !rc && s->normalise && i < count; i++) {
        const int fold = fold_of(s, (int)sample[i]);
        if (fold) any = taken[fold] = true;
    }
    for (int f = 1; !rc && s->normalise && f <= s->about->folds; f++) {
        if (any ? !taken[f] : !has_values(s->about, f)) continue; /* patches without a fold: all rows, as published */
        row_add(s->about, f, sum, sum + bands);
        rows++;
    }
    for (size_t c = 0; !rc && c < bands; c++) {
        values[c] = (float)(rows > 0 ? sum[c] / rows : 0);
        values[bands + c] = sum[bands + c] > 0 ? (float)(sum[bands + c] / rows) : 1;
    }
    free(taken);
    free(sum);
    if (rc) {
        free(values);
        return rc;
    }
    *mean = values;
    *std = values + bands;
    return OK;
}
