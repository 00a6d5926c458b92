/* The pixels of a pack under way, in a plain file that survives being killed at any moment: a header of one page, then
 * the parcels' values one after the other. The header says how many parcels are safely on disk; it is brought up to
 * date only after the data it speaks of has been synced, and carries its own checksum. */
#ifndef FURROW_DATA_TOOLS_PACK_STAGE_H
#define FURROW_DATA_TOOLS_PACK_STAGE_H

#include <stddef.h>
#include <stdint.h>

typedef struct pack_stage pack_stage;

/* Opens or makes the file. *parcels: how many of them are there already (0 when `state`, which stands for everything
 * that the pixels depend on, is another one, or the header is damaged: then it starts anew). Their bytes must be
 * `bytes_of(user, parcels)`. FAILED too when another process works on it. */
int pack_stage_open(const char *path, uint64_t state, uint64_t (*bytes_of)(const void *user, uint64_t parcels),
                    const void *user, pack_stage **out, uint64_t *parcels);

/* At a place of one's own choice, in bytes of values: for those who do not append. */
int pack_stage_write(pack_stage *s, uint64_t start, const void *values, size_t bytes);
int pack_stage_append(pack_stage *s, const void *values, size_t bytes);
int pack_stage_sync(pack_stage *s, uint64_t parcels); /* what is there now is `parcels` whole parcels */
int pack_stage_read(pack_stage *s, uint64_t start, void *values, size_t bytes);

void pack_stage_close(pack_stage *s);  /* keeps the file; NULL is fine */
void pack_stage_remove(pack_stage *s); /* closes it and takes the file away; NULL is fine */

#endif
