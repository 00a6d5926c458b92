/* A land of known rectangles, and what tiles of it would hold: each with its own numbers, cut at the tile's edge. */
#ifndef FURROW_TESTS_LAND_TEST_H
#define FURROW_TESTS_LAND_TEST_H

#include <stdlib.h>
#include <string.h>

#include "data/tile_parcels.h"

#include "tests/format_test.h"

enum { LAND_WIDTH = 200, LAND_HEIGHT = 150, LAND_LEAST = 9, LAND_CLASSES = 3, LAND_PARCELS = 400 };

typedef struct land {
    int32_t id[LAND_HEIGHT][LAND_WIDTH]; /* from 1 in the order of first pixels; 0: none */
    int count, area[LAND_PARCELS];
    uint32_t random;
} land;

static inline uint32_t land_random(land *l, uint32_t below)
{
    l->random = l->random * 1664525u + 1013904223u;
    return (l->random >> 8) % below;
}

/* Cuts a rectangle in two until it is small; a quarter of all stay large, some are left without parcel, some have a path
 * around them, the others touch. */
static inline void land_cut(land *l, int left, int top, int right, int bottom)
{
    const int width = right - left, height = bottom - top;
    const bool wide = width > height;
    const int length = wide ? width : height;
    if (length < 2 * LAND_LEAST || (length < 80 && land_random(l, 4) == 0)) {
        const int path = (int)land_random(l, 2);
        const bool empty = land_random(l, 8) == 0;
        if (empty) return;
        l->count++;
        for (int y = top + path; y < bottom; y++)
            for (int x = left + path; x < right; x++) l->id[y][x] = l->count;
        return;
    }
    const int at = LAND_LEAST + (int)land_random(l, (uint32_t)(length - 2 * LAND_LEAST + 1));
    land_cut(l, left, top, wide ? left + at : right, wide ? bottom : top + at);
    land_cut(l, wide ? left + at : left, wide ? top : top + at, right, bottom);
}

static inline void land_make(land *l, uint32_t seed)
{
    int number[LAND_PARCELS] = {0}, next = 0;
    memset(l, 0, sizeof *l);
    l->random = seed;
    land_cut(l, 0, 0, LAND_WIDTH, LAND_HEIGHT);
    assert_true(l->count < LAND_PARCELS);
    for (int y = 0; y < LAND_HEIGHT; y++)
        for (int x = 0; x < LAND_WIDTH; x++) {
            int32_t *id = &l->id[y][x];
            if (*id && !number[*id]) number[*id] = ++next;
            *id = number[*id];
            l->area[*id]++;
        }
    assert_int_equal(next, l->count);
}

static tile_class land_classes[LAND_CLASSES] = {
    {"Background", 0x000000}, {"wheat & rye", 0xff8000}, {"maize", 0x00a0ff}};

static inline tile_plan land_plan(int side, int margin)
{
    tile_plan p = {
        .grid = {LAND_WIDTH, LAND_HEIGHT, {600000, 10, 0, 5100000, 0, -10}, ""},
        .side = side,
        .margin = margin,
        .classes = land_classes,
        .class_count = LAND_CLASSES,
        .parcels = true,
        .last_day = 17497,
        .state = 7,
    };
    assert_ok(tiles_lay(&p));
    return p;
}

/* The class of a parcel, and how it looks to a tile: by confidences that differ from tile to tile. */
static inline int land_class(int32_t id)
{
    return 1 + id % 2;
}

static inline bool is_rim(const land *l, int x, int y)
{
    const int32_t id = l->id[y][x];
    return (x && l->id[y][x - 1] != id) || (y && l->id[y - 1][x] != id) ||
           (x + 1 < LAND_WIDTH && l->id[y][x + 1] != id) || (y + 1 < LAND_HEIGHT && l->id[y + 1][x] != id);
}

/* What a tile shows of one pixel: at rims, `noise` of a hundred are taken for none, or for what is beside them. */
static inline int32_t land_seen(land *l, int x, int y, uint32_t noise)
{
    if (!noise || !is_rim(l, x, y) || land_random(l, 100) >= noise) return l->id[y][x];
    const int X = x + (int)land_random(l, 3) - 1, Y = y + (int)land_random(l, 3) - 1;
    const bool inside = X >= 0 && Y >= 0 && X < LAND_WIDTH && Y < LAND_HEIGHT;
    return land_random(l, 2) || !inside ? 0 : l->id[Y][X];
}

/* Numbers of its own, in any order. lost: this parcel is not found (0: all are). Freed with tile_parcels_free. */
static inline void land_tile(land *l, const tile_plan *p, int index, uint32_t noise, int32_t lost, tile_parcels *out)
{
    const tile_span x = tile_span_of(p, LAND_WIDTH, index % p->across),
                    y = tile_span_of(p, LAND_HEIGHT, index / p->across);
    int32_t of[LAND_PARCELS] = {0}, list[LAND_PARCELS];
    const size_t pixels = (size_t)p->side * (size_t)p->side;
    int32_t *seen = calloc(pixels, sizeof *seen);
    *out = (tile_parcels){.pixel = calloc(pixels, sizeof *out->pixel)};
    for (size_t i = 0; i < pixels; i++) {
        const int32_t id = land_seen(l, x.start + (int)i % p->side, y.start + (int)i / p->side, noise);
        seen[i] = id == lost ? 0 : id;
        if (!seen[i] || of[seen[i]]) continue;
        of[seen[i]] = 1;
        list[out->count++] = seen[i];
    }
    for (int k = out->count; k > 1; k--) {
        const uint32_t other = land_random(l, (uint32_t)k);
        const int32_t id = list[k - 1];
        list[k - 1] = list[other];
        list[other] = id;
    }
    out->fact = calloc((size_t)out->count * (1 + LAND_CLASSES) + 1, sizeof *out->fact);
    for (int k = 0; k < out->count; k++) {
        float *fact = out->fact + k * (1 + LAND_CLASSES);
        of[list[k]] = k + 1;
        fact[0] = 0.5f + 0.01f * (float)land_random(l, 40);
        fact[1 + land_class(list[k])] = 0.6f + 0.01f * (float)land_random(l, 30);
        fact[1] = 1 - fact[1 + land_class(list[k])];
    }
    for (size_t i = 0; i < pixels; i++) out->pixel[i] = (uint16_t)(seen[i] ? of[seen[i]] : 0);
    free(seen);
}

#endif
