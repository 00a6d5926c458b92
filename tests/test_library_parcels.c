/* The public interface: parcels in memory give what predict gives of the same in a pack, whatever the batches; wrong calls
 * are refused with what was wanted. */
#include "tests/library_test.h"

#include <math.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/pixelset_pack.h"

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
    library_train("parcels.json", 0);
    library_predict("parcels.json", "run", "predicted");
    read_parcels(&a);
    furrow_model *m =
        library_load(&(furrow_model_options){.weights = in_folder("run"), .normalisation = in_folder("parcels.h5")});
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
    assert_code(furrow_classify_parcels(m, NULL, 1, p), FURROW_USAGE, "no arrays");
    assert_code(furrow_classify_parcels(m, a.parcel, -1, p), FURROW_USAGE, "-1 parcels");

    /* ---- refusals */
    furrow_parcel wrong = a.parcel[0];
    float values[DATES * BANDS * 3] = {0};
    values[(2 * BANDS + 1) * 3 + 2] = NAN;
    wrong.values = values;
    wrong.pixels = 3;
    assert_code(furrow_classify_parcels(m, &wrong, 1, p), FURROW_FAILED, "parcel 0: pixel 2 of band 1 of date 2");
    wrong = a.parcel[0];
    wrong.days = NULL;
    assert_code(furrow_classify_parcels(m, &wrong, 1, p), FURROW_USAGE, "has no days");
    wrong = a.parcel[0];
    wrong.extra = NULL;
    assert_code(furrow_classify_parcels(m, &wrong, 1, p), FURROW_USAGE, "no extra features; the network takes 4");
    wrong = a.parcel[0];
    wrong.dates = 0;
    assert_code(furrow_classify_parcels(m, &wrong, 1, p), FURROW_USAGE, "0 dates");
    wrong.dates = wrong.pixels = 1 << 30;
    assert_code(furrow_classify_parcels(m, &wrong, 1, p), FURROW_USAGE, "too many");
    const int32_t far[DATES] = {0, 1000000};
    wrong = a.parcel[0];
    wrong.days = far;
    assert_code(furrow_classify_parcels(m, &wrong, 1, p), FURROW_FAILED, "days from 0 to 1000000");
    assert_code(furrow_classify_patches(m, NULL, 0, SIDE, SIDE, p), FURROW_USAGE, "takes parcels, not patches");
    assert_code(furrow_model_size_fits(m, 16, 16), FURROW_USAGE, "no size");
    furrow_interrupt();
    assert_code(furrow_classify_parcels(m, a.parcel, 1, p), FURROW_INTERRUPTED, "interrupted");
    furrow_interrupt_clear();
    assert_ok(furrow_classify_parcels(m, a.parcel, 1, p));
    furrow_model_free(m);
    arrays_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parcels_as_predict_has_them),
    };
    return cmocka_run_group_tests(tests, library_parcels, library_end);
}
