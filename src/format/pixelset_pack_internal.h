/* What an opened pack holds: filled by pixelset_pack_open.c, asked for through pixelset_pack.c. */
#ifndef FURROW_FORMAT_PIXELSET_PACK_INTERNAL_H
#define FURROW_FORMAT_PIXELSET_PACK_INTERNAL_H

#include "format/h5.h"
#include "format/pixelset_pack.h"

struct pixelset_pack {
    h5 *file;
    h5_dataset *pixel_data;
    size_t count;
    int bands;
    enum number_type type;
    char *ids;
    size_t id_width;
    uint64_t *offset, *first_day;
    int32_t *dates, *pixels, *days;
    size_t day_count;
    bool shared;
    size_t nomenclatures, features;
    char **nomenclature;
    int32_t **labels;
    pack_feature *feature;
    pack_normalisation normalisation;
};

#endif
