/* Pixels that were not seen at some dates. */
#ifndef FURROW_DATA_TOOLS_PACK_GAPS_H
#define FURROW_DATA_TOOLS_PACK_GAPS_H

#include <stddef.h>
#include <stdint.h>

#include "format/number.h"

/* values [dates][pixels][bands], missing [dates][pixels]: what is missing takes the value of the straight line over time
 * between the pixel's last and next sight (as the published data sets were made), before the first and behind the last one
 * their values. Whole numbers are rounded, halves to even. A pixel that was never seen keeps what it has.
 * days [dates] rise. */
void gaps_fill(enum number_type type, void *values, const uint8_t *missing, const int32_t *days, size_t dates,
               size_t pixels, size_t bands);

/* Moves the pixels that were seen at least once together, in place, and tells how many they are. values NULL: only
 * counts. */
size_t gaps_keep_seen(enum number_type type, void *values, const uint8_t *missing, size_t dates, size_t pixels,
                      size_t bands);

#endif
