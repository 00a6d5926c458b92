/* Steps on a made-up batch of the published sizes. */
#ifndef FURROW_RUN_BENCH_H
#define FURROW_RUN_BENCH_H

#include "rt/rt.h"

/* One inference and one training step of the network (psetae, pseltae): every kernel form that they need has been
 * measured afterwards. */
int bench_once(device *d, const char *arch);

#endif
