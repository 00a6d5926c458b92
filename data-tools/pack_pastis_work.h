/* A pack of patches under way: the file that is being made, and the journal beside it that lets a later run go on. */
#ifndef FURROW_DATA_TOOLS_PACK_PASTIS_WORK_H
#define FURROW_DATA_TOOLS_PACK_PASTIS_WORK_H

#include "data-tools/pack_moments.h"
#include "data-tools/pack_pastis.h"
#include "data-tools/pack_pastis_contents.h"
#include "data-tools/pack_stage.h"

enum { PASTIS_FOLDS = 5 };

typedef struct pastis_work {
    const pack_pastis_options *options;
    const char *out;
    char *partial, *unfinished, *compressing; /* OUT.partial, ... */
    pastis_source source;
    pastis_contents contents;
    patch_writer *writer; /* NULL: there are problems, and nothing is kept */
    pack_stage *stage;    /* of records */
    uint64_t *start;      /* [count + 1] bytes of records before each patch's */
    moments patch_moments[PATCH_SATELLITES_MAX];
    moments fold_moments[PATCH_SATELLITES_MAX][PASTIS_FOLDS + 1]; /* [0]: of all patches */
    size_t resumed;
} pastis_work;

/* Opens writer and journal of p->contents; p->resumed patches are done already. */
int pastis_writer_open(pastis_work *p);
/* Ends an attempt: closes and frees all of it; what lies on disk stays unless `remove`. */
void pastis_writer_end(pastis_work *p, bool remove);

/* Notes a patch that is packed, and its moments in p->patch_moments, in the journal. */
int pastis_record_keep(pastis_work *p, size_t patch);
/* So many patches are safe: what the journal speaks of is on disk before it speaks of it. */
int pastis_progress_keep(pastis_work *p, size_t patches);

/* Whether the pack's satellite k has no normalisation file. */
bool pastis_is_computed(const pastis_work *p, int k);

#endif
