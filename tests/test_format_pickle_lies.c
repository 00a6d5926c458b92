/* Pickles whose machine works and whose objects lie: refused by what they are and where, or read where they are odd alone. */
#include "format/normalisation.h"
#include "format/pickle.h"

#include "tests/format_test.h"

#define BYTES(text)    text, sizeof text - 1
#define ARRAY          "cnumpy.core.multiarray\n_reconstruct\n)R"
#define TYPE(code)     "cnumpy\ndtype\n(V" code "\ntR"
#define LATIN(text)    "c_codecs\nencode\n(" text "tR"
#define TEXT(text)     "V" text "\n"
#define BUFFER(inside) "cnumpy.core.numeric\n_frombuffer\n(" inside "tR."

typedef struct lie {
    const char *bytes;
    size_t length;
    const char *message; /* NULL: fine */
} lie;

static void try_all(const lie *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pickle *p = NULL;
        const int rc = pickle_parse(cases[i].bytes, cases[i].length, "lie.pkl", &p);
        if (cases[i].message)
            assert_refused(rc, cases[i].message);
        else
            assert_ok(rc);
        if (!rc) pickle_free(p);
    }
}

static void arrays(void **state)
{
    (void)state;
    static const lie cases[] = {
        {BYTES("cnumpy\ndtype\n)R."), "a data type without its name"},
        {BYTES("cnumpy\ndtype\n(I1\ntR."), "a data type without its name"},
        {BYTES(TYPE("") "."), "elements of type \"\""},
        {BYTES(TYPE("a name that is longer than twenty") "."), "elements of type \"a name that is longe\""},
        {BYTES(TYPE("<f8") "."), NULL},
        {BYTES(TYPE("|b1") "."), NULL},
        {BYTES(TYPE("f8") "Nb."), "a data type's state"},
        {BYTES(TYPE("f8") "(NNNNtb."), "a data type's state"},
        {BYTES(TYPE("f8") "(NNNNNtb."), "a data type's state"},
        {BYTES(TYPE("f8") "(N" TEXT("<<") "NNNtb."), "a data type's state"},
        {BYTES(TYPE("f8") "(N" TEXT("<") "NI1\nNtb."), "a data type of records"},
        {BYTES(TYPE("f8") "(N" TEXT("!") "NNNtb."), "byte order '!'"},
        {BYTES(TYPE("f8") "(N" TEXT(">") "NNNtb."), NULL},
        {BYTES(TYPE("f8") "(N" TEXT("=") "NNNtb."), NULL},
        {BYTES(TYPE("f8") "(N" TEXT("|") "NNNtb."), NULL},
        {BYTES(ARRAY "Nb."), "an array's state"},
        {BYTES(ARRAY "(I1\n)N)tb."), "an array's state"},
        {BYTES(ARRAY "(I1\n)NNNtb."), "an array's state"},
        {BYTES(ARRAY "(I1\n)NI0\nNtb."), "an array whose type is None"},
        {BYTES(ARRAY "(I1\n)" TYPE("u1") "I0\nNtb."), "an array whose elements are None"},
        {BYTES(ARRAY "(I1\n)" TYPE("u1") "I00\nS'1'\ntb."), NULL},
        {BYTES(ARRAY "(I1\nN" TYPE("u1") "I0\nS'1'\ntb."), "an array's shape: wanted a tuple"},
        {BYTES(ARRAY "(I1\n(I1\nI1\nI1\nI1\nI1\nI1\nI1\nI1\nI1\nt" TYPE("u1") "I0\nS'1'\ntb."),
         "an array's shape: wanted a tuple of at most 8"},
        {BYTES(ARRAY "(I1\n(Nt" TYPE("u1") "I0\nS'1'\ntb."), "dimension 0 of an array's shape: wanted a size"},
        {BYTES(ARRAY "(I1\n(I1\nI-1\nt" TYPE("u1") "I0\nS'1'\ntb."), "dimension 1 of an array's shape"},
        {BYTES(ARRAY "(I1\n(I0\nL4611686018427387904L\nt" TYPE("f8") "I0\nS''\ntb."),
         "dimension 1 of an array's shape"},
        {BYTES(ARRAY "(I1\n(I2\nt" TYPE("u1") "I0\nS'1'\ntb."), "an array with 1 bytes of elements, wanted 2"},
        {BYTES(BUFFER("S'1'\n" TYPE("u1") "(I1\nt" TEXT("C"))), NULL},
        {BYTES(BUFFER("S'1'\n" TYPE("u1") "(I1\nt" TEXT("CC"))), "_frombuffer: wanted"},
        {BYTES(BUFFER("S'1'\n" TYPE("u1") "(I1\ntN")), "_frombuffer: wanted"},
        {BYTES(BUFFER("S'1'\n" TYPE("u1") "(I1\nt")), "_frombuffer: wanted"},
        {BYTES("cnumpy.core.multiarray\nscalar\n(" TYPE("u1") "tR."), "a numpy scalar: wanted (type, bytes)"},
        {BYTES("cnumpy\nndarray\n)R."), "a call of a class that is none to call"},
    };
    try_all(cases, sizeof cases / sizeof *cases);
}

static void texts_and_containers(void **state)
{
    (void)state;
    static const lie cases[] = {
        {BYTES(LATIN("Va\n") "."), "encode: wanted (text, \"latin1\")"},
        {BYTES(LATIN("NVlatin1\n") "."), "encode: wanted (text, \"latin1\")"},
        {BYTES(LATIN("Va\nN") "."), "encode: wanted (text, \"latin1\")"},
        {BYTES(LATIN("Va\nVlatin-1\n") "."), NULL},
        {BYTES(LATIN("Va\nVutf-8\n") "."), "encode to \"utf-8\": wanted latin1"},
        {BYTES(LATIN("Va\nVa code page of another century\n") "."), "encode to \"a code page of anoth\""},
        {BYTES(LATIN("V\\u20ac\nVlatin1\n") "."), "a character beyond latin1"},
        {BYTES(LATIN("\x8c\x01\xc3Vlatin1\n") "."), "a character beyond latin1"},
        {BYTES(LATIN("\x8c\x02\xc3\x28Vlatin1\n") "."), "a character beyond latin1"},
        {BYTES("c__builtin__\nbytes\n)R."), NULL},
        {BYTES("c__builtin__\nbytes\n(C\x01xtR."), NULL},
        {BYTES("c__builtin__\nbytes\n(Va\nVlatin1\ntR."), NULL},
        {BYTES("c__builtin__\nbytes\n(I5\ntR."), "bytes made of an integer"},
        {BYTES("c__builtin__\nbytes\n(Va\nVlatin1\nNtR."), "bytes made of text"},
        {BYTES("c__builtin__\nbytes\nNR."), "a call without a tuple of arguments"},
        {BYTES("ccollections\nOrderedDict\n)R."), NULL},
        {BYTES("ccollections\nOrderedDict\n(((I1\nI2\nttt\x52."), NULL},
        {BYTES("ccollections\nOrderedDict\n(NNtR."), "an OrderedDict of no list"},
        {BYTES("ccollections\nOrderedDict\n((I1\nttR."), "an OrderedDict of what is no [key, value]"},
        {BYTES("ccollections\nOrderedDict\n(((I1\ntttR."), "an OrderedDict of what is no [key, value]"},
        {BYTES("ctorch\nSize\n."), "wants to run torch.Size, which is refused: wanted numpy arrays"},
        {BYTES("}}b."), "a state for a dictionary"},
        {BYTES("S'\\x41\\n\\t\\r\\\\\\'\\\"'\n."), NULL},
        {BYTES("S'\\x4'\n."), "a broken escape"},
        {BYTES("S'\\xg0'\n."), "a broken escape"},
        {BYTES("S'\\q'\n."), "a broken escape"},
        {BYTES("S'\\'\n."), "a broken escape"},
        {BYTES("S'\\\0'\n."), "a broken escape"},
        {BYTES("S'\\\n'\n."), "without its quotes"},
        {BYTES("S'\n."), "without its quotes"},
        {BYTES("S\"a'\n."), "without its quotes"},
        {BYTES("Sa'\n."), "without its quotes"},
        {BYTES("V\\U0001f33e\n."), NULL},
        {BYTES("V\\U00110000\n."), "a broken \\u"},
        {BYTES("V\\\n."), NULL},
        {BYTES("V\\n\n."), NULL},
        {BYTES("F\n."), "wanted a real"},
        {BYTES("F1.5x\n."), "wanted a real"},
        {BYTES("J\xff\xff\xff\xff."), NULL},
        {BYTES("\x8a\x00."), NULL},
        {BYTES("\x8a\x09\0\0\0\0\0\0\0\0\0."), "an integer of 9 bytes, wanted at most 8"},
        {BYTES("\x8a\x04\0"), "bytes"},
        {BYTES("\x8b\x01"), "bytes"},
    };
    try_all(cases, sizeof cases / sizeof *cases);
}

/* `part` again and again, behind `head`. */
static void refuse_many(const char *head, size_t head_length, const char *part, size_t part_length, size_t times,
                        const char *message)
{
    pickle *p;
    const size_t length = head_length + times * part_length;
    char *bytes = malloc(length);
    memcpy(bytes, head, head_length);
    for (size_t i = 0; i < times; i++) memcpy(bytes + head_length + i * part_length, part, part_length);
    assert_refused(pickle_parse(bytes, length, "lie.pkl", &p), message);
    free(bytes);
}

static void what_there_may_be_is_capped(void **state)
{
    (void)state;
    enum { MANY = (4 << 20) + 1, PAIRS = 1000, LETTERS = 4000 };
    static char list[3 * PAIRS + 8] = "(", text[LETTERS + 8] = "V";
    pickle *p;
    assert_refused(pickle_parse("N.", PICKLE_BYTES_MAX + (size_t)1, "lie.pkl", &p), "wanted at most");
    refuse_many("", 0, BYTES("I1\n0"), MANY, "more than 4194304 values");
    refuse_many(BYTES("Nq\x01"), BYTES("h\x01"), MANY, "a stack of more than 4194304 values");
    /* One list, one text, made something else of again and again. */
    for (int i = 0; i < PAIRS; i++) memcpy(list + 1 + 3 * i, "NN\x86", 3);
    memcpy(list + 1 + 3 * PAIRS, "tq\x01\x30", 4);
    refuse_many(list, 1 + 3 * PAIRS + 4, BYTES("ccollections\nOrderedDict\n(h\x01tR0"), 1000, "again and again");
    memset(text + 1, 'a', LETTERS);
    memcpy(text + 1 + LETTERS, "\nq\x01\x30", 4);
    refuse_many(text, 1 + LETTERS + 4, BYTES("c_codecs\nencode\n(h\x01Vlatin1\ntR0"), 1000, "again and again");
}

/* ---- numbers of them ------------------------------------------------------------------------------------------------ */

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *pickle, *message;
        int rank;
    } cases[] = {
        {"(I1\nF2\nt.", NULL, 1},
        {"((I1\nt(I2\ntt.", NULL, 2},
        {"((I1\nt(I2\nI3\ntt.", "row 1 is not a list of 1 numbers", 0},
        {"((I1\ntI2\nt.", "row 1 is not a list of 1 numbers", 0},
        {"((I1\nt(Ntt.", "holds None, wanted numbers", 0},
        {"(NI2\nt.", "holds None, wanted numbers", 0},
        {"N.", "is None, wanted a number or an array", 0},
        {"(" ARRAY "t.", "holds an array, wanted numbers", 0},
        {"(cnumpy.core.multiarray\nscalar\n(" TYPE("u1") "S'1'\ntRI2\nt.", NULL, 1},
        {"(" ARRAY "(I1\n(I1\nt" TYPE("u1") "I0\nS'1'\ntbt.", "holds an array, wanted numbers", 0},
        {ARRAY ".", "it", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pickle *p;
        int rank;
        size_t shape[2];
        double *values;
        const char *from = cases[i].pickle;
        assert_ok(pickle_parse(from, strlen(from), "lie.pkl", &p));
        const int rc = pickle_numbers(pickle_root(p), "lie.pkl", "it", &rank, shape, &values);
        if (cases[i].message) {
            assert_refused(rc, cases[i].message);
        } else {
            assert_ok(rc);
            assert_int_equal(rank, cases[i].rank);
            free(values);
        }
        pickle_free(p);
    }
}

/* A list of 5000 times one and the same list of 5000: more numbers than are read. */
static void numbers_again_and_again(void **state)
{
    (void)state;
    enum { SIDE = 5000 };
    static char bytes[4 * SIDE + 32];
    pickle *p;
    int rank;
    size_t shape[2], used = 0;
    double *values;
    bytes[used++] = '(';
    for (int i = 0; i < SIDE; i++) bytes[used++] = 'N';
    memcpy(bytes + used, "tq\x01\x30(", 5);
    used += 5;
    for (int i = 0; i < SIDE; i++, used += 2) memcpy(bytes + used, "h\x01", 2);
    memcpy(bytes + used, "t.", 2);
    assert_ok(pickle_parse(bytes, used + 2, "lie.pkl", &p));
    assert_refused(pickle_numbers(pickle_root(p), "lie.pkl", "it", &rank, shape, &values), "it has too many numbers");
    pickle_free(p);
}

/* Every form that values for normalising may have, for 3 dates and 2 bands, and those that fit neither. */
static void normalisation_forms(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        int dates, bands, rows, columns; /* rows 0: refused */
        const char *message;
    } cases[] = {
        {"(((I1\nt(I2\nt(I3\ntt((I1\nt(I2\nt(I3\nttt.", 3, 2, 3, 2, NULL},
        {"(((I1\nt(I2\nt(I3\ntt((I1\nt(I2\nt(I3\nttt.", 0, 2, 0, 0, "T differs"},
        {"(((I1\nI1\nt(I2\nI1\nt(I3\nI1\ntt((I1\nI1\nt(I2\nI1\nt(I3\nI1\nttt.", 3, 3, 0, 0, "arrays of 3 x 2"},
        {"(((I1\nI1\nt(I2\nI1\nt(I3\nI1\ntt((I1\nI1\nt(I2\nI1\nt(I3\nI1\nttt.", 2, 2, 0, 0, "arrays of 3 x 2"},
        {"(((I1\nI1\nI1\ntt((I1\nI1\nI1\nttt.", 3, 3, 1, 3, NULL},
        {"(((I1\nI1\nI1\ntt((I1\nI1\nI1\nttt.", 3, 2, 0, 0, "wanted one value"},
        {"((I1\nI1\nI1\nt(I1\nI1\nI1\ntt.", 0, 2, 0, 0, "wanted one value"},
        {"((I1\nI1\nI1\nt(I1\nI1\nI1\ntt.", 4, 2, 0, 0, "wanted one value"},
        {"(((I1\nI1\ntt((I1\nt(I1\nttt.", 4, 2, 0, 0, "1 x 2 means, but 2 x 1"},
        {"(((I1\nI1\ntt((I1\nttt.", 4, 2, 0, 0, "1 x 2 means, but 1 x 1"},
        {"(I1\nFinf\nt.", 4, 2, 0, 0, "standard deviation 0 is inf"},
        {"(I1\nt.", 4, 2, 0, 0, "wanted a tuple"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        normalisation n;
        const char *path = in_scratch("n.pkl");
        put_text(path, cases[i].pickle);
        const int rc = normalisation_read(path, cases[i].dates, cases[i].bands, &n);
        if (cases[i].message) {
            assert_refused(rc, cases[i].message);
            continue;
        }
        assert_ok(rc);
        assert_int_equal(n.rows, cases[i].rows);
        assert_int_equal(n.columns, cases[i].columns);
        normalisation_free(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays),
        cmocka_unit_test(texts_and_containers),
        cmocka_unit_test(what_there_may_be_is_capped),
        cmocka_unit_test(numbers),
        cmocka_unit_test(numbers_again_and_again),
        cmocka_unit_test(normalisation_forms),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
