/* Polygons of a register on the grid of images: which pixels are whose, what they are called, what they measure. */
#ifndef FURROW_DATA_TOOLS_GEOTIFF_PARCELS_H
#define FURROW_DATA_TOOLS_GEOTIFF_PARCELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text_file.h"
#include "format/geo_layer.h"
#include "format/pixelset_pack_write.h"

enum { NOMENCLATURES_MAX = 16, GEOMETRIC_FEATURES = 4 };

typedef struct geotiff_parcels_options {
    const char *layer;  /* NULL: the only one */
    const char *id;     /* a field; NULL: ID_PARCEL, else id, else the feature's number */
    const char *labels; /* fields between commas, a nomenclature each; NULL: none */
    bool touched;       /* all pixels that the polygon touches, not those alone whose centre it holds */
    double buffer;      /* leave out what is nearer to the edge, in the images' unit */
    int least_pixels, most_pixels;
} geotiff_parcels_options;

typedef struct geotiff_parcel {
    char *id;
    char **labels; /* [nomenclatures] as text; NULL: none */
    size_t first_run, run_count;
    int32_t pixels;
    double perimeter, area; /* of the whole polygon, without the buffer */
} geotiff_parcel;

typedef struct geotiff_parcels {
    geotiff_parcel *parcel;           /* sorted by id */
    size_t count, capacity, features; /* features: those of the layer */
    geo_runs runs;
    size_t nomenclatures;
    char *label_names[NOMENCLATURES_MAX];
    pack_labels labels[NOMENCLATURES_MAX]; /* label_names and numbers, see geotiff_labels */
    size_t left_out;
    text_file *list; /* of those left out: id, pixels, why */
} geotiff_parcels;

/* Reads all polygons. What cannot be used (no polygon, one that crosses itself, too few pixels, ...) goes to the list
 * `left_out_path`, a CSV file that exists only where there are some. FAILED where two share an id, or none remains. */
int geotiff_parcels_read(const char *path, const geotiff_parcels_options *o, const geo_grid *grid,
                         const char *left_out_path, geotiff_parcels *out);

/* Where parcels' ids stand in the layer: `name`, or NULL for ID_PARCEL, else id; -1: nowhere, so that features' numbers
 * are the ids. USAGE where the layer has no such field. */
int geotiff_id_field(const geo_layer *l, const char *name, int *index);

/* One more that cannot be used. */
void geotiff_parcels_leave_out(geotiff_parcels *p, const char *id, long long pixels, const char *why);

/* Fills p->labels. A field whose texts are all whole numbers keeps them; others are numbered from 0 in the order of their
 * bytes, and `classes` says what stands for what. */
int geotiff_labels(geotiff_parcels *p);

/* The paper's features of parcel i: perimeter (m, or whatever the images' unit is), pixels, the share of pixels among
 * those of their bounding box, perimeter / area. `pixels` where fewer are kept than drawn. */
void geotiff_features(const geotiff_parcels *p, size_t i, int32_t pixels, float out[GEOMETRIC_FEATURES]);

/* `hash` with whatever the polygons' file says: it has become ids, runs and labels; what they measure follows from it. */
uint64_t geotiff_parcels_hash(const geotiff_parcels *p, uint64_t hash);

/* Ends the list, whole or (keep false) not at all. */
int geotiff_parcels_end_list(geotiff_parcels *p, bool keep);
void geotiff_parcels_free(geotiff_parcels *p);

#endif
