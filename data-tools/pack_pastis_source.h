/* What `furrow pack pastis` learns from the folder before it reads an image. What is wrong is gathered, not stopped at. */
#ifndef FURROW_DATA_TOOLS_PACK_PASTIS_SOURCE_H
#define FURROW_DATA_TOOLS_PACK_PASTIS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "data/problems.h"
#include "format/normalisation.h"
#include "format/npy.h"
#include "format/patch_pack_write.h"

enum { PASTIS_CLASSES = 256 };

typedef struct pastis_image { /* a .npy file of a patch */
    bool there;
    npy_header header;
    struct stat file;
} pastis_image;

typedef struct pastis_patch {
    char *id;
    bool entry; /* metadata.geojson has it */
    bool bad;   /* something is wrong with it: it is not packed */
    int32_t fold;
    double corners[8]; /* NaN: unknown */
    pastis_image image[PATCH_SATELLITES_MAX], labels, parcels, target[PATCH_TARGETS];
    enum patch_origin origin[PATCH_TARGETS]; /* pack_pastis_targets.h */
    size_t dates[PATCH_SATELLITES_MAX];      /* in metadata.geojson */
    int32_t *days[PATCH_SATELLITES_MAX];
} pastis_patch;

typedef struct pastis_satellite {
    const char *name;
    bool there; /* at least one patch has it */
    int bands;  /* of most patches */
    enum number_type type;
    normalisation norm; /* rows 0: to be computed */
    char *norm_file;    /* its name in the folder; NULL: computed */
} pastis_satellite;

typedef struct pastis_source {
    const char *folder;
    bool skip_bad, wanted_fold[6]; /* [0]: patches without one */
    pastis_patch *patches;         /* sorted by id_compare; of wanted folds alone once the metadata is read */
    size_t count, capacity;
    size_t absent;     /* patches of the metadata without any image, left out by skip_bad */
    int height, width; /* of most patches */
    int crs;
    bool has_folds, has_labels;
    pastis_satellite satellite[PATCH_SATELLITES_MAX];
    char *class_name[PASTIS_CLASSES];
    uint32_t class_colour[PASTIS_CLASSES];
    size_t classes;
    uint64_t documents; /* hash of metadata.geojson, normalisation and names */
    problems found;     /* stand in the way */
    problems left_out;  /* of patches that skip_bad leaves out */
} pastis_source;

/* Counts a problem; a patch's own (NULL: not one patch's) makes it bad, and with skip_bad no longer stands in the way. */
void pastis_problem(pastis_source *s, pastis_patch *patch, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* This thread's error message, files named from the folder on: what a pack keeps must not depend on where it lies. */
const char *pastis_message(const pastis_source *s);

/* Finds files and entries and reads every header. FAILED only where nothing can be said about the patches. */
int pastis_source_open(const char *folder, const char *folds, bool skip_bad, pastis_source *s);
void pastis_source_free(pastis_source *s);

/* A document of the folder: *out is NULL where there is none or where it is broken (a problem then). Its text counts in
 * s->documents. */
struct cJSON;
int pastis_document(pastis_source *s, const char *name, struct cJSON **out);

/* The patch with this id, or NULL. */
pastis_patch *pastis_find(const pastis_source *s, const char *id);

/* The folder of satellite 0 .. 2 ("DATA_S2"), and a file of a patch as messages name it ("DATA_S2/S2_7.npy"), in `text`;
 * of labels, parcels and targets ("INSTANCE_ANNOTATIONS/ZONES_7.npy") too. */
typedef struct pastis_name {
    char text[160];
} pastis_name;
const char *pastis_satellite_name(int satellite);
pastis_name pastis_image_name(int satellite, const char *id);
pastis_name pastis_labels_name(const char *id);
pastis_name pastis_parcels_name(const char *id);
pastis_name pastis_target_name(enum patch_target target, const char *id);

/* Whether the patch has parcels: ids, or instances to take for ids. */
bool pastis_has_parcels(const pastis_patch *p);

int pastis_headers_read(pastis_source *s);       /* pack_pastis_headers.c: of every file of a patch */
void pastis_headers_conclude(pastis_source *s);  /* types; what some patches lack: of those that are not bad */
int pastis_metadata_read(pastis_source *s);      /* pack_pastis_metadata.c */
int pastis_normalisation_read(pastis_source *s); /* pack_pastis_documents.c: NORM_*_patch.json */
int pastis_class_names_read(pastis_source *s);   /* pack_pastis_documents.c: label_names.json */

#endif
