/* Packing a folder: every form of its documents, every type of pixel, all problems in one list, no half files. */
#include <math.h>
#include <time.h>

#include "base/file.h"

#include "tests/pack_test.h"

static void expect_problem(const char *part)
{
    assert_refused(pack_it(), part);
    assert_false(file_exists(in_scratch("out.h5")));
    assert_false(file_exists(in_scratch("out.h5.partial")));
    assert_false(file_exists(in_scratch("out.h5.unfinished")));
}

static void pixels_equal(pixelset_pack *p, size_t i, int parcel, size_t T, size_t C, size_t S)
{
    assert_int_equal(pixelset_pack_dates(p, i), T);
    assert_int_equal(pixelset_pack_pixels(p, i), S);
    assert_int_equal(pixelset_pack_bytes(p, i), T * C * S * number_size(pixelset_pack_type(p)));
    void *values = malloc(pixelset_pack_bytes(p, i) + 1);
    assert_ok(pixelset_pack_read(p, i, values));
    for (size_t t = 0; t < T; t++)
        for (size_t s = 0; s < S; s++)
            for (size_t c = 0; c < C; c++)
                assert_true(number_get(pixelset_pack_type(p), values, (t * S + s) * C + c) ==
                            value_at(parcel, t, c, s));
    free(values);
}

static void a_folder_comes_back(void **state)
{
    const int32_t *labels, *days;
    const pack_feature *f;
    (void)state;
    put_folder();
    pixelset_pack *p = packed();
    assert_int_equal(pixelset_pack_count(p), 4);
    assert_int_equal(pixelset_pack_bands(p), 2);
    assert_int_equal(pixelset_pack_type(p), NUMBER_U16);
    assert_string_equal(pixelset_pack_id(p, 0), "1");
    assert_string_equal(pixelset_pack_id(p, 1), "2");
    assert_string_equal(pixelset_pack_id(p, 2), "10");
    assert_string_equal(pixelset_pack_id(p, 3), "b");
    pixels_equal(p, 0, 0, 3, 2, 4);
    pixels_equal(p, 1, 1, 3, 2, 5);
    pixels_equal(p, 2, 2, 3, 2, 0);
    pixels_equal(p, 3, 3, 3, 2, 7);

    assert_int_equal(pixelset_pack_nomenclatures(p), 2);
    assert_ok(pixelset_pack_labels(p, "crop", &labels));
    assert_int_equal(labels[0], 5);
    assert_int_equal(labels[1], 7);
    assert_int_equal(labels[2], -1);
    assert_ok(pixelset_pack_labels(p, "group", &labels));
    assert_int_equal(labels[0], PACK_NO_LABEL);
    assert_int_equal(labels[1], 1);
    assert_int_equal(pixelset_pack_labels(p, NULL, &labels), USAGE);
    assert_message("choose one: crop, group");
    assert_int_equal(pixelset_pack_labels(p, "none", &labels), USAGE);
    assert_message("no nomenclature \"none\"; there are: crop, group");
    assert_logged("group: 1 labels are of parcels that DATA does not hold");
    assert_logged("group: 3 parcels have no label: 1, 10, b");

    assert_true(pixelset_pack_days_shared(p));
    days = pixelset_pack_days(p, 3);
    assert_int_equal(days[0], 17166);
    assert_int_equal(days[1], 17167);
    assert_int_equal(days[2], 17226);

    assert_int_equal(pixelset_pack_features(p), 2);
    assert_ok(pixelset_pack_feature(p, "geomfeat", &f));
    assert_int_equal(f->width, 2);
    assert_true(f->values[7] == 0.5f);
    assert_true(f->mean[0] == 3);
    assert_true(fabs(f->std[0] - sqrt(14 / 3.0)) < 1e-12);
    assert_ok(pixelset_pack_feature(p, "area", &f));
    assert_true(isnan(f->values[2]) && isnan(f->values[3]));
    assert_true(f->mean[0] == 3);
    assert_logged("META/area.json: 2 parcels have no features: 10, b");
    assert_logged("META/names.json holds no features");
    assert_int_equal(pixelset_pack_feature(p, "perimeter", &f), USAGE);
    assert_message("there are: area, geomfeat");
    pixelset_pack_close(p);
}

static void normalisation_is_computed(void **state)
{
    double sum[2] = {0}, squares[2] = {0}, count = 0;
    static const struct {
        int parcel;
        size_t S;
    } parcels[] = {{0, 4}, {1, 5}, {3, 7}};
    (void)state;
    put_folder();
    pixelset_pack *p = packed();
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < 3; i++)
            for (size_t t = 0; t < 3; t++)
                for (size_t s = 0; s < parcels[i].S; s++)
                    for (size_t c = 0; c < 2; c++) {
                        double value = value_at(parcels[i].parcel, t, c, s);
                        if (!pass) sum[c] += value;
                        if (!pass && !c) count++;
                        if (pass) squares[c] += (value - sum[c] / count) * (value - sum[c] / count);
                    }
    const pack_normalisation *n = pixelset_pack_normalisation(p);
    assert_string_equal(n->source, "computed");
    assert_int_equal(n->rows, 1);
    assert_int_equal(n->columns, 2);
    for (int c = 0; c < 2; c++) {
        assert_true(fabs(n->mean[c] - sum[c] / count) < 1e-9);
        assert_true(fabs(n->std[c] - sqrt(squares[c] / count)) < 1e-9);
    }
    assert_logged("computed over all pixels");
    pixelset_pack_close(p);
}

static void normalisation_files(void **state)
{
    pack_options options = {0};
    pixelset_pack *p;
    (void)state;
    put_folder();
    put_text(in_scratch("in/S2-meanstd.pkl"), "((F1.0\nF2.0\nl(F3.0\nF0.0\nlt.");
    p = packed();
    assert_string_equal(pixelset_pack_normalisation(p)->source, "S2-meanstd.pkl");
    assert_true(pixelset_pack_normalisation(p)->std[1] == 0);
    pixelset_pack_close(p);
    put_text(in_scratch("in/S1-meanstd.pkl"), "(F1.0\nF2.0\nt.");
    unlink(in_scratch("out.h5"));
    expect_problem("2 normalisation files (S1-meanstd.pkl, S2-meanstd.pkl");
    options.norm = in_scratch("in/S1-meanstd.pkl");
    assert_ok(pack_pixelset(in_scratch("in"), in_scratch("out.h5"), &options, NULL));
    assert_ok(pixelset_pack_open(in_scratch("out.h5"), &p));
    assert_int_equal(pixelset_pack_normalisation(p)->columns, 1);
    pixelset_pack_close(p);
    put_text(in_scratch("in/normalisation_values.pkl"), "cos\nsystem\n.");
    unlink(in_scratch("out.h5"));
    expect_problem("wants to run os.system");
    options.norm = "computed";
    assert_ok(pack_pixelset(in_scratch("in"), in_scratch("out.h5"), &options, NULL));
}

/* ---- dates -------------------------------------------------------------------------------------------------------- */

static void forms_of_dates(void **state)
{
    static const char *const shared[] = {
        "{\"1\": 20161231, \"2\": 20170101, \"3\": 20170301}",
        "{\"0\": \"20161231\", \"1\": \"2017-01-01T10:56:01\", \"2\": 20170301.0}",
        "[20161231, \"2017-01-01\", 20170301]",
    };
    (void)state;
    put_folder();
    for (int i = 0; i < 3; i++) {
        put_text(in_scratch("in/META/dates.json"), shared[i]);
        pixelset_pack *p = packed();
        assert_true(pixelset_pack_days_shared(p));
        assert_int_equal(pixelset_pack_days(p, 0)[0], 17166);
        assert_int_equal(pixelset_pack_days(p, 2)[2], 17226);
        pixelset_pack_close(p);
    }
    unlink(in_scratch("in/META/dates.json"));
    pixelset_pack *p = packed();
    assert_null(pixelset_pack_days(p, 0));
    assert_logged("no META/dates.json");
    pixelset_pack_close(p);
}

static void dates_of_each_parcel(void **state)
{
    (void)state;
    put_folder();
    put_parcel("b", 3, 5, 2, 7);
    put_text(
        in_scratch("in/META/dates.json"),
        "{\"b\": [\"1970-01-01\", \"1970-01-02\", 20000229, 20000301, 20001231], \"1\": [19700101, 19700103, 19691231],"
        " \"2\": {\"1\": 19710101, \"2\": 19720101, \"3\": 19730101}, \"10\": [19700101, 19700102, 19700103],"
        " \"other\": [1]}");
    pixelset_pack *p = packed();
    assert_false(pixelset_pack_days_shared(p));
    assert_int_equal(pixelset_pack_days(p, 0)[2], -1);
    assert_int_equal(pixelset_pack_days(p, 1)[1], 730);
    const int32_t *days = pixelset_pack_days(p, 3);
    assert_int_equal(days[1], 1);
    assert_int_equal(days[2], 11016);
    assert_int_equal(days[3], 11017);
    assert_int_equal(days[4], 11322);
    assert_logged("the dates of 1 parcels are not in order: 1");
    pixels_equal(p, 3, 3, 5, 2, 7);
    pixelset_pack_close(p);
}

static void wrong_dates(void **state)
{
    static const struct {
        const char *document, *message;
    } cases[] = {
        {"{\"0\": 20161231, \"1\": 20170101}",
         "2 dates for all parcels, but 4 parcels have another number: 1, 2, 10, b"},
        {"{\"0\": 20161231, \"1\": 20170229, \"2\": 20170301}", "date 1 is 20170229, wanted YYYYMMDD"},
        {"{\"0\": 20161231, \"1\": \"2017-13-01\", \"2\": 20170301}", "date 1 is \"2017-13-01\""},
        {"{\"0\": 20161231, \"1\": null, \"2\": 20170301}", "date 1 is null"},
        {"{\"0\": 20161231, \"1\": 20170101, \"3\": 20170301}", "key \"3\", wanted 0 to 2"},
        {"{\"0\": 20161231, \"first\": 20170101, \"3\": 20170301}", "wanted the keys"},
        {"{\"0\": 20161231, \"0\": 20170101}", "stands twice"},
        {"{\"1\": [20161231], \"2\": [20161231, 20161231, 20161231], \"10\": [20161231, 20161231, 20161231]}",
         "parcel 1: 1 dates, but its series has 3"},
        {"{\"1\": [20161231, 20161231, 20161231]}", "no dates for 3 parcels: 2, 10, b"},
        {"{}", "holds no date"},
        {"7", "wanted {"},
        {"{\"0\": 2016", "dates.json: line 1"},
    };
    (void)state;
    put_folder();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_text(in_scratch("in/META/dates.json"), cases[i].document);
        expect_problem(cases[i].message);
    }
}

/* ---- labels and features ------------------------------------------------------------------------------------------ */

static void wrong_documents(void **state)
{
    static const struct {
        const char *file, *document, *message;
    } cases[] = {
        {"labels", "{\"crop\": {\"1\": 7, \"2\": \"wheat\"}}",
         "the label of parcel 1 is 7, wanted a text, as that of parcel 2 is"},
        {"labels", "{\"crop\": {\"1\": \"\", \"2\": \"wheat\"}}", "the label of parcel 1 is \"\", wanted a text"},
        {"labels", "{\"crop\": {\"1\": 1.5}}", "the label of parcel 1 is 1.5, wanted an integer"},
        {"labels", "{\"crop\": {\"1\": 99999999999}}", "the label of parcel 1 is 99999999999, wanted an integer"},
        {"labels", "{\"1\": 3}", "\"1\" is no nomenclature"},
        {"labels", "[1]", "wanted {nomenclature"},
        {"labels", "{\"crop\": {\"1\": 3}", "labels.json: line 1"},
        {"labels", "", "labels.json"},
        {"geomfeat", "{\"1\": [1, 2], \"2\": [1]}", "geomfeat.json: parcel 2: wanted 2 numbers"},
        {"geomfeat", "{\"1\": [1, 2], \"2\": [1, \"x\"]}", "geomfeat.json: parcel 2: wanted 2 numbers"},
        {"geomfeat", "{\"1\": [1, 1e39]}", "1e+39 is too large"},
        {"geomfeat", "{\"1\": [1, 2", "geomfeat.json: line 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[40];
        put_folder();
        snprintf(name, sizeof name, "in/META/%s.json", cases[i].file);
        put_text(in_scratch(name), cases[i].document);
        expect_problem(cases[i].message);
    }
}

/* Documents cut at every byte and flipped at every byte: a pack or a message, and nothing half. */
static void damaged_documents(void **state)
{
    static const char *const files[] = {"in/META/labels.json", "in/META/dates.json", "in/META/geomfeat.json"};
    (void)state;
    put_folder();
    for (int k = 0; k < 3; k++) {
        char *text;
        size_t length;
        assert_ok(file_read(in_scratch(files[k]), 1 << 16, &text, &length));
        for (size_t at = 0; at < 2 * length; at++) {
            char *damaged = malloc(length);
            memcpy(damaged, text, length);
            if (at >= length) damaged[at - length] ^= 0x10;
            put_file(in_scratch(files[k]), damaged, at < length ? at : length);
            free(damaged);
            if (pack_it()) assert_message("META/");
            unlink(in_scratch("out.h5"));
        }
        put_file(in_scratch(files[k]), text, length);
        free(text);
    }
}

static void without_documents(void **state)
{
    const int32_t *labels;
    char command[400];
    (void)state;
    put_folder();
    snprintf(command, sizeof command, "rm -rf '%s/in/META'", scratch);
    assert_int_equal(system(command), 0);
    pixelset_pack *p = packed();
    assert_int_equal(pixelset_pack_labels(p, NULL, &labels), USAGE);
    assert_message("has no labels");
    assert_logged("no META/labels.json");
    pixelset_pack_close(p);
}

/* 190,000 labels: the look-up must not be linear in each. */
static void many_labels(void **state)
{
    (void)state;
    put_folder();
    FILE *file = fopen(in_scratch("in/META/labels.json"), "w");
    fprintf(file, "{\"crop\": {");
    for (int i = 1; i < 190000; i++) fprintf(file, "\"%d\": %d, ", i, i % 20);
    fprintf(file, "\"b\": 3}}");
    fclose(file);
    const int32_t *labels;
    clock_t before = clock();
    pixelset_pack *p = packed();
    print_message("%.2f s\n", (double)(clock() - before) / CLOCKS_PER_SEC);
    assert_true(clock() - before < 10 * (clock_t)CLOCKS_PER_SEC); /* with sanitizers; 0.2 s without */
    assert_ok(pixelset_pack_labels(p, "crop", &labels));
    assert_int_equal(labels[2], 10);
    pixelset_pack_close(p);
}

/* ---- pixels ------------------------------------------------------------------------------------------------------- */

static void put_typed(const char *name, enum number_type type, const void *values)
{
    const size_t shape[3] = {1, 2, 2};
    assert_ok(npy_write(in_scratch(name), type, 3, shape, values));
}

/* Folders of one source type, and what it becomes. */
static void types_of_pixels(void **state)
{
    static const int8_t i8[4] = {-1, 2, -3, 4};
    static const uint8_t u8[4] = {1, 2, 3, 255};
    static const int16_t i16[4] = {-1, 2, 3, 4};
    static const uint16_t f16[4] = {0x3c00, 0xbc00, 0x3800, 0x0000}; /* 1, -1, 0.5, 0 */
    static const int32_t i32[4] = {-1, 2, 3, 70000};
    static const int64_t i64[4] = {-1, 2, 3, 4};
    static const float f32[4] = {-1.5f, 2, 3, 4};
    static const double f64[4] = {-1.5, 2, 3, 4};
    static const struct {
        enum number_type source, stored;
        const void *values;
    } cases[] = {
        {NUMBER_U8, NUMBER_U8, u8},    {NUMBER_I8, NUMBER_I16, i8},   {NUMBER_I16, NUMBER_I16, i16},
        {NUMBER_F16, NUMBER_F32, f16}, {NUMBER_I32, NUMBER_F32, i32}, {NUMBER_I64, NUMBER_F32, i64},
        {NUMBER_F32, NUMBER_F32, f32}, {NUMBER_F64, NUMBER_F32, f64},
    };
    static const size_t order[4] = {0, 2, 1, 3}; /* bands x pixels to pixels x bands */
    char command[400], values[16];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_folder();
        snprintf(command, sizeof command, "rm -rf '%s/in/META' '%s'/in/DATA/*", scratch, scratch);
        assert_int_equal(system(command), 0);
        put_typed("in/DATA/7.npy", cases[i].source, cases[i].values);
        pixelset_pack *p = packed();
        assert_int_equal(pixelset_pack_type(p), cases[i].stored);
        assert_ok(pixelset_pack_read(p, 0, values));
        for (size_t k = 0; k < 4; k++)
            assert_true(number_get(cases[i].stored, values, k) ==
                        number_get(cases[i].source, cases[i].values, order[k]));
        pixelset_pack_close(p);
    }
    put_typed("in/DATA/8.npy", NUMBER_I16, i16); /* beside float64: several types */
    pixelset_pack *p = packed();
    assert_int_equal(pixelset_pack_type(p), NUMBER_F32);
    assert_ok(pixelset_pack_read(p, 1, values));
    assert_true(number_get(NUMBER_F32, values, 0) == -1);
    pixelset_pack_close(p);
}

static void all_problems_in_one_list(void **state)
{
    static const float bad[4] = {1, NAN, 2, INFINITY};
    const size_t flat[2] = {2, 2};
    (void)state;
    put_folder();
    put_parcel("1", 0, 3, 4, 4);                                                 /* another number of bands */
    assert_ok(npy_write(in_scratch("in/DATA/3.npy"), NUMBER_F32, 2, flat, bad)); /* no dates */
    put_typed("in/DATA/4.npy", NUMBER_F32, bad);
    put_text(in_scratch("in/DATA/5.npy"), "\x93NUMPY, almost");
    put_text(in_scratch("in/DATA/.litter.npy"), "other programs leave such files");
    put_text(in_scratch("in/META/labels.json"), "{\"crop\": {\"2\": \"1.5\"}}");
    expect_problem("6 problems:");
    assert_message("DATA/1.npy: 4 bands, most parcels have 2");
    assert_message("DATA/3.npy: 2 dimensions, wanted three");
    assert_message("DATA/4.npy: 2 of 4 values are not finite, the first (nan) at date 0, band 0, pixel 1");
    assert_message("5.npy: byte 6");
    assert_message("the label of parcel 2 is \"1.5\", wanted an integer");
    assert_message("3 dates for all parcels, but 1 parcels have another number: 4");
    char name[40];
    for (int i = 100; i < 200; i++) {
        snprintf(name, sizeof name, "in/DATA/%d.npy", i);
        put_text(in_scratch(name), "x");
    }
    expect_problem("106 problems:");
}

static void no_folder(void **state)
{
    const pack_options options = {0};
    (void)state;
    assert_refused(pack_pixelset(in_scratch("nowhere"), in_scratch("out.h5"), &options, NULL),
                   "wanted a folder with DATA");
    mkdir(in_scratch("empty"), 0777);
    mkdir(in_scratch("empty/DATA"), 0777);
    assert_refused(pack_pixelset(in_scratch("empty"), in_scratch("out.h5"), &options, NULL), "holds no .npy");
    put_folder();
    assert_refused(pack_pixelset(in_scratch("in"), in_scratch("no/out.h5"), &options, NULL), "cannot be made");
    assert_refused(pack_pixelset(in_scratch("in"), in_scratch("empty"), &options, NULL), "is a folder");
    put_text(in_scratch("out.h5.partial"), "somebody's own file of this name");
    assert_refused(pack_it(), "is not furrow's");
}

static void compressed(void **state)
{
    const pack_options options = {.compress = true};
    pixelset_pack *p;
    (void)state;
    put_folder();
    assert_ok(pack_pixelset(in_scratch("in"), in_scratch("out.h5"), &options, NULL));
    assert_ok(pixelset_pack_open(in_scratch("out.h5"), &p));
    pixels_equal(p, 3, 3, 3, 2, 7);
    pixelset_pack_close(p);
}

static void published_folder(void **state)
{
    const pack_options options = {0};
    pack_result result;
    pixelset_pack *p;
    npy_header h;
    void *source;
    char name[200];
    (void)state;
    const char *path = in_shared("data/pixelset-hls");
    if (!path) skip();
    assert_ok(pack_pixelset(path, in_scratch("out.h5"), &options, &result));
    assert_int_equal(result.parcels, 91);
    assert_int_equal(result.most_pixels, 137);
    assert_ok(pixelset_pack_open(in_scratch("out.h5"), &p));
    assert_int_equal(pixelset_pack_normalisation(p)->rows, 43);
    for (size_t i = 0; i < 91; i++) {
        snprintf(name, sizeof name, "data/pixelset-hls/DATA/%s.npy", pixelset_pack_id(p, i));
        assert_ok(npy_read(in_shared(name), 1 << 24, &h, &source));
        float *values = malloc(pixelset_pack_bytes(p, i));
        assert_ok(pixelset_pack_read(p, i, values));
        size_t S = h.shape[2];
        for (size_t k = 0; k < h.count; k++)
            assert_true(values[(k / 10 / S * S + k % S) * 10 + k / S % 10] == ((float *)source)[k]);
        free(values);
        free(source);
    }
    pixelset_pack_close(p);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_folder_comes_back, log_start),
        cmocka_unit_test_setup(normalisation_is_computed, log_start),
        cmocka_unit_test_setup(normalisation_files, log_start),
        cmocka_unit_test_setup(forms_of_dates, log_start),
        cmocka_unit_test_setup(dates_of_each_parcel, log_start),
        cmocka_unit_test_setup(wrong_dates, log_start),
        cmocka_unit_test_setup(wrong_documents, log_start),
        cmocka_unit_test_setup(damaged_documents, log_start),
        cmocka_unit_test_setup(without_documents, log_start),
        cmocka_unit_test_setup(many_labels, log_start),
        cmocka_unit_test_setup(types_of_pixels, log_start),
        cmocka_unit_test_setup(all_problems_in_one_list, log_start),
        cmocka_unit_test_setup(no_folder, log_start),
        cmocka_unit_test_setup(compressed, log_start),
        cmocka_unit_test_setup(published_folder, log_start),
    };
    if (count > 1) cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
