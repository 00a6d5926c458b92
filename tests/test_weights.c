/* Weights in and out: every type keeps its bits, a failure leaves nothing, folders as they are published, what a
 * configuration finds and misses. */
#include "weights/weights.h"

#include <cjson/cJSON.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "format/tensor_file.h"
#include "furrow.h"
#include "tests/torch_fixtures.h"

static const char *put_archive(const char *name, const zip_part *parts, size_t count)
{
    size_t length;
    const char *path = in_scratch(name);
    unsigned char *bytes = zip_build(parts, count, true, &length);
    put_file(path, bytes, length);
    free(bytes);
    return path;
}

static void imported(const char *from, const char *to)
{
    char *json = NULL;
    assert_ok(furrow_weights_import(from, to, &json));
    assert_non_null(json);
    free(json);
}

static void exported(const char *from, const char *to)
{
    char *json = NULL;
    assert_ok(furrow_weights_export(from, to, &json));
    free(json);
}

/* Both hold the same, bit by bit. */
static void same_tensors(const char *a, const char *b, enum tensor_group g)
{
    tensor_file *x = NULL, *y = NULL;
    assert_ok(tensor_file_open(a, &x));
    assert_ok(tensor_file_open(b, &y));
    assert_int_equal(tensor_file_count(x, g), tensor_file_count(y, g));
    for (size_t i = 0; i < tensor_file_count(x, g); i++) {
        char p[256], q[256];
        const tensor_entry *e = tensor_file_at(x, g, i), *o = tensor_file_find(y, g, e->name);
        assert_non_null(o);
        assert_string_equal(tensor_type_name(e), tensor_type_name(o));
        assert_int_equal(e->rank, o->rank);
        assert_memory_equal(e->shape, o->shape, sizeof e->shape);
        assert_ok(tensor_file_read(x, e, e->type, p));
        assert_ok(tensor_file_read(y, o, o->type, q));
        assert_memory_equal(p, q, tensor_bytes(e));
    }
    tensor_file_close(x);
    tensor_file_close(y);
}

static void round_trip(void **state)
{
    (void)state;
    const char *from = put_archive("views.pt", views_parts, VIEWS_PARTS), *own = in_scratch("views.h5");
    imported(from, own);
    same_tensors(from, own, TENSOR_WEIGHTS);
    exported(own, in_scratch("views.safetensors"));
    same_tensors(from, in_scratch("views.safetensors"), TENSOR_WEIGHTS);
    imported(in_scratch("views.safetensors"), in_scratch("again.h5"));
    same_tensors(from, in_scratch("again.h5"), TENSOR_WEIGHTS);
    imported(own, in_scratch("copy.h5"));
    same_tensors(own, in_scratch("copy.h5"), TENSOR_WEIGHTS);
}

static void optimiser_and_epoch(void **state)
{
    (void)state;
    int64_t step = 0, epoch = 0;
    tensor_file *f = NULL;
    const char *from = put_archive("trained.pt", trained_parts, TRAINED_PARTS), *own = in_scratch("trained.h5");
    imported(from, own);
    for (int g = 0; g < TENSOR_GROUPS; g++) same_tensors(from, own, (enum tensor_group)g);
    assert_ok(tensor_file_open(own, &f));
    assert_true(tensor_file_step(f, &step) && step == 2);
    assert_true(tensor_file_epoch(f, &epoch) && epoch == 4);
    tensor_file_close(f);
}

/* A damaged source: the code is FAILED, what was there before stays, and no temporary file is left. */
static void failure_leaves_nothing(void **state)
{
    (void)state;
    zip_part parts[VIEWS_PARTS];
    char *json = NULL, **names, *old;
    size_t count, length;
    memcpy(parts, views_parts, sizeof parts);
    parts[5].checksum = 1;
    const char *from = put_archive("broken.pt", parts, VIEWS_PARTS);
    assert_ok(folder_make(in_scratch("out")));
    const char *to = in_scratch("out/kept.h5");
    put_text(to, "what was there");
    assert_int_equal(furrow_weights_import(from, to, &json), FAILED);
    assert_message("broken.pt");
    assert_null(json);
    assert_int_equal(furrow_weights_export(from, to, &json), FAILED);
    assert_ok(folder_list(in_scratch("out"), "", &names, &count));
    assert_int_equal(count, 1);
    folder_free(names, count);
    assert_ok(file_read(to, 100, &old, &length));
    assert_string_equal(old, "what was there");
    free(old);
    assert_int_equal(
        furrow_weights_import(put_archive("fine.pt", views_parts, VIEWS_PARTS), in_scratch("none/x.h5"), &json),
        FAILED);
}

/* ---- show ---------------------------------------------------------------------------------------------------------- */

static cJSON *shown(const char *path, const char *config)
{
    char *json = NULL;
    assert_ok(furrow_weights_show(path, config, NULL, &json));
    cJSON *all = cJSON_Parse(json);
    free(json);
    assert_non_null(all);
    return all;
}

static const cJSON *named(const cJSON *list, const char *name)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, list)
        if (!strcmp(cJSON_GetObjectItem(one, "name")->valuestring, name)) return one;
    return NULL;
}

static void ranges(void **state)
{
    (void)state;
    cJSON *all = shown(put_archive("views.pt", views_parts, VIEWS_PARTS), NULL);
    const cJSON *half = named(cJSON_GetObjectItem(all, "tensors"), "half");
    assert_string_equal(cJSON_GetObjectItem(half, "type")->valuestring, "float16");
    assert_true(cJSON_GetObjectItem(half, "least")->valuedouble == -2);
    assert_true(cJSON_GetObjectItem(half, "most")->valuedouble == 65504);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(named(cJSON_GetObjectItem(all, "tensors"), "empty"), "least")));
    assert_int_equal(cJSON_GetObjectItem(all, "values")->valueint, 47);
    assert_null(cJSON_GetObjectItem(all, "missing"));
    cJSON_Delete(all);
}

/* An L-TAE whose file says lin.weight for one key, and has one of another shape. */
static void what_a_configuration_misses(void **state)
{
    (void)state;
    const float values[4] = {0};
    const size_t four[2] = {4, 1}, three[2] = {3, 1};
    h5 *file = NULL;
    const char *path = in_scratch("some.h5"), *config = in_scratch("config.json");
    put_text(
        config,
        "{\"model\": {\"arch\": \"pseltae\", \"input_dim\": 1, \"mlp1\": [1, 4], \"mlp2\": [8, 4], \"with_extra\": "
        "false, \"n_head\": 2, \"d_k\": 2, \"d_model\": 4, \"mlp3\": [4, 4], \"mlp4\": [4, 4, 3]}}");
    assert_ok(h5_create(path, &file));
    assert_ok(h5_set_text(file, "/", "furrow_format", "checkpoint"));
    assert_ok(h5_set_int(file, "/", "version", 1));
    assert_ok(h5_write(file, "/weights/spatial_encoder.mlp1.0.linn.weight", NUMBER_F32, 2, four, values));
    assert_ok(h5_write(file, "/weights/spatial_encoder.mlp1.0.lin.bias", NUMBER_F32, 2, three, values));
    assert_ok(h5_write(file, "/weights/temporal_encoder.position_enc.weight", NUMBER_F32, 2, three, values));
    assert_ok(h5_set_int(file, "/", "complete", 1));
    assert_ok(h5_close(file));
    cJSON *all = shown(path, config);
    const cJSON *missing = cJSON_GetObjectItem(all, "missing"), *unknown = cJSON_GetObjectItem(all, "unknown"),
                *shapes = cJSON_GetObjectItem(all, "other_shape");
    const cJSON *weight = named(missing, "spatial_encoder.mlp1.0.lin.weight");
    assert_string_equal(cJSON_GetObjectItem(weight, "nearest")->valuestring, "spatial_encoder.mlp1.0.linn.weight");
    assert_string_equal(cJSON_GetObjectItem(named(missing, "temporal_encoder.inconv.1.weight"), "read_as")->valuestring,
                        "1 and 0");
    assert_int_equal(cJSON_GetArraySize(unknown), 1); /* the table of positions is wanted by nobody */
    assert_non_null(named(unknown, "spatial_encoder.mlp1.0.linn.weight"));
    assert_int_equal(cJSON_GetArraySize(shapes), 1);
    assert_int_equal(
        cJSON_GetArraySize(cJSON_GetObjectItem(named(shapes, "spatial_encoder.mlp1.0.lin.bias"), "wanted")), 1);
    cJSON_Delete(all);
}

/* ---- folders ------------------------------------------------------------------------------------------------------- */

static void touch(const char *folder, const char *name)
{
    char *inside = text_format("%s/%s", scratch, folder), *path = path_join(inside, name);
    assert_ok(folder_make(inside));
    put_text(path, "x");
    free(path);
    free(inside);
}

static void ends_in(const weight_files *w, int i, int fold, const char *end)
{
    assert_int_equal(w->fold[i], fold);
    assert_non_null(strstr(w->path[i], end));
}

static void published_folders(void **state)
{
    (void)state;
    weight_files w;
    touch("published/Fold_1", "model.pth.tar");
    touch("published/Fold_2", "model.pth.tar");
    touch("published/Fold_2", "model.h5");
    touch("published/Fold_5", "model.safetensors");
    touch("single", "model.pt");
    assert_ok(weights_find(in_scratch("published"), 0, &w));
    assert_int_equal(w.count, 3);
    ends_in(&w, 0, 1, "Fold_1/model.pth.tar");
    ends_in(&w, 1, 2, "Fold_2/model.h5"); /* ours first */
    ends_in(&w, 2, 5, "Fold_5/model.safetensors");
    weights_free(&w);
    assert_ok(weights_find(in_scratch("published"), 5, &w));
    ends_in(&w, 0, 5, "model.safetensors");
    weights_free(&w);
    assert_refused(weights_find(in_scratch("published"), 3, &w), "no weights in ");
    assert_ok(weights_find(in_scratch("single"), 0, &w));
    ends_in(&w, 0, 0, "model.pt");
    weights_free(&w);
    touch("empty", "readme");
    assert_refused(weights_find(in_scratch("empty"), 0, &w), "holds no weights");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(optimiser_and_epoch),
        cmocka_unit_test(failure_leaves_nothing),
        cmocka_unit_test(ranges),
        cmocka_unit_test(what_a_configuration_misses),
        cmocka_unit_test(published_folders),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
