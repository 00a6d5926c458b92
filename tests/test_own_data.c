/* One's own data by configuration alone: weights of classes, starting from weights that were trained on other classes, and
 * predicting what has no labels. */
#include <math.h>

#include <cjson/cJSON.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "data-tools/pack_pastis.h"
#include "data-tools/pack_pixelset.h"
#include "data-tools/synth_pastis.h"
#include "data-tools/synth_pixelset.h"
#include "format/tensor_file.h"
#include "furrow.h"

#include "tests/asserts.h"

enum { BANDS = 3, SIDE = 16, FEW = 4, MORE = 6 /* classes */, LOG_BYTES = 1 << 20 };

static char folder[] = "/tmp/furrow-own-data-XXXXXX";
static char noted[1 << 14];

/* What this does not name is small; no dropout, so that the loss of a batch is a function of weights and samples. */
#define UTAE                                                                                                           \
    "\"arch\": \"utae\", \"encoder_widths\": [8, 8], \"decoder_widths\": [8, 8], \"n_head\": 2, \"d_model\": 8, "      \
    "\"dropout\": 0, \"attention_dropout\": 0"
#define PAPS UTAE ", \"head\": {\"arch\": \"paps\", \"shape_size\": 8}"
#define PSETAE                                                                                                         \
    "\"arch\": \"psetae\", \"mlp1\": [3, 8, 16], \"mlp2\": [32, 16], \"mlp3\": [32, 16], \"n_head\": 2, \"d_k\": 4, "  \
    "\"dropout\": 0, \"with_extra\": false"

static void keep(void *user, const char *text)
{
    (void)user;
    const size_t used = strlen(noted);
    snprintf(noted + used, sizeof noted - used, "%s\n", text);
}

/* folder/name, in a buffer that the fourth call after reuses */
static const char *in_folder(const char *name)
{
    static char slots[4][256];
    static int next;
    char *out = slots[next++ % 4];
    snprintf(out, sizeof slots[0], "%s/%s", folder, name);
    return out;
}

static void make_images(const char *name, const char *pack, int classes)
{
    synth_pastis_options o = synth_pastis_defaults();
    o = (synth_pastis_options){10, SIDE, 4, 5, BANDS, classes, o.seed, NULL};
    assert_ok(synth_pastis(in_folder(name), &o));
    assert_ok(pack_pastis(in_folder(name), in_folder(pack), &(pack_pastis_options){0}, NULL));
}

static void make_parcels(const char *name, const char *pack, int classes)
{
    synth_options o = synth_defaults();
    o = (synth_options){60, classes, 5, BANDS, 3, 12, o.seed, 0};
    assert_ok(synth_pixelset(in_folder(name), &o));
    assert_ok(pack_pixelset(in_folder(name), in_folder(pack), &(pack_options){0}, NULL));
}

/* The same without its labels. */
static void make_unlabelled(const char *name, const char *labels, const char *pack)
{
    char command[300];
    snprintf(command, sizeof command, "rm -r '%s/%s/%s'", folder, name, labels);
    assert_int_equal(system(command), 0);
    if (strstr(name, "images"))
        assert_ok(pack_pastis(in_folder(name), in_folder(pack), &(pack_pastis_options){0}, NULL));
    else
        assert_ok(pack_pixelset(in_folder(name), in_folder(pack), &(pack_options){0}, NULL));
}

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    make_images("images-more", "images-more.h5", MORE);
    make_images("images-few", "images-few.h5", FEW);
    make_parcels("parcels-more", "parcels-more.h5", MORE);
    make_parcels("parcels-few", "parcels-few.h5", FEW);
    make_unlabelled("images-few", "ANNOTATIONS", "images-new.h5");
    make_unlabelled("parcels-few", "META/labels.json", "parcels-new.h5");
    log_listen(&(log_listener){.note = keep, .warning = keep});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[64];
    log_listen(NULL);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* One epoch of fold 1 on folder/pack into folder/run, all samples in one batch, at a rate of 0: nothing changes but
 * running statistics, and the loss is that of the initial weights. */
static int try_train(const char *model, const char *pack, const char *run, const char *setting, const char *weights)
{
    char *json = NULL;
    noted[0] = 0;
    const bool images = strstr(pack, "images") != NULL;
    char *text = text_format("{\"data\": {\"pack\": \"%s/%s\"%s}, \"model\": {%s}, \"train\": {\"res_dir\": \"%s/%s\", "
                             "\"epochs\": 1, \"batch_size\": 100, \"lr\": 0%s%s%s}}",
                             folder, pack, images ? "" : ", \"npixel\": 8, \"jitter\": false", model, folder, run,
                             strstr(model, "paps") ? ", \"warmup\": 0, \"val_after\": 0, \"autotune\": false" : "",
                             setting ? ", " : "", setting ? setting : "");
    assert_non_null(text);
    assert_ok(file_write(in_folder("run.json"), text, strlen(text)));
    const furrow_run_options o = {.config = in_folder("run.json"), .fold = 1, .weights = weights};
    int rc = furrow_train(&o, &json);
    furrow_free(json);
    free(text);
    return rc;
}

/* ---- what classes weigh -------------------------------------------------------------------------------------------- */

static double train_loss(const char *run)
{
    cJSON *log = NULL;
    char *path = text_format("%s/%s/Fold_1/trainlog.json", folder, run);
    assert_ok(json_read(path, LOG_BYTES, &log));
    const double loss = cJSON_GetObjectItem(cJSON_GetObjectItem(log, "1"), "train_loss")->valuedouble;
    cJSON_Delete(log);
    free(path);
    return loss;
}

static double loss_with(const char *model, const char *pack, const char *weights, const char *others)
{
    char *setting = text_format("\"class_weights\": %s%s", weights, others);
    assert_ok(try_train(model, pack, "weighed", setting, NULL));
    free(setting);
    return train_loss("weighed");
}

/* The mean over samples that weigh w_t: if one class alone weighs something it is that class's loss, and balanced weights
 * give the mean of these over the classes that occur. Weights of 1 are what none are. Classes `first` to `last` - 1 may
 * occur. */
static void weights_count(const char *model, const char *pack, int first, int last, const char *others)
{
    double sum = 0;
    int occurring = 0;
    char *none = text_format("\"class_weights\": null%s", others);
    assert_ok(try_train(model, pack, "weighed", none, NULL));
    const double plain = train_loss("weighed");
    free(none);
    assert_true(loss_with(model, pack, "[1, 1, 1, 1]", others) == plain);
    for (int k = first; k < last; k++) {
        char alone[16] = "[0, 0, 0, 0]";
        alone[1 + 3 * k] = '1';
        const double loss = loss_with(model, pack, alone, others); /* 0: no sample weighs anything */
        sum += loss;
        occurring += loss > 0;
    }
    assert_true(occurring >= 2);
    const double balanced = loss_with(model, pack, "\"balanced\"", others);
    assert_holds(noted, "fold 1 of 5: in the loss classes weigh: ");
    if (fabs(balanced - sum / occurring) > 2e-5 * balanced) {
        print_error("balanced: %.9g, the mean over %d classes: %.9g\n", balanced, occurring, sum / occurring);
        _fail(__FILE__, __LINE__);
    }
    assert_true(fabs(balanced - plain) > 1e-3 * plain); /* or the test shows nothing */
}

static void weights_of_pixels(void **state)
{
    (void)state;
    weights_count(UTAE, "images-few.h5", 0, FEW - 1, ""); /* the last is void */
}

static void weights_of_parcels(void **state)
{
    (void)state;
    weights_count(PSETAE, "parcels-few.h5", 0, FEW, "");
}

static void weights_of_parcels_in_images(void **state)
{
    (void)state;
    weights_count(PAPS, "images-few.h5", 1, FEW - 1, ", \"l_center\": 0, \"l_size\": 0, \"l_shape\": 0");
}

static void weights_refused(void **state)
{
    (void)state;
    static const struct {
        const char *setting, *says;
    } wrong[] = {
        {"\"class_weights\": [1, 2]",
         "train.class_weights has 2 numbers; wanted 4, one for each class, or \"balanced\""},
        {"\"class_weights\": [0, 0, 0, 0]", "train.class_weights are all 0"},
        {"\"class_weights\": [1, -1, 1, 1]", "wanted a list of numbers from 0 to 1000000"},
        {"\"class_weights\": \"even\"", "wanted \"balanced\", null or a list of at most 256 numbers"},
        {"\"class_weights\": {\"0\": 1}", "wanted \"balanced\", null or a list"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(try_train(UTAE, "images-few.h5", "refused", wrong[i].setting, NULL), USAGE);
        assert_holds(furrow_error_message(), wrong[i].says);
    }
}

/* A class that is left out is named, unless its name is void: by default it is the last one. */
static void void_class_is_told(void **state)
{
    (void)state;
    const char *refused = "\"class_weights\": [1, 2]"; /* nothing need be trained */
    assert_int_equal(try_train(UTAE, "images-few.h5", "refused", refused, NULL), USAGE);
    assert_null(strstr(noted, "counts as void"));
    assert_int_equal(
        try_train(UTAE, "images-few.h5", "refused", "\"ignore_index\": -2, \"class_weights\": [1, 2]", NULL), USAGE);
    assert_holds(noted, "class 2 (Crop 2) counts as void, in neither loss nor measures, by train.ignore_index -2");
}

/* ---- other classes ------------------------------------------------------------------------------------------------- */

/* Every trained weight of `from` is in `to` bit by bit, but those whose names hold `last`: they have as many rows as there
 * are classes. */
static void taken_over(const char *from, const char *to, const char *last)
{
    tensor_file *a = NULL, *b = NULL;
    int same = 0, anew = 0;
    assert_ok(tensor_file_open(from, &a));
    assert_ok(tensor_file_open(to, &b));
    assert_int_equal(tensor_file_count(a, TENSOR_WEIGHTS), tensor_file_count(b, TENSOR_WEIGHTS));
    for (size_t i = 0; i < tensor_file_count(a, TENSOR_WEIGHTS); i++) {
        const tensor_entry *e = tensor_file_at(a, TENSOR_WEIGHTS, i), *o = tensor_file_find(b, TENSOR_WEIGHTS, e->name);
        assert_non_null(o);
        if (strstr(e->name, "running_") || !e->rank) continue;
        if (strstr(e->name, last) && e->shape[0] != o->shape[0]) {
            assert_int_equal(e->shape[0], MORE);
            assert_int_equal(o->shape[0], FEW);
            assert_holds(noted, e->name);
            anew++;
            continue;
        }
        float *x = memory_new(e->count, sizeof *x), *y = memory_new(e->count, sizeof *y);
        assert_int_equal(e->count, o->count);
        assert_ok(tensor_file_read(a, e, NUMBER_F32, x));
        assert_ok(tensor_file_read(b, o, NUMBER_F32, y));
        assert_memory_equal(x, y, e->count * sizeof *x);
        free(x);
        free(y);
        same++;
    }
    assert_true(same > 0 && anew > 0);
    tensor_file_close(a);
    tensor_file_close(b);
}

static void other_classes(const char *model, const char *more, const char *few, const char *last)
{
    const char *from = "more/Fold_1/model.h5";
    assert_ok(try_train(model, more, "more", NULL, NULL));
    assert_ok(try_train(model, few, "few", NULL, in_folder(from)));
    assert_holds(noted, "is for another number of classes than this network's 4");
    taken_over(in_folder(from), in_folder("few/Fold_1/model.h5"), last);
}

static void other_classes_of_images(void **state)
{
    (void)state;
    other_classes(UTAE, "images-more.h5", "images-few.h5", "out_conv.");
    other_classes(PAPS, "images-more.h5", "images-few.h5", ""); /* class_mlp, and the out_conv that it does not use */
}

static void other_classes_of_parcels(void **state)
{
    (void)state;
    other_classes(PSETAE, "parcels-more.h5", "parcels-few.h5", "decoder.");
}

/* As many classes, of which some are others: nobody can know whether that is meant. */
static void other_names(void **state)
{
    (void)state;
    char *json = NULL, *pack = text_format("data.pack=%s/parcels-more.h5", folder);
    const char *const set[] = {pack, "data.sub_classes=[0, 1, 5, 3]"};
    assert_ok(try_train(PSETAE, "parcels-few.h5", "few", NULL, NULL));
    assert_ok(try_train(PSETAE, "parcels-few.h5", "again", NULL, in_folder("few/Fold_1/model.h5")));
    assert_null(strstr(noted, "its last layer is kept"));
    const furrow_run_options o = {
        .config = in_folder("run.json"), .fold = 1, .weights = in_folder("few/Fold_1/model.h5"), .set = set, .sets = 2};
    assert_ok(furrow_train(&o, &json));
    assert_holds(noted, "class 2 was \"2\" there and is \"5\" here; its last layer is kept all the same");
    furrow_free(json);
    free(pack);
}

static void other_widths_are_refused(void **state)
{
    (void)state;
    assert_ok(try_train(PSETAE, "parcels-few.h5", "few", NULL, NULL));
    assert_int_equal(try_train("\"arch\": \"psetae\", \"with_extra\": false", "parcels-few.h5", "refused", NULL,
                               in_folder("few/Fold_1/model.h5")),
                     FAILED);
    assert_holds(furrow_error_message(), "nothing may differ but the number of classes");
}

/* ---- no labels ----------------------------------------------------------------------------------------------------- */

/* What folder/name holds, up to a byte 0. */
static char *text_in(const char *name)
{
    char *text = NULL;
    size_t length;
    assert_ok(file_read(in_folder(name), LOG_BYTES, &text, &length));
    return text;
}

/* A network of `pack` on folder/fresh, whose labels nobody knows, by the values that it was trained with; into
 * folder/out, attention too. */
static void predict_unlabelled(const char *model, const char *pack, const char *fresh)
{
    char *json = NULL, *data = text_format("data.pack=%s/%s", folder, fresh);
    char *norm = text_format("data.norm=%s/%s", folder, pack);
    const char *const set[] = {data, norm};
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s/out", folder);
    assert_int_equal(system(command), 0);
    assert_ok(try_train(model, pack, "trained", NULL, NULL));
    const furrow_run_options o = {.config = in_folder("run.json"),
                                  .weights = in_folder("trained"),
                                  .fold = 1,
                                  .out = in_folder("out"),
                                  .set = set,
                                  .sets = 2,
                                  .attention = true};
    assert_ok(furrow_predict(&o, &json));
    furrow_free(json);
    free(data);
    free(norm);
}

static void parcels_without_labels(void **state)
{
    (void)state;
    predict_unlabelled(PSETAE, "parcels-few.h5", "parcels-new.h5");
    char *text = text_in("out/predictions.csv");
    assert_holds(text, "id,label,class,p_0,p_1,p_2,p_3\n");
    free(text);
    assert_true(file_exists(in_folder("out/attention.csv")));
}

static void patches_without_labels(void **state)
{
    (void)state;
    predict_unlabelled(UTAE, "images-few.h5", "images-new.h5");
    char *text = text_in("out/predictions.json");
    assert_holds(text, "\"Crop 2\"");      /* the names are those of the training */
    assert_null(strstr(text, "accuracy")); /* nobody knows */
    free(text);
    assert_true(file_exists(in_folder("out/10000_classes.npy")));
    assert_true(file_exists(in_folder("out/10009.png")));
    assert_true(file_exists(in_folder("out/10000_attention.npy")));
}

static void parcels_in_patches_without_labels(void **state)
{
    (void)state;
    predict_unlabelled(PAPS, "images-few.h5", "images-new.h5");
    assert_true(file_exists(in_folder("out/parcels.geojson")));
    assert_true(file_exists(in_folder("out/10009.png")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_of_pixels),
        cmocka_unit_test(weights_of_parcels),
        cmocka_unit_test(weights_of_parcels_in_images),
        cmocka_unit_test(weights_refused),
        cmocka_unit_test(void_class_is_told),
        cmocka_unit_test(other_classes_of_images),
        cmocka_unit_test(other_classes_of_parcels),
        cmocka_unit_test(other_names),
        cmocka_unit_test(other_widths_are_refused),
        cmocka_unit_test(parcels_without_labels),
        cmocka_unit_test(patches_without_labels),
        cmocka_unit_test(parcels_in_patches_without_labels),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
