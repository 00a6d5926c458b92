/* Measures of a confusion matrix against the published learning/metrics.py (values computed with it). */
#include <math.h>

#include "metric/metrics.h"

#include "tests/asserts.h"

static const int64_t counts[16] = {5, 1, 0, 2, /**/ 0, 0, 0, 0, /**/ 3, 0, 7, 1, /**/ 0, 2, 0, 4};

/* `empty`: class 1 is never predicted either. */
static confusion example(bool empty)
{
    confusion c;
    assert_int_equal(confusion_new(4, &c), OK);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            for (int64_t k = 0; k < counts[4 * i + j] && !(empty && j == 1); k++) confusion_count(&c, i, j);
    return c;
}

static void near(double got, double wanted)
{
    if (fabs(got - wanted) > 1e-12) print_error("got %.17g, wanted %.17g\n", got, wanted);
    assert_true(fabs(got - wanted) <= 1e-12);
}

static double at(const cJSON *o, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static void each_class_as_published(void **state)
{
    (void)state;
    confusion c = example(false);
    class_metrics zero = confusion_class(&c, 0), one = confusion_class(&c, 1), two = confusion_class(&c, 2);
    near(zero.iou, 0.45454545454545453);
    near(zero.precision, 0.625);
    near(two.recall, 0.6363636363636364);
    near(two.f1, 0.7777777777777778);
    near(one.iou, 0);
    assert_true(isnan(one.recall));
    confusion_free(&c);
}

static void overall_as_published(void **state)
{
    (void)state;
    confusion c = example(false);
    cJSON *o = confusion_overall(&c);
    near(at(o, "micro_IoU"), 0.47058823529411764);
    near(at(o, "micro_F1-score"), 0.64);
    near(at(o, "MACRO_IoU"), 0.3838383838383838);
    near(at(o, "MACRO_Precision"), 0.5491071428571428);
    near(at(o, "MACRO_Recall"), 0.6426767676767676);
    near(at(o, "MACRO_F1-score"), 0.5045405982905983);
    near(at(o, "Accuracy"), 0.64);
    near(confusion_accuracy(&c), 64);
    near(confusion_mean_iou(&c), 0.3838383838383838);
    cJSON_Delete(o);
    confusion_free(&c);
}

static void a_class_that_never_occurs_is_left_out(void **state)
{
    (void)state;
    confusion c = example(true);
    static const char *const names[] = {"a", "b", "c", "d"};
    cJSON *o = confusion_overall(&c), *classes = confusion_per_class(&c, names);
    near(at(o, "MACRO_IoU"), 0.5692640692640693);
    near(at(o, "MACRO_Recall"), 0.7835497835497836);
    near(confusion_mean_iou(&c), 0.5692640692640693);
    const cJSON *absent = cJSON_GetObjectItemCaseSensitive(classes, "b");
    assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(absent, "IoU")));
    near(at(absent, "samples"), 0);
    cJSON_Delete(o);
    cJSON_Delete(classes);
    confusion_free(&c);
}

static void nothing_at_all_is_null(void **state)
{
    (void)state;
    confusion c;
    assert_int_equal(confusion_new(2, &c), OK);
    cJSON *o = confusion_overall(&c);
    assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(o, "Accuracy")));
    assert_true(isnan(confusion_mean_iou(&c)));
    cJSON_Delete(o);
    confusion_free(&c);
    assert_int_equal(confusion_new(0, &c), FAILED);
}

static void log_softmax_survives_large_logits(void **state)
{
    (void)state;
    const float logits[3] = {1000, 999, -1000};
    double out[3];
    log_softmax(logits, 3, out);
    near(out[0], -log(1 + exp(-1.0)));
    near(out[1], -1 - log(1 + exp(-1.0)));
    assert_true(isfinite(out[2]));
    const double tie[3] = {1, 2, 2};
    assert_int_equal(argmax(tie, 3), 1);
    near(focal_value(log(0.25), 0), -log(0.25));
    near(focal_value(log(0.25), 1), -0.75 * log(0.25));
    near(focal_value(0, 1), 0);
}

static void tables_are_read_back(void **state)
{
    (void)state;
    char path[] = "/tmp/furrow-test-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    confusion c, back, other;
    assert_int_equal(confusion_new(2, &c), OK);
    assert_int_equal(confusion_new(2, &back), OK);
    assert_int_equal(confusion_new(3, &other), OK);
    c.count[1] = INT64_MAX;
    c.count[2] = 7;
    assert_int_equal(confusion_save(&c, path), OK);
    assert_int_equal(confusion_read(&back, path), OK);
    assert_memory_equal(c.count, back.count, 4 * sizeof *c.count);
    assert_int_equal(confusion_read(&other, path), FAILED);
    confusion_free(&c);
    confusion_free(&back);
    confusion_free(&other);
    unlink(path);
}

static void mean_iou_is_told_as_published(void **state)
{
    (void)state;
    char text[IOU_TEXT];
    assert_string_equal(iou_text(0.49766, false, text), "0.4977");
    assert_string_equal(iou_text(0.49766, true, text), "49.77 %");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_as_published),
        cmocka_unit_test(overall_as_published),
        cmocka_unit_test(a_class_that_never_occurs_is_left_out),
        cmocka_unit_test(nothing_at_all_is_null),
        cmocka_unit_test(log_softmax_survives_large_logits),
        cmocka_unit_test(mean_iou_is_told_as_published),
        cmocka_unit_test(tables_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
