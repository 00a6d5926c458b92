/* The patches of a folder that are packed, as the pack's writer wants to know them. */
#ifndef FURROW_DATA_TOOLS_PACK_PASTIS_CONTENTS_H
#define FURROW_DATA_TOOLS_PACK_PASTIS_CONTENTS_H

#include "data-tools/pack_pastis_source.h"
#include "format/patch_pack_write.h"

typedef struct pastis_contents {
    patch_contents pack;
    size_t *patch;                   /* [pack.count] index of each among the source's */
    int index[PATCH_SATELLITES_MAX]; /* of each of the pack's satellites among the source's */
    patch_frames satellite[PATCH_SATELLITES_MAX];
    char fingerprint[20]; /* of names, sizes, headers and documents */
    uint64_t state;       /* that and the files' times: a run goes on only from the same state */
} pastis_contents;

/* Of the patches that are not bad: at least one. The source must outlive it. */
int pastis_contents_make(const pastis_source *s, pastis_contents *out);
void pastis_contents_free(pastis_contents *c);

#endif
