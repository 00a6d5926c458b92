/* What the files of src/net share. */
#ifndef FURROW_NET_INTERNAL_H
#define FURROW_NET_INTERNAL_H

#include "net/net.h"

enum storage { STORED_IN_ARENA, STORED_AS_PARAMETER, STORED_AS_CONSTANT, STORED_AS_INPUT };

/* The net's own knowledge of a tensor. Times: node i runs forward at i and backward at 2 N - 1 - i. */
struct tensor_plan {
    enum storage storage;
    tensor *base;              /* reshape: whose memory this is; NULL: its own */
    node *producer;            /* NULL: none */
    bool keep;                 /* readable after the pass */
    int data_first, data_last; /* life of the values; last < first: not placed */
    int gradient_first, gradient_last;
    buffer *data_view, *gradient_view; /* owned by the tape, or by the parameter */
    bool reached;                      /* backward has written this gradient */
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

struct net {
    device *device;
    uint64_t seed;
    bool training, planned;
    int error; /* the first of this tape */
    char *error_text;
    list nodes, tensors, memory; /* of the tape: node *, tensor * (inputs, outputs, saved, work), malloc'ed */
    list parameters, constants;  /* parameter *, constant * */
    flat trained, statistics;
    bool parameters_new, transposed_new; /* made since the flat buffers were laid out */
    bool transposed_stale;
    buffer *transposed, *transposed_table;
    int transposed_count;
    list chunks;              /* buffer *: the arena */
    size_t arena_bytes;       /* of this tape */
    tensor *backward_from;    /* for which node->accumulate is set */
    bool untouched_gradients; /* some trained parameter is not reached by that backward */
    bool guarded;             /* checks: no reuse of memory, canaries between tensors */
};

int list_add(list *l, void *item);                /* a code; the item is not freed on failure */
void *tape_memory(net *n, size_t size);           /* zeroed, lives until net_begin; NULL after an error */
tensor *tensor_root(tensor *t);                   /* whose memory it is */
size_t align_floats(const net *n, size_t floats); /* rounded up to the device's view alignment */

void tape_release(net *n);        /* frees nodes, tensors and their views */
int parameters_place(net *n);     /* lays new parameters out and uploads them */
int parameters_transpose(net *n); /* refreshes the transposed copies when stale */
void parameters_free(net *n);
int memory_plan(net *n); /* lifetimes, offsets, views */

/* For checks: every tensor in memory of its own, NaN before the pass; canaries verified after it. */
void net_guard(net *n);
int net_poison(net *n);
int net_canaries_intact(net *n);

#endif
