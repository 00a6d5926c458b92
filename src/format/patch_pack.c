/* What a patch pack holds, and its frames. */
#include "format/patch_pack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "format/patch_pack_internal.h"

void patch_pack_close(patch_pack *p)
{
    if (!p) return;
    for (int s = 0; s < p->satellites; s++) {
        patch_series *series = &p->series[s];
        patch_rows_close(&series->frames);
        free((void *)series->about.name);
        free((void *)series->about.mean);
        free((void *)series->about.std);
        free((void *)series->about.source);
        free(series->first);
        free(series->days);
    }
    patch_planes_close(p);
    h5_close(p->file);
    if (p->descriptor >= 0) close(p->descriptor);
    free(p->series);
    free(p->ids);
    free(p->fold);
    free(p->corners);
    free(p->names);
    free(p->colours);
    free(p);
}

/* ---- patches ------------------------------------------------------------------------------------------------------- */

const char *patch_pack_path(const patch_pack *p)
{
    return h5_path(p->file);
}

size_t patch_pack_count(const patch_pack *p)
{
    return p->count;
}

int patch_pack_height(const patch_pack *p)
{
    return p->height;
}

int patch_pack_width(const patch_pack *p)
{
    return p->width;
}

const char *patch_pack_id(const patch_pack *p, size_t patch)
{
    return p->ids + patch * p->id_width;
}

int patch_pack_fold(const patch_pack *p, size_t patch)
{
    return p->fold[patch];
}

const double *patch_pack_corners(const patch_pack *p, size_t patch, int *crs)
{
    *crs = p->crs;
    return p->corners && !isnan(p->corners[patch * PATCH_CORNERS]) ? p->corners + patch * PATCH_CORNERS : NULL;
}

/* ---- satellites ---------------------------------------------------------------------------------------------------- */

int patch_pack_satellites(const patch_pack *p)
{
    return p->satellites;
}

const patch_satellite *patch_pack_satellite(const patch_pack *p, int index)
{
    return &p->series[index].about;
}

int patch_pack_find_satellite(const patch_pack *p, const char *name, int *index)
{
    char text[400] = "";
    size_t used = 0;
    for (int s = 0; s < p->satellites; s++) {
        if (!strcmp(name, p->series[s].about.name)) {
            *index = s;
            return OK;
        }
        if (used < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, s ? ", %s" : "%s", p->series[s].about.name);
    }
    return fail(USAGE, "%s: no satellite \"%s\"; there are: %s", h5_path(p->file), name, text);
}

int patch_pack_dates(const patch_pack *p, int satellite, size_t patch)
{
    const uint64_t *first = p->series[satellite].first;
    return (int)(first[patch + 1] - first[patch]);
}

const int32_t *patch_pack_days(const patch_pack *p, int satellite, size_t patch)
{
    return p->series[satellite].days + p->series[satellite].first[patch];
}

size_t patch_pack_frame_bytes(const patch_pack *p, int satellite)
{
    return p->series[satellite].frames.row_bytes;
}

int patch_pack_read_frames(patch_pack *p, int satellite, size_t patch, const int *date, int dates, void *out)
{
    const patch_series *s = &p->series[satellite];
    int have = patch_pack_dates(p, satellite, patch);
    for (int i = 0, end; i < dates; i = end) {
        if (date[i] < 0 || date[i] >= have)
            return fail(FAILED, "%s: patch %s has %d dates of %s, wanted date %d", h5_path(p->file),
                        patch_pack_id(p, patch), have, s->about.name, date[i]);
        for (end = i + 1; end < dates && date[end] == date[end - 1] + 1 && date[end] < have;) end++;
        int rc = patch_rows_read(p, &s->frames, (size_t)s->first[patch] + (size_t)date[i], (size_t)(end - i),
                                 (char *)out + (size_t)i * s->frames.row_bytes);
        if (rc) return fail_within(rc, "patch %s, %s", patch_pack_id(p, patch), s->about.name);
    }
    return OK;
}

/* ---- classes ------------------------------------------------------------------------------------------------------- */

/* PASTIS's nomenclature, in the colours of its authors' maps: black, matplotlib's tab20 from its second on, white. */
enum { PASTIS_VOID = 19 };
static const struct {
    const char *name;
    uint32_t colour;
} pastis[PASTIS_VOID + 1] = {
    {"Background", 0x000000},
    {"Meadow", 0xaec7e8},
    {"Soft winter wheat", 0xff7f0e},
    {"Corn", 0xffbb78},
    {"Winter barley", 0x2ca02c},
    {"Winter rapeseed", 0x98df8a},
    {"Spring barley", 0xd62728},
    {"Sunflower", 0xff9896},
    {"Grapevine", 0x9467bd},
    {"Beet", 0xc5b0d5},
    {"Winter triticale", 0x8c564b},
    {"Winter durum wheat", 0xc49c94},
    {"Fruits, vegetables, flowers", 0xe377c2},
    {"Potatoes", 0xf7b6d2},
    {"Leguminous fodder", 0x7f7f7f},
    {"Soybeans", 0xc7c7c7},
    {"Orchard", 0xbcbd22},
    {"Mixed cereal", 0xdbdb8d},
    {"Sorghum", 0x17becf},
    {"Void label", 0xffffff},
};

/* No names of its own, and its highest label is PASTIS's last crop or its void. */
static bool is_pastis(const patch_pack *p)
{
    return !p->classes && (p->highest == PASTIS_VOID || p->highest == PASTIS_VOID - 1);
}

const char *patch_pack_class_name(const patch_pack *p, int label)
{
    if (label < 0) return NULL;
    if (is_pastis(p)) return label <= PASTIS_VOID ? pastis[label].name : NULL;
    if ((size_t)label >= p->classes || !p->names[(size_t)label * p->name_width]) return NULL;
    return p->names + (size_t)label * p->name_width;
}

/* A class without a colour of its own has that of PASTIS's class of the same number; after 18 they come again. */
uint32_t patch_pack_class_colour(const patch_pack *p, int label)
{
    enum { CROPS = PASTIS_VOID - 1 };
    if (label < 0) return 0x808080;
    if (is_pastis(p) && label == PASTIS_VOID) return pastis[PASTIS_VOID].colour;
    if ((size_t)label < p->classes && p->colours[label] != PATCH_NO_COLOUR) return p->colours[label];
    return pastis[label ? 1 + (label - 1) % CROPS : 0].colour;
}
