/* PyTorch's checkpoints: every type and view, the optimiser's numbers, cut and flipped at every byte. */
#include "tests/tensors_test.h"

/* ---- what comes out ------------------------------------------------------------------------------------------------ */

static void values_are(tensor_file *f, enum tensor_group g, const char *name, const char *type, size_t count,
                       const double *wanted)
{
    double values[16];
    const tensor_entry *e = tensor_file_find(f, g, name);
    if (!e) print_error("no %s\n", name);
    assert_non_null(e);
    assert_string_equal(tensor_type_name(e), type);
    assert_int_equal(e->count, count);
    assert_ok(tensor_file_read(f, e, NUMBER_F64, values));
    for (size_t i = 0; i < count; i++)
        if (values[i] != wanted[i]) print_error("%s[%zu]: %g, wanted %g\n", name, i, values[i], wanted[i]);
    for (size_t i = 0; i < count; i++) assert_true(values[i] == wanted[i]);
}

static void views_are(const char *path)
{
    static const double base[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
                        turned[] = {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}, half[] = {1.5, -2, 65504},
                        brain[] = {1, 3.140625}, huge = 1e300, twelve = 12, flag[] = {1, 0},
                        seven[] = {7, 7, 7, 7, 7, 7}, quarter = 0.25, column[] = {1, 5, 9};
    tensor_file *f = opened(path);
    assert_string_equal(tensor_file_format(f), "PyTorch's zip format");
    assert_int_equal(tensor_file_count(f, TENSOR_WEIGHTS), 12);
    assert_string_equal(tensor_file_at(f, TENSOR_WEIGHTS, 1)->name, "a.transposed");
    assert_int_equal(tensor_file_at(f, TENSOR_WEIGHTS, 1)->shape[0], 4);
    values_are(f, TENSOR_WEIGHTS, "a.weight", "float32", 12, base);
    values_are(f, TENSOR_WEIGHTS, "a.transposed", "float32", 12, turned);
    values_are(f, TENSOR_WEIGHTS, "a.row", "float32", 4, base + 4);
    values_are(f, TENSOR_WEIGHTS, "a.column", "float32", 3, column);
    values_are(f, TENSOR_WEIGHTS, "half", "float16", 3, half);
    values_are(f, TENSOR_WEIGHTS, "brain", "bfloat16", 2, brain);
    values_are(f, TENSOR_WEIGHTS, "double", "float64", 1, &huge);
    values_are(f, TENSOR_WEIGHTS, "n.num_batches_tracked", "int64", 1, &twelve);
    assert_int_equal(tensor_file_find(f, TENSOR_WEIGHTS, "n.num_batches_tracked")->rank, 0);
    values_are(f, TENSOR_WEIGHTS, "flag", "bool", 2, flag);
    values_are(f, TENSOR_WEIGHTS, "expanded", "float32", 6, seven);
    values_are(f, TENSOR_WEIGHTS, "empty", "float32", 0, NULL);
    values_are(f, TENSOR_WEIGHTS, "parameter", "float32", 1, &quarter);
    values_are(f, TENSOR_WEIGHTS, "a.weight", "float32", 12, base); /* once more, behind views of it */
    int64_t unused;
    assert_false(tensor_file_epoch(f, &unused) || tensor_file_step(f, &unused));
    tensor_file_close(f);
}

static void every_view(void **state)
{
    (void)state;
    views_are(put_archive(views_parts, VIEWS_PARTS));
}

static void deflated_members(void **state)
{
    (void)state;
    zip_part parts[VIEWS_PARTS];
    for (int i = 0; i < VIEWS_PARTS; i++) {
        parts[i] = views_parts[i];
        parts[i].deflated = true;
        parts[i].descriptor = i % 2;
    }
    views_are(put_archive(parts, VIEWS_PARTS));
}

/* A machine of the other byte order wrote it. */
static void other_byte_order(void **state)
{
    (void)state;
    static const size_t sizes[] = {4, 2, 2, 8, 8, 1, 4, 4, 4};
    static char swapped[9][64];
    zip_part parts[VIEWS_PARTS];
    memcpy(parts, views_parts, sizeof parts);
    parts[1].content = "big";
    parts[1].size = 3;
    for (int i = 0; i < 9; i++) {
        zip_part *p = &parts[3 + i];
        for (size_t at = 0; at < p->size; at++)
            swapped[i][at] = ((const char *)p->content)[at - at % sizes[i] + sizes[i] - 1 - at % sizes[i]];
        p->content = swapped[i];
    }
    views_are(put_archive(parts, VIEWS_PARTS));
    parts[1].content = "pdp";
    assert_refused(read_all(put_archive(parts, VIEWS_PARTS)), "archive/byteorder is \"pdp\"");
}

static void trained_is(const char *path)
{
    static const double table[] = {0, 1, 2, 3}, weight[] = {1, 2}, three = 3, averages[] = {1.5, 1.5},
                        squares[] = {3.25};
    int64_t step = 0, epoch = 0;
    tensor_file *f = opened(path);
    assert_int_equal(tensor_file_count(f, TENSOR_WEIGHTS), 8);
    values_are(f, TENSOR_WEIGHTS, "position_enc.weight", "float32", 4, table); /* "module." is gone */
    values_are(f, TENSOR_WEIGHTS, "lin.weight", "float32", 2, weight);
    values_are(f, TENSOR_WEIGHTS, "lin.bias", "float32", 1, &three);
    assert_true(tensor_file_epoch(f, &epoch) && epoch == 4);
    assert_true(tensor_file_step(f, &step) && step == 2);
    assert_null(tensor_file_optimiser_note(f));
    assert_int_equal(tensor_file_count(f, TENSOR_EXP_AVG), 4); /* the frozen table takes number 0, and has no state */
    values_are(f, TENSOR_EXP_AVG, "lin.weight", "float32", 2, averages);
    values_are(f, TENSOR_EXP_AVG_SQ, "bn.weight", "float32", 1, squares);
    assert_null(tensor_file_find(f, TENSOR_EXP_AVG, "position_enc.weight"));
    tensor_file_close(f);
}

static void both_containers(void **state)
{
    (void)state;
    trained_is(put_archive(trained_parts, TRAINED_PARTS));
    put_file(in_scratch("old.tar"), trained_stream, trained_stream_length);
    trained_is(in_scratch("old.tar"));
}

/* ---- damage -------------------------------------------------------------------------------------------------------- */

static void every_byte_of(const unsigned char *whole, size_t length)
{
    const char *path = in_scratch("damaged");
    unsigned char *bytes = malloc(length);
    for (size_t cut = 0; cut < length; cut++) {
        put_file(path, whole, cut);
        assert_refused(read_all(path), "damaged");
    }
    memcpy(bytes, whole, length);
    for (size_t at = 0; at < length; at++) {
        for (int flip = 1; flip < 256; flip *= 4) {
            bytes[at] = whole[at] ^ (unsigned char)flip;
            put_file(path, bytes, length);
            if (read_all(path)) assert_message("damaged");
        }
        bytes[at] = whole[at];
    }
    free(bytes);
}

static void every_byte(void **state)
{
    (void)state;
    size_t length;
    unsigned char *whole = zip_build(views_parts, VIEWS_PARTS, true, &length);
    every_byte_of(whole, length);
    free(whole);
    every_byte_of((const unsigned char *)trained_stream, trained_stream_length);
}

/* The checksum is right, but not the pickle: the parser itself is met. */
static void every_byte_of_the_pickle(void **state)
{
    (void)state;
    static char bytes[4096];
    zip_part parts[TRAINED_PARTS];
    memcpy(parts, trained_parts, sizeof parts);
    memcpy(bytes, parts[0].content, parts[0].size);
    parts[0].content = bytes;
    for (size_t at = 0; at < parts[0].size; at++)
        for (int flip = 1; flip < 256; flip *= 4) {
            bytes[at] ^= (char)flip;
            if (read_all(put_archive(parts, TRAINED_PARTS))) assert_message("test.pt");
            bytes[at] ^= (char)flip;
        }
}

/* ---- other writers -------------------------------------------------------------------------------------------------- */

/* Python 2 wrote an OrderedDict as a list of pairs; sets of either protocol. */
static void other_containers(void **state)
{
    (void)state;
    static const char pairs[] = "\x80\x02"
                                "ccollections\nOrderedDict\n]](U\x01w"
                                "ctorch._utils\n_rebuild_tensor_v2\n("
                                "(U\x07storagectorch\nFloatStorage\nU\x01"
                                "0U\x03"
                                "cpuK\x01tQK\x00))\x89NtRea\x85R.";
    static const char sets[] =
        "\x80\x04"
        "}(\x8c\x05model}\x8c\x01w"
        "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE("\x01") "K\x00))\x89NtRs\x8c\x01s\x8f(K\x01\x90\x8c\x01"
                                                               "f(K\x01\x91\x8c\x01"
                                                               "b"
                                                               "c__builtin__\nset\n]K\x01"
                                                               "a\x85Ru.";
    static const double one = 1;
    const struct {
        const char *bytes;
        size_t length;
    } cases[] = {{BYTES(pairs)}, {BYTES(sets)}};
    for (size_t i = 0; i < 2; i++) {
        const zip_part parts[] = {{.name = "a/data.pkl", .content = cases[i].bytes, .size = cases[i].length},
                                  {.name = "a/data/0", .content = "\0\0\x80\x3f", .size = 4}};
        tensor_file *f = opened(put_archive(parts, 2));
        values_are(f, TENSOR_WEIGHTS, "w", "float32", 1, &one);
        tensor_file_close(f);
    }
    assert_refused(read_all(put_pickle(BYTES("ccollections\nOrderedDict\nN\x85R."))), "an OrderedDict of no list");
    assert_refused(read_all(put_pickle(BYTES("ccollections\nOrderedDict\n]Na\x85R."))), "what is no [key, value]");
}

/* An optimiser that was given the parameters that are trained alone: the frozen table takes no number. */
static void without_the_frozen(void **state)
{
    (void)state;
    static const char all[] = "(K\x00K\x01K\x02K\x03K\x04"
                              "e";
    static char bytes[4096];
    zip_part parts[TRAINED_PARTS];
    const char *content = trained_parts[0].content;
    size_t used = 0;
    memcpy(parts, trained_parts, sizeof parts);
    for (size_t at = 0; at < parts[0].size; at++) {
        if (at + 12 <= parts[0].size && !memcmp(content + at, all, 12)) {
            bytes[used++] = '(';
            at += 2; /* number 0 is gone */
            continue;
        }
        bytes[used++] = content[at];
    }
    assert_int_equal(used, parts[0].size - 2);
    parts[0].content = bytes;
    parts[0].size = used;
    trained_is(put_archive(parts, TRAINED_PARTS));
}

/* An optimiser that is not Adam's leaves the weights as they are. */
static void other_optimisers(void **state)
{
    (void)state;
    static char bytes[4096];
    zip_part parts[TRAINED_PARTS];
    int64_t step;
    memcpy(parts, trained_parts, sizeof parts);
    memcpy(bytes, parts[0].content, parts[0].size);
    for (size_t at = 0; at + 8 < parts[0].size; at++)
        if (!memcmp(bytes + at, "exp_avgq", 8)) bytes[at] = 'E';
    parts[0].content = bytes;
    tensor_file *f = opened(put_archive(parts, TRAINED_PARTS));
    assert_int_equal(tensor_file_count(f, TENSOR_WEIGHTS), 8);
    assert_int_equal(tensor_file_count(f, TENSOR_EXP_AVG), 0);
    assert_false(tensor_file_step(f, &step));
    assert_non_null(strstr(tensor_file_optimiser_note(f), "not Adam's"));
    tensor_file_close(f);
}

/* Views whose elements lie far apart, of a storage of many pieces: on and on, far ahead, and back again. */
static void strided_views(void **state)
{
    (void)state;
    enum { ELEMENTS = 150000 };
    static const struct {
        size_t sizes[2], strides[2];
    } views[] = {{{300, 500}, {1, 300}}, {{2, 3000}, {1000, 1}}, {{2, 2}, {100000, 1}}, {{3, 4000}, {60000, 7}}};
    static float values[ELEMENTS];
    char pickle[512];
    for (int i = 0; i < ELEMENTS; i++) values[i] = (float)i;
    for (size_t k = 0; k < sizeof views / sizeof *views; k++) {
        const int length =
            snprintf(pickle, sizeof pickle,
                     "}Vw\nctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV0\n"
                     "Vcpu\nI%d\ntQI0\n(I%zu\nI%zu\nt(I%zu\nI%zu\ntI00\nNtRs.",
                     ELEMENTS, views[k].sizes[0], views[k].sizes[1], views[k].strides[0], views[k].strides[1]);
        const zip_part parts[] = {{.name = "a/data.pkl", .content = pickle, .size = (size_t)length},
                                  {.name = "a/data/0", .content = values, .size = sizeof values}};
        tensor_file *f = opened(put_archive(parts, 2));
        const tensor_entry *e = tensor_file_at(f, TENSOR_WEIGHTS, 0);
        float *read = malloc(tensor_bytes(e));
        double *wide = malloc(2 * tensor_bytes(e));
        assert_ok(tensor_file_read(f, e, NUMBER_F32, read));
        assert_ok(tensor_file_read(f, e, NUMBER_F64, wide));
        for (size_t i = 0; i < e->count; i++) {
            const size_t at = i / e->shape[1] * views[k].strides[0] + i % e->shape[1] * views[k].strides[1];
            assert_true(read[i] == (float)at && wide[i] == (double)at);
        }
        free(read);
        free(wide);
        tensor_file_close(f);
    }
}

/* What a file does not have can be given to it. */
static void given_tensors(void **state)
{
    (void)state;
    static const float values[2] = {3, 4};
    static const double wanted[2] = {3, 4};
    const size_t shape[] = {2}, huge[] = {SIZE_MAX / 2};
    double wide[2];
    tensor_file *f = opened(put_archive(views_parts, VIEWS_PARTS));
    assert_ok(tensor_file_give(f, "given", 1, shape, values));
    values_are(f, TENSOR_WEIGHTS, "given", "float32", 2, wanted);
    assert_ok(tensor_file_read(f, tensor_file_find(f, TENSOR_WEIGHTS, "given"), NUMBER_F64, wide));
    assert_true(wide[1] == 4);
    assert_refused(tensor_file_give(f, "", 1, shape, values), "a tensor's name of 0 bytes");
    assert_refused(tensor_file_give(f, "huge", 1, huge, values), "its shape is too large");
    assert_refused(tensor_file_give(f, "given", 1, shape, values), "given is there twice");
    tensor_file_close(f);
}

static void published(void **state)
{
    (void)state;
    int64_t step, epoch;
    const char *path = in_shared("data/weights/pseltae-2018/Fold_1/model.pth.tar");
    if (!path) skip();
    tensor_file *f = opened(path);
    assert_int_equal(tensor_file_count(f, TENSOR_WEIGHTS), 53);
    assert_int_equal(tensor_file_count(f, TENSOR_EXP_AVG_SQ), 35);
    assert_true(tensor_file_epoch(f, &epoch) && epoch == 93);
    assert_true(tensor_file_step(f, &step) && step > 0);
    tensor_file_close(f);
    assert_ok(read_all(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_view),
        cmocka_unit_test(deflated_members),
        cmocka_unit_test(other_byte_order),
        cmocka_unit_test(both_containers),
        cmocka_unit_test(other_containers),
        cmocka_unit_test(without_the_frozen),
        cmocka_unit_test(other_optimisers),
        cmocka_unit_test(strided_views),
        cmocka_unit_test(given_tensors),
        cmocka_unit_test(every_byte),
        cmocka_unit_test(every_byte_of_the_pickle),
        cmocka_unit_test(published),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
