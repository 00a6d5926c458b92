/* What the tests of data sets share: small packs whose every value is known, options, and what the log said. */
#ifndef FURROW_TESTS_DATA_TEST_H
#define FURROW_TESTS_DATA_TEST_H

#include "data/pixelset.h"
#include "format/pixelset_pack_write.h"

#include "tests/asserts.h"

/* Parcels are called 10, 11, 12, ...; value j of parcel i is small_value(i, j). */
typedef struct small_pack {
    int count, bands;
    enum number_type type;
    const int32_t *dates, *pixels; /* [count] */
    const int32_t *days;           /* NULL: none */
    bool days_shared;
    const int32_t *labels, *others; /* nomenclatures "crops" and "groups"; NULL: not there */
    const char *classes;            /* what labels stand for, of "crops"; NULL: they are numbers */
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

#endif
