/* The published fold split (get_loaders of train.py in VSainteuf/pytorch-psetae): numpy's legacy shuffle of 0..n-1, cut
 * in order as scikit-learn's KFold does; validation is the end of what is not test, as long as the first test fold. */
#include "data/pixelset.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/problems.h"

/* KFold: the first (samples mod folds) folds have one sample more. Where fold `index` (0..) starts. */
static int fold_start(int samples, int folds, int index)
{
    int larger = samples % folds;
    return samples / folds * index + (index < larger ? index : larger);
}

static int copy_part(const uint32_t *from, int count, uint32_t **to, int *to_count)
{
    *to = memory_new((size_t)count, sizeof **to);
    if (!*to) return FAILED;
    if (count) memcpy(*to, from, (size_t)count * sizeof **to);
    *to_count = count;
    return OK;
}

int fold_split_new(int samples, int folds, int fold, uint32_t seed, fold_split *out)
{
    int rc = OK;
    *out = (fold_split){0};
    if (folds < 2) return fail(USAGE, "train.kfold is %d, wanted 2 or more", folds);
    if (fold < 1 || fold > folds) return fail(USAGE, "fold %d does not exist, wanted 1 to %d", fold, folds);
    if (samples < folds) return fail(FAILED, "%d parcels cannot be cut into %d folds (train.kfold)", samples, folds);
    int start = fold_start(samples, folds, fold - 1), end = fold_start(samples, folds, fold);
    int rest = samples - (end - start), validation = fold_start(samples, folds, 1);
    if (validation > rest) validation = rest; /* two folds of an odd count */
    uint32_t *order = memory_new((size_t)samples, sizeof *order);
    TRY_NEW(order);
    TRY(random_numpy_shuffle(seed, (size_t)samples, order));
    TRY(copy_part(order + start, end - start, &out->test, &out->test_count));
    memmove(order + start, order + end, (size_t)(samples - end) * sizeof *order);
    TRY(copy_part(order, rest - validation, &out->train, &out->train_count));
    TRY(copy_part(order + (rest - validation), validation, &out->validation, &out->validation_count));
done:
    free(order);
    if (rc) fold_split_free(out);
    return rc;
}

void fold_split_free(fold_split *f)
{
    free(f->train);
    free(f->validation);
    free(f->test);
    *f = (fold_split){0};
}

/* ---- classes that a part lacks ----------------------------------------------------------------------------------- */

static void warn_of_part(const pixelset *s, const uint32_t *samples, int count, const char *title, const char *part)
{
    int classes = pixelset_classes(s);
    name_list missing = {0};
    bool *there = memory_new((size_t)classes, sizeof *there);
    if (!there) return; /* only a warning is lost */
    for (int i = 0; i < count; i++) {
        int label = pixelset_label(s, (int)samples[i]);
        if (label >= 0) there[label] = true;
    }
    for (int k = 0; k < classes; k++)
        if (!there[k]) name_list_add(&missing, pixelset_class_name(s, k));
    if (missing.count) log_warning("%s: the %s set has no parcel of class %s", title, part, name_list_text(&missing));
    free(there);
}

void fold_split_warn(const pixelset *s, const fold_split *f, const char *title)
{
    warn_of_part(s, f->train, f->train_count, title, "training");
    warn_of_part(s, f->validation, f->validation_count, title, "validation");
    warn_of_part(s, f->test, f->test_count, title, "test");
}
