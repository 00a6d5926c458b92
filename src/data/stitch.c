#include "data/stitch.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* Two tiles' parcels ("members") that look like one. */
typedef struct pair {
    double likeness; /* intersection over union, in what the tiles share */
    int32_t a, b;
} pair;

/* Pixels side by side that are of the same two parcels. */
typedef struct run {
    uint32_t both; /* parcel of the first tile << 16 | of the second */
    int32_t pixels;
} run;

/* All that is known of a tile's parcel. */
typedef struct member {
    int32_t tile;
    int32_t leader; /* union-find */
    int32_t next;   /* in the circle of those that are joined */
    int32_t known;  /* of a leader: the last tile drawn that has found it; from 1 */
    int32_t number; /* of a leader: of the parcel; 0: not drawn yet */
    int64_t pixels; /* that it gives to the whole */
    bool in_middle; /* it has a pixel in its tile's middle */
} member;

struct stitch {
    const tile_plan *plan;
    int32_t *before; /* [tiles + 1] members of the tiles before */
    member *member;
    float *fact; /* [members][1 + classes] */
    size_t members, member_capacity, fact_capacity;
    pair *pair;
    size_t pairs, pair_capacity;
    run *run;
    size_t runs, run_capacity;
    int32_t *area[2]; /* [TILE_PARCELS_MAX + 1] pixels of each parcel in what two tiles share */
    stitched_parcel *parcel;
    size_t parcels, parcel_capacity;
};

static size_t line_of(const stitch *s)
{
    return 1 + (size_t)s->plan->class_count;
}

int stitch_new(const tile_plan *p, stitch **out)
{
    int rc = OK;
    stitch *s = memory_new(1, sizeof *s);
    TRY_NEW(s);
    s->plan = p;
    TRY_NEW(s->before = memory_new((size_t)p->across * (size_t)p->down + 1, sizeof *s->before));
    for (int k = 0; k < 2; k++) TRY_NEW(s->area[k] = memory_new(TILE_PARCELS_MAX + 1, sizeof *s->area[k]));
    *out = s;
    s = NULL;
done:
    stitch_free(s);
    return rc;
}

void stitch_free(stitch *s)
{
    if (!s) return;
    void *const all[] = {s->before, s->member, s->fact, s->pair, s->run, s->area[0], s->area[1], s->parcel};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(s);
}

/* ---- where tiles lie ----------------------------------------------------------------------------------------------- */

/* A tile: its place, and what of the whole it decides. */
typedef struct place {
    int tile;
    tile_span x, y;
    const tile_parcels *parcels;
} place;

static place place_of(const stitch *s, int row, int column, const tile_parcels *tiles)
{
    const tile_plan *p = s->plan;
    return (place){row * p->across + column, tile_span_of(p, p->grid.width, column),
                   tile_span_of(p, p->grid.height, row), &tiles[column]};
}

static bool holds(const stitch *s, const place *t, int x, int y)
{
    return x >= t->x.start && x < t->x.start + s->plan->side && y >= t->y.start && y < t->y.start + s->plan->side;
}

/* The tile's parcel at a pixel of the whole that it holds; 0: none, also where nothing was seen. */
static int parcel_at(const stitch *s, const place *t, int x, int y)
{
    const uint16_t id = t->parcels->pixel[(size_t)(y - t->y.start) * (size_t)s->plan->side + (size_t)(x - t->x.start)];
    return id == PARCEL_UNSEEN ? 0 : id;
}

/* ---- comparing ----------------------------------------------------------------------------------------------------- */

static int members_add(stitch *s, const place *t)
{
    int rc = OK;
    const size_t first = s->members, count = (size_t)t->parcels->count, line = line_of(s);
    if (first + count > INT32_MAX) return fail(FAILED, "more than %d parcels in all tiles", INT32_MAX);
    TRY(memory_grow((void **)&s->member, &s->member_capacity, first + count, sizeof *s->member));
    TRY(memory_grow((void **)&s->fact, &s->fact_capacity, (first + count) * line, sizeof *s->fact));
    if (count) memcpy(s->fact + first * line, t->parcels->fact, count * line * sizeof *s->fact);
    for (size_t m = first; m < first + count; m++)
        s->member[m] = (member){.tile = t->tile, .leader = (int32_t)m, .next = (int32_t)m};
    for (int y = t->y.from; y < t->y.to; y++)
        for (int x = t->x.from; x < t->x.to; x++) {
            const int id = parcel_at(s, t, x, y);
            if (id) s->member[first + (size_t)id - 1].in_middle = true;
        }
    s->members += count;
    s->before[t->tile + 1] = (int32_t)s->members;
done:
    return rc;
}

static int run_add(stitch *s, uint32_t both)
{
    if (s->runs && s->run[s->runs - 1].both == both) {
        s->run[s->runs - 1].pixels++;
        return OK;
    }
    const int rc = memory_grow((void **)&s->run, &s->run_capacity, s->runs + 1, sizeof *s->run);
    if (!rc) s->run[s->runs++] = (run){both, 1};
    return rc;
}

static int by_both(const void *a, const void *b)
{
    const run *x = a, *y = b;
    return (x->both > y->both) - (x->both < y->both);
}

/* Of what two tiles share: the areas of each one's parcels, and runs of pixels that are of one of both. */
static int shared_count(stitch *s, const place *a, const place *b)
{
    const int side = s->plan->side;
    const int left = a->x.start > b->x.start ? a->x.start : b->x.start;
    const int right = (a->x.start < b->x.start ? a->x.start : b->x.start) + side;
    const int top = a->y.start > b->y.start ? a->y.start : b->y.start;
    const int bottom = (a->y.start < b->y.start ? a->y.start : b->y.start) + side;
    int rc = OK;
    s->runs = 0;
    memset(s->area[0], 0, ((size_t)a->parcels->count + 1) * sizeof *s->area[0]);
    memset(s->area[1], 0, ((size_t)b->parcels->count + 1) * sizeof *s->area[1]);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            const int of_a = parcel_at(s, a, x, y), of_b = parcel_at(s, b, x, y);
            s->area[0][of_a]++;
            s->area[1][of_b]++;
            if (of_a && of_b) TRY(run_add(s, (uint32_t)of_a << 16 | (uint32_t)of_b));
        }
done:
    return rc;
}

static int pair_add(stitch *s, const place *a, const place *b, uint32_t both, int intersection)
{
    const int of_a = (int)(both >> 16), of_b = (int)(both & 0xffff);
    const int all = s->area[0][of_a] + s->area[1][of_b] - intersection;
    if (3 * intersection < all) return OK;
    const int rc = memory_grow((void **)&s->pair, &s->pair_capacity, s->pairs + 1, sizeof *s->pair);
    if (!rc)
        s->pair[s->pairs++] =
            (pair){(double)intersection / all, s->before[a->tile] + of_a - 1, s->before[b->tile] + of_b - 1};
    return rc;
}

static int tiles_compare(stitch *s, const place *a, const place *b)
{
    int rc = OK;
    if (!a->parcels->count || !b->parcels->count) return OK;
    TRY(shared_count(s, a, b));
    if (s->runs) qsort(s->run, s->runs, sizeof *s->run, by_both);
    for (size_t i = 0, next; i < s->runs; i = next) {
        int pixels = 0;
        for (next = i; next < s->runs && s->run[next].both == s->run[i].both; next++) pixels += s->run[next].pixels;
        TRY(pair_add(s, a, b, s->run[i].both, pixels));
    }
done:
    return rc;
}

int stitch_compare(stitch *s, int index, const tile_parcels *above, const tile_parcels *row)
{
    const int across = s->plan->across;
    int rc = OK;
    for (int k = 0; k < across; k++) {
        const place here = place_of(s, index, k, row);
        TRY(members_add(s, &here));
        if (k) {
            const place left = place_of(s, index, k - 1, row);
            TRY(tiles_compare(s, &left, &here));
        }
        for (int other = k - 1; above && other <= k + 1; other++) {
            if (other < 0 || other >= across) continue;
            const place upper = place_of(s, index - 1, other, above);
            TRY(tiles_compare(s, &upper, &here));
        }
    }
done:
    return rc;
}

/* ---- joining ------------------------------------------------------------------------------------------------------- */

static int most_alike_first(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->likeness != y->likeness) return x->likeness < y->likeness ? 1 : -1;
    if (x->a != y->a) return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

static int32_t leader_of(stitch *s, int32_t m)
{
    member *all = s->member;
    while (all[m].leader != m) {
        all[m].leader = all[all[m].leader].leader;
        m = all[m].leader;
    }
    return m;
}

/* mark [tiles]: whatever is not `own` in it means nothing. */
static bool share_a_tile(const stitch *s, int32_t a, int32_t b, int32_t *mark, int32_t own)
{
    const member *all = s->member;
    int32_t m = a;
    do mark[all[m].tile] = own;
    while ((m = all[m].next) != a);
    m = b;
    do
        if (mark[all[m].tile] == own) return true;
    while ((m = all[m].next) != b);
    return false;
}

static void join(stitch *s, int32_t a, int32_t b)
{
    member *all = s->member;
    const int32_t next = all[a].next;
    all[a].next = all[b].next;
    all[b].next = next;
    all[a < b ? b : a].leader = a < b ? a : b;
}

int stitch_join(stitch *s)
{
    int rc = OK;
    int32_t *mark = memory_new((size_t)s->plan->across * (size_t)s->plan->down, sizeof *mark), tries = 0;
    TRY_NEW(mark);
    if (s->pairs) qsort(s->pair, s->pairs, sizeof *s->pair, most_alike_first);
    for (size_t i = 0; i < s->pairs; i++) {
        const int32_t a = leader_of(s, s->pair[i].a), b = leader_of(s, s->pair[i].b);
        if (a != b && !share_a_tile(s, a, b, mark, ++tries)) join(s, a, b);
    }
    for (size_t m = 0; m < s->members; m++) s->member[m].leader = leader_of(s, (int32_t)m);
done:
    free(mark);
    free(s->pair);
    s->pair = NULL;
    s->pairs = s->pair_capacity = 0;
    return rc;
}

/* ---- drawing ------------------------------------------------------------------------------------------------------- */

/* A row of tiles between its neighbours. */
typedef struct rows {
    int index;
    const tile_parcels *tiles[3]; /* above, the row, below; NULL: there is none */
} rows;

/* The tiles around one, that one left out; how many. */
static int around(const stitch *s, const rows *r, int column, place *out)
{
    int count = 0;
    for (int row = 0; row < 3; row++)
        for (int k = column - 1; k <= column + 1; k++) {
            if (!r->tiles[row] || k < 0 || k >= s->plan->across || (row == 1 && k == column)) continue;
            out[count++] = place_of(s, r->index + row - 1, k, r->tiles[row]);
        }
    return count;
}

/* The member that lends itself to a pixel of which the deciding tile has nothing; -1: none. */
static int32_t lent(const stitch *s, const place *tile, const place *others, int count, int x, int y)
{
    for (int k = 0; k < count; k++) {
        const int id = holds(s, &others[k], x, y) ? parcel_at(s, &others[k], x, y) : 0;
        if (!id) continue;
        const int32_t m = s->before[others[k].tile] + id - 1;
        if (s->member[m].in_middle && s->member[s->member[m].leader].known != tile->tile + 1) return m;
    }
    return -1;
}

/* ids: leaders, from 1. */
static void middle_draw(stitch *s, const rows *r, int column, int32_t *ids)
{
    const place tile = place_of(s, r->index, column, r->tiles[1]);
    const int32_t first = s->before[tile.tile];
    place others[8];
    const int count = around(s, r, column, others);
    const bool unseen = tile.parcels->pixel[0] == PARCEL_UNSEEN;
    for (int32_t m = first; m < s->before[tile.tile + 1]; m++) s->member[s->member[m].leader].known = tile.tile + 1;
    for (int y = tile.y.from; y < tile.y.to; y++)
        for (int x = tile.x.from; x < tile.x.to; x++) {
            int32_t *to = &ids[(size_t)(y - tile.y.from) * (size_t)s->plan->grid.width + (size_t)x];
            const int id = parcel_at(s, &tile, x, y);
            const int32_t m = id ? first + id - 1 : unseen ? -1 : lent(s, &tile, others, count, x, y);
            *to = unseen ? -1 : 0;
            if (m < 0) continue;
            s->member[m].pixels++;
            *to = s->member[m].leader + 1;
        }
}

static int number_give(stitch *s, int32_t leader, int x, int y)
{
    const int rc = memory_grow((void **)&s->parcel, &s->parcel_capacity, s->parcels + 1, sizeof *s->parcel);
    if (rc) return rc;
    s->parcel[s->parcels++] = (stitched_parcel){x, y, x, y, 0, leader};
    s->member[leader].number = (int32_t)s->parcels;
    return OK;
}

static void pixel_add(stitched_parcel *p, int x, int y)
{
    if (x < p->left) p->left = x;
    if (x >= p->right) p->right = x + 1;
    if (y >= p->bottom) p->bottom = y + 1;
    p->pixels++;
}

int stitch_draw(stitch *s, int index, const tile_parcels *above, const tile_parcels *row, const tile_parcels *below,
                int32_t *ids)
{
    const tile_plan *p = s->plan;
    const tile_span down = tile_span_of(p, p->grid.height, index);
    const rows r = {index, {above, row, below}};
    int rc = OK;
    for (int k = 0; k < p->across; k++) middle_draw(s, &r, k, ids);
    for (int y = down.from; y < down.to; y++)
        for (int x = 0; x < p->grid.width; x++) {
            int32_t *id = &ids[(size_t)(y - down.from) * (size_t)p->grid.width + (size_t)x];
            if (*id <= 0) continue;
            member *leader = &s->member[*id - 1];
            if (!leader->number) TRY(number_give(s, *id - 1, x, y));
            *id = leader->number;
            pixel_add(&s->parcel[leader->number - 1], x, y);
        }
done:
    return rc;
}

/* ---- what was drawn ------------------------------------------------------------------------------------------------ */

int stitch_count(const stitch *s)
{
    return (int)s->parcels;
}

const stitched_parcel *stitch_parcel(const stitch *s, int number)
{
    return &s->parcel[number - 1];
}

void stitch_fact(const stitch *s, int number, double *fact)
{
    const stitched_parcel *p = stitch_parcel(s, number);
    const size_t line = line_of(s);
    int32_t m = p->member;
    for (size_t c = 0; c < line; c++) fact[c] = 0;
    do {
        const double share = (double)s->member[m].pixels / (double)p->pixels;
        for (size_t c = 0; c < line; c++) fact[c] += share * (double)s->fact[(size_t)m * line + c];
    } while ((m = s->member[m].next) != p->member);
}
