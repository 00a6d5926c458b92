/* Small patches of rectangular parcels, for the tests of instances. */
#ifndef FURROW_TESTS_INSTANCES_TEST_H
#define FURROW_TESTS_INSTANCES_TEST_H

#include "data/instances.h"

#include "tests/format_test.h"

enum { SIDE = 16, PIXELS = SIDE * SIDE, PATCH = 128 };

static int32_t parcels[PATCH * PATCH];
static uint8_t labels[PATCH * PATCH];

static inline void clear(void)
{
    memset(parcels, 0, sizeof parcels);
    memset(labels, 0, sizeof labels);
}

/* A rectangle of a SIDE x SIDE patch, from row, column on. */
static inline void put(int32_t id, uint8_t label, int row, int column, int height, int width)
{
    for (int y = row; y < row + height; y++)
        for (int x = column; x < column + width; x++) {
            parcels[y * SIDE + x] = id;
            labels[y * SIDE + x] = label;
        }
}

static inline instance_set made(bool labelled)
{
    const instance_source source = {SIDE, SIDE, parcels, labelled ? labels : NULL, NULL, 0};
    instance_set s;
    assert_ok(instances_make(&source, &s));
    return s;
}

#endif
