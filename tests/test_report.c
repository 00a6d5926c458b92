/* Reports: what is read of run folders and what of them is refused, and charts of any numbers. */
#include <math.h>

#include "format_test.h"

#include "base/file.h"
#include "base/memory.h"
#include "format/npy.h"
#include "furrow.h"
#include "report/report_chart.h"
#include "report/report_run.h"

enum { CLASSES = 3 };

static const char config[] = "{\"model\": {\"arch\": \"utae\", \"input_dim\": 4, \"out_conv\": [32, 3]},"
                             " \"train\": {\"lr\": 0.5, \"note\": \"<script>\"}}";
static const char train_log[] =
    "{\"1\": {\"train_loss\": 2, \"train_IoU\": null, \"val_loss\": 3}, \"2\": {\"train_loss\": 1},"
    " \"4\": {\"train_loss\": 0.5, \"val_loss\": 1e308}}";
static const char metrics[] = "{\"test_accuracy\": 80, \"test_loss\": 1, \"test_IoU\": 60}";
static const char timing[] = "{\"device\": \"a\", \"platform\": \"b\", \"driver\": \"c\", \"compute_units\": 1,"
                             " \"peak_bytes\": 5e6, \"epochs\": {\"1\": {\"train_seconds\": 2}}}";
#define MEASURES "{\"IoU\": 0.5, \"Precision\": null, \"Recall\": 1, \"F1-score\": 0.1, \"samples\": 7}"
static const char overall[] =
    "{\"per_class\": {\"a&b\": " MEASURES ", \"c\": " MEASURES ", \"<script>\": " MEASURES "}}";

static char *in_run(const char *file)
{
    static char path[512];
    snprintf(path, sizeof path, "%s", in_scratch("run"));
    const size_t used = strlen(path);
    snprintf(path + used, sizeof path - used, "/%s", file);
    return path;
}

static void put(const char *file, const char *text)
{
    put_text(in_run(file), text);
}

static void put_matrix(const int64_t *count, size_t rows)
{
    const size_t sides[2] = {rows, CLASSES};
    assert_ok(npy_save(in_run("Fold_2/conf_mat.npy"), NUMBER_I64, 2, sides, count));
}

/* A whole run folder of one fold. */
static void put_run(void)
{
    static const int64_t count[CLASSES * CLASSES] = {8, 2, 0, 0, 5, 0, 1, 0, 3};
    assert_ok(folder_make(in_run("Fold_2")));
    put("conf.json", config);
    put("overall.json", overall);
    put("Fold_2/trainlog.json", train_log);
    put("Fold_2/test_metrics.json", metrics);
    put("Fold_2/timing.json", timing);
    put_matrix(count, CLASSES);
}

static int read_run(report_run *r)
{
    static char path[512];
    snprintf(path, sizeof path, "%s", in_scratch("run"));
    return report_run_read(path, NULL, r);
}

static void test_a_run_is_read(void **state)
{
    (void)state;
    report_run r;
    report_curve c;
    put_run();
    assert_ok(read_run(&r));
    assert_int_equal(r.folds, 1);
    assert_int_equal(r.fold[0].number, 2);
    assert_string_equal(r.title, "U-TAE");
    assert_int_equal(r.confusion.count[6], 1);
    assert_true(report_tested(&r, "test_IoU", report_iou_scale(&r)).mean == 60);
    assert_true(isnan(report_tested(&r, "test_IoU", 1).deviation));
    assert_ok(report_curve_of(r.fold[0].log, "val_loss", 2, &c));
    assert_int_equal(c.count, 2);
    assert_true(c.epoch[1] == 4 && c.value[0] == 6);
    report_curve_free(&c);
    assert_ok(report_curve_of(NULL, "val_loss", 1, &c));
    assert_int_equal(c.count, 0);
    report_curve_free(&c);
    report_run_free(&r);
}

static void test_broken_files_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *message;
    } broken[] = {
        {"conf.json", "{\"model\": {\"arch\": \"utae\"", "conf.json"},
        {"conf.json", "{\"train\": {}}", "conf.json has no model"},
        {"conf.json", "{\"model\": {\"arch\": \"utea\"}}", "conf.json"},
        {"overall.json", "[]", "overall.json: wanted a JSON object"},
        {"overall.json", "{}", "overall.json: per_class is not there"},
        {"overall.json", "{\"per_class\": {\"c\": 3}}", "overall.json: c: IoU is missing"},
        {"overall.json", "{\"per_class\": {\"c\": {\"IoU\": \"1\"}}}", "overall.json: c: IoU is something else"},
        {"Fold_2/trainlog.json", "{\"1\": {\"train_loss\": 2", "Fold_2/trainlog.json"},
        {"Fold_2/trainlog.json", "{\"1\": 2}", "trainlog.json: epoch 1: wanted an object"},
        {"Fold_2/trainlog.json", "{\"1x\": {}}", "trainlog.json: \"1x\" after epoch 0; wanted a later epoch"},
        {"Fold_2/trainlog.json", "{\"2\": {}, \"1\": {}}", "trainlog.json: \"1\" after epoch 2"},
        {"Fold_2/trainlog.json", "{\"99999999999999999999\": {}}", "wanted a later epoch, to 1048576"},
        {"Fold_2/trainlog.json", "{\"1\": {\"train_loss\": []}}", "epoch 1: train_loss: wanted a number or null"},
        {"Fold_2/test_metrics.json", "{\"test_accuracy\": 1}", "test_metrics.json: test_IoU is missing"},
        {"Fold_2/timing.json", "{\"device\": 1}", "timing.json: device: wanted text"},
        {"Fold_2/timing.json", "{\"device\": \"a\", \"driver\": \"b\", \"epochs\": []}",
         "timing.json: epochs: wanted an object"},
        {"Fold_2/conf_mat.npy", "\x93NUMPY", "conf_mat.npy"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        report_run r;
        put_run();
        put(broken[i].file, broken[i].text);
        assert_int_not_equal(read_run(&r), OK);
        assert_message(broken[i].message);
    }
}

static void test_matrices_of_other_shapes_or_values_are_refused(void **state)
{
    (void)state;
    static const int64_t count[4 * CLASSES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3};
    static const int64_t negative[CLASSES * CLASSES] = {1, 2, 3, 4, -5, 6, 7, 8, 9};
    static const int64_t huge[CLASSES * CLASSES] = {1, 2, 3, 4, INT64_MAX, 6, 7, 8, 9};
    report_run r;
    put_run();
    put_matrix(count, 2);
    assert_int_equal(read_run(&r), FAILED);
    assert_message("conf_mat.npy: holds no table of 3 x 3");
    put_matrix(count, 4);
    assert_int_equal(read_run(&r), FAILED);
    assert_message("conf_mat.npy");
    put_matrix(negative, CLASSES);
    assert_int_equal(read_run(&r), FAILED);
    assert_message("conf_mat.npy: row 1, column 1 is -5; wanted a count");
    put_matrix(huge, CLASSES);
    assert_int_equal(read_run(&r), FAILED);
    assert_message("wanted a count");
}

/* ---- leaderboard ------------------------------------------------------------------------------------------------- */

/* First, between two published rows, and last. */
static void test_a_run_has_its_place_among_published_rows(void **state)
{
    (void)state;
    static const struct {
        const char *metrics;
        int place;
    } cases[] = {{"{\"test_accuracy\": 80, \"test_IoU\": 64}", 0},
                 {"{\"test_accuracy\": 80, \"test_IoU\": 60}", 1},
                 {"{\"test_accuracy\": 80, \"test_IoU\": 57.5}", 3},
                 {"{\"test_accuracy\": 80, \"test_IoU\": null}", 4}};
    put_run();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text;
        const char *const runs[] = {in_scratch("run")};
        put("Fold_2/test_metrics.json", cases[i].metrics);
        assert_ok(furrow_leaderboard(runs, 1, &text));
        cJSON *all = cJSON_Parse(text);
        const cJSON *rows = cJSON_GetObjectItem(all, "semantic");
        assert_int_equal(cJSON_GetArraySize(rows), 5);
        const cJSON *row = cJSON_GetArrayItem(rows, cases[i].place);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(row, "run")), runs[0]);
        cJSON_Delete(all);
        furrow_free(text);
    }
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static char *page_of(furrow_report_options o)
{
    size_t length;
    char *json = NULL, *text = NULL, out[512], run_path[512];
    snprintf(out, sizeof out, "%s", in_scratch("page.html"));
    snprintf(run_path, sizeof run_path, "%s", in_scratch("run"));
    o.run = (const char *const[]){run_path};
    o.runs = 1;
    o.out = out;
    o.samples = 2;
    assert_ok(furrow_report(&o, &json));
    furrow_free(json);
    assert_ok(file_read(out, 1 << 20, &text, &length));
    return text;
}

static void test_a_page_needs_nothing_and_runs_nothing(void **state)
{
    (void)state;
    put_run();
    char *text = page_of((furrow_report_options){0});
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "http"));
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    assert_non_null(strstr(text, "a&amp;b"));
    assert_non_null(strstr(text, "&lt;script&gt;"));
    assert_non_null(strstr(text, "train.<wbr>lr"));
    assert_non_null(strstr(text, "</html>"));
    free(text);
}

static void test_pictures_are_within_the_page(void **state)
{
    (void)state;
    static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1"; /* as far as it is looked at */
    char maps[512], *text, *json;
    snprintf(maps, sizeof maps, "%s", in_scratch("maps"));
    put_run();
    assert_ok(folder_make(maps));
    put_file(in_run("../maps/b.png"), png, sizeof png - 1);
    put("../maps/attention.svg", "<svg xmlns=\"x\"/>");
    const char *const list[] = {maps};
    text = page_of((furrow_report_options){.maps = list, .maps_count = 1});
    assert_non_null(strstr(text, "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB\""));
    assert_non_null(strstr(text, "data:image/svg+xml;base64,PHN2ZyB4bWxucz0ieCIvPg==\""));
    free(text);
    put("../maps/a.png", "no picture");
    const char *const runs[] = {in_scratch("run")};
    const furrow_report_options o = {
        .run = runs, .runs = 1, .maps = list, .maps_count = 1, .samples = 2, .out = in_run("../none.html")};
    assert_int_equal(furrow_report(&o, &json), FAILED);
    assert_message("a.png is no PNG file");
    assert_false(file_exists(o.out));
}

/* ---- charts ------------------------------------------------------------------------------------------------------ */

static char *drawn(const chart *c)
{
    text_file *f;
    char *text = NULL;
    size_t length;
    assert_ok(text_file_open(in_scratch("chart"), &f));
    chart_put(f, c);
    assert_ok(text_file_finish(f));
    assert_ok(file_read(in_scratch("chart"), 1 << 20, &text, &length));
    return text;
}

static void test_marks_are_round(void **state)
{
    (void)state;
    assert_true(chart_step(100, 5) == 20);
    assert_true(chart_step(101, 5) == 50);
    assert_true(fabs(chart_step(0.9, 5) - 0.2) < 1e-12);
    assert_true(chart_step(1, 1) == 1);
    assert_true(chart_step(6e29, 5) > 1e29);
}

static void test_any_numbers_can_be_drawn(void **state)
{
    (void)state;
    static const double epoch[] = {1, 2, 3, 4, 5, 6};
    static const double values[][6] = {
        {NAN, NAN, NAN, NAN, NAN, 0}, {1e308, -1e308, INFINITY, 1e30, -1e30, NAN},
        {1, NAN, 1, NAN, 1, 1},       {1e-320, 1e-320, 0, 0, 0, 1e-310},
        {-5, -5, -5, -5, -5, -5},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const chart_line line = {LINE_TRAIN, 1, 6, epoch, values[i]};
        const chart c = {.title = "<title>", .x_title = "epoch", .line = &line, .lines = 1};
        assert_false(chart_is_empty(&c));
        char *text = drawn(&c);
        assert_null(strstr(text, "nan"));
        assert_null(strstr(text, "inf"));
        assert_null(strstr(text, "<title>\""));
        free(text);
    }
    const double nothing[] = {NAN, INFINITY};
    const chart_line line = {LINE_VALIDATION, 1, 2, epoch, nothing};
    assert_true(chart_is_empty(&(chart){.line = &line, .lines = 1}));
    assert_true(chart_is_empty(&(chart){0}));
}

static void test_a_line_is_where_its_values_are(void **state)
{
    (void)state;
    static const double epoch[] = {1, 2, 3, 5}, value[] = {0, 100, NAN, 50};
    const chart_line line = {LINE_VALIDATION, 2, 4, epoch, value};
    char *text = drawn(&(chart){.title = "t", .x_title = "epoch", .top = 100, .line = &line, .lines = 1});
    assert_non_null(strstr(text, "d=\"M46.0 196.0L137.0 10.0M410.0 103.0\""));
    assert_non_null(strstr(text, "validation, fold 2"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_is_read),
        cmocka_unit_test(test_broken_files_are_named),
        cmocka_unit_test(test_matrices_of_other_shapes_or_values_are_refused),
        cmocka_unit_test(test_a_run_has_its_place_among_published_rows),
        cmocka_unit_test(test_a_page_needs_nothing_and_runs_nothing),
        cmocka_unit_test(test_pictures_are_within_the_page),
        cmocka_unit_test(test_marks_are_round),
        cmocka_unit_test(test_any_numbers_can_be_drawn),
        cmocka_unit_test(test_a_line_is_where_its_values_are),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
