/* The memory plan: places in the arena such that no two tensors that live at the same time (lives.c) overlap. Largest
 * first, each block takes the lowest place that is free during its life: within a few per cent of the best for such
 * graphs. */
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/internal.h"

typedef struct block {
    buffer **view; /* to be made */
    size_t bytes, start;
    life life;
} block;

/* ---- places ----------------------------------------------------------------------------------------------------- */

static int larger_first(const void *a, const void *b)
{
    const block *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    if (x->life.first != y->life.first) return x->life.first < y->life.first ? -1 : 1;
    return 0;
}

static bool lives_overlap(const net *n, const block *a, const block *b)
{
    return n->guarded || (a->life.first <= b->life.last && b->life.first <= a->life.last);
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

static void block_add(block *blocks, size_t *count, buffer **view, life l, size_t bytes)
{
    if (l.last >= l.first) blocks[(*count)++] = (block){view, bytes, 0, l};
}

static int blocks_collect(const net *n, block **out, size_t *count)
{
    block *blocks = memory_new(3 * n->tensors.count + 1, sizeof *blocks);
    if (!blocks) return FAILED;
    size_t guard = n->guarded ? 1 : 0;
    *count = 0;
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i];
        struct tensor_plan *p = t->plan;
        const size_t bytes = align_floats(n, (tensor_count(t) ? tensor_count(t) : 1) + guard) * sizeof(float);
        if (!p->base && p->storage != STORED_ELSEWHERE) {
            block_add(blocks, count, &p->data_view, p->data, bytes);
            block_add(blocks, count, &p->again_view, p->again, bytes);
        }
        if ((!p->base || p->own_gradient) && !p->shares && p->storage != STORED_ELSEWHERE)
            block_add(blocks, count, &p->gradient_view, p->gradient, bytes);
    }
    *out = blocks;
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

static buffer *gradient_place(tensor *t)
{
    const struct tensor_plan *p = gradient_root(t)->plan;
    while (p->shares) p = p->shares;
    return p->gradient_view;
}

static int views_make(net *n, const block *blocks, size_t count, size_t limit)
{
    int rc = OK;
    for (size_t i = 0; i < count; i++) {
        const block *b = blocks + i;
        TRY(buffer_view(n->chunks.item[b->start / limit], b->start % limit, b->bytes, b->view));
    }
    for (size_t i = 0; i < n->tensors.count; i++) {
        tensor *t = n->tensors.item[i], *root = tensor_root(t), *slope = gradient_root(t);
        bool own = root->plan->storage == STORED_IN_ARENA || root->plan->storage == STORED_AS_INPUT;
        t->data = own ? root->plan->data_view : root->data;
        own = slope->plan->storage == STORED_IN_ARENA || slope->plan->storage == STORED_AS_INPUT;
        t->gradient = !t->wants_gradient ? NULL : own ? gradient_place(t) : slope->gradient;
    }
done:
    return rc;
}

static int blocks_place(const net *n, block *blocks, size_t count, size_t limit, size_t *total)
{
    *total = 0;
    qsort(blocks, count, sizeof *blocks, larger_first);
    for (size_t i = 0; i < count; i++) {
        block *b = blocks + i;
        if (b->bytes > limit) {
            *total = SIZE_MAX;
            return fail(FAILED,
                        "one tensor of this batch needs %zu bytes; the device allocates at most %zu at once: "
                        "use a smaller batch",
                        b->bytes, limit);
        }
        b->start = lowest_place(n, blocks, i, b, limit);
        if (b->start + b->bytes > *total) *total = b->start + b->bytes;
    }
    return OK;
}

int memory_place(net *n, size_t *total)
{
    int rc = OK;
    block *blocks = NULL;
    size_t count = 0;
    lives_find(n);
    TRY(blocks_collect(n, &blocks, &count));
    TRY(blocks_place(n, blocks, count, chunk_limit(n), total));
done:
    free(blocks);
    return rc;
}

int memory_plan(net *n)
{
    int rc = OK;
    block *blocks = NULL;
    size_t count = 0, limit = chunk_limit(n);
    lives_find(n);
    TRY(blocks_collect(n, &blocks, &count));
    TRY(blocks_place(n, blocks, count, limit, &n->arena_bytes));
    TRY(arena_grow(n, n->arena_bytes, limit));
    TRY(views_make(n, blocks, count, limit));
done:
    free(blocks);
    return rc;
}
