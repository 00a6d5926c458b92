/* The public interface: arrays in memory give what the runs on files give, whatever the batches; wrong calls are
 * refused with what was wanted; a run's own watcher stops it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours (base/error.h) has that name too */

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "data-tools/pack_pastis.h"
#include "data-tools/pack_pixelset.h"
#include "data-tools/synth_pastis.h"
#include "data-tools/synth_pixelset.h"
#include "format/npy.h"
#include "format/patch_pack.h"
#include "format/pixelset_pack.h"
#include "furrow.h"

#define assert_ok(expression)                                                                                          \
    do {                                                                                                               \
        int assert_ok_code = (expression);                                                                             \
        if (assert_ok_code) {                                                                                          \
            print_error("%s: %d: %s\n", #expression, assert_ok_code, furrow_error_message());                          \
            _fail(__FILE__, __LINE__);                                                                                 \
        }                                                                                                              \
    } while (0)

#define assert_refused(expression, code, part)                                                                         \
    do {                                                                                                               \
        assert_int_equal((expression), (code));                                                                        \
        if (!strstr(furrow_error_message(), (part))) {                                                                 \
            print_error("%s: \"%s\" is not in: %s\n", #expression, (part), furrow_error_message());                    \
            _fail(__FILE__, __LINE__);                                                                                 \
        }                                                                                                              \
    } while (0)

enum { PARCELS = 40, DATES = 9, BANDS = 4, CROPS = 3, PATCHES = 5, SIDE = 16, LABELS = 5 };

static char folder[] = "/tmp/furrow-library-XXXXXX";
static furrow_device *device;

/* folder/name, in a buffer that the fourth call after reuses */
static const char *in_folder(const char *name)
{
    static char slots[4][256];
    static int next;
    char *out = slots[next++ % 4];
    snprintf(out, sizeof slots[0], "%s/%s", folder, name);
    return out;
}

static void write_config(const char *name, const char *pack, const char *model, const char *run)
{
    char *text = text_format(
        "{\"data\": {\"pack\": \"%s/%s\"%s}, \"model\": %s, \"train\": {\"res_dir\": \"%s/%s\", "
        "\"epochs\": 1, \"batch_size\": 4, \"kfold\": %d%s}}",
        folder, pack, strstr(model, "psetae") ? ", \"npixel\": 8, \"extra_feature\": \"geomfeat\"" : "", model, folder,
        run, strstr(model, "psetae") ? 3 : 5, strstr(model, "paps") ? ", \"warmup\": 0, \"autotune\": false" : "");
    assert_ok(file_write(in_folder(name), text, strlen(text)));
    free(text);
}

#define UTAE                                                                                                           \
    "\"arch\": \"utae\", \"encoder_widths\": [8, 8], \"decoder_widths\": [8, 8], \"out_conv\": [8, 5], "               \
    "\"n_head\": 2, \"d_model\": 8"

static void train(const char *config, int fold)
{
    char *json = NULL;
    assert_ok(furrow_train(&(furrow_run_options){.config = in_folder(config), .fold = fold}, &json));
    assert_non_null(strstr(json, "overall"));
    furrow_free(json);
}

static void predict(const char *config, const char *weights, const char *out)
{
    char *json = NULL;
    const furrow_run_options o = {.config = in_folder(config), .weights = in_folder(weights), .out = in_folder(out)};
    assert_ok(furrow_predict(&o, &json));
    furrow_free(json);
}

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    synth_options parcels = synth_defaults();
    parcels = (synth_options){PARCELS, CROPS, DATES, BANDS, 3, 20, parcels.seed, 0};
    assert_ok(synth_pixelset(in_folder("parcels"), &parcels));
    assert_ok(pack_pixelset(in_folder("parcels"), in_folder("parcels.h5"), &(pack_options){0}, NULL));
    synth_pastis_options patches = synth_pastis_defaults();
    patches = (synth_pastis_options){PATCHES, SIDE, 2, 4, BANDS, LABELS, patches.seed, NULL};
    assert_ok(synth_pastis(in_folder("patches"), &patches));
    assert_ok(pack_pastis(in_folder("patches"), in_folder("patches.h5"), &(pack_pastis_options){0}, NULL));
    write_config("parcels.json", "parcels.h5",
                 "{\"arch\": \"psetae\", \"mlp1\": [4, 16, 32], \"n_head\": 2, \"d_k\": 8, \"mlp2\": [68, 32], "
                 "\"mlp3\": [64, 32], \"mlp4\": [32, 3]}",
                 "run");
    write_config("patches.json", "patches.h5", "{" UTAE "}", "maps");
    write_config("found.json", "patches.h5",
                 "{" UTAE ", \"head\": {\"arch\": \"paps\", \"num_classes\": 5, \"shape_size\": 8, "
                 "\"min_confidence\": 0, \"mask_threshold\": 0.05}}",
                 "found");
    assert_ok(furrow_device_open(NULL, &device));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[64];
    furrow_device_close(device);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static furrow_model *load(const furrow_model_options *o)
{
    furrow_model *m = NULL;
    assert_ok(furrow_model_load(device, o, &m));
    return m;
}

/* ---- parcels ------------------------------------------------------------------------------------------------------ */

/* The pack's parcels as arrays: dates x bands x pixels, features standardised. */
typedef struct arrays {
    furrow_parcel parcel[PARCELS];
    char id[PARCELS][16];
} arrays;

static void read_parcels(arrays *a)
{
    pixelset_pack *p = NULL;
    const pack_feature *feature = NULL;
    assert_ok(pixelset_pack_open(in_folder("parcels.h5"), &p));
    assert_ok(pixelset_pack_feature(p, "geomfeat", &feature));
    for (size_t i = 0; i < PARCELS; i++) {
        const int dates = pixelset_pack_dates(p, i), pixels = pixelset_pack_pixels(p, i);
        uint16_t *stored = memory_new(pixelset_pack_bytes(p, i), 1);
        float *values = memory_new((size_t)(dates * pixels * BANDS), sizeof *values);
        float *extra = memory_new((size_t)feature->width, sizeof *extra);
        int32_t *days = memory_new((size_t)dates, sizeof *days);
        assert_ok(pixelset_pack_read(p, i, stored));
        for (int t = 0; t < dates; t++) {
            days[t] = pixelset_pack_days(p, i)[t] - pixelset_pack_days(p, 0)[0];
            for (int s = 0; s < pixels; s++)
                for (int c = 0; c < BANDS; c++)
                    values[(t * BANDS + c) * pixels + s] = stored[(t * pixels + s) * BANDS + c];
        }
        for (int e = 0; e < feature->width; e++)
            extra[e] = (float)((feature->values[(int)i * feature->width + e] - feature->mean[e]) / feature->std[e]);
        snprintf(a->id[i], sizeof a->id[i], "%s", pixelset_pack_id(p, i));
        a->parcel[i] = (furrow_parcel){values, dates, pixels, days, extra, a->id[i]};
        free(stored);
    }
    pixelset_pack_close(p);
}

static void arrays_free(arrays *a)
{
    for (int i = 0; i < PARCELS; i++) {
        free((void *)(uintptr_t)a->parcel[i].values);
        free((void *)(uintptr_t)a->parcel[i].days);
        free((void *)(uintptr_t)a->parcel[i].extra);
    }
}

/* predictions.csv: id,label,class,p_0,... */
static void assert_csv(const char *path, const arrays *a, const float *p)
{
    char line[512];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    for (int i = 0; i < PARCELS; i++) {
        assert_non_null(fgets(line, sizeof line, file));
        char *at = strtok(line, ",");
        assert_string_equal(at, a->id[i]);
        strtok(NULL, ",");
        strtok(NULL, ",");
        for (int k = 0; k < CROPS; k++) {
            const double wanted = strtod(strtok(NULL, ","), NULL);
            if (fabs((double)p[i * CROPS + k] - wanted) < 1e-5) continue;
            print_error("parcel %d, class %d: %g, predict says %g\n", i, k, (double)p[i * CROPS + k], wanted);
            _fail(__FILE__, __LINE__);
        }
    }
    fclose(file);
}

static void parcels_as_predict_has_them(void **state)
{
    (void)state;
    static arrays a;
    float p[PARCELS * CROPS], again[PARCELS * CROPS];
    train("parcels.json", 0);
    predict("parcels.json", "run", "predicted");
    read_parcels(&a);
    furrow_model *m =
        load(&(furrow_model_options){.weights = in_folder("run"), .normalisation = in_folder("parcels.h5")});
    furrow_model_info about;
    furrow_model_about(m, &about);
    assert_string_equal(about.arch, "psetae");
    assert_string_equal(about.samples, "parcels");
    assert_true(about.days && !about.head);
    assert_int_equal(about.bands, BANDS);
    assert_int_equal(about.classes, CROPS);
    assert_int_equal(about.extra, 4);
    assert_int_equal(about.pixels, 8);
    assert_int_equal(about.networks, 3);
    assert_true(about.parameters > 1000);
    assert_string_equal(furrow_model_class_name(m, 2), "2");
    assert_null(furrow_model_class_name(m, CROPS));
    assert_null(furrow_model_class_name(m, -1));
    assert_ok(furrow_classify_parcels(m, a.parcel, PARCELS, p));
    assert_csv(in_folder("predicted/predictions.csv"), &a, p);
    /* one by one: other batches */
    for (int i = PARCELS - 1; i >= 0; i--) assert_ok(furrow_classify_parcels(m, &a.parcel[i], 1, again + i * CROPS));
    for (int i = 0; i < PARCELS * CROPS; i++) assert_true(fabsf(p[i] - again[i]) < 1e-5f);
    /* shorter series, a parcel of no pixels, days far away: they work */
    const int32_t days[2] = {-400, 900};
    const furrow_parcel odd[2] = {{a.parcel[0].values, 2, a.parcel[0].pixels, days, a.parcel[0].extra, NULL},
                                  {NULL, 1, 0, days, a.parcel[0].extra, NULL}};
    assert_ok(furrow_classify_parcels(m, odd, 2, p));
    for (int i = 0; i < 2; i++) assert_true(fabsf(p[3 * i] + p[3 * i + 1] + p[3 * i + 2] - 1) < 1e-5f);
    assert_ok(furrow_classify_parcels(m, a.parcel, PARCELS, p));
    assert_csv(in_folder("predicted/predictions.csv"), &a, p);
    assert_ok(furrow_classify_parcels(m, NULL, 0, NULL));
    assert_refused(furrow_classify_parcels(m, NULL, 1, p), FURROW_USAGE, "no arrays");
    assert_refused(furrow_classify_parcels(m, a.parcel, -1, p), FURROW_USAGE, "-1 parcels");

    /* ---- refusals */
    furrow_parcel wrong = a.parcel[0];
    float values[DATES * BANDS * 3] = {0};
    values[(2 * BANDS + 1) * 3 + 2] = NAN;
    wrong.values = values;
    wrong.pixels = 3;
    assert_refused(furrow_classify_parcels(m, &wrong, 1, p), FURROW_FAILED, "parcel 0: pixel 2 of band 1 of date 2");
    wrong = a.parcel[0];
    wrong.days = NULL;
    assert_refused(furrow_classify_parcels(m, &wrong, 1, p), FURROW_USAGE, "has no days");
    wrong = a.parcel[0];
    wrong.extra = NULL;
    assert_refused(furrow_classify_parcels(m, &wrong, 1, p), FURROW_USAGE, "no extra features; the network takes 4");
    wrong = a.parcel[0];
    wrong.dates = 0;
    assert_refused(furrow_classify_parcels(m, &wrong, 1, p), FURROW_USAGE, "0 dates");
    wrong.dates = wrong.pixels = 1 << 30;
    assert_refused(furrow_classify_parcels(m, &wrong, 1, p), FURROW_USAGE, "too many");
    const int32_t far[DATES] = {0, 1000000};
    wrong = a.parcel[0];
    wrong.days = far;
    assert_refused(furrow_classify_parcels(m, &wrong, 1, p), FURROW_FAILED, "days from 0 to 1000000");
    assert_refused(furrow_classify_patches(m, NULL, 0, SIDE, SIDE, p), FURROW_USAGE, "takes parcels, not patches");
    assert_refused(furrow_model_size_fits(m, 16, 16), FURROW_USAGE, "no size");
    furrow_interrupt();
    assert_refused(furrow_classify_parcels(m, a.parcel, 1, p), FURROW_INTERRUPTED, "interrupted");
    furrow_interrupt_clear();
    assert_ok(furrow_classify_parcels(m, a.parcel, 1, p));
    furrow_model_free(m);
    arrays_free(&a);
}

/* ---- patches ------------------------------------------------------------------------------------------------------ */

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
    train("patches.json", 1);
    predict("patches.json", "maps", "predicted-maps");
    read_patches(patches);
    const char *set[] = {"eval.batch_size=3"};
    furrow_model *m = load(&(furrow_model_options){.config = in_folder("patches.json"),
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
    assert_refused(furrow_classify_patches(m, &small, 1, 7, 8, wanted), FURROW_USAGE, "sides that the network's");
    assert_refused(furrow_classify_patches(m, patches, 1, SIDE, SIDE, NULL), FURROW_USAGE, "no arrays");
    assert_refused(furrow_find_parcels(m, patches, 1, SIDE, SIDE, NULL, NULL, NULL), FURROW_USAGE, "has no head");
    assert_refused(furrow_classify_parcels(m, NULL, 0, NULL), FURROW_USAGE, "takes patches, not parcels");
    const furrow_patch without = {part, 3, NULL};
    assert_refused(furrow_classify_patches(m, &without, 1, 8, 8, wanted), FURROW_USAGE, "patch 0 has no days");
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
    train("found.json", 1);
    predict("found.json", "found", "predicted-parcels");
    read_patches(patches);
    furrow_model *m =
        load(&(furrow_model_options){.weights = in_folder("found"), .normalisation = in_folder("patches.h5")});
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
    assert_refused(furrow_classify_patches(m, patches, 1, SIDE, SIDE, confidences), FURROW_USAGE,
                   "furrow_find_parcels");
    furrow_model_free(m);
    patches_free(patches);
}

/* ---- models without a run ----------------------------------------------------------------------------------------- */

static void initial_weights_by_seed(void **state)
{
    (void)state;
    float values[2 * 10 * 3] = {0}, p[2][20], features[4] = {0};
    for (int i = 0; i < 60; i++) values[i] = (float)(i % 7) / 7;
    const char model[] = "{\"model\": {\"arch\": \"pseltae\", \"positions\": null}}";
    const furrow_parcel parcel = {values, 2, 3, NULL, features, NULL};
    assert_ok(file_write(in_folder("initial.json"), model, strlen(model)));
    for (int i = 0; i < 2; i++) {
        furrow_model *m = load(&(furrow_model_options){.config = in_folder("initial.json"), .seed = 7});
        furrow_model_info about;
        furrow_model_about(m, &about);
        assert_false(about.days);
        assert_int_equal(about.longest, 24);
        assert_ok(furrow_classify_parcels(m, &parcel, 1, p[i]));
        float more[25 * 10] = {0};
        const furrow_parcel longer = {more, 25, 1, NULL, features, NULL};
        assert_refused(furrow_classify_parcels(m, &longer, 1, p[1]), FURROW_FAILED, "len_max_seq allows 24");
        assert_ok(furrow_classify_parcels(m, &parcel, 1, p[i]));
        furrow_model_free(m);
    }
    assert_memory_equal(p[0], p[1], sizeof p[0]);
}

static void wrong_models_are_refused(void **state)
{
    (void)state;
    furrow_model *m = (furrow_model *)(uintptr_t)1;
    assert_refused(furrow_model_load(device, &(furrow_model_options){0}, &m), FURROW_USAGE, "needs a configuration");
    assert_null(m);
    const furrow_model_options none = {.weights = in_folder("nowhere")};
    assert_refused(furrow_model_load(device, &none, &m), FURROW_FAILED, "no weights at");
    const furrow_model_options lost = {.config = in_folder("nowhere.json")};
    assert_refused(furrow_model_load(device, &lost, &m), FURROW_FAILED, "nowhere.json");
    const char wrong[] = "{\"model\": {\"arch\": \"psetea\"}}";
    assert_ok(file_write(in_folder("wrong.json"), wrong, strlen(wrong)));
    const furrow_model_options misspelt = {.config = in_folder("wrong.json")};
    assert_refused(furrow_model_load(device, &misspelt, &m), FURROW_USAGE, "did you mean psetae?");
    assert_null(m);
}

/* ---- devices, and runs that are watched ---------------------------------------------------------------------------- */

static void devices_are_listed(void **state)
{
    (void)state;
    int count = 0, all = 0;
    furrow_device_info first, same;
    assert_ok(furrow_device_list(NULL, 0, &all));
    assert_true(all > 0);
    furrow_device_about(device, &same);
    assert_ok(furrow_device_list(&first, 1, &count));
    assert_int_equal(count, all);
    assert_int_equal(first.index, 0);
    assert_true(same.index < all && same.usable && same.global_memory > 0 && same.compute_units > 0);
    furrow_device *other = (furrow_device *)(uintptr_t)1;
    assert_refused(furrow_device_open("no such device", &other), FURROW_NO_DEVICE, "no such device");
    assert_null(other);
    furrow_device_close(NULL);
    furrow_model_free(NULL);
    furrow_free(NULL);
    assert_string_equal(furrow_version(), FURROW_VERSION);
}

static int calls;

static bool never(void *user, const char *task, size_t done, size_t total, const char *metric)
{
    calls++;
    assert_ptr_equal(user, &calls);
    assert_true(task && metric && (!total || done <= total));
    return false;
}

static void a_watcher_stops_its_run_alone(void **state)
{
    (void)state;
    char *json = (char *)(uintptr_t)1;
    furrow_run_options o = {.config = in_folder("parcels.json"), .progress = never, .user = &calls};
    assert_refused(furrow_train(&o, &json), FURROW_INTERRUPTED, "interrupted");
    assert_null(json);
    assert_true(calls > 0);
    calls = 0;
    o.progress = NULL;
    o.fold = 1;
    assert_ok(furrow_train(&o, &json));
    furrow_free(json);
    assert_int_equal(calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_are_listed),
        cmocka_unit_test(parcels_as_predict_has_them),
        cmocka_unit_test(patches_as_predict_has_them),
        cmocka_unit_test(parcels_found_as_predict_has_them),
        cmocka_unit_test(initial_weights_by_seed),
        cmocka_unit_test(wrong_models_are_refused),
        cmocka_unit_test(a_watcher_stops_its_run_alone),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
