/* The net: parameters by name, the tape, its memory plan, forward and backward.
 *
 *   net_new -> for each batch shape: net_begin, the model's constructors, net_plan -> net_forward, net_backward, ...
 *
 * Parameters (and running statistics) outlive the tape: three flat buffers (values, gradients, Adam's two moments are
 * the optimiser's) with named views, so that a step's update is one launch and a checkpoint one read. The tape is
 * recorded again when a batch's shape changes: microseconds, and the arena only grows. */
#ifndef FURROW_NET_NET_H
#define FURROW_NET_NET_H

#include "op/op.h"

/* How a parameter starts (run: deterministic in (seed, key)). */
enum initial {
    INITIAL_ZERO,
    INITIAL_ONE,
    INITIAL_VALUE,         /* `scale` */
    INITIAL_NORMAL,        /* deviation `scale` */
    INITIAL_XAVIER_NORMAL, /* sqrt(2 / (fan in + fan out)) of [N x K x taps...]: (N + K) taps */
    INITIAL_ORTHOGONAL,    /* [N x K]: orthonormal lines, or columns where there are fewer (Saxe et al. 2014) */
};

enum parameter_role { PARAMETER_TRAINED, PARAMETER_STATISTIC /* a buffer: no gradient, no optimiser */ };

int net_new(device *d, uint64_t seed, net **out);
void net_free(net *n);
device *net_device(const net *n);

/* ---- recording (models and layers) ------------------------------------------------------------------------------ */

/* Starts a tape: forgets the nodes, keeps the parameters. */
void net_begin(net *n, bool training);

/* The parameter `key`, made when it does not exist; a shape that differs from the existing one's is an error. */
tensor *net_parameter(net *n, const char *key, shape s, enum parameter_role role, enum initial initial, double scale);

/* Puts `prefix` (a constant text) before the keys of parameters from here to the next call or net_begin; "": nothing. */
void net_prefix(net *n, const char *prefix);

/* A table of constants that outlives the tape (a sinusoid table), made once per key by `fill`; never saved. */
tensor *net_constant(net *n, const char *key, shape s, void (*fill)(const void *user, float *values), const void *user);

/* An input of this tape, filled with net_input_write between plan and forward. Real inputs take no gradient unless
 * told (checks of operations do). */
tensor *net_input(net *n, const char *name, enum element e, shape s, bool wants_gradient);

/* An input whose bytes lie elsewhere: net_input_use says where, before forward. Takes no memory of the tape's. */
tensor *net_input_given(net *n, const char *name, enum element e, shape s);

/* Makes the error just set (fail) the tape's: constructors return NULL from here on, net_plan returns it. */
void net_refuse(net *n, int code);

/* The same values under another shape; no copy. */
tensor *reshape(net *n, tensor *x, shape s);

/* Keeps a tensor's data to the end of the forward pass (and so readable): outputs, attention maps. */
void net_keep(net *n, tensor *t);

/* The values of t, a node's output, may be computed again in backward instead of being kept from forward to there:
 * where the net was told to save memory. Worth it for what is cheap to make and large. */
void net_recompute(net *n, tensor *t);
/* From the next net_plan on: do what net_recompute allows. */
void net_save_memory(net *n, bool on);

/* printf into the net's own memory, for keys: scope(n, "%s.mlp.%d", prefix, i). NULL after an error. */
const char *scope(net *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- running ---------------------------------------------------------------------------------------------------- */

/* Ends recording: the first error of any constructor, else the memory plan. peak (may be NULL): bytes of the arena. */
int net_plan(net *n, size_t *peak);

/* What net_plan would need, without allocating anything; SIZE_MAX, and FAILED, when one tensor alone is larger than the
 * device can allocate. */
int net_measure(net *n, size_t *peak);

int net_input_write(net *n, tensor *input, const void *values); /* all of it */
int net_input_use(net *n, tensor *input, buffer *b);            /* reads b instead, no copy */
int net_forward(net *n, uint64_t step);
/* After net_forward with the same step. From the scalar `loss` (gradient 1), or from `output` with its gradient given.
 * Nothing on the tape may consume where it starts. Every trained parameter's gradient is written (0: not reached). */
int net_backward(net *n, tensor *loss, uint64_t step);
int net_backward_from(net *n, tensor *output, const float *gradient, uint64_t step);
int net_read(net *n, const tensor *t, void *values);           /* data; waits */
int net_read_gradient(net *n, const tensor *t, float *values); /* waits */

/* ---- parameters ------------------------------------------------------------------------------------------------- */

int net_parameter_count(const net *n);
tensor *net_parameter_at(const net *n, int i); /* in the order of making */
enum parameter_role net_parameter_role(const net *n, int i);
tensor *net_parameter_find(const net *n, const char *key); /* NULL: none */
int net_parameter_write(net *n, tensor *p, const float *values);
int net_parameter_read(net *n, const tensor *p, float *values);

/* The flat buffers, for the optimiser: trained parameters only, `count` floats with zeros in the gaps. */
int net_flat(net *n, buffer **values, buffer **gradients, size_t *count);
size_t net_flat_offset(const net *n, const tensor *p); /* of a trained parameter in them, in floats */
void net_parameters_changed(net *n); /* call after writing to the flat values: transposed copies are refreshed */

#endif
