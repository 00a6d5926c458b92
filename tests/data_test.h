/* What the tests of data sets share: small packs whose every value is known, options, and what the log said. */
#ifndef FURROW_TESTS_DATA_TEST_H
#define FURROW_TESTS_DATA_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours (base/error.h) has that name too */

#include "base/error.h"
#include "data/pixelset.h"
#include "format/pixelset_pack_write.h"

/* Parcels are called 10, 11, 12, ...; value j of parcel i is small_value(i, j). */
typedef struct small_pack {
    int count, bands;
    enum number_type type;
    const int32_t *dates, *pixels; /* [count] */
    const int32_t *days;           /* NULL: none */
    bool days_shared;
    const int32_t *labels, *others; /* nomenclatures "crops" and "groups"; NULL: not there */
    const float *shape;             /* features "shape", [count x 2]; NULL: not there */
    const normalisation *norm;      /* NULL: one value, mean 10 and std 2 */
    int damaged;                    /* this parcel has an infinite value (float32); 0: none */
} small_pack;

int small_value(int parcel, int index);
void small_pack_write(const small_pack *p); /* to data_path; fails the test */

/* cmocka's set-up and tear-down: data_path names a file that is removed afterwards; the log is listened to. */
extern char data_path[64];
extern char data_warnings[4096];
int data_test_setup(void **state);
int data_test_teardown(void **state);

/* The configuration's defaults, with data_path as the pack. */
pixelset_options data_options(void);

/* pixelset_open gives `code` and a message that holds each of the texts up to NULL. */
void assert_refused(const pixelset_options *o, bool labels, int code, ...);

/* Fails the test with the error's message. */
#define assert_ok(expression)                                                                                          \
    do {                                                                                                               \
        int assert_ok_code = (expression);                                                                             \
        if (assert_ok_code) {                                                                                          \
            print_error("%s: %d: %s\n", #expression, assert_ok_code, error_message());                                 \
            _fail(__FILE__, __LINE__);                                                                                 \
        }                                                                                                              \
    } while (0)

#define assert_holds(text, part)                                                                                       \
    do {                                                                                                               \
        if (!strstr(text, part)) {                                                                                     \
            print_error("\"%s\" does not hold \"%s\"\n", text, part);                                                  \
            _fail(__FILE__, __LINE__);                                                                                 \
        }                                                                                                              \
    } while (0)

#endif
