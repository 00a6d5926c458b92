/* What the commands that make packs share. */
#ifndef FURROW_DATA_TOOLS_PACK_COMMON_H
#define FURROW_DATA_TOOLS_PACK_COMMON_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "data/problems.h"
#include "format/npy.h"

enum { PROBLEMS_SHOWN = 50 };

/* Counts every problem and keeps the text of the first ones. */
void pack_problem_add(problems *found, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

/* The value that most of them have, zeros left out: the odd one is the odd one even when it comes first. Right where one
 * has more than half. */
int pack_majority(const int *values, size_t count);

/* What a pack depends on: a number; an array's header and size; a file's time of change. */
uint64_t pack_hash_number(uint64_t hash, uint64_t value);
uint64_t pack_hash_array(uint64_t hash, const npy_header *h, const struct stat *about);
uint64_t pack_hash_time(uint64_t hash, const struct stat *about);

#endif
