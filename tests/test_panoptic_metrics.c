/* Panoptic metrics: cases counted by hand, input that is refused, and a slow plain count of random patches.
 * The published code's results: test_verify_panoptic.c. */
#include "op_test.h"

#include <math.h>
#include "base/random.h"
#include "metric/panoptic_metrics.h"

enum { CLASSES = 6, BACKGROUND = 0, VOID = 5, WIDTH = 8, PIXELS = 3 * WIDTH };

/* A patch of 3 x 8 pixels. A digit in `instance` is its id ('.': none), one in `class_of` its class ('.': background). */
typedef struct drawing {
    const char *instance, *class_of;
} drawing;

typedef struct numbers {
    int32_t instance[PIXELS], class_of[PIXELS];
} numbers;

static panoptic_map drawn(drawing d, numbers *n)
{
    assert_int_equal(strlen(d.instance), PIXELS);
    assert_int_equal(strlen(d.class_of), PIXELS);
    for (int p = 0; p < PIXELS; p++) {
        n->instance[p] = d.instance[p] == '.' ? 0 : d.instance[p] - '0';
        n->class_of[p] = d.class_of[p] == '.' ? BACKGROUND : d.class_of[p] - '0';
    }
    return (panoptic_map){PIXELS / WIDTH, WIDTH, n->instance, n->class_of};
}

static panoptic_metrics *new_metrics(void)
{
    panoptic_metrics *m = NULL;
    assert_ok(panoptic_metrics_new(CLASSES, BACKGROUND, VOID, &m));
    return m;
}

static void add(panoptic_metrics *m, drawing truth, drawing predicted)
{
    numbers t, q;
    const panoptic_map truth_map = drawn(truth, &t), predicted_map = drawn(predicted, &q);
    assert_ok(panoptic_metrics_add(m, &truth_map, &predicted_map, "drawing"));
}

static panoptic_metrics *counted(drawing truth, drawing predicted)
{
    panoptic_metrics *m = new_metrics();
    add(m, truth, predicted);
    return m;
}

static void near(double got, double wanted)
{
    if (!(fabs(got - wanted) <= 1e-12)) print_error("got %.17g, wanted %.17g\n", got, wanted);
    assert_true(fabs(got - wanted) <= 1e-12);
}

static void counts_are(const panoptic_metrics *m, int class_index, int matched, int extra, int missed, double iou)
{
    const panoptic_counts c = panoptic_metrics_counts(m, class_index);
    assert_int_equal(c.matched, matched);
    assert_int_equal(c.extra, extra);
    assert_int_equal(c.missed, missed);
    near(c.iou, iou);
}

static void quality_is(panoptic_quality q, double sq, double rq, double pq)
{
    near(q.sq, sq);
    near(q.rq, rq);
    near(q.pq, pq);
}

static void is_undefined(panoptic_quality q)
{
    assert_true(isnan(q.sq) && isnan(q.rq) && isnan(q.pq));
}

/* ---- by hand ------------------------------------------------------------------------------------------------------ */

static const drawing nothing = {"........"
                                "........"
                                "........",
                                "........"
                                "........"
                                "........"};
/* Two parcels of class 1 (6 and 2 pixels), one of class 2 (4 pixels). */
static const drawing parcels = {"111...2."
                                "111...2."
                                "...3333.",
                                "111...1."
                                "111...1."
                                "...2222."};

static void perfect(void **state)
{
    (void)state;
    /* Ids differ; they name nothing across the two. */
    panoptic_metrics *m = counted(parcels, (drawing){"999...1.999...1....2222.", parcels.class_of});
    counts_are(m, 1, 2, 0, 0, 2);
    counts_are(m, 2, 1, 0, 0, 1);
    counts_are(m, 3, 0, 0, 0, 0);
    quality_is(panoptic_metrics_class(m, 1), 1, 1, 1);
    is_undefined(panoptic_metrics_class(m, 3));
    quality_is(panoptic_metrics_overall(m), 1, 1, 1);
    panoptic_metrics_free(m);
}

static void all_wrong(void **state)
{
    (void)state;
    /* The right outlines of the wrong classes. */
    panoptic_metrics *m = counted(parcels, (drawing){parcels.instance, "222...3.222...3....4444."});
    counts_are(m, 1, 0, 0, 2, 0);
    counts_are(m, 2, 0, 1, 1, 0);
    counts_are(m, 3, 0, 1, 0, 0);
    counts_are(m, 4, 0, 1, 0, 0);
    for (int k = 1; k < VOID; k++) quality_is(panoptic_metrics_class(m, k), 0, 0, 0);
    quality_is(panoptic_metrics_overall(m), 0, 0, 0);
    panoptic_metrics_free(m);
}

static void half_is_no_match(void **state)
{
    (void)state;
    /* 3 of 6 pixels: IoU 1/2. 4 of 6: 2/3. */
    panoptic_metrics *m = counted(parcels, (drawing){"111.....................", "111....................."});
    counts_are(m, 1, 0, 1, 2, 0);
    add(m, parcels, (drawing){"111.....1...............", "111.....1..............."});
    counts_are(m, 1, 1, 1, 3, 4.0 / 6);
    panoptic_metrics_free(m);
}

static void means_over_classes(void **state)
{
    (void)state;
    /* Class 1: a match of IoU 4/7 (4 of 6, 1 beside), one missed. Class 2: perfect. Class 3: one too many. */
    panoptic_metrics *m = counted(parcels, (drawing){"11.1....11.......4.3333.", "11.1....11.......3.2222."});
    counts_are(m, 1, 1, 0, 1, 4.0 / 7);
    const panoptic_quality one = panoptic_metrics_class(m, 1), overall = panoptic_metrics_overall(m);
    quality_is(one, 4.0 / 7, 1 / 1.5, 4.0 / 7 / 1.5);
    quality_is(overall, (4.0 / 7 + 1 + 0) / 3, (1 / 1.5 + 1 + 0) / 3, (4.0 / 7 / 1.5 + 1 + 0) / 3);
    assert_true(fabs(overall.pq - overall.sq * overall.rq) > 0.1);
    panoptic_metrics_free(m);
}

static void patches_add_up(void **state)
{
    (void)state;
    /* The same ids in another patch are other parcels; a class found in one and true in the other is no match. */
    panoptic_metrics *m = counted(parcels, parcels);
    add(m, parcels, nothing);
    add(m, nothing, parcels);
    counts_are(m, 1, 2, 2, 2, 2);
    counts_are(m, 2, 1, 1, 1, 1);
    quality_is(panoptic_metrics_overall(m), 1, 0.5, 0.5);
    panoptic_metrics_free(m);
}

static void empty_prediction(void **state)
{
    (void)state;
    panoptic_metrics *m = counted(parcels, nothing);
    counts_are(m, 1, 0, 0, 2, 0);
    quality_is(panoptic_metrics_overall(m), 0, 0, 0);
    panoptic_metrics_free(m);
}

static void empty_truth(void **state)
{
    (void)state;
    panoptic_metrics *m = counted(nothing, parcels);
    counts_are(m, 1, 0, 2, 0, 0);
    quality_is(panoptic_metrics_overall(m), 0, 0, 0);
    panoptic_metrics_free(m);
    m = counted(nothing, nothing);
    is_undefined(panoptic_metrics_overall(m));
    panoptic_metrics_free(m);
}

static void background_and_void_are_no_segments(void **state)
{
    (void)state;
    panoptic_metrics *m = counted(parcels, (drawing){"12......................", ".5......................"});
    for (int k = 2; k < CLASSES; k++) assert_int_equal(panoptic_metrics_counts(m, k).extra, 0);
    counts_are(m, 1, 0, 0, 2, 0);
    panoptic_metrics_free(m);
}

static void a_patch_without_background(void **state)
{
    (void)state;
    /* Published, a segment was lost where no pixel is outside. */
    const drawing full = {"111122221111222211112222", "222222222222222222222222"};
    panoptic_metrics *m = counted(full, full);
    counts_are(m, 2, 2, 0, 0, 2);
    panoptic_metrics_free(m);
}

static void an_instance_of_two_classes(void **state)
{
    (void)state;
    /* Each class's part is a segment of its own. */
    const drawing both = {"11111111................", "11111222................"};
    panoptic_metrics *m = counted(both, (drawing){both.instance, "11111111................"});
    counts_are(m, 1, 1, 0, 0, 5.0 / 8);
    counts_are(m, 2, 0, 0, 1, 0);
    panoptic_metrics_free(m);
}

/* ---- void --------------------------------------------------------------------------------------------------------- */

/* Parcel 1 of class 1; parcel 2 is void, 8 pixels. */
static const drawing with_void = {"1111...."
                                  "22222222"
                                  "........",
                                  "1111...."
                                  "55555555"
                                  "........"};

static void void_parcels_leave(void **state)
{
    (void)state;
    panoptic_metrics *m = counted(with_void, (drawing){"1111....................", "1111...................."});
    counts_are(m, 1, 1, 0, 0, 1);
    counts_are(m, VOID, 0, 0, 0, 0);
    quality_is(panoptic_metrics_overall(m), 1, 1, 1);
    panoptic_metrics_free(m);
}

static void predictions_mostly_on_void_leave(void **state)
{
    (void)state;
    /* 8 of 9 pixels on void: gone, with the pixel beside it, whatever class it is given. */
    panoptic_metrics *m = counted(with_void, (drawing){"1111....777777777.......", "1111....222222222......."});
    counts_are(m, 1, 1, 0, 0, 1);
    counts_are(m, 2, 0, 0, 0, 0);
    panoptic_metrics_free(m);
    /* IoU with void of 1/2 exactly (8 of 16): it stays, as what it has outside. */
    m = counted(with_void, (drawing){"........7777777777777777", "........2222222222222222"});
    counts_are(m, 2, 0, 1, 0, 0);
    panoptic_metrics_free(m);
}

static void predicted_pixels_on_void_leave(void **state)
{
    (void)state;
    /* 4 pixels on the parcel, 4 on void: IoU with the parcel is 1 once those are gone. */
    panoptic_metrics *m = counted(with_void, (drawing){"3333....3333............", "1111....1111............"});
    counts_are(m, 1, 1, 0, 0, 1);
    panoptic_metrics_free(m);
    /* Wholly on void, but with little of it: nothing is left that could be one too many. */
    m = counted(with_void, (drawing){"1111....44..............", "1111....33.............."});
    counts_are(m, 3, 0, 0, 0, 0);
    panoptic_metrics_free(m);
    /* Void pixels that belong to no parcel take pixels too, but no instances. */
    m = counted((drawing){"........................", "........55555555........"},
                (drawing){"........333333333.......", "........111111111......."});
    counts_are(m, 1, 0, 1, 0, 0);
    panoptic_metrics_free(m);
}

static void without_void_it_is_a_class(void **state)
{
    (void)state;
    numbers t, q;
    panoptic_metrics *m = NULL;
    assert_ok(panoptic_metrics_new(CLASSES, -1, -1, &m));
    const panoptic_map truth = drawn(with_void, &t), predicted = drawn(with_void, &q);
    assert_ok(panoptic_metrics_add(m, &truth, &predicted, "drawing"));
    counts_are(m, VOID, 1, 0, 0, 1);
    panoptic_metrics_free(m);
}

/* ---- refusals ----------------------------------------------------------------------------------------------------- */

static void refused(panoptic_metrics *m, const panoptic_map *truth, const panoptic_map *predicted, const char *message)
{
    assert_int_equal(panoptic_metrics_add(m, truth, predicted, "p.h5"), FAILED);
    assert_string_equal(error_message(), message);
    for (int k = 0; k < CLASSES; k++) counts_are(m, k, 0, 0, 0, 0);
}

static void wrong_input_is_refused(void **state)
{
    (void)state;
    numbers t, q;
    panoptic_metrics *m = new_metrics();
    panoptic_map truth = drawn(parcels, &t), predicted = drawn(parcels, &q);
    q.instance[9] = -2;
    refused(m, &truth, &predicted,
            "p.h5: the predicted instance at row 1, column 1 is -2; wanted an id, or 0 for none");
    q.instance[9] = 1;
    t.class_of[23] = CLASSES;
    refused(m, &truth, &predicted, "p.h5: the true class at row 2, column 7 is 6; wanted 0 to 5");
    t.class_of[23] = INT32_MIN;
    refused(m, &truth, &predicted, "p.h5: the true class at row 2, column 7 is -2147483648; wanted 0 to 5");
    t.class_of[23] = 0;
    predicted.width = 4;
    refused(m, &truth, &predicted, "p.h5: the truth has 3 x 8 pixels, the prediction 3 x 4");
    predicted.height = truth.height = 0;
    predicted.width = truth.width;
    refused(m, &truth, &predicted, "p.h5: a patch of 0 x 8 pixels; wanted 1 to 268435456");
    predicted.height = truth.height = predicted.width = truth.width = 1 << 20;
    refused(m, &truth, &predicted, "p.h5: a patch of 1048576 x 1048576 pixels; wanted 1 to 268435456");
    panoptic_metrics_free(m);
}

static void wrong_classes_are_refused(void **state)
{
    (void)state;
    static const int wrong[][3] = {{0, -1, -1}, {-4, -1, -1}, {5, 5, 1}, {5, 0, 5}, {5, -2, 1}, {5, 1, -2}, {5, 2, 2}};
    panoptic_metrics *m = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(panoptic_metrics_new(wrong[i][0], wrong[i][1], wrong[i][2], &m), FAILED);
    assert_string_equal(error_message(), "panoptic metrics of 5 classes with background 2 and void 2 were asked for");
    assert_null(m);
}

static void huge_ids_are_fine(void **state)
{
    (void)state;
    numbers t, q;
    panoptic_metrics *m = new_metrics();
    const panoptic_map truth = drawn(parcels, &t), predicted = drawn(parcels, &q);
    for (int p = 0; p < PIXELS; p++) {
        if (t.instance[p]) t.instance[p] = INT32_MAX - t.instance[p];
        if (q.instance[p]) q.instance[p] = INT32_MAX - 4096 * q.instance[p];
    }
    assert_ok(panoptic_metrics_add(m, &truth, &predicted, "huge"));
    counts_are(m, 1, 2, 0, 0, 2);
    counts_are(m, 2, 1, 0, 0, 1);
    panoptic_metrics_free(m);
}

/* ---- against a plain count ---------------------------------------------------------------------------------------- */

/* Each of the ids 1 to IDS has one class, as in real maps; all pairs are tried. */
enum { SIDE = 24, AREA = SIDE * SIDE, IDS = 40 };

typedef struct patch {
    int32_t instance[AREA], class_of[AREA];
} patch;

static uint64_t drawn_below(uint64_t seed, uint64_t index, uint64_t limit)
{
    return random_below(random_stream(seed, RANDOM_SYNTHETIC, 0), index, limit);
}

/* Blocks of random ids. */
static void random_patch(uint64_t seed, patch *p)
{
    int32_t class_of_id[IDS + 1] = {0}, id_of_block[AREA];
    for (uint64_t i = 1; i <= IDS; i++) class_of_id[i] = (int32_t)(drawn_below(seed, i, CLASSES));
    for (uint64_t i = 0; i < AREA; i++) id_of_block[i] = (int32_t)(drawn_below(seed, 1000 + i, IDS + 1));
    for (int i = 0; i < AREA; i++) {
        const int row = i / SIDE, column = i % SIDE;
        p->instance[i] = id_of_block[row / 4 * SIDE + column / 5];
        p->class_of[i] = class_of_id[p->instance[i]];
    }
}

/* The truth, moved and with noise: some matches, some not. */
static void random_prediction(uint64_t seed, const patch *truth, patch *p)
{
    int32_t class_of_id[IDS + 1] = {0};
    for (int i = 0; i < AREA; i++) class_of_id[truth->instance[i]] = truth->class_of[i];
    for (uint64_t i = 1; i <= IDS; i++)
        if (drawn_below(seed, i, 4) == 0) class_of_id[i] = (int32_t)(drawn_below(seed, 100 + i, CLASSES));
    for (int i = 0; i < AREA; i++) {
        const int from = i % SIDE ? i - 1 : i;
        const bool noise = drawn_below(seed, 1000 + (uint64_t)i, 5) == 0;
        p->instance[i] = noise ? (int32_t)(drawn_below(seed, 9000 + (uint64_t)i, IDS)) : truth->instance[from];
        p->class_of[i] = class_of_id[p->instance[i]];
    }
}

/* Pixels of a's id and b's id; 0 stands for any pixel. `known` leaves out the truth's void ones. */
static int64_t both(const patch *a, int id_a, const patch *b, int id_b, const patch *known)
{
    int64_t count = 0;
    for (int i = 0; i < AREA; i++)
        count += (!id_a || a->instance[i] == id_a) && (!id_b || b->instance[i] == id_b) &&
                 (!known || known->class_of[i] != VOID);
    return count;
}

static int class_of(const patch *p, int id)
{
    for (int i = 0; i < AREA; i++)
        if (p->instance[i] == id) return p->class_of[i];
    return BACKGROUND;
}

static bool over_half(int64_t intersection, int64_t a, int64_t b)
{
    return (double)intersection / (double)(a + b - intersection) > 0.5;
}

static bool is_dropped(const patch *truth, const patch *found, int id)
{
    for (int v = 1; v <= IDS; v++)
        if (class_of(truth, v) == VOID &&
            over_half(both(truth, v, found, id, NULL), both(truth, v, truth, 0, NULL), both(found, id, found, 0, NULL)))
            return true;
    return false;
}

static void plain_count(const patch *truth, const patch *found, panoptic_counts *of)
{
    for (int t = 1; t <= IDS; t++) of[class_of(truth, t)].missed += both(truth, t, truth, 0, NULL) > 0;
    for (int q = 1; q <= IDS; q++) {
        const int64_t area = both(found, q, found, 0, truth);
        if (!area || is_dropped(truth, found, q)) continue;
        panoptic_counts *c = &of[class_of(found, q)];
        c->extra++;
        for (int t = 1; t <= IDS; t++) {
            const int64_t common = both(truth, t, found, q, truth), parcel = both(truth, t, truth, 0, NULL);
            if (class_of(truth, t) != class_of(found, q) || !common || !over_half(common, parcel, area)) continue;
            c->matched++;
            c->extra--;
            c->missed--;
            c->iou += (double)common / (double)(parcel + area - common);
        }
    }
}

static void a_plain_count_agrees(void **state)
{
    (void)state;
    panoptic_metrics *m = new_metrics();
    panoptic_counts wanted[CLASSES] = {{0}};
    int64_t matched = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        patch truth, found;
        random_patch(seed, &truth);
        random_prediction(seed + 100, &truth, &found);
        const panoptic_map a = {SIDE, SIDE, truth.instance, truth.class_of};
        const panoptic_map b = {SIDE, SIDE, found.instance, found.class_of};
        assert_ok(panoptic_metrics_add(m, &a, &b, "random"));
        plain_count(&truth, &found, wanted);
    }
    for (int k = 1; k < VOID; k++) {
        counts_are(m, k, (int)wanted[k].matched, (int)wanted[k].extra, (int)wanted[k].missed, wanted[k].iou);
        matched += wanted[k].matched;
        assert_true(wanted[k].extra > 0 && wanted[k].missed > 0);
    }
    assert_true(matched > 20);
    panoptic_metrics_free(m);
}

/* ---- JSON --------------------------------------------------------------------------------------------------------- */

static void json_has_nulls_and_the_note(void **state)
{
    (void)state;
    static const char *const names[CLASSES] = {"none", "meadow", "wheat", "maize", "vine", "void"};
    panoptic_metrics *m = counted(parcels, (drawing){"111...1.111...1.........", "111...1.111...1........."});
    cJSON *o = panoptic_metrics_json(m, names);
    char *text = cJSON_PrintUnformatted(o);
    assert_string_equal(text, "{\"SQ\":0.375,\"RQ\":0.33333333333333331,\"PQ\":0.25,"
                              "\"note\":\"means over the classes that occur: PQ here is not SQ x RQ\",\"classes\":{"
                              "\"meadow\":{\"SQ\":0.75,\"RQ\":0.66666666666666663,\"PQ\":0.5,\"TP\":1,\"FP\":0,"
                              "\"FN\":1},"
                              "\"wheat\":{\"SQ\":0,\"RQ\":0,\"PQ\":0,\"TP\":0,\"FP\":0,\"FN\":1},"
                              "\"maize\":{\"SQ\":null,\"RQ\":null,\"PQ\":null,\"TP\":0,\"FP\":0,\"FN\":0},"
                              "\"vine\":{\"SQ\":null,\"RQ\":null,\"PQ\":null,\"TP\":0,\"FP\":0,\"FN\":0}}}");
    cJSON_free(text);
    cJSON_Delete(o);
    panoptic_metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perfect),
        cmocka_unit_test(all_wrong),
        cmocka_unit_test(half_is_no_match),
        cmocka_unit_test(means_over_classes),
        cmocka_unit_test(patches_add_up),
        cmocka_unit_test(empty_prediction),
        cmocka_unit_test(empty_truth),
        cmocka_unit_test(background_and_void_are_no_segments),
        cmocka_unit_test(a_patch_without_background),
        cmocka_unit_test(an_instance_of_two_classes),
        cmocka_unit_test(void_parcels_leave),
        cmocka_unit_test(predictions_mostly_on_void_leave),
        cmocka_unit_test(predicted_pixels_on_void_leave),
        cmocka_unit_test(without_void_it_is_a_class),
        cmocka_unit_test(wrong_input_is_refused),
        cmocka_unit_test(wrong_classes_are_refused),
        cmocka_unit_test(huge_ids_are_fine),
        cmocka_unit_test(a_plain_count_agrees),
        cmocka_unit_test(json_has_nulls_and_the_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
