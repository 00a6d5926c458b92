/* The draws of dropout, for every operation that drops (cl/dropout.clh is the device's side). */
#ifndef FURROW_OP_DROPOUT_H
#define FURROW_OP_DROPOUT_H

#include "base/random.h"
#include "op/op.h"

/* The key of node `index` of the tape at a step: nothing is stored, backward draws again. */
random_key dropout_key(uint64_t seed, uint64_t step, int index);

bool dropout_legal(float p); /* 0 <= p < 1 */

/* A value is dropped when its word is below this: p 2^32. */
uint32_t dropout_limit(float p);

/* 0 or 1 / (1 - p): what value `index` is multiplied by. */
double dropout_factor(random_key key, float p, uint64_t index);

#endif
