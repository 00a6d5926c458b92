/* What `furrow pack pixelset` learns from the folder before it reads a pixel: parcels, shapes, and the documents under
 * META. What is wrong is gathered, not stopped at. */
#ifndef FURROW_DATA_TOOLS_PACK_SOURCE_H
#define FURROW_DATA_TOOLS_PACK_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/problems.h"
#include "format/pixelset_pack_write.h"

typedef struct pack_source {
    char *data, *meta; /* DIR/DATA, DIR/META */
    size_t count;      /* parcels, sorted by id_compare */
    char **ids;
    int32_t *dates, *pixels;
    bool *readable;        /* the header is right: the pixels can be looked at */
    int bands;             /* of most parcels */
    int common_dates;      /* T where it is the same for all, else 0 */
    enum number_type type; /* that holds all source types */
    char fingerprint[20];  /* of names, sizes and headers */
    uint64_t state;        /* that and the files' times: a run goes on only from the same state */
    int32_t *days;         /* NULL: no dates.json */
    size_t day_count;
    bool days_shared;
    pack_labels *labels;
    size_t nomenclatures;
    bool classes_named; /* META/classes.json tells what labels stand for */
    pack_feature *features;
    size_t feature_count;
    problems found;
} pack_source;

/* As pack_problem_add, into s->found. */
void pack_problem(pack_source *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Lists DATA and reads every header. FAILED only where there is no such folder or no parcel. */
int pack_source_open(const char *folder, pack_source *s);
void pack_source_free(pack_source *s);

/* The parcel with this id, or s->count. Takes time with the logarithm of the count. */
size_t pack_source_find(const pack_source *s, const char *id);

/* labels.json with classes.json, dates.json and all others under META (pack_labels.c, pack_dates.c, pack_features.c). A
 * missing one is noted; codes are for trouble that is not the document's. */
int pack_labels_read(pack_source *s);
int pack_dates_read(pack_source *s);
int pack_features_read(pack_source *s);

/* A document of META: *out is NULL where there is none or where it is broken (a problem then). */
struct cJSON;
int pack_document(pack_source *s, const char *name, struct cJSON **out);

#endif
