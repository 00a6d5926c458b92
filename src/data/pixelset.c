/* A data set: the pack, and what the configuration's "data" makes of it. */
#include "data/pixelset.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/internal.h"

#define AT(member) offsetof(pixelset_options, member)
const field pixelset_fields[] = {
    {"pack", FIELD_TEXT, AT(pack), NULL, 0, 0, NULL, "the pixel-set pack (HDF5), made by furrow pack pixelset"},
    {"nomenclature", FIELD_TEXT, AT(nomenclature), "null", 0, 0, NULL, "which labels; null: the pack's only ones"},
    {"sub_classes", FIELD_INT_LIST, AT(sub_classes), "null", 0, 0, NULL,
     "labels to keep, in the order of their classes; null: all labels, increasing"},
    {"npixel", FIELD_INT, AT(npixel), "64", 1, 65536, NULL, "pixels drawn from each parcel"},
    {"extra_feature", FIELD_TEXT, AT(extra_feature), "null", 0, 0, NULL,
     "static features by the name of their file; null: none"},
    {"norm", FIELD_TEXT, AT(norm), "\"pack\"", 0, 0, NULL,
     "normalisation: pack (the pack's values), none, a .pkl file, or another pack, whose values are taken"},
    {"jitter", FIELD_BOOL, AT(jitter), "true", 0, 0, NULL,
     "in training: gaussian noise of 0.01, clipped at 0.05, on normalised pixels"},
    {"preload", FIELD_BOOL, AT(preload), "false", 0, 0, NULL, "hold all pixels in memory"},
    {"ref_date", FIELD_TEXT, AT(ref_date), "null", 0, 0, NULL,
     "the day that counts as 0, YYYY-MM-DD; null: the set's first date, the earliest where parcels have their own"},
    {0},
};

static int check(pixelset *s, const pixelset_options *o, bool labels_needed)
{
    int rc = OK;
    problems found = {0};
    TRY(classes_find(s, o, labels_needed, &found));
    TRY(positions_find(s, o, &found));
    TRY(features_find(s, o, &found));
    TRY(normalisation_find(s, o, &found));
    rc = problems_report(&found, o->pack);
done:
    problems_free(&found);
    return rc;
}

int pixelset_open(const pixelset_options *options, bool labels_needed, pixelset **out)
{
    int rc = OK;
    if (!options->pack) return fail(USAGE, "data.pack is null, wanted the path of a pixel-set pack");
    pixelset *s = memory_new(1, sizeof *s);
    if (!s) return FAILED;
    pthread_mutex_init(&s->reading, NULL);
    TRY(pixelset_pack_open(options->pack, &s->pack));
    TRY(check(s, options, labels_needed));
    if (options->preload) TRY(pixels_preload(s));
    *out = s;
    s = NULL;
done:
    pixelset_close(s);
    return rc;
}

void pixelset_close(pixelset *s)
{
    if (!s) return;
    for (int k = 0; k < s->classes; k++) free(s->class_name[k]);
    free(s->class_name);
    free(s->parcel);
    free(s->label);
    free(s->features);
    free(s->mean);
    free(s->std);
    free(s->pixels);
    free(s->pixels_start);
    pixelset_pack_close(s->pack);
    pthread_mutex_destroy(&s->reading);
    free(s);
}

/* ---- what there is ----------------------------------------------------------------------------------------------- */

int pixelset_count(const pixelset *s)
{
    return s->count;
}

int pixelset_classes(const pixelset *s)
{
    return s->classes;
}

int pixelset_label(const pixelset *s, int sample)
{
    return s->label[sample];
}

const char *pixelset_class_name(const pixelset *s, int class_index)
{
    return s->class_name[class_index];
}

const char *pixelset_id(const pixelset *s, int sample)
{
    return pixelset_pack_id(s->pack, s->parcel[sample]);
}

int pixelset_bands(const pixelset *s)
{
    return pixelset_pack_bands(s->pack);
}

int pixelset_extra(const pixelset *s)
{
    return s->extra;
}

int pixelset_longest(const pixelset *s)
{
    return s->longest;
}

bool pixelset_dates_are_shared(const pixelset *s)
{
    return s->has_dates && pixelset_pack_days_shared(s->pack);
}

void pixelset_positions(const pixelset *s, int sample, int32_t *out)
{
    positions_of(s, sample, out);
}

int pixelset_dates(const pixelset *s, int sample)
{
    return pixelset_pack_dates(s->pack, s->parcel[sample]);
}

bool pixelset_has_dates(const pixelset *s)
{
    return s->has_dates;
}

int32_t pixelset_reference(const pixelset *s)
{
    return s->reference;
}

int pixelset_first_position(const pixelset *s)
{
    return s->first_position;
}

int pixelset_last_position(const pixelset *s)
{
    return s->last_position;
}

int pixelset_normalisation(const pixelset *s, int *rows, const float **mean, const float **std)
{
    *rows = s->norm_rows;
    *mean = s->mean;
    *std = s->std;
    return OK;
}
