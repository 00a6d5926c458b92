/* The disk cache of built programs: one file an entry, <cache folder>/program-<key>.bin.
 *
 * File: header | variants (8 bytes each) | binary, all in the machine's byte order: the files never leave it. Whatever
 * is not a whole entry of the key asked for (truncated, changed, another program's) counts as absent. */
#include "rt/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"

#define MAGIC "furrowp1"

enum {
    ENTRY_LIMIT = 512 << 20, /* bytes */
    VARIANTS_LIMIT = 65536,
};

typedef struct header {
    char magic[8];
    uint64_t key, checksum; /* checksum of all that follows the header */
    uint64_t variants, length;
} header;

/* A new string, or NULL when there is no cache folder or no memory. */
static char *entry_path(uint64_t key)
{
    char *path = NULL, *name = NULL, *folder = cache_folder();
    if (!folder) return NULL;
    name = text_format("program-%016" PRIx64 ".bin", key);
    if (name) path = path_join(folder, name);
    free(name);
    free(folder);
    return path;
}

void cache_warn(device *d)
{
    if (!d->cache_warned) log_warning("the cache cannot be used, so every start will be slow: %s", error_message());
    d->cache_warned = true;
}

static bool whole_entry(const char *bytes, size_t length, uint64_t key, header *h)
{
    if (length < sizeof *h) return false;
    memcpy(h, bytes, sizeof *h);
    size_t rest = length - sizeof *h;
    if (memcmp(h->magic, MAGIC, sizeof h->magic) || h->key != key) return false;
    if (h->variants > VARIANTS_LIMIT || h->length == 0 || h->length > rest) return false;
    if (h->variants * 8 + h->length != rest) return false;
    return hash_bytes(HASH_START, bytes + sizeof *h, rest) == h->checksum;
}

bool program_cache_read(device *d, uint64_t key, unsigned char **binary, size_t *length, uint64_t **variants,
                        size_t *variant_count)
{
    header h;
    char *bytes = NULL, *path = entry_path(key);
    size_t size = 0;
    bool found = false;
    *binary = NULL;
    *variants = NULL;
    if (!path) cache_warn(d);
    if (!path || !file_exists(path) || file_read(path, ENTRY_LIMIT, &bytes, &size)) goto done;
    if (!whole_entry(bytes, size, key, &h)) goto done;
    *variants = memory_new((size_t)h.variants, 8);
    *binary = memory_new((size_t)h.length, 1);
    if (!*variants || !*binary) goto done;
    if (h.variants) memcpy(*variants, bytes + sizeof h, (size_t)h.variants * 8);
    memcpy(*binary, bytes + sizeof h + h.variants * 8, (size_t)h.length);
    *variant_count = (size_t)h.variants;
    *length = (size_t)h.length;
    found = true;
done:
    if (!found) {
        free(*binary);
        free(*variants);
        *binary = NULL;
        *variants = NULL;
    }
    free(bytes);
    free(path);
    return found;
}

void program_cache_write(device *d, uint64_t key, const unsigned char *binary, size_t length, const uint64_t *variants,
                         size_t variant_count)
{
    if (variant_count > VARIANTS_LIMIT) variant_count = VARIANTS_LIMIT;
    size_t rest = variant_count * 8 + length;
    char *path = entry_path(key), *bytes = memory_new(sizeof(header) + rest, 1);
    if (path && bytes) {
        header h = {.magic = "", .key = key, .variants = variant_count, .length = length};
        memcpy(h.magic, MAGIC, sizeof h.magic);
        if (variant_count) memcpy(bytes + sizeof h, variants, variant_count * 8);
        memcpy(bytes + sizeof h + variant_count * 8, binary, length);
        h.checksum = hash_bytes(HASH_START, bytes + sizeof h, rest);
        memcpy(bytes, &h, sizeof h);
    }
    if (!path || !bytes || file_write(path, bytes, sizeof(header) + rest)) cache_warn(d);
    free(bytes);
    free(path);
}
