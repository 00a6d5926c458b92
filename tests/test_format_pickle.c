/* Pickles of every protocol, of numpy 1 and 2, cut and flipped at every byte; what they may not do. */
#include <math.h>

#include "base/file.h"
#include "format/normalisation.h"
#include "format/pickle.h"

#include "tests/format_test.h"

/* Made with Python's pickle: (means, deviations), both 3 x 2 float64, by numpy 2. */
static const char protocol_0[] =
    "(cnumpy._core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nc_codecs\nencode\np3\n(Vb\np4\nVla"
    "tin1\np5\ntp6\nRp7\ntp8\nRp9\n(I1\n(I3\nI2\ntp10\ncnumpy\ndtype\np11\n(Vf8\np12\nI00\nI01\ntp13\nRp14\n(I3\nV<"
    "\np15\nNNNI-1\nI-1\nI0\ntp16\nbI00\ng3\n(V\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\xf8\x3f\\u0000\\u0000\\u0"
    "000\\u0000\\u0000\\u0000\\u0000\xc0\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\x08@\\u0000\\u0000\\u0000\\u0000"
    "\\u0000\\u0000\x10@\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\x14@\\u0000\\u0000\\u0000\\u0000\\u0000p\xb7@\np"
    "17\ng5\ntp18\nRp19\ntp20\nbg0\n(g1\n(I0\ntp21\ng7\ntp22\nRp23\n(I1\n(I3\nI2\ntp24\ng14\nI00\ng3\n(V\\u0000\\u0"
    "000\\u0000\\u0000\\u0000\\u0000\xe0\x3f\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\xf0\x3f\\u0000\\u0000\\u0000"
    "\\u0000\\u0000\\u0000\\u0000@\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\xfc\xa9\xf1\xd2MbP\x3f\\"
    "u0000\\u0000\\u0000\\u0000\\u0000\\u0000\x1c@\np25\ng5\ntp26\nRp27\ntp28\nbtp29\n.";
static const char protocol_1[] =
    "(cnumpy._core.multiarray\n_reconstruct\nq\x00(cnumpy\nndarray\nq\x01(K\x00tq\x02\x63_codecs\nencode\nq\x03(X"
    "\x01\x00\x00\x00\x62q\x04X\x06\x00\x00\x00latin1q\x05tq\x06Rq\x07tq\x08Rq\x09(K\x01(K\x03K\x02tq\ncnumpy\ndtyp"
    "e\nq\x0b(X\x02\x00\x00\x00\x66\x38q\x0cI00\nI01\ntq\x0dRq\x0e(K\x03X\x01\x00\x00\x00<q\x0fNNNJ\xff\xff\xff\xff"
    "J\xff\xff\xff\xffK\x00tq\x10\x62I00\nh\x03(X3\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc3\xb8\x3f\x00\x00\x00\x00"
    "\x00\x00\x00\xc3\x80\x00\x00\x00\x00\x00\x00\x08@\x00\x00\x00\x00\x00\x00\x10@\x00\x00\x00\x00\x00\x00\x14@"
    "\x00\x00\x00\x00\x00p\xc2\xb7@q\x11h\x05tq\x12Rq\x13tq\x14\x62h\x00(h\x01(K\x00tq\x15h\x07tq\x16Rq\x17(K\x01(K"
    "\x03K\x02tq\x18h\x0eI00\nh\x03(X6\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc3\xa0\x3f\x00\x00\x00\x00\x00\x00\xc3"
    "\xb0\x3f\x00\x00\x00\x00\x00\x00\x00@\x00\x00\x00\x00\x00\x00\x00\x00\xc3\xbc\xc2\xa9\xc3\xb1\xc3\x92MbP\x3f"
    "\x00\x00\x00\x00\x00\x00\x1c@q\x19h\x05tq\x1aRq\x1btq\x1c\x62tq\x1d.";
static const char protocol_2[] =
    "\x80\x02\x63numpy._core.multiarray\n_reconstruct\nq\x00\x63numpy\nndarray\nq\x01K\x00\x85q\x02\x63_codecs\nenc"
    "ode\nq\x03X\x01\x00\x00\x00\x62q\x04X\x06\x00\x00\x00latin1q\x05\x86q\x06Rq\x07\x87q\x08Rq\x09(K\x01K\x03K\x02"
    "\x86q\ncnumpy\ndtype\nq\x0bX\x02\x00\x00\x00\x66\x38q\x0c\x89\x88\x87q\x0dRq\x0e(K\x03X\x01\x00\x00\x00<q\x0fN"
    "NNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x10\x62\x89h\x03X3\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc3\xb8\x3f"
    "\x00\x00\x00\x00\x00\x00\x00\xc3\x80\x00\x00\x00\x00\x00\x00\x08@\x00\x00\x00\x00\x00\x00\x10@\x00\x00\x00\x00"
    "\x00\x00\x14@\x00\x00\x00\x00\x00p\xc2\xb7@q\x11h\x05\x86q\x12Rq\x13tq\x14\x62h\x00h\x01K\x00\x85q\x15h\x07"
    "\x87q\x16Rq\x17(K\x01K\x03K\x02\x86q\x18h\x0e\x89h\x03X6\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc3\xa0\x3f\x00"
    "\x00\x00\x00\x00\x00\xc3\xb0\x3f\x00\x00\x00\x00\x00\x00\x00@\x00\x00\x00\x00\x00\x00\x00\x00\xc3\xbc\xc2\xa9"
    "\xc3\xb1\xc3\x92MbP\x3f\x00\x00\x00\x00\x00\x00\x1c@q\x19h\x05\x86q\x1aRq\x1btq\x1c\x62\x86q\x1d.";
static const char protocol_3[] =
    "\x80\x03\x63numpy._core.multiarray\n_reconstruct\nq\x00\x63numpy\nndarray\nq\x01K\x00\x85q\x02\x43\x01\x62q"
    "\x03\x87q\x04Rq\x05(K\x01K\x03K\x02\x86q\x06\x63numpy\ndtype\nq\x07X\x02\x00\x00\x00\x66\x38q\x08\x89\x88\x87q"
    "\x09Rq\n(K\x03X\x01\x00\x00\x00<q\x0bNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0c\x62\x89\x43\x30\x00\x00"
    "\x00\x00\x00\x00\xf8\x3f\x00\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x08@\x00\x00\x00\x00\x00\x00"
    "\x10@\x00\x00\x00\x00\x00\x00\x14@\x00\x00\x00\x00\x00p\xb7@q\x0dtq\x0e\x62h\x00h\x01K\x00\x85q\x0fh\x03\x87q"
    "\x10Rq\x11(K\x01K\x03K\x02\x86q\x12h\n\x89\x43\x30\x00\x00\x00\x00\x00\x00\xe0\x3f\x00\x00\x00\x00\x00\x00\xf0"
    "\x3f\x00\x00\x00\x00\x00\x00\x00@\x00\x00\x00\x00\x00\x00\x00\x00\xfc\xa9\xf1\xd2MbP\x3f\x00\x00\x00\x00\x00"
    "\x00\x1c@q\x13tq\x14\x62\x86q\x15.";
static const char protocol_4[] =
    "\x80\x04\x95\x0d\x01\x00\x00\x00\x00\x00\x00\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94"
    "\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94\x43\x01\x62\x94\x87\x94R\x94(K\x01K\x03K\x02\x86\x94"
    "h\x03\x8c\x05\x64type\x94\x93\x94\x8c\x02\x66\x38\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff"
    "\xffJ\xff\xff\xff\xffK\x00t\x94\x62\x89\x43\x30\x00\x00\x00\x00\x00\x00\xf8\x3f\x00\x00\x00\x00\x00\x00\x00"
    "\xc0\x00\x00\x00\x00\x00\x00\x08@\x00\x00\x00\x00\x00\x00\x10@\x00\x00\x00\x00\x00\x00\x14@\x00\x00\x00\x00"
    "\x00p\xb7@\x94t\x94\x62h\x02h\x05K\x00\x85\x94h\x07\x87\x94R\x94(K\x01K\x03K\x02\x86\x94h\x0f\x89\x43\x30\x00"
    "\x00\x00\x00\x00\x00\xe0\x3f\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00\x00\x00@\x00\x00\x00\x00\x00"
    "\x00\x00\x00\xfc\xa9\xf1\xd2MbP\x3f\x00\x00\x00\x00\x00\x00\x1c@\x94t\x94\x62\x86\x94.";
static const char protocol_5[] =
    "\x80\x05\x95\xf3\x00\x00\x00\x00\x00\x00\x00\x8c\x13numpy._core.numeric\x94\x8c\x0b_frombuffer\x94\x93\x94("
    "\x96\x30\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf8\x3f\x00\x00\x00\x00\x00\x00\x00\xc0\x00\x00"
    "\x00\x00\x00\x00\x08@\x00\x00\x00\x00\x00\x00\x10@\x00\x00\x00\x00\x00\x00\x14@\x00\x00\x00\x00\x00p\xb7@\x94"
    "\x8c\x05numpy\x94\x8c\x05\x64type\x94\x93\x94\x8c\x02\x66\x38\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ"
    "\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94\x62K\x03K\x02\x86\x94\x8c\x01\x43\x94t\x94R\x94h\x02(\x96\x30\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe0\x3f\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00"
    "\x00\x00@\x00\x00\x00\x00\x00\x00\x00\x00\xfc\xa9\xf1\xd2MbP\x3f\x00\x00\x00\x00\x00\x00\x1c@\x94h\x09K\x03K"
    "\x02\x86\x94h\x0dt\x94R\x94\x86\x94.";
static const char scalars[] =
    "\x80\x04\x95q\x00\x00\x00\x00\x00\x00\x00\x8c\x16numpy._core.multiarray\x94\x8c\x06scalar\x94\x93\x94\x8c\x05n"
    "umpy\x94\x8c\x05\x64type\x94\x93\x94\x8c\x02\x66\x34\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff"
    "\xff\xffJ\xff\xff\xff\xffK\x00t\x94\x62\x43\x04\x00\x00@@\x94\x86\x94R\x94G@\x04\x00\x00\x00\x00\x00\x00\x86"
    "\x94.";
static const char fortran_big[] =
    "\x80\x02\x63numpy._core.multiarray\n_reconstruct\nq\x00\x63numpy\nndarray\nq\x01K\x00\x85q\x02\x63_codecs\nenc"
    "ode\nq\x03X\x01\x00\x00\x00\x62q\x04X\x06\x00\x00\x00latin1q\x05\x86q\x06Rq\x07\x87q\x08Rq\x09(K\x01K\x03K\x02"
    "\x86q\ncnumpy\ndtype\nq\x0bX\x02\x00\x00\x00\x66\x34q\x0c\x89\x88\x87q\x0dRq\x0e(K\x03X\x01\x00\x00\x00>q\x0fN"
    "NNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x10\x62\x88h\x03X\x1e\x00\x00\x00\x3f\xc3\x80\x00\x00@@\x00\x00@"
    "\xc2\xa0\x00\x00\xc3\x80\x00\x00\x00@\xc2\x80\x00\x00\x45\xc2\xbb\xc2\x80\x00q\x11h\x05\x86q\x12Rq\x13tq\x14"
    "\x62h\x00h\x01K\x00\x85q\x15h\x07\x87q\x16Rq\x17(K\x01K\x03K\x02\x86q\x18h\x0bX\x02\x00\x00\x00i2q\x19\x89\x88"
    "\x87q\x1aRq\x1b(K\x03h\x0fNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x1c\x62\x88h\x03X\x0c\x00\x00\x00\x00"
    "\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x07q\x1dh\x05\x86q\x1eRq\x1ftq b\x86q!.";
static const char lists[] = "((lp0\nI1\naF2.5\na(lp1\nI3\naI01\natp2\n.";
static const char mixture[] =
    "(dp0\nVa\np1\n(lp2\nI1\naI-2\naF3.5\naNaI01\naI00\naVh\xe9\\u20ac\np3\nac_codecs\nencode\np4\n(V\\u0000\xff\np"
    "5\nVlatin1\np6\ntp7\nRp8\na(ta(lp9\na(dp10\na(I1\ntp11\naL1099511627776L\naL-8589934592L\naI300\naI70000\nasVb"
    "\np12\n(dp13\nVc\np14\n(I1\nI2\ntp15\nss.";
static const char mixture_4[] =
    "\x80\x04\x95_\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01\x61\x94]\x94(K\x01J\xfe\xff\xff\xffG@\x0c\x00\x00\x00"
    "\x00\x00\x00N\x88\x89\x8c\x06h\xc3\xa9\xe2\x82\xac\x94\x43\x02\x00\xff\x94)]\x94}\x94K\x01\x85\x94\x8a\x06\x00"
    "\x00\x00\x00\x00\x01\x8a\x05\x00\x00\x00\x00\xfeM,\x01Jp\x11\x01\x00\x65\x8c\x01\x62\x94}\x94\x8c\x01\x63\x94K"
    "\x01K\x02\x86\x94su.";
static const char python_2[] =
    "(cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nS'b'\np3\ntp4\nRp5\n(I1\n(I2\ntp6\n"
    "cnumpy\ndtype\np7\n(S'f4'\np8\nI0\nI1\ntp9\nRp10\n(I3\nS'<'\np11\nNNNI-1\nI-1\nI0\ntp12\nbI00\nS'\\x00\\x00\\x"
    "80\x3f\\x00\\x00\\x00@'\np13\ntp14\nbF2.5\ntp15\n.";

#define BYTES(name) name, sizeof name - 1

typedef struct sample {
    const char *bytes;
    size_t length;
} sample;

static const sample protocols[] = {
    {BYTES(protocol_0)}, {BYTES(protocol_1)}, {BYTES(protocol_2)},
    {BYTES(protocol_3)}, {BYTES(protocol_4)}, {BYTES(protocol_5)},
};
static const sample others[] = {
    {BYTES(scalars)}, {BYTES(fortran_big)}, {BYTES(lists)}, {BYTES(mixture)}, {BYTES(mixture_4)}, {BYTES(python_2)},
};
static const double means[6] = {1.5, -2, 3, 4, 5, 6000}, deviations[6] = {0.5, 1, 2, 0, 0.001, 7};

static void numbers_equal(const pickle_value *v, int rank, size_t rows, size_t columns, const double *wanted)
{
    int found_rank;
    size_t shape[2];
    double *values;
    assert_ok(pickle_numbers(v, "test", "the array", &found_rank, shape, &values));
    assert_int_equal(found_rank, rank);
    assert_int_equal(shape[0], rows);
    assert_int_equal(shape[1], columns);
    for (size_t i = 0; i < rows * columns; i++) assert_true(values[i] == wanted[i]);
    free(values);
}

static pickle *parsed(sample s)
{
    pickle *p = NULL;
    assert_ok(pickle_parse(s.bytes, s.length, "test", &p));
    return p;
}

static void every_protocol(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        pickle *p = parsed(protocols[i]);
        const pickle_value *root = pickle_root(p);
        assert_int_equal(root->kind, PICKLE_TUPLE);
        assert_int_equal(root->count, 2);
        numbers_equal(root->items[0], 2, 3, 2, means);
        numbers_equal(root->items[1], 2, 3, 2, deviations);
        pickle_free(p);
    }
}

/* The names that numpy 1 wrote. */
static void numpy_1_names(void **state)
{
    (void)state;
    char old[2048];
    size_t used = 0;
    for (size_t i = 0; i < sizeof protocol_2 - 1; i++) {
        if (i > 5 && i + 5 < sizeof protocol_2 && !memcmp(protocol_2 + i - 6, "numpy._core", 11))
            continue; /* the underscore */
        old[used++] = protocol_2[i];
    }
    assert_true(used < sizeof protocol_2 - 1);
    pickle *p = parsed((sample){old, used});
    numbers_equal(pickle_root(p)->items[1], 2, 3, 2, deviations);
    pickle_free(p);
}

static void other_forms(void **state)
{
    (void)state;
    const double three = 3, half[] = {2.5}, listed[] = {1, 2.5}, truth[] = {3, 1}, two[] = {1, 2};
    double rounded[6];
    pickle *p = parsed(others[0]);
    numbers_equal(pickle_root(p)->items[0], 0, 1, 1, &three);
    numbers_equal(pickle_root(p)->items[1], 0, 1, 1, half);
    pickle_free(p);
    p = parsed(others[1]);
    numbers_equal(pickle_root(p)->items[0], 2, 3, 2, means);
    for (int i = 0; i < 6; i++) rounded[i] = (int)deviations[i];
    numbers_equal(pickle_root(p)->items[1], 2, 3, 2, rounded);
    pickle_free(p);
    p = parsed(others[2]);
    numbers_equal(pickle_root(p)->items[0], 1, 2, 1, listed);
    numbers_equal(pickle_root(p)->items[1], 1, 2, 1, truth);
    pickle_free(p);
    p = parsed(others[5]);
    numbers_equal(pickle_root(p)->items[0], 1, 2, 1, two);
    numbers_equal(pickle_root(p)->items[1], 0, 1, 1, half);
    pickle_free(p);
}

static void plain_values(void **state)
{
    (void)state;
    for (int i = 3; i < 5; i++) {
        pickle *p = parsed(others[i]);
        const pickle_value *root = pickle_root(p);
        assert_int_equal(root->kind, PICKLE_DICT);
        assert_int_equal(root->count, 4);
        const pickle_value *list = root->items[1];
        assert_int_equal(list->kind, PICKLE_LIST);
        assert_int_equal(list->count, 16);
        assert_int_equal(list->items[0]->integer, 1);
        assert_int_equal(list->items[1]->integer, -2);
        assert_true(list->items[2]->real == 3.5);
        assert_int_equal(list->items[3]->kind, PICKLE_NONE);
        assert_int_equal(list->items[4]->kind, PICKLE_BOOL);
        assert_int_equal(list->items[5]->integer, 0);
        assert_int_equal(list->items[6]->length, 6);
        assert_memory_equal(list->items[6]->bytes, "h\xc3\xa9\xe2\x82\xac", 6);
        assert_int_equal(list->items[7]->kind, PICKLE_BYTES);
        assert_memory_equal(list->items[7]->bytes, "\x00\xff", 2);
        assert_int_equal(list->items[12]->integer, INT64_C(1) << 40);
        assert_int_equal(list->items[13]->integer, -(INT64_C(1) << 33));
        assert_int_equal(list->items[15]->integer, 70000);
        pickle_free(p);
    }
}

static void expect_refusal(const char *bytes, size_t length, const char *message)
{
    pickle *p;
    assert_refused(pickle_parse(bytes, length, "evil.pkl", &p), message);
    assert_message("evil.pkl: byte ");
}

static void nothing_is_run(void **state)
{
    (void)state;
    static const char system_call[] = "cposix\nsystem\n(S'touch furrow-was-here'\ntR.";
    static const char stacked[] = "\x80\x04\x8c\x08"
                                  "builtins\x8c\x04"
                                  "eval\x93\x8c\x01"
                                  "1\x85R.";
    static const char object[] = "(lp0\n0cnumpy.core.multiarray\n_reconstruct\n)R(I1\n(I1\ntcnumpy\ndtype\n(S'O8'\ntR.";
    static const char instance[] = "(icopy\nObject\n.";
    expect_refusal(BYTES(system_call), "wants to run posix.system");
    expect_refusal(BYTES(stacked), "wants to run builtins.eval");
    expect_refusal(BYTES(object), "elements of type \"O8\"");
    expect_refusal(BYTES(instance), "operation 0x69");
    assert_false(file_exists("furrow-was-here"));
}

static void broken_machines(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *message;
    } cases[] = {
        {"", "ends before its STOP"},
        {".", "0 values"},
        {"NN.", "2 values"},
        {"(N.", "1 marks"},
        {"N.N", "1 bytes follow"},
        {"t.", "no mark"},
        {"a.", "nothing to append to"},
        {"N(a.", "nothing to append to"},
        {"NNa.", "appends to None"},
        {"}Ns.", "nothing to append to"},
        {"(Nd.", "key without a value"},
        {"g7\n.", "memo entry 7 was never set"},
        {"g-1\n.", "never set"},
        {"Np99999999\n.", "memo entry 99999999"},
        {"I12x\n.", "wanted an integer"},
        {"I99999999999999999999\n.", "wanted an integer"},
        {"Fone\n.", "wanted a real"},
        {"I12", "a line without an end"},
        {"X\x7f\x7f\x7f\x7fshort.", "bytes, "},
        {"S'a\n.", "without its quotes"},
        {"V\\u12\n.", "broken \\u"},
        {"NNR.", "a call of None"},
        {"NNb.", "a state for None"},
        {"\x80\x09.", "protocol 9"},
        {"Q.", "operation 0x51"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refusal(cases[i].bytes, strlen(cases[i].bytes), cases[i].message);
    char deep[2001];
    memset(deep, '(', sizeof deep);
    expect_refusal(deep, sizeof deep, "nested deeper than 1000");
}

/* What a reader does with a parsed pickle. */
static void use(const char *bytes, size_t length)
{
    pickle *p = NULL;
    int rank;
    size_t shape[2];
    double *values;
    if (pickle_parse(bytes, length, "damaged", &p)) {
        assert_message("damaged: ");
        return;
    }
    const pickle_value *root = pickle_root(p);
    if (root->kind == PICKLE_TUPLE)
        for (size_t i = 0; i < root->count; i++)
            if (!pickle_numbers(root->items[i], "damaged", "it", &rank, shape, &values)) free(values);
    if (!pickle_numbers(root, "damaged", "it", &rank, shape, &values)) free(values);
    pickle_free(p);
}

static void damage_one(sample s)
{
    for (size_t cut = 0; cut < s.length; cut++) {
        char *damaged = malloc(cut + 1); /* of its own, so that the sanitizer sees a step too far */
        pickle *p;
        memcpy(damaged, s.bytes, cut);
        assert_refused(pickle_parse(damaged, cut, "cut", &p), "cut: ");
        free(damaged);
    }
    char *damaged = malloc(s.length);
    for (size_t at = 0; at < s.length; at++)
        for (int flip = 1; flip < 256; flip += flip < 128 ? flip : 127) {
            memcpy(damaged, s.bytes, s.length);
            damaged[at] = (char)(damaged[at] ^ flip);
            use(damaged, s.length);
        }
    free(damaged);
}

static void damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        damage_one(protocols[i]);
        damage_one(others[i]);
    }
}

/* ---- normalisation ------------------------------------------------------------------------------------------------ */

static void put_tuple(const char *numbers)
{
    char text[512];
    snprintf(text, sizeof text, "(%s%st.", numbers, numbers);
    put_text(in_scratch("n.pkl"), text);
}

static void normalisation_forms(void **state)
{
    (void)state;
    normalisation n;
    const char *path = in_scratch("n.pkl");
    put_file(path, protocol_2, sizeof protocol_2 - 1);
    assert_ok(normalisation_read(path, 3, 2, &n));
    assert_int_equal(n.rows, 3);
    assert_int_equal(n.columns, 2);
    assert_memory_equal(n.mean, means, sizeof means);
    normalisation_free(&n);
    assert_refused(normalisation_read(path, 4, 2, &n), "arrays of 3 x 2, wanted one value, C (2), T (4) or T x C");
    assert_refused(normalisation_read(path, 0, 2, &n), "T differs between parcels");

    put_tuple("F2.5\n");
    assert_ok(normalisation_read(path, 0, 7, &n));
    assert_int_equal(n.rows * n.columns, 1);
    normalisation_free(&n);

    put_tuple("(F1.0\nF2.0\nF3.0\nl");
    assert_ok(normalisation_read(path, 0, 3, &n)); /* C */
    assert_int_equal(n.rows, 1);
    assert_int_equal(n.columns, 3);
    normalisation_free(&n);
    assert_ok(normalisation_read(path, 3, 2, &n)); /* T, repeated over the bands */
    assert_int_equal(n.rows, 3);
    assert_int_equal(n.columns, 2);
    assert_true(n.mean[1] == 1 && n.mean[2] == 2 && n.mean[5] == 3);
    normalisation_free(&n);

    put_tuple("F-1.0\n");
    assert_refused(normalisation_read(path, 3, 2, &n), "standard deviation 0 is -1");
    put_tuple("Fnan\n");
    assert_refused(normalisation_read(path, 3, 2, &n), "not finite");
    put_tuple("N");
    assert_refused(normalisation_read(path, 3, 2, &n), "is None, wanted a number or an array");
    put_text(path, "N.");
    assert_refused(normalisation_read(path, 3, 2, &n), "n.pkl: holds None, wanted a tuple");
    put_text(path, "(F1.0\n(F1.0\nF2.0\nlt.");
    assert_refused(normalisation_read(path, 3, 2, &n), "1 x 1 means, but 2 x 1 standard deviations");
}

static void published_files(void **state)
{
    (void)state;
    normalisation n;
    const char *path = in_shared("data/weights/S2-2017-T31TFM-meanstd.pkl");
    if (!path) skip();
    assert_ok(normalisation_read(path, 24, 10, &n));
    assert_int_equal(n.rows, 24);
    assert_true(n.mean[0] == (double)844.79193f);
    assert_true(n.std[239] == (double)1272.7864f);
    normalisation_free(&n);
    assert_non_null(path = in_shared("data/pixelset-hls/normalisation_values.pkl"));
    assert_ok(normalisation_read(path, 43, 10, &n));
    assert_int_equal(n.columns, 10);
    assert_true(n.std[429] == 0.12604321539402008);
    normalisation_free(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_protocol), cmocka_unit_test(numpy_1_names),       cmocka_unit_test(other_forms),
        cmocka_unit_test(plain_values),   cmocka_unit_test(nothing_is_run),      cmocka_unit_test(broken_machines),
        cmocka_unit_test(damage),         cmocka_unit_test(normalisation_forms), cmocka_unit_test(published_files),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
