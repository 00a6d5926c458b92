/* What the files of src/net share. */
#ifndef FURROW_NET_INTERNAL_H
#define FURROW_NET_INTERNAL_H

#include "net/net.h"
#include "op/image.h"

enum storage { STORED_IN_ARENA, STORED_AS_PARAMETER, STORED_AS_CONSTANT, STORED_AS_INPUT, STORED_ELSEWHERE };

/* From the first to the last time of use; last < first: never. */
typedef struct life {
    int first, last;
} life;

/* The net's own knowledge of a tensor. Times: node i runs forward at i and backward at 2 N - 1 - i. */
struct tensor_plan {
    enum storage storage;
    tensor *base;      /* whose bytes the values are; NULL: its own */
    bool own_gradient; /* of a tensor with a base: the gradient is not the base's */
    node *producer;    /* NULL: none */
    bool keep;         /* readable after the pass */
    bool recompute;    /* may be computed again for backward */
    /* Of the values: in both passes, or in forward alone where backward computes them again. */
    life data, again, gradient;
    buffer *data_view, *again_view, *gradient_view; /* owned by the tape, or by the parameter */
    struct tensor_plan *shares;                     /* whose gradient's place this gradient has; NULL: its own */
    tensor *may_share;                              /* what node_share_gradient asked for */
    int gradient_writers;                           /* inputs of nodes that write this gradient */
    bool reached;                                   /* backward has written this gradient */
};

/* A parameter: outlives the tape. */
typedef struct parameter {
    tensor tensor;
    struct tensor_plan plan;
    enum parameter_role role;
    size_t offset;  /* in its flat buffer, floats */
    float *pending; /* values not yet on the device; NULL once they are */
    bool transposed_wanted;
    size_t transposed_offset; /* floats */
    buffer *transposed;
} parameter;

typedef struct constant {
    tensor tensor;
    struct tensor_plan plan;
    char *key;
    buffer *data;
} constant;

/* One of the two flat stores: trained parameters (with gradients), running statistics. */
typedef struct flat {
    buffer *values, *gradients;
    size_t count; /* floats, gaps included */
} flat;

/* A growing list of pointers. */
typedef struct list {
    void **item;
    size_t count, capacity;
} list;

/* What backward does, one after the other. */
typedef struct backward_step {
    node *node;
    enum { STEP_BACKWARD, STEP_LATE /* of input `index` */, STEP_FORWARD_AGAIN /* for output `index` */ } kind;
    int index;
} backward_step;

/* What outlives the tapes, of a net and of its branches (branch.h). */
typedef struct store {
    list parameters, constants; /* parameter *, constant * */
    flat trained, statistics;
    bool parameters_new, transposed_new; /* made since the flat buffers were laid out */
    bool transposed_stale;
    buffer *transposed, *transposed_table;
    int transposed_count;
} store;

struct net {
    device *device;
    uint64_t seed;
    const char *prefix; /* of parameters' keys; NULL: none */
    bool training, planned;
    int error; /* the first of this tape */
    char *error_text;
    list nodes, tensors, memory; /* of the tape: node *, tensor * (inputs, outputs, saved, work), malloc'ed */
    store *store;                /* its own, or that of the net it is a branch of */
    bool branch;
    list chunks;           /* buffer *: the arena */
    size_t arena_bytes;    /* of this tape */
    bool save_memory;      /* recompute what may be recomputed */
    tensor *backward_from; /* for which the steps and node->accumulate are set */
    backward_step *steps;  /* `step_count` of them */
    size_t step_count, step_capacity;
    bool untouched_gradients; /* some trained parameter is not reached by that backward */
    bool guarded;             /* checks: no reuse of memory, canaries between tensors */
};

int list_add(list *l, void *item);         /* a code; the item is not freed on failure */
void *tape_memory(net *n, size_t size);    /* zeroed, lives until net_begin; NULL after an error */
tensor *tensor_root(tensor *t);            /* whose bytes its values are */
tensor *gradient_root(tensor *t);          /* whose gradient its own is */
tensor *late_target(const node *n, int i); /* the tensor whose producer late input i waits for; NULL: an input */
/* Its pending values: drawn from (seed, key), so independent of the order in which parameters are made. */
void parameter_initialise(const net *n, parameter *p, enum initial initial, double scale);
size_t align_floats(const net *n, size_t floats); /* rounded up to the device's view alignment */

int net_new_branch(net *trunk, net **out); /* on the trunk's parameters and constants */
void tape_release(net *n);                 /* frees nodes, tensors and their views */
int parameters_place(net *n);              /* lays new parameters out and uploads them */
int parameters_transpose(net *n);          /* refreshes the transposed copies when stale */
void parameters_free(net *n);
void lives_find(net *n);                 /* when each tensor is in use */
int memory_place(net *n, size_t *total); /* that, and the bytes it takes; nothing is allocated */
int memory_plan(net *n);                 /* that, and the buffers */
bool recomputed(const net *n, const tensor *root);
/* Backward from `output`, whose gradient is there. */
int backward_run(net *n, tensor *output, uint64_t step);
/* Backward's steps from `output`, and who adds to which gradient. */
int backward_prepare(net *n, tensor *output);

/* For checks: every tensor in memory of its own, NaN before the pass; canaries verified after it. */
void net_guard(net *n);
int net_poison(net *n);
int net_canaries_intact(net *n);

#endif
