/* Checking an operation against a plain C reference: the device's self-test and the tests share cases and references.
 *
 * A case names inputs (with shapes and how to fill them), how to build the operation from them, and a reference in
 * double precision. check_operation records it, runs it evaluating and training on the device with outputs that were
 * poisoned with NaN, compares with the reference, then backward from a random cotangent, and compares each gradient
 * with central differences of the reference (every element of small inputs, random directions of large ones). Then
 * backward runs again, adding: every gradient must double. Memory behind every tensor must stay untouched. */
#ifndef FURROW_NET_CHECK_H
#define FURROW_NET_CHECK_H

#include "net/net.h"

/* What a case runs with, for references that draw random numbers: the net's seed and the step; its operation is the
 * tape's node 0. */
enum { CHECK_SEED = 20260101, CHECK_STEP = 1 };

enum check_input_kind {
    CHECK_INPUT,     /* real, gradient checked */
    CHECK_CONSTANT,  /* real, no gradient wanted (mask, table) */
    CHECK_INTEGER,   /* int */
    CHECK_PARAMETER, /* a trained parameter, gradient checked */
    CHECK_STATISTIC, /* a running statistic: the reference may change it when training; compared after forward */
};

typedef struct check_input {
    const char *name;
    enum check_input_kind kind;
    shape shape;
    /* Fills `count` values; NULL: normal(0, 1). `stream` is a key to draw from. */
    void (*fill)(const void *user, size_t count, uint64_t stream, double *values);
} check_input;

typedef struct op_check {
    const char *name; /* "linear 7x5x3" */
    const check_input *input;
    int inputs;
    /* Builds the operation; in[i] belongs to input[i]. out[0..outputs-1] is compared. */
    int (*build)(const struct op_check *c, net *n, tensor *const *in, tensor **out);
    int outputs;
    /* out[j] has the size of the built output j. Statistics in in[] are updated when training. */
    void (*reference)(const struct op_check *c, bool training, double *const *in, double *const *out);
    const void *user;              /* sizes and options for the four functions above */
    double tolerance;              /* of outputs, relative to max(1, max abs of the reference); 0: 2e-5 */
    double gradient_tolerance;     /* norm of difference / norm; 0: 2e-3 */
    bool skip_gradient, skip_eval; /* e.g. dropout: nothing to differentiate */
} op_check;

/* FAILED with a message naming case, tensor, element, got and wanted. `thorough`: every gradient element. */
int check_operation(device *d, const op_check *c, bool thorough);

/* A few ready fills. */
void check_fill_positive(const void *user, size_t count, uint64_t stream, double *values); /* in 0.5 .. 1.5 */

#endif
