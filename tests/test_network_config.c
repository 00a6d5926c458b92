/* Configurations: furrow's own, published flat ones, overrides, what is read off the data, and what is refused. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/model.h"
#include "network/config.h"

#include "tests/asserts.h"

static char *folder, *path;
static char noted[1024];

static void keep_note(void *user, const char *text)
{
    (void)user;
    snprintf(noted, sizeof noted, "%s", text);
}

static int open_folder(void **state)
{
    (void)state;
    const char *root = getenv("TMPDIR");
    folder = text_format("%s/furrow-test-XXXXXX", root ? root : "/tmp");
    if (!mkdtemp(folder)) return -1;
    path = path_join(folder, "run.json");
    log_listen(&(log_listener){.note = keep_note});
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    unlink(path);
    rmdir(folder);
    free(path);
    free(folder);
    log_listen(NULL);
    return 0;
}

/* Reads `text` as a configuration file, with up to one override. */
static int read_text(const char *text, const char *set, run_config *out)
{
    if (file_write(path, text, strlen(text))) return -1;
    return config_read(path, &set, set ? 1 : 0, out);
}

static void refused(const char *text, const char *set, const char *part)
{
    run_config c;
    assert_int_equal(read_text(text, set, &c), USAGE);
    assert_message(part);
}

static int int_at(const cJSON *o, const char *key, int index)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
    if (index >= 0) item = cJSON_GetArrayItem(item, index);
    assert_true(cJSON_IsNumber(item) || cJSON_IsBool(item));
    return cJSON_IsBool(item) ? cJSON_IsTrue(item) : item->valueint;
}

static void defaults_are_the_published(void **state)
{
    (void)state;
    run_config c;
    assert_int_equal(read_text("{\"data\": {\"pack\": \"p.h5\"}, \"model\": {\"arch\": \"psetae\"}}", NULL, &c), OK);
    assert_int_equal(c.train.epochs, 100);
    assert_int_equal(c.train.batch_size, 128);
    assert_int_equal(c.train.kfold, 5);
    assert_int_equal(c.train.rdm_seed, 1);
    assert_true(c.train.lr == 0.001 && c.train.gamma == 1);
    assert_false(c.train.fold.present);
    assert_int_equal(c.parcels.npixel, 64);
    assert_string_equal(c.eval.subset, "test");
    assert_null(c.root.device);
    config_free(&c);
}

static void set_overrides(void **state)
{
    (void)state;
    run_config c;
    const char *text =
        "{\"data\": {\"pack\": \"p.h5\"}, \"model\": {\"arch\": \"psetae\"}, \"train\": {\"epochs\": 3}}";
    assert_int_equal(read_text(text, "train.epochs=7", &c), OK);
    assert_int_equal(c.train.epochs, 7);
    config_free(&c);
    assert_int_equal(read_text(text, "device=1", &c), OK);
    assert_string_equal(c.root.device, "1");
    config_free(&c);
    refused(text, "train.epoch=7", "epochs"); /* the nearest key */
}

static void wrong_keys_are_refused(void **state)
{
    (void)state;
    refused("[]", NULL, "object");
    refused("{\"data\": {}, \"model\": {\"arch\": \"psetae\"}, \"trian\": {}}", NULL, "did you mean train?");
    refused("{\"data\": {\"pack\": \"p\"}, \"model\": {}}", NULL, "model.arch");
    refused("{\"data\": 3, \"model\": {\"arch\": \"psetae\"}}", NULL, "data must be an object");
    refused("{\"data\": {\"pack\": \"p\"}, \"model\": {\"arch\": \"psetae\"}, \"train\": {\"kfold\": 2}}", NULL,
            "kfold");
    refused("{\"data\": {\"pack\": \"p\"}, \"model\": {\"arch\": \"psetae\"}, \"train\": {\"fold\": 6}}", NULL,
            "train.fold is 6");
    refused("{\"data\": {\"pack\": \"p\"}, \"model\": {\"arch\": \"psetae\"}, \"train\": {\"lr\": \"fast\"}}", NULL,
            "lr");
    refused("{\"data\": {\"pack\": \"p\"}, \"model\": {\"arch\": \"psetae\"}, \"eval\": {\"subset\": \"some\"}}", NULL,
            "subset");
}

static void published_files_are_mapped(void **state)
{
    (void)state;
    run_config c;
    const char *text =
        "{\"dataset_folder\": \"/data\", \"num_workers\": 8, \"npixel\": 32, \"lms\": 30, \"geomfeat\": 0, \"kfold\": "
        "4,"
        " \"positions\": \"order\", \"device\": \"cuda\", \"num_classes\": 20, \"mlp1\": [10, 32, 64], \"epochs\": 9,"
        " \"tae\": false, \"gru\": false, \"tcnn\": false, \"N_params\": 3, \"preload\": true, \"res_dir\": \"out\"}";
    assert_int_equal(read_text(text, "data.pack=p.h5", &c), OK);
    assert_string_equal(cJSON_GetObjectItem(c.model, "arch")->valuestring, "pseltae");
    assert_int_equal(int_at(c.model, "len_max_seq", -1), 30);
    assert_int_equal(int_at(c.model, "with_extra", -1), 0);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(c.model, "positions")));
    assert_int_equal(c.parcels.npixel, 32);
    assert_true(c.parcels.preload);
    assert_null(c.parcels.extra_feature);
    assert_string_equal(c.parcels.nomenclature, "label_44class");
    assert_int_equal(c.parcels.sub_classes.count, 20);
    assert_int_equal(c.train.epochs, 9);
    assert_int_equal(c.train.kfold, 4);
    assert_string_equal(c.train.res_dir, "out");
    assert_string_equal(c.root.device, "auto");
    assert_non_null(strstr(noted, "dataset_folder, num_workers, N_params"));
    config_free(&c);
    assert_int_equal(read_text("{\"npixel\": 64, \"positions\": \"bespoke\"}", "data.pack=p.h5", &c), OK);
    assert_string_equal(cJSON_GetObjectItem(c.model, "arch")->valuestring, "psetae");
    assert_string_equal(cJSON_GetObjectItem(c.model, "positions")->valuestring, "dates");
    assert_string_equal(c.parcels.extra_feature, "geomfeat");
    config_free(&c);
}

/* What train_semantic.py would write for a network, its defaults, is the same run as the shipped configuration. */
static void semantic_is_the_published(const char *network, const char *file)
{
    run_config shipped, published;
    cJSON *a = NULL, *b = NULL;
    const char *defaults =
        "{\"model\": \"%s\", \"encoder_widths\": [64, 64, 64, 128], \"decoder_widths\": [32, 32, 64, 128],"
        " \"out_conv\": [32, 20], \"str_conv_k\": 4, \"str_conv_s\": 2, \"str_conv_p\": 1,"
        " \"agg_mode\": \"att_group\", \"encoder_norm\": \"group\", \"n_head\": 16, \"d_model\": 256,"
        " \"d_k\": 4, \"res_dir\": \"results/%s-pastis\", \"num_workers\": 8, \"rdm_seed\": 1,"
        " \"device\": \"cuda\", \"display_step\": 50, \"cache\": false, \"epochs\": 100, \"batch_size\": 4,"
        " \"lr\": 0.001, \"mono_date\": null, \"ref_date\": \"2018-09-01\", \"fold\": null,"
        " \"num_classes\": 20, \"ignore_index\": -1, \"pad_value\": 0, \"padding_mode\": \"reflect\","
        " \"val_every\": 1, \"val_after\": 0}";
    const data_sizes sizes = {.bands = 10, .classes = 20};
    char *text = text_format(defaults, network, network);
    assert_int_equal(read_text(text, "data.pack=pastis.h5", &published), OK);
    free(text);
    assert_int_equal(config_read(file, NULL, 0, &shipped), OK);
    assert_int_equal(config_complete_model(published.model, "here", MODEL_DENSE, sizes), OK);
    model *m = NULL, *n = NULL;
    assert_int_equal(model_new(published.model, "here", &m), OK);
    assert_int_equal(model_new(shipped.model, "here", &n), OK);
    cJSON *of_m = model_config(m), *of_n = model_config(n);
    assert_int_equal(config_resolved(&published, of_m, &a), OK);
    assert_int_equal(config_resolved(&shipped, of_n, &b), OK);
    assert_true(cJSON_Compare(a, b, true));
    cJSON_Delete(a);
    cJSON_Delete(b);
    cJSON_Delete(of_m);
    cJSON_Delete(of_n);
    model_free(m);
    model_free(n);
    config_free(&published);
    config_free(&shipped);
}

static void semantic_networks_are_the_published(void **state)
{
    (void)state;
    semantic_is_the_published("utae", "configs/utae-pastis.json");
    semantic_is_the_published("unet3d", "configs/unet3d-pastis.json");
}

static void what_is_open_comes_from_the_data(void **state)
{
    (void)state;
    cJSON *m = cJSON_Parse("{\"arch\": \"psetae\", \"pooling\": \"mean_std_max\", \"len_max_seq\": null}");
    assert_int_equal(config_complete_model(m, "here", MODEL_PARCEL,
                                           (data_sizes){.bands = 7, .extra = 3, .classes = 5, .longest = 43}),
                     OK);
    assert_int_equal(int_at(m, "input_dim", -1), 7);
    assert_int_equal(int_at(m, "with_extra", -1), 1);
    assert_int_equal(int_at(m, "extra_size", -1), 3);
    assert_int_equal(int_at(m, "len_max_seq", -1), 43);
    assert_int_equal(int_at(m, "mlp1", 0), 7);
    assert_int_equal(int_at(m, "mlp2", 0), 3 * 64 + 3);
    assert_int_equal(int_at(m, "mlp4", 3), 5);
    cJSON_Delete(m);
    m = cJSON_Parse("{\"arch\": \"psetae\", \"with_extra\": false, \"mlp1\": \"[7, 8]\", \"mlp4\": [128, 9]}");
    assert_int_equal(config_complete_model(m, "here", MODEL_PARCEL,
                                           (data_sizes){.bands = 7, .extra = 3, .classes = 5, .longest = 43}),
                     OK);
    assert_int_equal(int_at(m, "mlp2", 0), 16);
    assert_int_equal(int_at(m, "mlp4", 1), 9);
    assert_null(cJSON_GetObjectItem(m, "extra_size"));
    cJSON_Delete(m);
}

/* The resolved configuration, written and read again, resolves to itself. */
static void resolved_reproduces_itself(void **state)
{
    (void)state;
    run_config c, again;
    cJSON *first = NULL, *second = NULL;
    assert_int_equal(
        read_text("{\"data\": {\"pack\": \"p.h5\", \"sub_classes\": [3, 1]}, \"model\": {\"arch\": \"psetae\"},"
                  " \"train\": {\"fold\": 2}, \"device\": \"cpu\"}",
                  NULL, &c),
        OK);
    assert_int_equal(config_resolved(&c, c.model, &first), OK);
    char *text = cJSON_Print(first);
    assert_int_equal(read_text(text, NULL, &again), OK);
    assert_int_equal(config_resolved(&again, again.model, &second), OK);
    assert_true(cJSON_Compare(first, second, true));
    assert_int_equal(again.train.fold.value, 2);
    free(text);
    cJSON_Delete(first);
    cJSON_Delete(second);
    config_free(&c);
    config_free(&again);
}

/* Spatial, temporal and decoder blocks are chosen by themselves. */
static void blocks_compose(void **state)
{
    (void)state;
    static const char *const temporal[] = {"tae", "ltae", "gru", "tempcnn"};
    const data_sizes sizes = {.bands = 3, .extra = 2, .classes = 7, .longest = 11};
    for (int i = 0; i < 8; i++) {
        run_config c;
        model *m = NULL;
        char *arch = text_format("pse%s", temporal[i / 2]);
        char *text = text_format("{\"data\": {\"pack\": \"p\"}, \"model\": {\"temporal\": \"%s\"%s}}", temporal[i / 2],
                                 i % 2 ? ", \"spatial\": null, \"n_head\": 1, \"mlp3\": [5, 128]" : "");
        if (i / 2 > 1 && i % 2) {
            free(text);
            text = text_format("{\"data\": {\"pack\": \"p\"}, \"model\": {\"arch\": \"psetae\", \"temporal\": \"%s\", "
                               "\"spatial\": null}}",
                               temporal[i / 2]);
        }
        int rc = read_text(text, i == 3 ? "model.d_model=5" : NULL, &c);
        if (!rc) rc = config_complete_model(c.model, "p", c.kind, sizes);
        if (!rc) rc = model_new(c.model, "p", &m);
        if (rc) print_error("%s: %s\n", text, error_message());
        assert_int_equal(rc, OK);
        assert_string_equal(model_arch(m), arch);
        assert_int_equal(model_classes(m), 7);
        assert_int_equal(model_extra(m), 2);
        model_free(m);
        config_free(&c);
        free(arch);
        free(text);
    }
    refused("{\"data\": {\"pack\": \"p\"}, \"model\": {\"temporal\": \"lstn\"}}", NULL,
            "wanted tae, ltae, gru or tempcnn");
    refused("{\"data\": {\"pack\": \"p\"}, \"model\": {\"temporal\": \"ltea\"}}", NULL, "did you mean ltae?");
}

/* The scripts write options of every network: those of others are left out, and named. */
static void published_baselines_are_mapped(void **state)
{
    (void)state;
    run_config c;
    const char *text =
        "{\"npixel\": 64, \"lms\": 24, \"geomfeat\": 1, \"positions\": \"order\", \"n_head\": 16, \"d_k\": 8,"
        " \"mlp3\": [256, 128], \"dropout\": 0.2, \"tae\": false, \"gru\": true, \"tcnn\": false,"
        " \"hidden_dim\": 64, \"nker\": \"[32,32,128]\", \"mlp4\": \"[64,64,32,20]\"}";
    model *m = NULL;
    assert_int_equal(read_text(text, "data.pack=p.h5", &c), OK);
    assert_int_equal(model_new(c.model, "model", &m), OK);
    assert_string_equal(model_arch(m), "psegru");
    assert_int_equal(int_at(c.model, "hidden_dim", -1), 64);
    assert_non_null(strstr(noted, "lms, n_head, d_k, mlp3, dropout, nker"));
    assert_false(model_positions_are_dates(m));
    model_free(m);
    config_free(&c);
}

/* A configuration's run folder is named after it: results of two never meet. */
static void results_are_its_own(const run_config *c, const char *name)
{
    const int stem = (int)(strlen(name) - strlen(".json"));
    char *wanted = text_format("results/%.*s", stem, name);
    if (strncmp(name, "demo", 4) != 0) assert_string_equal(c->train.res_dir, wanted);
    free(wanted);
}

/* Every configuration that comes with furrow is read and makes a network. */
static void read_shipped(const char *in)
{
    const data_sizes sizes = {.bands = 10, .extra = 4, .classes = 20, .longest = 24};
    char **names;
    size_t count;
    assert_int_equal(folder_list(in, ".json", &names, &count), OK);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        run_config c;
        model *m = NULL;
        char *file = path_join(in, names[i]);
        int rc = config_read(file, NULL, 0, &c);
        if (!rc) rc = config_complete_model(c.model, file, c.kind, sizes);
        if (!rc) rc = model_new(c.model, file, &m);
        if (rc) print_error("%s\n", error_message());
        assert_int_equal(rc, OK);
        assert_true(strstr(names[i], model_arch(m)) || strstr(names[i], "demo"));
        results_are_its_own(&c, names[i]);
        model_free(m);
        config_free(&c);
        free(file);
    }
    folder_free(names, count);
}

static void shipped_configurations_are_sound(void **state)
{
    (void)state;
    read_shipped("configs");
    read_shipped("configs/ablations");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_published),
        cmocka_unit_test(set_overrides),
        cmocka_unit_test(wrong_keys_are_refused),
        cmocka_unit_test(published_files_are_mapped),
        cmocka_unit_test(what_is_open_comes_from_the_data),
        cmocka_unit_test(resolved_reproduces_itself),
        cmocka_unit_test(blocks_compose),
        cmocka_unit_test(published_baselines_are_mapped),
        cmocka_unit_test(shipped_configurations_are_sound),
        cmocka_unit_test(semantic_networks_are_the_published),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
