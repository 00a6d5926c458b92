/* What the tests of patches share: a small pack whose every value is known. Its file, and what the log said, are those
 * of data_test.h. */
#ifndef FURROW_TESTS_PATCHES_TEST_H
#define FURROW_TESTS_PATCHES_TEST_H

#include "data/patches.h"
#include "data_test.h"
#include "format/patch_pack_write.h"

enum { PATCHES = 7, BANDS = 3 };

/* Patches 10, 11, ... of folds 1, 2, 3, 4, 5, 1, 2, with dates small_dates, at days small_days after 2018-09-01. */
extern const int32_t small_dates[PATCHES], small_days[];
extern const int small_first[PATCHES + 1]; /* of small_days */

/* Frame t of patch i, as it is stored; and a pixel's label. */
int patch_value(int patch, int date, int band, int pixel);
int patch_label(int patch, int pixel); /* 0 .. 3 */
/* Where the value of a turned image's pixel is stored. */
int patch_stored_place(int side, int turn, int pixel);

typedef struct small_patches {
    enum number_type type;
    int height, width;
    const int32_t *fold;  /* NULL: the above */
    const int32_t *dates; /* [PATCHES]; NULL: small_dates; else of each at most so many */
    const bool *labelled; /* NULL: all */
    bool unlabelled;      /* no labels at all */
    int void_label;       /* what label 3 is stored as; 0: itself */
    const char *const *class_name;
    size_t classes;
    int norm_folds; /* 0: all five. -1: none. Of fold f (1 ..) and band c: mean 10 f + c, std f where c is not 1, else 0 */
    bool damaged;                            /* patch 12's frame has a value that is not finite (floats) */
    int32_t (*parcel)(int patch, int pixel); /* parcel ids; NULL: none */
    const uint8_t *origin[PATCH_TARGETS];    /* of a patch_contents */
    double (*target)(enum patch_target target, int patch, int pixel); /* of patches that have their own */
} small_patches;

void small_patches_write(const small_patches *p); /* to data_path; fails the test */

/* The defaults, with data_path as the pack. */
patches_options patches_defaults(void);

/* patches_open gives `code` and a message that holds each of the texts up to NULL. */
void assert_patches_refused(const patches_options *o, bool labels, int code, ...);

#endif
