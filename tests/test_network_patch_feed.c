/* Batches of patches on the device: values, places, targets; buffers that grow under queued work; ends and errors; and
 * from a PASTIS folder of real images to the device. */
#include "patches_test.h"

#include <math.h>
#include <unistd.h>

#include "base/memory.h"
#include "data-tools/pack_pastis.h"
#include "format/npy.h"
#include "rt/rt.h"
#include "network/patch_feed.h"

enum { SIDE = 5, PLANE = SIDE * SIDE, FIRST_POSITION = 1 };

static device *test_device;
static const uint32_t order[PATCHES] = {2, 4, 1, 0, 5, 6, 3}; /* batches grow at first */
static const float mean[BANDS] = {1, 2, 3}, std[BANDS] = {2, 4, 0.5f};
static const int32_t class_of[4] = {2, -1, 0, 1};

static int open_device(void **state)
{
    (void)state;
    return device_open(NULL, &test_device);
}

static int close_device(void **state)
{
    (void)state;
    device_close(test_device);
    return 0;
}

static patches *open_set(bool damaged)
{
    small_patches_write(
        &(small_patches){.type = damaged ? NUMBER_F16 : NUMBER_I16, .height = SIDE, .width = SIDE, .damaged = damaged});
    patches_options o = patches_defaults();
    o.augment = true;
    o.date_dropout = 0.3;
    o.class_map = (int_list){4, {2, -1, 0, 1}};
    patches *s = NULL;
    assert_ok(patches_open(&o, true, &s));
    return s;
}

/* Which date of the patch is at this day. */
static int date_at(int patch, int32_t day)
{
    for (int t = 0; t < small_dates[patch]; t++)
        if (small_days[small_first[patch] + t] == day) return t;
    print_error("patch %d has no date at day %d\n", patch, (int)day);
    _fail(__FILE__, __LINE__);
    return -1;
}

static void assert_patch(const patch_feed_batch *b, int i, const float *x, const int32_t *target)
{
    const int patch = (int)b->sample[i], turn = b->turn[i];
    for (int f = b->host_offsets[i]; f < b->host_offsets[i + 1]; f++) {
        const int date = date_at(patch, b->days[f]);
        for (int k = 0; k < PLANE * BANDS; k++) {
            const int c = k % BANDS, stored = patch_value(patch, date, c, patch_stored_place(SIDE, turn, k / BANDS));
            assert_true(fabsf(x[f * PLANE * BANDS + k] - ((float)stored - mean[c]) / std[c]) < 1e-3f);
        }
    }
    for (int p = 0; target && p < PLANE; p++)
        assert_int_equal(target[i * PLANE + p], class_of[patch_label(patch, patch_stored_place(SIDE, turn, p))]);
}

static void assert_batch(const patch_feed_batch *b, bool labels)
{
    float x[21 * PLANE * BANDS + 1];
    int32_t offsets[PATCHES + 1], positions[24], target[PATCHES * PLANE];
    assert_int_equal(b->height, SIDE);
    assert_int_equal(b->width, SIDE);
    assert_ok(buffer_read(b->x, 0, x, (size_t)(b->frames * PLANE * BANDS) * sizeof *x));
    assert_ok(buffer_read(b->offsets, 0, offsets, (size_t)(b->patches + 1) * sizeof *offsets));
    assert_ok(buffer_read(b->positions, 0, positions, (size_t)b->frames * sizeof *positions));
    assert_memory_equal(offsets, b->host_offsets, (size_t)(b->patches + 1) * sizeof *offsets);
    assert_int_equal(offsets[b->patches], b->frames);
    for (int f = 0; f < b->frames; f++) assert_int_equal(positions[f], b->days[f] - FIRST_POSITION);
    if (labels) assert_ok(buffer_read(b->target, 0, target, (size_t)(b->patches * PLANE) * sizeof *target));
    if (!labels) assert_null(b->target);
    for (int i = 0; i < b->patches; i++) assert_patch(b, i, x, labels ? target : NULL);
}

static void assert_pass(patch_feed *f, int batch_size, bool training, bool labels)
{
    patch_feed_batch b;
    int seen = 0, batches = 0;
    const patch_feed_pass pass = {order, PATCHES, batch_size, training, labels, false, 3, 4, mean, std};
    assert_ok(patch_feed_begin(f, pass));
    for (;; batches++) {
        assert_ok(patch_feed_next(f, &b));
        if (!b.patches) break;
        for (int i = 0; i < b.patches; i++) assert_int_equal(b.sample[i], order[seen++]);
        assert_batch(&b, labels);
    }
    assert_int_equal(seen, PATCHES);
    assert_int_equal(batches, patch_feed_batches(&pass));
    assert_ok(patch_feed_next(f, &b)); /* still over */
    assert_int_equal(b.patches, 0);
    patch_feed_end(f);
}

static void passes(void **state)
{
    (void)state;
    patches *s = open_set(false);
    patch_feed *f;
    patch_feed_batch b;
    assert_ok(patch_feed_new(test_device, s, &f));
    assert_ok(patch_feed_next(f, &b)); /* no pass: nothing */
    assert_int_equal(b.patches, 0);
    assert_pass(f, 1, true, true);
    assert_pass(f, 3, true, false);
    assert_pass(f, 3, false, true);
    assert_pass(f, 2, true, true);
    assert_ok(patch_feed_begin(f, (patch_feed_pass){order, 0, 2, false, true, false, 0, 0, mean, std}));
    assert_ok(patch_feed_next(f, &b));
    assert_int_equal(b.patches, 0);
    patch_feed_free(f);
    patch_feed_free(NULL);
    patches_close(s);
}

/* What is queued on a batch's buffers sees that batch, however late it runs. */
static void queued_work(void **state)
{
    (void)state;
    const size_t room = 6 * PLANE * BANDS * sizeof(float);
    patches *s = open_set(false);
    patch_feed *f;
    patch_feed_batch b;
    buffer *kept[PATCHES];
    float later[6 * PLANE * BANDS];
    int frames[PATCHES], turn[PATCHES];
    int32_t days[PATCHES][6];
    assert_ok(patch_feed_new(test_device, s, &f));
    assert_ok(patch_feed_begin(f, (patch_feed_pass){order, PATCHES, 1, true, true, false, 9, 1, mean, std}));
    for (int i = 0; i < PATCHES; i++) {
        assert_ok(buffer_new(test_device, room, &kept[i]));
        assert_ok(patch_feed_next(f, &b));
        frames[i] = b.frames;
        turn[i] = b.turn[0];
        memcpy(days[i], b.days, (size_t)b.frames * sizeof *b.days);
        assert_ok(buffer_copy(b.x, 0, kept[i], 0, (size_t)(b.frames * PLANE * BANDS) * sizeof(float)));
    }
    patch_feed_free(f);
    for (int i = 0; i < PATCHES; i++) {
        const int32_t offsets[2] = {0, frames[i]};
        const patch_feed_batch then = {.sample = &order[i], .turn = &turn[i], .host_offsets = offsets, .days = days[i]};
        assert_ok(buffer_read(kept[i], 0, later, (size_t)(frames[i] * PLANE * BANDS) * sizeof(float)));
        assert_patch(&then, 0, later, NULL);
        buffer_free(kept[i]);
    }
    patches_close(s);
}

static void ended_early(void **state)
{
    (void)state;
    patches *s = open_set(false);
    patch_feed *f;
    patch_feed_batch b;
    assert_ok(patch_feed_new(test_device, s, &f));
    for (int after = 0; after < 4; after++) {
        assert_ok(patch_feed_begin(f, (patch_feed_pass){order, PATCHES, 2, true, true, false, 0, 0, mean, std}));
        for (int i = 0; i < after; i++) assert_ok(patch_feed_next(f, &b));
        if (after % 2) patch_feed_end(f); /* else the next pass ends it */
    }
    patch_feed_free(f);
    patches_close(s);
}

static void damaged(void **state)
{
    (void)state;
    static const uint32_t last[3] = {0, 1, 2};
    patches *s = open_set(true);
    patch_feed *f;
    patch_feed_batch b;
    assert_ok(patch_feed_new(test_device, s, &f));
    assert_ok(patch_feed_begin(f, (patch_feed_pass){last, 3, 2, false, true, false, 0, 0, mean, std}));
    assert_ok(patch_feed_next(f, &b));
    assert_batch(&b, true);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(patch_feed_next(f, &b), FAILED);
        assert_int_equal(b.patches, 0);
        assert_holds(error_message(), "patch 12, S2: row 1, column 2, band 2 of date 1 is ");
    }
    patch_feed_free(f);
    patches_close(s);
}

/* ---- real images ------------------------------------------------------------------------------------------------- */

static void *read_array(const char *folder, const char *kind, const char *id, npy_header *header)
{
    char path[700];
    void *values = NULL;
    snprintf(path, sizeof path, "%s/%s_%s.npy", folder, kind, id);
    assert_ok(npy_read(path, 1 << 24, header, &values));
    return values;
}

static void assert_real_patch(patches *s, const patch_feed_batch *b, const char *folder, const float *by)
{
    npy_header images, labels;
    const int bands = patches_bands(s), plane = b->height * b->width, values = b->frames * bands * plane;
    void *stored = read_array(folder, "DATA_S2/S2", patches_id(s, (int)b->sample[0]), &images);
    void *classes = read_array(folder, "ANNOTATIONS/TARGET", patches_id(s, (int)b->sample[0]), &labels);
    float *x = memory_new((size_t)values, sizeof *x);
    int32_t *target = memory_new((size_t)plane, sizeof *target);
    assert_true(x && target);
    assert_int_equal(images.count, (size_t)values);
    assert_ok(buffer_read(b->x, 0, x, (size_t)values * sizeof *x));
    assert_ok(buffer_read(b->target, 0, target, (size_t)plane * sizeof *target));
    for (int i = 0; i < values; i++) {
        const int c = i % bands, p = i / bands % plane, t = i / bands / plane;
        const double value = number_get(images.type, stored, (size_t)((t * bands + c) * plane + p));
        assert_true(fabs((double)x[i] - (value - (double)by[c]) / (double)by[bands + c]) < 1e-4);
    }
    for (int p = 0; p < plane; p++) assert_int_equal(target[p], (int)number_get(labels.type, classes, (size_t)p));
    free(stored);
    free(classes);
    free(x);
    free(target);
}

static void real_images(void **state)
{
    (void)state;
    const char *shared = getenv("FURROW_SHARED");
    char folder[512], pack[80];
    snprintf(folder, sizeof folder, "%s/data/dense-s2", shared ? shared : "../shared");
    snprintf(pack, sizeof pack, "%s.h5", data_path);
    if (access(folder, R_OK)) {
        print_message("%s is not there (FURROW_SHARED): skipped\n", folder);
        skip();
    }
    patches *s;
    patch_feed *f;
    patch_feed_batch b;
    fold_split split;
    float *by, *deviations;
    patches_options o = patches_defaults();
    o.pack = pack;
    assert_ok(pack_pastis(folder, pack, &(pack_pastis_options){0}, NULL));
    assert_ok(patches_open(&o, true, &s));
    assert_int_equal(patches_count(s), 9);
    assert_int_equal(patches_classes(s), 2);
    assert_string_equal(patches_class_name(s, 1), "cropland");
    assert_int_equal(patches_first_position(s), 792); /* 2020-11-01 */
    assert_int_equal(patches_last_position(s), 1126);
    assert_ok(patches_split(s, 3, &split));
    assert_int_equal(split.train_count + split.validation_count + split.test_count, 9);
    assert_ok(patches_normalisation(s, split.train, split.train_count, &by, &deviations));
    assert_ok(patch_feed_new(test_device, s, &f));
    assert_ok(patch_feed_begin(
        f, (patch_feed_pass){split.train, split.train_count, 1, false, true, false, 0, 0, by, deviations}));
    for (int i = 0; i < split.train_count; i++) {
        assert_ok(patch_feed_next(f, &b));
        assert_real_patch(s, &b, folder, by);
    }
    patch_feed_free(f);
    fold_split_free(&split);
    free(by);
    patches_close(s);
    unlink(pack);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_test_setup, data_test_teardown)
    const struct CMUnitTest tests[] = {TEST(passes), TEST(queued_work), TEST(ended_early), TEST(damaged),
                                       TEST(real_images)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
