/* The published folds of PASTIS (dataset.py and train_semantic.py of VSainteuf/utae-paps). */
#include <stdlib.h>

#include "base/error.h"
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
        return fail(FAILED, "%s: %lld patches have no fold, wanted 1 to %d (\"Fold\" in metadata.geojson): %s",
                    patch_pack_path(s->pack), without.count, FOLDS, name_list_text(&without));
    TRY(part_new(s, fold, TRAINING_FOLDS, &out->train, &out->train_count));
    TRY(part_new(s, fold + TRAINING_FOLDS, 1, &out->validation, &out->validation_count));
    TRY(part_new(s, fold + TRAINING_FOLDS + 1, 1, &out->test, &out->test_count));
done:
    if (rc) fold_split_free(out);
    return rc;
}
