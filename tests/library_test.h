/* What the tests of the public interface share: a scratch folder with packs and configurations of small runs, an open
 * device, and the runs themselves. */
#ifndef FURROW_TESTS_LIBRARY_TEST_H
#define FURROW_TESTS_LIBRARY_TEST_H

#include "tests/format_test.h"

#include "furrow.h"

enum { PARCELS = 40, DATES = 9, BANDS = 4, CROPS = 3, PATCHES = 5, SIDE = 16, LABELS = 5 };

extern furrow_device *device;

/* The code is this one, and the message holds that part. */
#define assert_code(expression, code, part)                                                                            \
    do {                                                                                                               \
        assert_int_equal(expression, code);                                                                            \
        assert_message(part);                                                                                          \
    } while (0)

/* Group fixtures: the device and a folder, the one's with parcels.h5 and parcels.json (run folder: run), the other's with
 * patches.h5, patches.json (maps) and found.json (found). */
int library_parcels(void **state);
int library_patches(void **state);
int library_end(void **state);

const char *in_folder(const char *name); /* a path in it; good until the eighth call after it */

/* Of files in the folder. */
void library_train(const char *config, int fold);
void library_predict(const char *config, const char *weights, const char *out);
furrow_model *library_load(const furrow_model_options *o);

#endif
