#include "data-tools/pack_common.h"

#include <stdio.h>

#include "base/error.h"
#include "base/hash.h"

void pack_problem_add(problems *found, const char *format, va_list arguments)
{
    char text[1000];
    if (found->count >= PROBLEMS_SHOWN) {
        found->count++;
        return;
    }
    vsnprintf(text, sizeof text, format, arguments);
    problem_add(found, FAILED, "%s", text);
}

/* Boyer and Moore's vote. */
int pack_majority(const int *values, size_t count)
{
    size_t votes = 0;
    int most = 0;
    for (size_t i = 0; i < count; i++) {
        if (!values[i]) continue;
        if (!votes) most = values[i];
        votes = values[i] == most ? votes + 1 : votes - 1;
    }
    return most;
}

uint64_t pack_hash_number(uint64_t hash, uint64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(value >> 8 * i);
    return hash_bytes(hash, bytes, sizeof bytes);
}

uint64_t pack_hash_array(uint64_t hash, const npy_header *h, const struct stat *about)
{
    hash = pack_hash_number(hash, (uint64_t)about->st_size);
    hash = pack_hash_number(hash, (uint64_t)h->type << 8 | (uint64_t)h->swapped << 1 | (uint64_t)h->fortran);
    for (int i = 0; i < h->rank; i++) hash = pack_hash_number(hash, h->shape[i]);
    return hash;
}

uint64_t pack_hash_time(uint64_t hash, const struct stat *about)
{
    hash = pack_hash_number(hash, (uint64_t)about->st_mtim.tv_sec);
    return pack_hash_number(hash, (uint64_t)about->st_mtim.tv_nsec);
}
