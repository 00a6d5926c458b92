/* verify of panoptic metrics: the published code's results (FURROW_SHARED, or ../shared beside the repository; skipped where
 * they are not), values that are off, and files that lie. */
#include "op_test.h"

#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "verify/verify.h"

static void published(void **state)
{
    (void)state;
    const char *shared = getenv("FURROW_SHARED");
    char *path = path_join(shared ? shared : "../shared", "goldens/panoptic_metrics.h5");
    if (!file_exists(path)) {
        print_message("skipped: there is no %s (FURROW_SHARED says where)\n", path);
        free(path);
        skip();
    }
    h5 *file = NULL;
    verify_report r = {.file = path};
    assert_ok(h5_open(path, &file));
    assert_ok(verify_panoptic_metrics(file, &r));
    assert_int_equal(r.passed, 12);
    assert_int_equal(r.failed, 0);
    h5_close(file);
    free(path);
}

/* Two parcels of class 1, one of class 2; classes 0 to 5. */
enum { CLASSES = 6, WIDTH = 4, PIXELS = 3 * WIDTH };
static const int32_t instance[PIXELS] = {7, 7, 0, 2, 7, 7, 0, 2, 0, 3, 3, 0};
static const int32_t class_of[PIXELS] = {1, 1, 0, 1, 1, 1, 0, 1, 0, 2, 2, 0};

/* A file of one patch, perfectly predicted; what is off in it. */
typedef struct off {
    float true_id, predicted_id; /* of pixel 0, where they are not 0 */
    float table, pq;             /* added */
    const char *group;           /* NULL: case0 */
    size_t channels;             /* of the target; 0: 7 */
    size_t patches;              /* of the prediction; 0: 1 */
} off;

static void write_reference(h5 *file, off o)
{
    enum { CHANNELS = 7 };
    const char *group = o.group ? o.group : "case0";
    const size_t channels = o.channels ? o.channels : CHANNELS, patches = o.patches ? o.patches : 1;
    float target[PIXELS * CHANNELS] = {0}, found[2 * PIXELS] = {0}, overall[3] = {1, 1, 1 + o.pq};
    int32_t semantic[2 * PIXELS] = {0};
    float table[CLASSES - 2][4] = {{2, 0, 0, 2 + o.table}, {1, 0, 0, 1}};
    for (size_t p = 0; p < PIXELS; p++) {
        target[p * channels + 1] = found[p] = (float)instance[p];
        target[p * channels + channels - 1] = (float)(semantic[p] = class_of[p]);
    }
    if (o.true_id != 0) target[1] = o.true_id;
    if (o.predicted_id != 0) found[0] = o.predicted_id;
    const size_t target_shape[] = {1, 3, WIDTH, channels}, map_shape[] = {patches, 3, WIDTH};
    const size_t table_shape[] = {CLASSES - 2, 4}, three = 3;
    const struct {
        const char *name;
        enum number_type type;
        int rank;
        const size_t *shape;
        const void *values;
    } all[] = {
        {"target", NUMBER_F32, 4, target_shape, target},       {"pred_instance", NUMBER_F32, 3, map_shape, found},
        {"pred_semantic", NUMBER_I32, 3, map_shape, semantic}, {"table", NUMBER_F32, 2, table_shape, table},
        {"sq_rq_pq", NUMBER_F32, 1, &three, overall},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char *path = text_format("/%s/%s", group, all[i].name);
        assert_ok(h5_write(file, path, all[i].type, all[i].rank, all[i].shape, all[i].values));
        free(path);
    }
}

static int verified(off o, verify_report *r)
{
    char path[] = "/tmp/furrow-test-XXXXXX";
    const int descriptor = mkstemp(path);
    h5 *file = NULL;
    assert_true(descriptor >= 0);
    close(descriptor);
    assert_ok(h5_create(path, &file));
    char *group = text_format("/%s", o.group ? o.group : "case0");
    assert_ok(h5_new_group(file, group));
    free(group);
    write_reference(file, o);
    assert_ok(h5_close(file));
    assert_ok(h5_open(path, &file));
    *r = (verify_report){.file = path};
    const int code = verify_panoptic_metrics(file, r);
    r->file = NULL;
    h5_close(file);
    unlink(path);
    return code;
}

static void values_that_are_off_fail(void **state)
{
    (void)state;
    static const struct {
        off off;
        int failed;
    } cases[] = {{{.table = 0}, 0}, {{.table = 5e-6F}, 0}, {{.table = 2e-5F}, 1}, {{.pq = 2e-5F}, 1},
                 {{.pq = NAN}, 1},  {{.table = NAN}, 1},   {{.true_id = 77}, 2},  {{.table = 1, .pq = 1}, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        verify_report r;
        assert_ok(verified(cases[i].off, &r));
        assert_int_equal(r.failed, cases[i].failed);
        assert_int_equal(r.passed, 2 - cases[i].failed);
    }
}

static void lying_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        off off;
        const char *part;
    } cases[] = {
        {{.predicted_id = -3}, "patch 0: the predicted instance at row 0, column 0 is -3"},
        {{.predicted_id = 1.5F}, "/case0/pred_instance has the value 1.5 where ids or classes stand"},
        {{.true_id = NAN}, "/case0/target has the value nan"},
        {{.true_id = INFINITY}, "/case0/target has the value inf"},
        {{.channels = 6}, "/case0/target has 6 channels; wanted 7"},
        {{.patches = 2}, "/case0/pred_instance is 2 x 3 x 4; wanted the target's 1 x 3 x 4"},
        {{.group = "other"}, "holds no /case0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        verify_report r;
        assert_int_equal(verified(cases[i].off, &r), FAILED);
        if (!strstr(error_message(), cases[i].part)) print_error("%s\n", error_message());
        assert_non_null(strstr(error_message(), cases[i].part));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),
        cmocka_unit_test(values_that_are_off_fail),
        cmocka_unit_test(lying_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
