#include "patches_test.h"

#include <math.h>

#include "base/date.h"
#include "base/memory.h"

const int32_t small_dates[PATCHES] = {5, 3, 1, 4, 2, 6, 3};
const int32_t small_days[24] = {23, 28, 33, 40, 60, 24, 30, 50, 55, 20, 40, 41,
                                42, 30, 90, 1,  11, 21, 31, 41, 51, 70, 80, 81};
const int small_first[PATCHES + 1] = {0, 5, 8, 9, 13, 15, 21, 24};

int patch_value(int patch, int date, int band, int pixel)
{
    return (17 * patch + 13 * date + 5 * band + pixel) % 251; /* fits every type */
}

int patch_label(int patch, int pixel)
{
    return (patch + pixel * pixel) % 4;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* A whole number below 2048 as a 16-bit float. */
static uint16_t half_of(int value)
{
    int exponent = 0;
    while (value >> (exponent + 1)) exponent++;
    const int bits = (15 + exponent) << 10 | (value << 10 >> exponent & 1023);
    return value ? (uint16_t)bits : 0;
}

static void put(enum number_type type, void *values, size_t at, int value, bool damaged)
{
    switch (type) {
    case NUMBER_U8: ((uint8_t *)values)[at] = (uint8_t)value; break;
    case NUMBER_F32: ((float *)values)[at] = damaged ? NAN : (float)value; break;
    case NUMBER_F16: ((uint16_t *)values)[at] = damaged ? 0xFC00 : half_of(value); break;
    default: ((uint16_t *)values)[at] = (uint16_t)value;
    }
}

int patch_stored_place(int side, int turn, int pixel)
{
    int row = pixel / side, column = pixel % side;
    for (int q = turn / 2; q > 0; q--) { /* a quarter back */
        const int before = row;
        row = column;
        column = side - 1 - before;
    }
    return row * side + (turn & 1 ? side - 1 - column : column);
}

static void frames_write(const small_patches *p, patch_writer *w, int patch, int dates)
{
    const int plane = p->height * p->width;
    void *values = memory_new((size_t)(dates * BANDS * plane), 4);
    assert_non_null(values);
    for (int i = 0; i < dates * BANDS * plane; i++)
        put(p->type, values, (size_t)i, patch_value(patch, i / plane / BANDS, i / plane % BANDS, i % plane),
            p->damaged && patch == 2 && i == plane + 1);
    assert_ok(patch_writer_frames(w, 0, (size_t)patch, values));
    free(values);
}

static void labels_write(const small_patches *p, patch_writer *w, int patch)
{
    const int plane = p->height * p->width;
    uint8_t *labels = memory_new((size_t)plane, 1);
    assert_non_null(labels);
    for (int i = 0; i < plane; i++) {
        const int label = patch_label(patch, i);
        labels[i] = (uint8_t)(label == 3 && p->void_label ? p->void_label : label);
    }
    assert_ok(patch_writer_labels(w, (size_t)patch, labels));
    free(labels);
}

static void parcels_write(const small_patches *p, patch_writer *w, int patch)
{
    const int plane = p->height * p->width;
    int32_t *values = memory_new((size_t)plane, sizeof *values);
    assert_non_null(values);
    for (int i = 0; i < plane; i++) values[i] = p->parcel(patch, i);
    assert_ok(patch_writer_parcels(w, (size_t)patch, values));
    free(values);
}

static void target_write(const small_patches *p, patch_writer *w, enum patch_target target, int patch)
{
    const int plane = p->height * p->width;
    int32_t *numbers = memory_new((size_t)plane, sizeof *numbers);
    float *reals = memory_new((size_t)plane, sizeof *reals);
    assert_true(numbers && reals);
    for (int i = 0; i < plane; i++) {
        const double value = p->target(target, patch, i);
        if (target == PATCH_HEATMAP)
            reals[i] = (float)value;
        else
            numbers[i] = (int32_t)value;
    }
    assert_ok(patch_writer_target(w, target, (size_t)patch, target == PATCH_HEATMAP ? (void *)reals : numbers));
    free(numbers);
    free(reals);
}

void small_patches_write(const small_patches *p)
{
    static const char *const ids[PATCHES] = {"10", "11", "12", "13", "14", "15", "16"};
    static const int32_t folds[PATCHES] = {1, 2, 3, 4, 5, 1, 2};
    static const bool all[PATCHES] = {true, true, true, true, true, true, true};
    static const uint32_t colours[8] = {0x102030, 0x405060, 0x708090};
    double mean[5 * BANDS], std[5 * BANDS];
    int32_t days[24], dates[PATCHES], reference;
    size_t used = 0;
    assert_true(date_number(2018, 9, 1, &reference));
    for (int i = 0; i < PATCHES; i++) {
        dates[i] = p->dates ? p->dates[i] : small_dates[i];
        for (int t = 0; t < dates[i]; t++) days[used++] = reference + small_days[small_first[i] + t];
    }
    for (int i = 0; i < 5 * BANDS; i++) {
        mean[i] = 10 * (i / BANDS + 1) + i % BANDS;
        std[i] = i % BANDS == 1 ? 0 : i / BANDS + 1;
    }
    const patch_frames s2 = {"S2", BANDS, p->type, dates, days};
    const patch_contents c = {.count = PATCHES,
                              .height = p->height,
                              .width = p->width,
                              .fingerprint = "test",
                              .ids = ids,
                              .fold = p->fold ? p->fold : folds,
                              .satellite = &s2,
                              .satellites = 1,
                              .labelled = p->unlabelled ? NULL
                                          : p->labelled ? p->labelled
                                                        : all,
                              .parcelled = p->parcel ? all : NULL,
                              .origin = {p->origin[0], p->origin[1], p->origin[2]},
                              .class_name = p->class_name,
                              .class_colour = p->classes ? colours : NULL,
                              .classes = p->classes};
    const int rows = p->norm_folds < 0 ? 0 : p->norm_folds ? p->norm_folds : 5;
    const char *const source = "test.json";
    patch_writer *w = NULL;
    assert_ok(patch_writer_open(data_path, &c, 0, &w));
    for (int i = 0; i < PATCHES; i++) {
        if (dates[i]) frames_write(p, w, i, dates[i]);
        if (c.labelled && c.labelled[i]) labels_write(p, w, i);
        if (p->parcel) parcels_write(p, w, i);
        for (int k = 0; k < PATCH_TARGETS; k++)
            if (p->origin[k] && p->origin[k][i] == PATCH_OWN) target_write(p, w, (enum patch_target)k, i);
    }
    assert_ok(patch_writer_finish(w, &(normalisation){rows, BANDS, mean, std}, &source));
    patch_writer_close(w);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

patches_options patches_defaults(void)
{
    return (patches_options){.pack = data_path,
                             .satellite = (char *)"S2",
                             .norm = (char *)"pack",
                             .ref_date = (char *)"2018-09-01",
                             .class_map = {.count = -1}};
}

void assert_patches_refused(const patches_options *o, bool labels, int code, ...)
{
    patches *s = NULL;
    assert_int_equal(patches_open(o, labels, &s), code);
    assert_null(s);
    va_list parts;
    va_start(parts, code);
    for (const char *part; (part = va_arg(parts, const char *));) assert_holds(error_message(), part);
    va_end(parts);
}
