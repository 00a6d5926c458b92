/* Launching kernels whose items own vectors of neighbouring channels: wide vectors and one item a group on CPUs, one
 * channel an item and groups of neighbours on GPUs. */
#ifndef FURROW_OP_CHANNELS_H
#define FURROW_OP_CHANNELS_H

#include "rt/rt.h"

typedef struct channel_form {
    int width;     /* floats of a vector, at most the channels */
    int lanes;     /* items of a group */
    size_t groups; /* that cover the channels */
} channel_form;

channel_form channel_form_of(const device *d, int channels);

/* The kernel built with -DVW and -DLANES of the form. */
int channel_kernel(device *d, channel_form f, const char *program, const char *name, kernel **out);

/* The widest vector a CPU form should use for lines of `columns` floats: 16 or 8, less where a line is shorter. */
int cpu_vector(const device *d, int columns);

#endif
