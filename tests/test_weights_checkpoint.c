/* Checkpoints: what is written comes back to the bit, damage is refused, fine-tuning bridges another class count. */
#include "op_test.h"

#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "weights/checkpoint.h"

static char *folder, *path;
static char noted[4096];

static void keep_note(void *user, const char *text)
{
    (void)user;
    size_t used = strlen(noted);
    snprintf(noted + used, sizeof noted - used, "%s\n", text);
}

static int open_all(void **state)
{
    const char *root = getenv("TMPDIR");
    folder = text_format("%s/furrow-test-XXXXXX", root ? root : "/tmp");
    if (!mkdtemp(folder)) return -1;
    path = path_join(folder, "model.h5");
    log_listen(&(log_listener){.note = keep_note});
    return op_test_open(state);
}

static int close_all(void **state)
{
    unlink(path);
    rmdir(folder);
    free(path);
    free(folder);
    log_listen(NULL);
    return op_test_close(state);
}

static network *make(const char *config, uint64_t seed)
{
    model *m = NULL;
    network *w = NULL;
    cJSON *json = cJSON_Parse(config);
    assert_non_null(json);
    assert_ok(model_new(json, "test", &m));
    cJSON_Delete(json);
    const network_input input = {.npixel = 4, .bands = 3, .position_lines = 9, .longest = 5};
    assert_ok(network_new(op_device, m, input, seed, &w));
    return w;
}

static const char small[] =
    "{\"arch\": \"pseltae\", \"input_dim\": 3, \"mlp1\": [3, 4], \"mlp2\": [8, 6], \"with_extra\": false,"
    " \"n_head\": 2, \"d_k\": 2, \"d_model\": 8, \"mlp3\": [8, 6], \"mlp4\": [6, 5, 4],"
    " \"len_max_seq\": 5}";
static const char more_classes[] =
    "{\"arch\": \"pseltae\", \"input_dim\": 3, \"mlp1\": [3, 4], \"mlp2\": [8, 6], \"with_extra\": false,"
    " \"n_head\": 2, \"d_k\": 2, \"d_model\": 8, \"mlp3\": [8, 6], \"mlp4\": [6, 5, 7], \"len_max_seq\": 5}";
static const char wider[] =
    "{\"arch\": \"pseltae\", \"input_dim\": 3, \"mlp1\": [3, 5], \"mlp2\": [10, 6], \"with_extra\": false,"
    " \"n_head\": 2, \"d_k\": 2, \"d_model\": 8, \"mlp3\": [8, 6], \"mlp4\": [6, 5, 4], \"len_max_seq\": 5}";

static float *values_of(network *w, int i, size_t *count)
{
    tensor *p = net_parameter_at(w->net, i);
    *count = tensor_count(p);
    float *values = memory_new(*count, sizeof *values);
    assert_ok(net_parameter_read(w->net, p, values));
    return values;
}

/* How many parameters differ in some bit. */
static int differences(network *a, network *b)
{
    int different = 0;
    assert_int_equal(net_parameter_count(a->net), net_parameter_count(b->net));
    for (int i = 0; i < net_parameter_count(a->net); i++) {
        size_t n, m;
        float *x = values_of(a, i, &n), *y = values_of(b, i, &m);
        different += n != m || memcmp(x, y, n * sizeof *x) != 0;
        free(x);
        free(y);
    }
    return different;
}

static void save(network *w, bool optimiser)
{
    cJSON *state = cJSON_Parse("{\"epoch\": 3, \"classes\": [\"wheat\"]}");
    assert_ok(checkpoint_save(path, NULL, w, state, optimiser));
    cJSON_Delete(state);
}

static void bits_come_back(void **state)
{
    (void)state;
    network *a = make(small, 1), *b = make(small, 2);
    assert_true(differences(a, b) > 0);
    a->adam_step = 41;
    save(a, true);
    assert_ok(checkpoint_load(path, b, CHECKPOINT_RESUME));
    assert_int_equal(differences(a, b), 0);
    assert_int_equal(b->adam_step, 41);
    cJSON *config = NULL, *stored = NULL;
    assert_ok(checkpoint_peek(path, &config, &stored));
    assert_string_equal(cJSON_GetObjectItem(config, "arch")->valuestring, "pseltae");
    assert_int_equal(cJSON_GetObjectItem(stored, "epoch")->valueint, 3);
    cJSON_Delete(config);
    cJSON_Delete(stored);
    network_free(a);
    network_free(b);
}

static void resuming_needs_the_optimiser(void **state)
{
    (void)state;
    network *a = make(small, 1);
    save(a, false);
    assert_ok(checkpoint_load(path, a, CHECKPOINT_WEIGHTS));
    assert_int_equal(checkpoint_load(path, a, CHECKPOINT_RESUME), FAILED);
    network_free(a);
}

static void another_network_is_refused(void **state)
{
    (void)state;
    network *a = make(small, 1), *b = make(wider, 1);
    save(a, false);
    assert_int_equal(checkpoint_load(path, b, CHECKPOINT_WEIGHTS), FAILED);
    assert_non_null(strstr(error_message(), "spatial_encoder.mlp1.0"));
    assert_int_equal(checkpoint_load(path, b, CHECKPOINT_FINE_TUNE), FAILED);
    network_free(a);
    network_free(b);
}

static void fine_tuning_replaces_the_last_layer_alone(void **state)
{
    (void)state;
    network *a = make(small, 1), *b = make(more_classes, 2);
    save(a, false);
    assert_int_equal(checkpoint_load(path, b, CHECKPOINT_WEIGHTS), FAILED);
    noted[0] = 0;
    assert_ok(checkpoint_load(path, b, CHECKPOINT_FINE_TUNE));
    const char *anew = strstr(noted, "start anew: ");
    assert_non_null(anew);
    assert_non_null(strstr(anew, "decoder.3.weight"));
    assert_int_equal(differences(a, b), 2); /* the last layer's weight and bias */
    network_free(a);
    network_free(b);
}

/* A byte changed anywhere either is noticed or lies where nothing is read from. */
static void damage_is_noticed(void **state)
{
    (void)state;
    network *a = make(small, 1), *b = make(small, 2);
    char *whole;
    size_t length;
    save(a, true);
    assert_ok(file_read(path, 1 << 30, &whole, &length));
    size_t step = getenv("FURROW_TEST_FULL") ? 7 : length / 97 + 1;
    int noticed = 0;
    for (size_t at = 0; at < length; at += step) {
        whole[at] = (char)(whole[at] ^ 0x41);
        assert_ok(file_write(path, whole, length));
        whole[at] = (char)(whole[at] ^ 0x41);
        if (checkpoint_load(path, b, CHECKPOINT_RESUME)) {
            noticed++;
            assert_non_null(strstr(error_message(), "model.h5"));
            continue;
        }
        assert_int_equal(differences(a, b), 0);
    }
    assert_true(noticed > 0);
    for (size_t cut = 0; cut < length; cut += length / 23 + 1) {
        assert_ok(file_write(path, whole, cut));
        assert_int_equal(checkpoint_load(path, b, CHECKPOINT_WEIGHTS), FAILED);
    }
    free(whole);
    network_free(a);
    network_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_come_back),
        cmocka_unit_test(resuming_needs_the_optimiser),
        cmocka_unit_test(another_network_is_refused),
        cmocka_unit_test(fine_tuning_replaces_the_last_layer_alone),
        cmocka_unit_test(damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
