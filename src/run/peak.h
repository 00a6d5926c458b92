/* The device's measured rate of fused multiply-adds. */
#ifndef FURROW_RUN_PEAK_H
#define FURROW_RUN_PEAK_H

#include "rt/rt.h"

/* GFLOP/s in single precision, the best of a few launches; about a fifth of a second on any device. */
int peak_gflops(device *d, double *out);

#endif
