/* The public interface: images in memory give what predict gives of the same in a pack, classes of pixels and parcels that
 * are found; wrong calls are refused with what was wanted. */
#include "tests/library_test.h"

#include <math.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/npy.h"
#include "format/patch_pack.h"

static furrow_patch read_patch(patch_pack *p, size_t i)
{
    const int dates = patch_pack_dates(p, 0, i);
    int date[8];
    const size_t count = (size_t)dates * BANDS * SIDE * SIDE;
    int16_t *stored = memory_new(count, sizeof *stored);
    float *values = memory_new(count, sizeof *values);
    int32_t *days = memory_new((size_t)dates, sizeof *days);
    for (int t = 0; t < dates; t++) {
        date[t] = t;
        days[t] = patch_pack_days(p, 0, i)[t] - 17775; /* 2018-09-01 */
    }
    assert_ok(patch_pack_read_frames(p, 0, i, date, dates, stored));
    for (size_t k = 0; k < count; k++) values[k] = stored[k];
    free(stored);
    return (furrow_patch){values, dates, days};
}

static void read_patches(furrow_patch patches[PATCHES])
{
    patch_pack *p = NULL;
    assert_ok(patch_pack_open(in_folder("patches.h5"), &p));
    for (size_t i = 0; i < PATCHES; i++) patches[i] = read_patch(p, i);
    patch_pack_close(p);
}

static void patches_free(furrow_patch patches[PATCHES])
{
    for (int i = 0; i < PATCHES; i++) {
        free((void *)(uintptr_t)patches[i].values);
        free((void *)(uintptr_t)patches[i].days);
    }
}

/* The values of an array that predict wrote, as bytes behind the header. */
static const char *array_of(const char *file, size_t bytes)
{
    static char *text;
    size_t length;
    free(text);
    assert_ok(file_read(file, 1 << 24, &text, &length));
    assert_true(length > bytes);
    return text + length - bytes;
}

static void patches_as_predict_has_them(void **state)
{
    (void)state;
    enum { CELLS = LABELS * SIDE * SIDE };
    static float p[PATCHES * CELLS], wanted[CELLS], again[CELLS];
    char name[64];
    furrow_patch patches[PATCHES];
    library_train("patches.json", 1);
    library_predict("patches.json", "maps", "predicted-maps");
    read_patches(patches);
    const char *set[] = {"eval.batch_size=3"};
    furrow_model *m = library_load(&(furrow_model_options){.config = in_folder("patches.json"),
                                                           .set = set,
                                                           .sets = 1,
                                                           .weights = in_folder("maps/Fold_1/model.h5"),
                                                           .normalisation = in_folder("patches.h5")});
    furrow_model_info about;
    furrow_model_about(m, &about);
    assert_string_equal(about.samples, "patches");
    assert_true(about.days && !about.head);
    assert_ok(furrow_classify_patches(m, patches, PATCHES, SIDE, SIDE, p));
    for (int i = 0; i < PATCHES; i++) {
        snprintf(name, sizeof name, "predicted-maps/%d_scores.npy", 10000 + i);
        memcpy(wanted, array_of(in_folder(name), sizeof wanted), sizeof wanted);
        for (int k = 0; k < CELLS; k++) {
            if (fabsf(p[i * CELLS + k] - wanted[k]) < 1e-4f) continue;
            print_error("patch %d, value %d: %g, predict says %g\n", i, k, (double)p[i * CELLS + k], (double)wanted[k]);
            _fail(__FILE__, __LINE__);
        }
    }
    /* a part of a patch: another size, and back */
    static float part[3 * BANDS * 8 * 8];
    const furrow_patch small = {part, 3, (const int32_t[]){0, 10, 20}};
    assert_ok(furrow_classify_patches(m, &small, 1, 8, 8, wanted));
    assert_ok(furrow_classify_patches(m, &patches[2], 1, SIDE, SIDE, again));
    for (int k = 0; k < CELLS; k++) assert_true(fabsf(p[2 * CELLS + k] - again[k]) < 1e-4f);
    assert_ok(furrow_model_size_fits(m, 32, 8));
    assert_code(furrow_classify_patches(m, &small, 1, 7, 8, wanted), FURROW_USAGE, "sides that the network's");
    assert_code(furrow_classify_patches(m, patches, 1, SIDE, SIDE, NULL), FURROW_USAGE, "no arrays");
    assert_code(furrow_find_parcels(m, patches, 1, SIDE, SIDE, NULL, NULL, NULL), FURROW_USAGE, "has no head");
    assert_code(furrow_classify_parcels(m, NULL, 0, NULL), FURROW_USAGE, "takes patches, not parcels");
    const furrow_patch without = {part, 3, NULL};
    assert_code(furrow_classify_patches(m, &without, 1, 8, 8, wanted), FURROW_USAGE, "patch 0 has no days");
    furrow_model_free(m);
    patches_free(patches);
}

static void parcels_found_as_predict_has_them(void **state)
{
    (void)state;
    enum { PIXELS = SIDE * SIDE };
    static int32_t instances[PATCHES * PIXELS], classes[PATCHES * PIXELS], wanted[PIXELS];
    static float confidences[PATCHES * PIXELS], confidence[PIXELS];
    char name[64];
    int found = 0;
    furrow_patch patches[PATCHES];
    library_train("found.json", 1);
    library_predict("found.json", "found", "predicted-parcels");
    read_patches(patches);
    furrow_model *m =
        library_load(&(furrow_model_options){.weights = in_folder("found"), .normalisation = in_folder("patches.h5")});
    furrow_model_info about;
    furrow_model_about(m, &about);
    assert_true(about.head);
    assert_int_equal(about.classes, LABELS);
    assert_ok(furrow_find_parcels(m, patches, PATCHES, SIDE, SIDE, instances, classes, confidences));
    for (int i = 0; i < PATCHES; i++) {
        snprintf(name, sizeof name, "predicted-parcels/%d_instances.npy", 10000 + i);
        memcpy(wanted, array_of(in_folder(name), sizeof wanted), sizeof wanted);
        snprintf(name, sizeof name, "predicted-parcels/%d_confidence.npy", 10000 + i);
        memcpy(confidence, array_of(in_folder(name), sizeof confidence), sizeof confidence);
        for (int k = 0; k < PIXELS; k++) {
            const int at = i * PIXELS + k;
            assert_int_equal(instances[at], wanted[k]);
            assert_true(fabsf(confidences[at] - confidence[k]) < 1e-4f);
            assert_int_equal(classes[at] < 0, instances[at] == 0);
            assert_true(classes[at] < LABELS);
            found += instances[at] > 0;
        }
    }
    assert_true(found > 0);
    assert_ok(furrow_find_parcels(m, patches, 1, SIDE, SIDE, instances, NULL, NULL));
    assert_code(furrow_classify_patches(m, patches, 1, SIDE, SIDE, confidences), FURROW_USAGE, "furrow_find_parcels");
    furrow_model_free(m);
    patches_free(patches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patches_as_predict_has_them),
        cmocka_unit_test(parcels_found_as_predict_has_them),
    };
    return cmocka_run_group_tests(tests, library_patches, library_end);
}
