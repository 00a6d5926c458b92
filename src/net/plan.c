/* The memory plan: each tensor's life on the tape, then places in the arena such that no two lives overlap.
 *
 * Node i runs forward at time i and backward at 2 N - 1 - i. Inputs and kept tensors live to the end. Largest first,
 * each block takes the lowest place that is free during its life: within a few per cent of the best for such graphs. */
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/internal.h"

typedef struct block {
    struct tensor_plan *plan;
    bool gradient;
    size_t bytes, start;
    int first, last;
} block;

/* ---- lives ------------------------------------------------------------------------------------------------------ */

static void extend(int *first, int *last, int time)
{
    if (*last < *first) {
        *first = *last = time;
        return;
    }
    if (time < *first) *first = time;
    if (time > *last) *last = time;
}

static void data_used(tensor *t, int time)
{
    struct tensor_plan *p = tensor_root(t)->plan;
    extend(&p->data_first, &p->data_last, time);
}

static void gradient_used(tensor *t, int time)
{
    struct tensor_plan *p = tensor_root(t)->plan;
    if (t->wants_gradient) extend(&p->gradient_first, &p->gradient_last, time);
}

static void node_lives(node *n, int end)
{
    int forward = n->index, backward = end - 1 - n->index;
    for (int i = 0; i < n->inputs; i++) {
        if (!n->in[i]) continue;
        data_used(n->in[i], forward);
        if (n->training && n->keep_in >> i & 1) data_used(n->in[i], backward);
        gradient_used(n->in[i], backward);
    }
    for (int i = 0; i < n->outputs; i++) {
        data_used(n->out[i], forward);
        if (n->training && n->keep_out >> i & 1) data_used(n->out[i], backward);
        gradient_used(n->out[i], backward);
    }
    for (int i = 0; i < n->saveds; i++) {
        data_used(n->saved[i], forward);
        data_used(n->saved[i], backward);
    }
    for (int i = 0; i < n->works; i++) data_used(n->work[i], forward);
    for (int i = 0; i < n->works_back; i++) data_used(n->work_back[i], backward);
}

/* A gradient that nobody on the tape writes is where backward starts: it lives from the turn on. */
static void lives(net *n)
{
    int count = (int)n->nodes.count, end = 2 * count;
    for (size_t i = 0; i < n->tensors.count; i++) {
        struct tensor_plan *p = ((tensor *)n->tensors.item[i])->plan;
        p->data_first = p->gradient_first = 0;
        p->data_last = p->gradient_last = -1;
    }
    for (int i = 0; i < count; i++) node_lives(n->nodes.item[i], end);
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i];
        if (t->plan->base) continue;
        if (t->plan->storage == STORED_AS_INPUT || t->plan->keep) {
            data_used(t, t->plan->storage == STORED_AS_INPUT ? 0 : t->plan->data_first);
            data_used(t, end);
        }
        if (t->plan->storage == STORED_AS_INPUT) gradient_used(t, end);
        if (t->plan->gradient_last >= 0) gradient_used(t, count); /* the start, when it is the loss */
    }
}

/* ---- places ----------------------------------------------------------------------------------------------------- */

static int larger_first(const void *a, const void *b)
{
    const block *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return 0;
}

static bool lives_overlap(const net *n, const block *a, const block *b)
{
    return n->guarded || (a->first <= b->last && b->first <= a->last);
}

/* The lowest start at which `b` overlaps no placed block of its time and does not straddle two arena buffers. */
static size_t lowest_place(const net *n, const block *placed, size_t count, const block *b, size_t limit)
{
    size_t start = 0;
    for (bool moved = true; moved;) {
        moved = false;
        if (start / limit != (start + b->bytes - 1) / limit) start = (start / limit + 1) * limit;
        for (size_t i = 0; i < count; i++) {
            const block *p = placed + i;
            if (!lives_overlap(n, p, b) || start >= p->start + p->bytes || p->start >= start + b->bytes) continue;
            start = p->start + p->bytes;
            moved = true;
        }
    }
    return start;
}

static int blocks_collect(const net *n, block **out, size_t *count)
{
    block *blocks = memory_new(2 * n->tensors.count + 1, sizeof *blocks);
    if (!blocks) return FAILED;
    size_t used = 0, guard = n->guarded ? 1 : 0;
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i];
        struct tensor_plan *p = t->plan;
        if (p->base) continue;
        size_t bytes = align_floats(n, (tensor_count(t) ? tensor_count(t) : 1) + guard) * sizeof(float);
        if (p->data_last >= p->data_first) blocks[used++] = (block){p, false, bytes, 0, p->data_first, p->data_last};
        if (p->gradient_last >= p->gradient_first)
            blocks[used++] = (block){p, true, bytes, 0, p->gradient_first, p->gradient_last};
    }
    *out = blocks;
    *count = used;
    return OK;
}

static size_t chunk_limit(const net *n)
{
    size_t unit = align_floats(n, 1) * sizeof(float);
    uint64_t limit = device_about(n->device)->allocation_limit / unit * unit;
    return limit < SIZE_MAX / 4 ? (size_t)limit : SIZE_MAX / 4 / unit * unit;
}

/* The arena's buffers, each at least as large as this tape needs it. */
static int arena_grow(net *n, size_t total, size_t limit)
{
    int rc = OK;
    for (size_t i = 0; i * limit < total; i++) {
        size_t wanted = total - i * limit < limit ? total - i * limit : limit;
        if (i < n->chunks.count && buffer_size(n->chunks.item[i]) >= wanted) continue;
        if (i >= n->chunks.count) TRY(list_add(&n->chunks, NULL));
        buffer_free(n->chunks.item[i]);
        n->chunks.item[i] = NULL;
        buffer *chunk = NULL;
        TRY(buffer_new(n->device, wanted, &chunk));
        n->chunks.item[i] = chunk;
    }
done:
    return rc;
}

static int views_make(net *n, const block *blocks, size_t count, size_t limit)
{
    int rc = OK;
    for (size_t i = 0; i < count; i++) {
        const block *b = blocks + i;
        buffer **view = b->gradient ? &b->plan->gradient_view : &b->plan->data_view;
        TRY(buffer_view(n->chunks.item[b->start / limit], b->start % limit, b->bytes, view));
    }
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i], *root = tensor_root(t);
        bool own = root->plan->storage == STORED_IN_ARENA || root->plan->storage == STORED_AS_INPUT;
        t->data = own ? root->plan->data_view : root->data;
        t->gradient = !t->wants_gradient ? NULL : own ? root->plan->gradient_view : root->gradient;
    }
done:
    return rc;
}

int memory_plan(net *n)
{
    int rc = OK;
    block *blocks = NULL;
    size_t count = 0, total = 0, limit = chunk_limit(n);
    lives(n);
    TRY(blocks_collect(n, &blocks, &count));
    qsort(blocks, count, sizeof *blocks, larger_first);
    for (size_t i = 0; i < count; i++) {
        block *b = blocks + i;
        if (b->bytes > limit) {
            rc = fail(FAILED,
                      "one tensor of this batch needs %zu bytes; the device allocates at most %zu at once: "
                      "use a smaller batch",
                      b->bytes, limit);
            goto done;
        }
        b->start = lowest_place(n, blocks, i, b, limit);
        if (b->start + b->bytes > total) total = b->start + b->bytes;
    }
    TRY(arena_grow(n, total, limit));
    TRY(views_make(n, blocks, count, limit));
    n->arena_bytes = total;
done:
    free(blocks);
    return rc;
}
