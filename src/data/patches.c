/* A data set of patches: the pack, and what the configuration's "data" makes of it. */
#include "data/patches.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/patches_internal.h"

#define AT(member) offsetof(patches_options, member)
const field patches_fields[] = {
    {"pack", FIELD_TEXT, AT(pack), NULL, 0, 0, NULL, "the pack of image patches (HDF5), made by furrow pack pastis"},
    {"satellite", FIELD_TEXT, AT(satellite), "\"S2\"", 0, 0, NULL, "which series of the pack: S2, S1A or S1D"},
    {"norm", FIELD_TEXT, AT(norm), "\"pack\"", 0, 0, NULL,
     "normalisation: pack (the mean over the folds at hand of the pack's values), none, or another pack, whose values "
     "(the mean over its folds) all patches take"},
    {"preload", FIELD_BOOL, AT(preload), "false", 0, 0, NULL, "hold all frames in memory"},
    {"ref_date", FIELD_TEXT, AT(ref_date), "\"2018-09-01\"", 0, 0, NULL, "the day that counts as 0, YYYY-MM-DD"},
    {"mono_date", FIELD_WORD, AT(mono_date), "null", 0, 0, NULL,
     "one date of each patch: its index, or YYYY-MM-DD (the closest); null: all dates"},
    {"max_dates", FIELD_OPTIONAL_INT, AT(max_dates), "null", 1, 1 << 20, NULL,
     "at most so many dates: drawn anew each epoch in training, evenly spaced otherwise; null: all"},
    {"date_dropout", FIELD_REAL, AT(date_dropout), "0", 0, 1, NULL,
     "in training: each date is left out with this probability (one always stays)"},
    {"augment", FIELD_BOOL, AT(augment), "false", 0, 0, NULL, "in training: flips and quarter turns"},
    {"class_map", FIELD_INT_LIST, AT(class_map), "null", -1, LABELS - 1, NULL,
     "entry i is the class of label i, -1: void; null: labels are the classes"},
    {0},
};

static int satellite_find(patches *s, const patches_options *o, problems *p)
{
    int rc = patch_pack_find_satellite(s->pack, o->satellite ? o->satellite : "S2", &s->satellite);
    if (rc == USAGE) {
        problem_carry(p, USAGE, "data.satellite", o->pack);
        return OK;
    }
    if (!rc) s->about = patch_pack_satellite(s->pack, s->satellite);
    return rc;
}

static int check(patches *s, const patches_options *o, bool labels_needed)
{
    int rc = OK;
    problems found = {0};
    TRY(satellite_find(s, o, &found));
    if (s->about) {
        TRY(patch_dates_find(s, o, &found));
        TRY(patch_normalisation_find(s, o, &found));
    }
    TRY(patch_classes_find(s, o, labels_needed, &found));
    rc = problems_report(&found, o->pack);
done:
    problems_free(&found);
    return rc;
}

int patches_open(const patches_options *options, bool labels_needed, patches **out)
{
    int rc = OK;
    if (!options->pack) return fail(USAGE, "data.pack is null, wanted the path of a pack of patches");
    patches *s = memory_new(1, sizeof *s);
    if (!s) return FAILED;
    pthread_mutex_init(&s->reading, NULL);
    s->augment = options->augment;
    TRY(patch_pack_open(options->pack, &s->pack));
    if (patch_pack_count(s->pack) > INT32_MAX) {
        rc = fail(FAILED, "%s: %zu patches, at most %d can be held", options->pack, patch_pack_count(s->pack),
                  INT32_MAX);
        goto done;
    }
    s->count = (int)patch_pack_count(s->pack);
    TRY(check(s, options, labels_needed));
    if (options->preload) TRY(patch_frames_preload(s));
    *out = s;
    s = NULL;
done:
    patches_close(s);
    return rc;
}

void patches_close(patches *s)
{
    if (!s) return;
    for (int k = 0; s->class_name && k < s->classes; k++) free(s->class_name[k]);
    free(s->class_name);
    free(s->class_colour);
    free(s->first_date);
    free(s->given_norm);
    free(s->dates);
    free(s->frames);
    free(s->frames_start);
    free(s->labels);
    patch_pack_close(s->pack);
    pthread_mutex_destroy(&s->reading);
    free(s);
}

/* ---- what there is ----------------------------------------------------------------------------------------------- */

int patches_count(const patches *s)
{
    return s->count;
}

int patches_classes(const patches *s)
{
    return s->classes;
}

int patches_bands(const patches *s)
{
    return s->about->bands;
}

int patches_height(const patches *s)
{
    return patch_pack_height(s->pack);
}

int patches_width(const patches *s)
{
    return patch_pack_width(s->pack);
}

int patches_longest(const patches *s)
{
    return s->longest;
}

int patches_dates(const patches *s, int sample)
{
    return s->dates[sample] < s->max_dates ? s->dates[sample] : s->max_dates;
}

int32_t patches_reference(const patches *s)
{
    return s->reference;
}

int patches_first_position(const patches *s)
{
    return s->first_position;
}

int patches_last_position(const patches *s)
{
    return s->last_position;
}

const char *patches_id(const patches *s, int sample)
{
    return patch_pack_id(s->pack, (size_t)sample);
}

const char *patches_class_name(const patches *s, int class_index)
{
    return s->class_name[class_index];
}

uint32_t patches_class_colour(const patches *s, int class_index)
{
    if (class_index < s->classes) return s->class_colour[class_index];
    return patch_pack_class_colour(s->pack, class_index);
}

const int32_t *patches_class_map(const patches *s)
{
    return s->class_map;
}
