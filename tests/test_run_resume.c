/* What checkpoints may lack, and what they may not: parameters, moments, states, folders of two. */
#include "op_test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "format/h5.h"
#include "format/safetensors.h"
#include "weights/checkpoint.h"
#include "weights/resume.h"

static char folder[160], warned[4096];
static network *net_of_test; /* an L-TAE with a projection */

static const char config[] =
    "{\"arch\": \"pseltae\", \"input_dim\": 3, \"mlp1\": [3, 4], \"mlp2\": [8, 6], \"with_extra\": false,"
    " \"n_head\": 2, \"d_k\": 2, \"d_model\": 8, \"mlp3\": [8, 6], \"mlp4\": [6, 5, 4], \"len_max_seq\": 5}";

static void keep_warning(void *user, const char *text)
{
    (void)user;
    const size_t used = strlen(warned);
    snprintf(warned + used, sizeof warned - used, "%s\n", text);
}

static int open_all(void **state)
{
    const char *root = getenv("TMPDIR");
    model *m = NULL;
    snprintf(folder, sizeof folder, "%s/furrow-test-XXXXXX", root ? root : "/tmp");
    if (!mkdtemp(folder) || op_test_open(state)) return -1;
    log_listen(&(log_listener){.warning = keep_warning});
    cJSON *json = cJSON_Parse(config);
    const network_input input = {.npixel = 4, .bands = 3, .position_lines = 9, .longest = 5};
    int rc = model_new(json, "test", &m);
    if (!rc) rc = network_new(op_device, m, input, 1, &net_of_test);
    cJSON_Delete(json);
    return rc ? -1 : 0;
}

static int close_all(void **state)
{
    char command[200];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    network_free(net_of_test);
    log_listen(NULL);
    return op_test_close(state) || system(command) ? -1 : 0;
}

static const char *in_folder(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* ---- a checkpoint of which something is missing or wrong --------------------------------------------------------- */

typedef struct change {
    const char *group, *name; /* the array that is not as it was */
    int rank;                 /* -1: it is not there */
    size_t shape[4];
} change;

static void put_array(h5 *file, const char *group, const char *name, int rank, const size_t *sizes)
{
    static const float zeros[4096];
    char *path = text_format("%s/%s", group, name);
    assert_ok(h5_write(file, path, NUMBER_F32, rank, sizes, zeros));
    free(path);
}

static void put_group(h5 *file, const char *group, bool trained, const change *c)
{
    const net *n = net_of_test->net;
    assert_ok(h5_new_group(file, group));
    for (int i = 0; i < net_parameter_count(n); i++) {
        size_t sizes[RANK_MAX];
        const tensor *p = net_parameter_at(n, i);
        if (trained && net_parameter_role(n, i) != PARAMETER_TRAINED) continue;
        if (c && !strcmp(c->group, group) && !strcmp(c->name, p->name)) continue;
        for (int k = 0; k < p->shape.rank; k++) sizes[k] = (size_t)p->shape.size[k];
        put_array(file, group, p->name, p->shape.rank, sizes);
    }
    if (c && !strcmp(c->group, group) && c->rank >= 0) put_array(file, group, c->name, c->rank, c->shape);
}

/* `state`, `forms`, `head`: attributes; NULL: not there. `step` below 0: no state of Adam's. */
static void put_checkpoint(const char *path, const change *c, const char *state, const char *forms, int64_t step)
{
    h5 *file;
    assert_ok(h5_create(path, &file));
    assert_ok(h5_set_text(file, "/", "furrow_format", "checkpoint"));
    assert_ok(h5_set_int(file, "/", "version", 1));
    if (state) assert_ok(h5_set_text(file, "/", "state", state));
    if (forms) assert_ok(h5_set_text(file, "/", "forms", forms));
    put_group(file, "/weights", false, c);
    if (step >= 0) {
        put_group(file, "/optimizer/exp_avg", true, c);
        put_group(file, "/optimizer/exp_avg_sq", true, c);
        assert_ok(h5_write(file, "/optimizer/step", NUMBER_I64, 0, NULL, &step));
    }
    assert_ok(h5_set_int(file, "/", "complete", 1));
    assert_ok(h5_close(file));
}

#define LAST "decoder.3.weight" /* 4 classes x 5 */
#define NORM "temporal_encoder.inconv.1.weight"

static void parameters_and_moments(void **state)
{
    (void)state;
    static const struct {
        change change;
        enum checkpoint_use use;
        const char *state, *forms;
        int64_t step;
        const char *message; /* NULL: fine */
    } cases[] = {
        {{"", "", 0, {0}}, CHECKPOINT_RESUME, "{}", "{}", 3, NULL},
        {{"", "", 0, {0}}, CHECKPOINT_RESUME, NULL, NULL, 3, NULL},
        {{"", "", 0, {0}}, CHECKPOINT_RESUME, "{}", "[]", 3, "the list of kernel forms is not a JSON object"},
        {{"", "", 0, {0}}, CHECKPOINT_RESUME, "{}", "{", 3, "the list of kernel forms: line 1"},
        {{"", "", 0, {0}}, CHECKPOINT_RESUME, "{}", "{\"linear\": 1}", 3, "\"linear\" is not a text"},
        {{"", "", 0, {0}}, CHECKPOINT_RESUME, "{}", NULL, -1, "has no state of Adam's to go on with"},
        {{"", "", 0, {0}}, CHECKPOINT_WEIGHTS, "{", NULL, -1, "line 1, column 2: not valid JSON"},
        {{"/weights", NORM, -1, {0}}, CHECKPOINT_WEIGHTS, NULL, NULL, -1, NULL},
        {{"/weights", "temporal_encoder.inconv.1.bias", -1, {0}}, CHECKPOINT_WEIGHTS, NULL, NULL, -1, NULL},
        {{"/weights", LAST, -1, {0}}, CHECKPOINT_WEIGHTS, NULL, NULL, -1, "has no " LAST},
        {{"/weights", LAST, 1, {20}}, CHECKPOINT_WEIGHTS, NULL, NULL, -1, LAST " is 20; the network wants 4 x 5"},
        {{"/weights", LAST, 0, {0}}, CHECKPOINT_WEIGHTS, NULL, NULL, -1, LAST " is a scalar; the network wants 4 x 5"},
        {{"/weights", LAST, 2, {4, 6}}, CHECKPOINT_WEIGHTS, NULL, NULL, -1, LAST " is 4 x 6"},
        {{"/weights", LAST, 2, {7, 5}}, CHECKPOINT_FINE_TUNE, NULL, NULL, -1, NULL},
        {{"/weights", LAST, 2, {7, 6}}, CHECKPOINT_FINE_TUNE, NULL, NULL, -1, LAST " is 7 x 6"},
        {{"/weights", LAST, 2, {4, 6}}, CHECKPOINT_FINE_TUNE, NULL, NULL, -1, LAST " is 4 x 6"},
        {{"/weights", LAST, 3, {7, 5, 1}}, CHECKPOINT_FINE_TUNE, NULL, NULL, -1, LAST " is 7 x 5 x 1"},
        {{"/weights", "decoder.3.bias", 1, {7}}, CHECKPOINT_FINE_TUNE, NULL, NULL, -1, NULL},
        {{"/weights", "decoder.0.weight", 2, {7, 6}},
         CHECKPOINT_FINE_TUNE,
         NULL,
         NULL,
         -1,
         "decoder.0.weight is 7 x 6"},
        {{"/weights", "another", 1, {4}},
         CHECKPOINT_WEIGHTS,
         NULL,
         NULL,
         -1,
         "another is no parameter of this network"},
        {{"/weights", "x.num_batches_tracked", 0, {0}}, CHECKPOINT_WEIGHTS, NULL, NULL, -1, NULL},
        {{"/weights", "position_enc.weight", 2, {3, 3}}, CHECKPOINT_WEIGHTS, NULL, NULL, -1, NULL},
        {{"/optimizer/exp_avg", LAST, -1, {0}}, CHECKPOINT_RESUME, "{}", NULL, 3, "has no moments of " LAST},
        {{"/optimizer/exp_avg", LAST, -1, {0}}, CHECKPOINT_RESUME, NULL, NULL, 3, "has no moments of " LAST},
        {{"/optimizer/exp_avg", LAST, -1, {0}}, CHECKPOINT_RESUME, "{\"imported\": \"x\"}", NULL, 3, NULL},
        {{"/optimizer/exp_avg_sq", LAST, 1, {20}}, CHECKPOINT_RESUME, "{}", NULL, 3, LAST " is 20; the network wants"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = in_folder("model.h5");
        put_checkpoint(path, &cases[i].change, cases[i].state, cases[i].forms, cases[i].step);
        const int rc = checkpoint_load(path, net_of_test, cases[i].use);
        if (rc && !cases[i].message) print_error("case %zu: %s\n", i, error_message());
        assert_int_equal(rc, cases[i].message ? FAILED : OK);
        if (cases[i].message) assert_message(cases[i].message);
    }
}

/* A projection's norm that has no weights is one of 1 and 0. */
static void absent_norms(void **state)
{
    (void)state;
    static const char *const names[] = {NORM, "temporal_encoder.inconv.1.bias"};
    for (int k = 0; k < 2; k++) {
        const change without = {"/weights", names[k], -1, {0}};
        const tensor *p = net_parameter_find(net_of_test->net, names[k]);
        float values[64];
        assert_non_null(p);
        put_checkpoint(in_folder("model.h5"), &without, NULL, NULL, -1);
        assert_ok(checkpoint_load(in_folder("model.h5"), net_of_test, CHECKPOINT_WEIGHTS));
        assert_ok(net_parameter_read(net_of_test->net, p, values));
        for (size_t i = 0; i < tensor_count(p); i++) assert_true(values[i] == (k ? 0 : 1));
    }
}

/* ---- what a checkpoint says of itself ----------------------------------------------------------------------------- */

/* The network's weights as safetensors, as others' weights come. */
static void put_weights(const char *path)
{
    tensor_file *f;
    char from[512];
    snprintf(from, sizeof from, "%s", in_folder("weights.h5"));
    put_checkpoint(from, NULL, NULL, NULL, -1);
    assert_ok(tensor_file_open(from, &f));
    assert_ok(safetensors_write(path, f));
    tensor_file_close(f);
}

/* Weights of others have a model where a conf.json lies beside them, or above their Fold_k. */
static void others_weights(void **state)
{
    (void)state;
    static const struct {
        const char *path, *conf, *text;
        const char *arch, *message; /* NULL: no model; no failure */
    } cases[] = {
        {"alone/model.safetensors", NULL, NULL, NULL, NULL},
        {"beside/model.safetensors", "beside/conf.json", "{\"model\": {\"arch\": \"pseltae\"}}", "pseltae", NULL},
        {"above/Fold_1/model.safetensors", "above/conf.json", "{\"model\": {\"arch\": \"psetae\"}}", "psetae", NULL},
        {"none/model.safetensors", "none/conf.json", "{\"train\": {}}", NULL, NULL},
        {"broken/model.safetensors", "broken/conf.json", "{", NULL, "broken/conf.json: line 1"},
        {"list/model.safetensors", "list/conf.json", "[]", NULL, NULL},
        {"odd/model.safetensors", "odd/conf.json", "{\"model\": {\"arch\": \"pseltea\"}}", "pseltea", NULL},
        {"head/model.safetensors", "head/conf.json", "{\"model\": {\"arch\": \"paps\"}}", NULL, "encoder is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *found = NULL, *said = NULL;
        char path[512];
        snprintf(path, sizeof path, "%s", in_folder(cases[i].path));
        char *slash = strrchr(path, '/');
        *slash = 0;
        assert_ok(folder_make(path));
        *slash = '/';
        put_weights(path);
        if (cases[i].conf) assert_ok(file_write(in_folder(cases[i].conf), cases[i].text, strlen(cases[i].text)));
        const int rc = checkpoint_peek(path, &found, &said);
        if (cases[i].message) {
            assert_int_not_equal(rc, OK);
            assert_message(cases[i].message);
        } else if (!cases[i].arch) {
            assert_ok(rc);
            assert_null(found);
        } else {
            assert_ok(rc);
            assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(found, "arch")), cases[i].arch);
            assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(said, "imported")), "safetensors");
        }
        cJSON_Delete(found);
        cJSON_Delete(said);
        assert_ok(checkpoint_load(path, net_of_test, CHECKPOINT_WEIGHTS));
        assert_int_equal(checkpoint_load(path, net_of_test, CHECKPOINT_RESUME), FAILED);
        assert_message("has no state of Adam's to go on with");
    }
}

/* Why a state of PyTorch's was left is said by who wanted to go on with it. The older stream: all weights are views of one
 * storage. */
static void states_that_were_left(void **state)
{
    (void)state;
    static const char head[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
                               "\x80\x02M\xe9\x03.\x80\x02}Vlittle_endian\n\x88s.\x80\x02}(Vstate_dict\n}",
                      tail[] = "Voptimizer\n}u.\x80\x02]V0\na.\x00\x10\0\0\0\0\0\0"; /* 4096 elements */
    static char bytes[1 << 16];
    const net *n = net_of_test->net;
    size_t used = sizeof head - 1;
    memcpy(bytes, head, used);
#define PUT(...) used += (size_t)snprintf(bytes + used, sizeof bytes - used, __VA_ARGS__)
    for (int i = 0; i < net_parameter_count(n); i++) {
        const tensor *p = net_parameter_at(n, i);
        PUT("V%s\nctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI4096\ntQI0\n(",
            p->name);
        for (int k = 0; k < p->shape.rank; k++) PUT("I%d\n", p->shape.size[k]);
        PUT("t(");
        for (int k = 0, stride = (int)tensor_count(p); k < p->shape.rank; k++) {
            stride /= p->shape.size[k];
            PUT("I%d\n", stride);
        }
        PUT("tI00\nNtRs");
    }
    memcpy(bytes + used, tail, sizeof tail - 1);
    used += sizeof tail - 1 + 4096 * sizeof(float);
    assert_ok(file_write(in_folder("left.pth"), bytes, used));
    assert_ok(checkpoint_load(in_folder("left.pth"), net_of_test, CHECKPOINT_WEIGHTS));
    assert_int_equal(checkpoint_load(in_folder("left.pth"), net_of_test, CHECKPOINT_RESUME), FAILED);
    assert_message("has no state of Adam's to go on with: it has no state, or not one group of parameters");
}

/* Paths without a folder, and Fold_k without one above. */
static void paths_from_here(void **state)
{
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    assert_ok(folder_make("Fold_2"));
    put_weights("Fold_2/model.safetensors");
    put_weights("model.safetensors");
    assert_ok(file_write("conf.json", "{\"model\": {\"arch\": \"psetae\"}}", 29));
    static const char *const paths[] = {"model.safetensors", "Fold_2/model.safetensors"};
    for (int i = 0; i < 2; i++) {
        cJSON *found = NULL;
        assert_ok(checkpoint_peek(paths[i], &found, NULL));
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(found, "arch")), "psetae");
        cJSON_Delete(found);
    }
    remove("conf.json");
    assert_int_equal(chdir(before), 0);
}

static void what_it_says(void **state)
{
    (void)state;
    h5 *file;
    cJSON *found = NULL, *said = NULL;
    const char *path = in_folder("model.h5");
    put_checkpoint(path, NULL, "{\"epoch\": 4}", NULL, -1);
    assert_ok(checkpoint_peek(path, NULL, NULL));
    assert_ok(checkpoint_peek(path, &found, &said));
    assert_null(found); /* no model, and no conf.json */
    assert_int_equal(cJSON_GetObjectItem(said, "epoch")->valueint, 4);
    cJSON_Delete(said);
    assert_ok(h5_extend(path, &file));
    assert_ok(h5_set_text(file, "/", "model", "{\"arch\": "));
    assert_ok(h5_close(file));
    assert_int_equal(checkpoint_peek(path, &found, &said), FAILED);
    assert_message("model.h5: attribute model: line 1");
    assert_ok(file_write(path, "", 0));
    assert_int_equal(checkpoint_peek(path, &found, &said), FAILED);
}

/* ---- where a fold goes on ----------------------------------------------------------------------------------------- */

static void states(void **state)
{
    (void)state;
    static const struct {
        const char *state; /* NULL: none */
        int code, epoch, best_epoch;
        double best;
        const char *message;
    } cases[] = {
        {"{\"settings\": \"S\", \"epoch\": 3, \"best_epoch\": 2, \"best\": 0.5}", OK, 3, 2, 0.5, NULL},
        {"{\"settings\": \"S\", \"epoch\": 1048576, \"best_IoU\": 0.25}", OK, 1048576, 0, 0.25, NULL},
        {"{\"settings\": \"S\", \"best\": \"x\"}", OK, 0, 0, -1, NULL},
        {"{\"settings\": \"S\"}", OK, 0, 0, -1, NULL},
        {"{\"imported\": \"x\", \"epoch\": 7}", OK, 7, 0, -1, NULL},
        {"{\"settings\": \"T\"}", USAGE, 0, 0, 0, "was written under other data, model or train settings"},
        {"{\"settings\": 3}", USAGE, 0, 0, 0, "was written under other"},
        {"{}", USAGE, 0, 0, 0, "was written under other"},
        {"{\"settings\": \"S\", \"epoch\": \"3\"}", FAILED, 0, 0, 0, "state: epoch: wanted a whole number from 0"},
        {"{\"settings\": \"S\", \"epoch\": null}", FAILED, 0, 0, 0, "state: epoch: wanted"},
        {"{\"settings\": \"S\", \"epoch\": -1}", FAILED, 0, 0, 0, "state: epoch: wanted"},
        {"{\"settings\": \"S\", \"epoch\": 1.5}", FAILED, 0, 0, 0, "state: epoch: wanted"},
        {"{\"settings\": \"S\", \"best_epoch\": 1048577}", FAILED, 0, 0, 0, "state: best_epoch: wanted"},
    };
    remove(in_folder("previous.h5"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        resumed found = {.epoch = -7};
        put_checkpoint(in_folder("last.h5"), NULL, cases[i].state, NULL, 3);
        assert_int_equal(resume_load(folder, "S", net_of_test, &found), cases[i].code);
        if (cases[i].message) assert_message(cases[i].message);
        assert_int_equal(found.epoch, cases[i].code ? -7 : cases[i].epoch);
        if (cases[i].code) continue;
        assert_int_equal(found.best_epoch, cases[i].best_epoch);
        assert_true(found.best == cases[i].best);
        assert_int_equal(found.imported, strstr(cases[i].state, "imported") != NULL);
    }
    remove(in_folder("last.h5"));
}

/* The newest that is whole; of those that are not, the reason is said. */
static void the_one_before(void **state)
{
    (void)state;
    static const char good[] = "{\"settings\": \"S\", \"epoch\": 3}", older[] = "{\"settings\": \"S\", \"epoch\": 2}";
    resumed found = {.epoch = -7};
    char last[512], previous[512];
    snprintf(last, sizeof last, "%s", in_folder("last.h5"));
    snprintf(previous, sizeof previous, "%s", in_folder("previous.h5"));
    assert_ok(resume_load(folder, "S", net_of_test, &found)); /* none: nothing is loaded */
    assert_int_equal(found.epoch, -7);
    put_checkpoint(previous, NULL, older, NULL, 2);
    assert_ok(resume_load(folder, "S", net_of_test, &found));
    assert_int_equal(found.epoch, 2);
    put_checkpoint(last, NULL, good, NULL, 3);
    assert_ok(resume_load(folder, "S", net_of_test, &found));
    assert_int_equal(found.epoch, 3);
    assert_ok(file_write(last, "torn", 4));
    warned[0] = 0;
    assert_ok(resume_load(folder, "S", net_of_test, &found));
    assert_int_equal(found.epoch, 2);
    assert_non_null(strstr(warned, "last.h5 holds no weights"));
    assert_non_null(strstr(warned, ": passed over for the checkpoint before it"));
    assert_ok(file_write(previous, "torn", 4));
    assert_int_equal(resume_load(folder, "S", net_of_test, &found), FAILED);
    assert_message("previous.h5");
    remove(last);
    remove(previous);
}

/* Two are kept, and nothing is left of one that cannot be written. */
static void saving(void **state)
{
    (void)state;
    resumed found;
    char none[512], **names;
    size_t count;
    for (int epoch = 1; epoch < 4; epoch++) {
        cJSON *said = cJSON_CreateObject();
        cJSON_AddStringToObject(said, "settings", "S");
        cJSON_AddNumberToObject(said, "epoch", epoch);
        assert_ok(resume_save(folder, net_of_test, said));
        snprintf(none, sizeof none, "%s", in_folder("missing"));
        assert_int_equal(resume_save(none, net_of_test, said), FAILED);
        cJSON_Delete(said);
    }
    assert_ok(resume_load(folder, "S", net_of_test, &found));
    assert_int_equal(found.epoch, 3);
    remove(in_folder("last.h5"));
    assert_ok(resume_load(folder, "S", net_of_test, &found));
    assert_int_equal(found.epoch, 2);
    assert_ok(folder_list(folder, ".temporary", &names, &count));
    assert_int_equal(count, 0);
    folder_free(names, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_and_moments),
        cmocka_unit_test(absent_norms),
        cmocka_unit_test(others_weights),
        cmocka_unit_test(states_that_were_left),
        cmocka_unit_test(paths_from_here),
        cmocka_unit_test(what_it_says),
        cmocka_unit_test(states),
        cmocka_unit_test(the_one_before),
        cmocka_unit_test(saving),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
