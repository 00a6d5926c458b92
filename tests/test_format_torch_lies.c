/* PyTorch's checkpoints that lie or want something done: refused by name and place. */
#include "tests/tensors_test.h"

static void lying_pickles(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *message;
    } cases[] = {
        {BYTES("cposix\nsystem\n(S'touch furrow-was-here'\ntR."),
         "data.pkl: byte 0 of the pickle: wants to run posix.system"},
        {BYTES("}cbuiltins\neval\n."), "byte 1 of the pickle: wants to run builtins.eval"},
        {BYTES("ctorch\nload\n."), "wants to run torch.load"},
        {BYTES("ctorch.nn.modules.linear\nLinear\n."), "wants to run torch.nn.modules.linear.Linear"},
        {BYTES("ctorch\nFloatStorage\n)R."), "a call of a storage's class"},
        {BYTES("(itorch\nSize\n."), "operation 0x69, which tensors do not need"},
        {BYTES("P0\n."), "operation 0x50"},
        {BYTES("NQ."), "a persistent id: wanted"},
        {BYTES("(\x8c\x07storageN\x8c\x01"
               "0\x8c\x03"
               "cpuK\x01tQ."),
         "a storage whose class is None"},
        {BYTES("(\x8c\x07storagectorch\nSize\n\x8c\x01"
               "0\x8c\x03"
               "cpuK\x01tQ."),
         "a storage whose class is a class"},
        {BYTES("(\x8c\x07storagectorch\nFloatStorage\nN\x8c\x03"
               "cpuK\x01tQ."),
         "key or location is no text"},
        {BYTES("(\x8c\x07storagectorch\nFloatStorage\n\x8c\x01"
               "0\x8c\x03"
               "cpuJ\xff\xff\xff\xfftQ."),
         "wanted a size"},
        {BYTES("(\x8c\x07storagectorch\nFloatStorage\n\x8c\x01"
               "0\x8c\x03"
               "cpu\x8a\x08\0\0\0\0\0\0\0\x40tQ."),
         "wanted a size"},
        {BYTES("(\x8c\x07storagectorch\nFloatStorage\n\x8c\x01"
               "0\x8c\x03"
               "cpuK\x01K\x01tQ."),
         "a view of a storage"},
        {BYTES(TENSOR("\x04", "\x01", "\x04", "\x01")), "reaches beyond its storage of 4 elements"},
        {BYTES(TENSOR("\x04", "\x05", "\x00", "\x01")), "reaches beyond its storage"},
        {BYTES(TENSOR("\x04", "\x00", "\x03", "\x02")), "reaches beyond its storage"},
        {BYTES(TENSOR("\x04", "\x00", "\x04", "\x01")), "storage 0: is not in the archive"},
        {BYTES("}\x8c\x01w"
               "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE("\x01") "K\x00K\x01\x85)\x89NtRs."),
         "of 1 sizes and 0 strides"},
        {BYTES("}\x8c\x01w"
               "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE("\x01") "K\x00))\x89N}NNstRs."),
         "conjugated or negated"},
        {BYTES("ctorch._utils\n_rebuild_parameter\nN\x85R."), "a parameter: wanted"},
        {BYTES("ctorch\nSize\nN\x85R."), "torch.Size or a set: wanted"},
        {BYTES("}(\x8c\x01wctorch._utils\n_rebuild_tensor_v2\n(" STORAGE("\x01") "K\x00))\x89NtR\x8c\x01"
                                                                                 "ah\x00u."),
         "memo entry 0 was never set"},
        {BYTES("}."), "without a state_dict"},
        {BYTES("N."), "holds None without a state_dict"},
        {BYTES("}\x8c\x0astate_dict}\x8c\x01wK\x01ss."), "its state_dict has an integer under \"w\""},
        {BYTES("}\x8c\x0astate_dict}K\x01K\x01ss."), "a weight's name is an integer"},
        {BYTES("}.."), "bytes follow the end of the pickle"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(read_all(put_pickle(cases[i].bytes, cases[i].length)), cases[i].message);
    static const char zero_key[] = "}\x8c\x01w"
                                   "ctorch._utils\n_rebuild_tensor_v2\n((\x8c\x07storagectorch\nFloatStorage\n\x8c\x02"
                                   "0\0\x8c\x03"
                                   "cpuK\x01tQK\x00))\x89NtRs.";
    assert_refused(read_all(put_pickle(zero_key, sizeof zero_key - 1)), "a key with a zero in it");
    static const char twice[] = "}(\x8c\x05model}(\x8c\x01w"
                                "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE("\x01") "K\x00))\x89NtR\x94"
                                                                                       "\x8c\x01wh\x00uu.";
    const zip_part two[] = {{.name = "a/data.pkl", .content = twice, .size = sizeof twice - 1},
                            {.name = "a/data/0", .content = "1234", .size = 4}};
    assert_refused(read_all(put_archive(two, 2)), "w is there twice");
    assert_int_equal(access("furrow-was-here", F_OK), -1);
}

/* What a pickle of tensors alone can get wrong. */
#define STORED(class, elements)                                                                                        \
    "(\x8c\x07storagectorch\n" class "\n\x8c\x01"                                                                      \
                                     "0\x8c\x03"                                                                       \
                                     "cpuK" elements "tQ"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"
#define SCALAR  REBUILD "(" STORAGE("\x01") "K\x00))\x89NtR"

static void lying_tensors(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *message;
    } cases[] = {
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x00)tR."), "a tensor: wanted (storage, offset, sizes, strides, ...)"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x00))NNNNtR."), "a tensor: wanted (storage"},
        {BYTES(REBUILD "(NK\x00))tR."), "a tensor: wanted (storage"},
        {BYTES(REBUILD "(" STORAGE("\x01") "N))tR."), "a tensor: wanted (storage"},
        {BYTES(REBUILD "(" STORAGE("\x01") "J\xff\xff\xff\xff))tR."), "a tensor: wanted (storage"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x00))NNNtR."), "conjugated or negated"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x00N)tR."), "a tensor's size: wanted a tuple"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x00(NNNNNNNNNt)tR."), "a tensor's size: wanted a tuple of at most 8"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x00)NtR."), "a tensor's stride: wanted a tuple"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x00N\x85K\x01\x85tR."), "size 0 of a tensor: wanted a number from 0"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x00J\xff\xff\xff\xff\x85K\x01\x85tR."), "size 0 of a tensor"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x00(L9223372036854775807L\nL9223372036854775807L\nt(K\x01K\x01ttR."),
         "reaches beyond its storage"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x00L9223372036854775807L\n\x85L9223372036854775807L\n\x85tR."),
         "reaches beyond its storage"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x01L9223372036854775807L\n\x85K\x02\x85tR."),
         "reaches beyond its storage"},
        {BYTES(REBUILD "(" STORAGE("\x01") "L9223372036854775807L\nL9223372036854775807L\n\x85K\x02\x85tR."),
         "reaches beyond its storage"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x00L9223372036854775807L\n\x85K\x00\x85tR."),
         "reaches beyond its storage"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x02))tR."), "reaches beyond its storage"},
        {BYTES(REBUILD "(" STORAGE("\x01") "K\x02K\x00\x85K\x01\x85tR."), "reaches beyond its storage"},
        {BYTES("ctorch._utils\n_rebuild_parameter\n(N\x89NtR."), "a parameter: wanted"},
        {BYTES("ctorch._utils\n_rebuild_parameter\n(" SCALAR "\x89tR."), "a parameter: wanted"},
        {BYTES("ctorch\nSize\n)R."), "torch.Size or a set: wanted"},
        {BYTES("ctorch\nSize\n(]]tR."), "torch.Size or a set: wanted"},
        {BYTES("ctorch\nSize\n(NtR."), "torch.Size or a set: wanted"},
        {BYTES("ctorch\nload a checkpoint\n."), "wanted tensors, numpy arrays"},
        {BYTES("}Nb."), "a state for a dictionary"},
        {BYTES("}(Vf\n" SCALAR "Vi\n" REBUILD "(" STORED("IntStorage", "\x01") "K\x00))\x89NtRu."),
         "is named with two types or sizes"},
        {BYTES("}(Vf\n" SCALAR "Vi\n" REBUILD "(" STORAGE("\x02") "K\x00))\x89NtRu."),
         "is named with two types or sizes"},
        {BYTES("}Vstate_dict\n}"
               "Van entry that is no tensor, under a name that is longer than a hundred letters, of which "
               "the message shows the first\nNss."),
         "has None under \"an entry that is no tensor, under a name that is longer than a hundred letters, of which "
         "the "
         "message\""},
        {BYTES("}Vw\n" REBUILD
               "((\x8c\x07storagectorch\nFloatStorage\nVa key of a storage that is longer than a hundred "
               "letters, of which the message shows the first hundred and no more\n\x8c\x03"
               "cpuK\x01tQK\x00))\x89NtRs."),
         "storage a key of a storage that is longer than a hundred letters, of which the message shows the first "
         "hundr: "
         "is "
         "not in the archive"},
        {BYTES("}Vstate_dict\nNs."), "without a state_dict"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(read_all(put_pickle(cases[i].bytes, cases[i].length)), cases[i].message);
}

/* A tensor of 2^40 elements out of one, by strides of 0. */
static void expansion_is_capped(void **state)
{
    (void)state;
    static const char pickle[] =
        "\x80\x04"
        "}\x8c\x01w"
        "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE("\x01") "K\x00J\x00\x00\x10\x00J\x00\x00\x10"
                                                               "\x00\x86K\x00K\x00\x86\x89}tRs.";
    const zip_part parts[] = {{.name = "a/data.pkl", .content = pickle, .size = sizeof pickle - 1},
                              {.name = "a/data/0", .content = "1234", .size = 4}};
    assert_refused(read_all(put_archive(parts, 2)), "a tensor of 1099511627776 elements out of 1");
}

static void lying_archives(void **state)
{
    (void)state;
    zip_part parts[VIEWS_PARTS + 1];
    memcpy(parts, views_parts, sizeof views_parts);
    parts[3].size = 44;
    assert_refused(read_all(put_archive(parts, VIEWS_PARTS)),
                   "archive/data/0 has 44 bytes, but 12 elements of float32");
    memcpy(parts, views_parts, sizeof views_parts);
    assert_refused(read_all(put_archive(parts, VIEWS_PARTS - 1)), "storage 8: is not in the archive");
    parts[3].checksum = 5;
    assert_refused(read_all(put_archive(parts, VIEWS_PARTS)), "archive/data/0: its CRC-32 is");
    memcpy(parts, views_parts, sizeof views_parts);
    parts[VIEWS_PARTS] = parts[0];
    parts[VIEWS_PARTS].name = "other/data.pkl";
    assert_refused(read_all(put_archive(parts, VIEWS_PARTS + 1)), "both archive/data.pkl and other/data.pkl");
    memcpy(parts, views_parts, sizeof views_parts);
    parts[1].content = "littleendian";
    parts[1].size = 12;
    assert_refused(read_all(put_archive(parts, VIEWS_PARTS)), "archive/byteorder is \"\": wanted little or big");
    memcpy(parts, views_parts, sizeof views_parts);
    parts[0].name = "archive/code/data.pkl";
    assert_refused(read_all(put_archive(parts, VIEWS_PARTS)), "without a data.pkl");
}

/* ---- the older stream ---------------------------------------------------------------------------------------------- */

#define MAGIC   "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
#define VERSION "\x80\x02M\xe9\x03."
#define SYSTEM  "\x80\x02}\x8c\x0dlittle_endian\x88s."
#define KEYS                                                                                                           \
    "\x80\x02]\x8c\x01"                                                                                                \
    "0a."
#define ONE  TENSOR("\x01", "\x00", "\x01", "\x01")
#define DATA "\x01\0\0\0\0\0\0\0\0\0\x80\x3f"

static void lying_streams(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *message; /* NULL: fine */
    } cases[] = {
        {BYTES(MAGIC VERSION SYSTEM ONE KEYS DATA), NULL},
        {BYTES(MAGIC "\x80\x02K\x03." SYSTEM ONE KEYS DATA), "its protocol version is an integer 3, wanted 1001"},
        {BYTES(MAGIC "\x80\x02N." SYSTEM ONE KEYS DATA), "its protocol version is None"},
        {BYTES(MAGIC VERSION "\x80\x02}." ONE KEYS DATA), "does not say its byte order"},
        {BYTES(MAGIC VERSION "\x80\x02}\x8c\x0dlittle_endianNs." ONE KEYS DATA), "does not say its byte order"},
        {BYTES(MAGIC VERSION SYSTEM ONE "\x80\x02]C\x01"
                                        "0a." DATA),
         NULL},
        {BYTES(MAGIC VERSION SYSTEM "\x80\x02}." KEYS DATA), "storage 0: is no tensor's"},
        {BYTES(MAGIC VERSION SYSTEM ONE "\x80\x02N." DATA), "its list of storages is None"},
        {BYTES(MAGIC VERSION SYSTEM ONE "\x80\x02]K\x01"
                                        "a." DATA),
         "a storage's key is an integer"},
        {BYTES(MAGIC VERSION SYSTEM ONE "\x80\x02]."), "storage 0: is not in the file"},
        {BYTES(MAGIC VERSION SYSTEM ONE "\x80\x02](\x8c\x01"
                                        "0\x8c\x01"
                                        "0e." DATA DATA),
         "storage 0: is there twice"},
        {BYTES(MAGIC VERSION SYSTEM ONE "\x80\x02]\x8c\x01"
                                        "1a." DATA),
         "storage 1: is no tensor's"},
        {BYTES(MAGIC VERSION SYSTEM ONE KEYS "\x02\0\0\0\0\0\0\0\0\0\x80\x3f"), "has 2 elements, but 1 are wanted"},
        {BYTES(MAGIC VERSION SYSTEM ONE KEYS "\x01\0\0\0\0\0\0\0\0\0"), "storage 0: reaches beyond the file"},
        {BYTES(MAGIC VERSION SYSTEM ONE KEYS DATA "x"), "1 bytes follow the last storage"},
        {BYTES(MAGIC VERSION SYSTEM "\x80\x02"
                                    "cos\nsystem\n."),
         "from byte 42: byte 2 of the pickle: wants to run os.system"},
        {BYTES(MAGIC), "ends before its STOP"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = in_scratch("stream");
        put_file(path, cases[i].bytes, cases[i].length);
        if (cases[i].message)
            assert_refused(read_all(path), cases[i].message);
        else
            assert_ok(read_all(path));
    }
}

/* The objects' pickle is longer than what is tried first. */
static void long_pickle_in_a_stream(void **state)
{
    (void)state;
    enum { TEXT = 100000 };
    static const char before[] = MAGIC VERSION SYSTEM "\x80\x04}(\x8c\x01xX\xa0\x86\x01\0", /* 100000 bytes of text */
        tail[] = "\x8c\x01w"
                 "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE("\x01") "K\x00))\x89NtRu." KEYS DATA;
    const size_t head = sizeof before - 1, length = head + TEXT + sizeof tail - 1;
    char *bytes = malloc(length);
    memcpy(bytes, before, head);
    memset(bytes + head, 'a', TEXT);
    memcpy(bytes + head + TEXT, tail, sizeof tail - 1);
    put_file(in_scratch("stream"), bytes, length);
    free(bytes);
    assert_refused(read_all(in_scratch("stream")), "has text under \"x\"");
}

static void other_files(void **state)
{
    (void)state;
    static char tar[1024];
    const char *path = in_scratch("x.pth.tar");
    strcpy(tar, "model.pth");
    memcpy(tar + 257, "ustar", 5);
    put_file(path, tar, sizeof tar);
    assert_refused(read_all(path), "is a tar archive");
    put_text(path, "\x1f\x8b\x08");
    assert_refused(read_all(path), "compressed by gzip");
    put_text(path, "\x1f\x00");
    assert_refused(read_all(path), "holds no weights");
    put_file(path, "\x80\x06N.", 4);
    assert_refused(read_all(path), "holds no weights");
    put_file(path, BYTES("\x80\x04\x95\x0e\0\0\0\0\0\0\0\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."));
    assert_refused(read_all(path), "is a pickle, but not by torch.save");
    put_file(path, BYTES("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    assert_refused(read_all(path), "a zip archive without a data.pkl");
    put_text(path, "\x80\x04N.");
    assert_refused(read_all(path), "is a pickle, but not by torch.save");
    put_text(path, "{\"a\": 1}");
    assert_refused(read_all(path), "holds no weights");
    put_text(path, "");
    assert_refused(read_all(path), "holds no weights");
    h5 *file = NULL;
    for (int i = 0; i < 3; i++) { /* HDF5 that is no checkpoint */
        assert_ok(h5_create(path, &file));
        if (i) assert_ok(h5_set_text(file, "/", "furrow_format", i == 1 ? "patches" : "checkpoint"));
        if (i == 2) assert_ok(h5_set_int(file, "/", "version", 9));
        assert_ok(h5_close(file));
        assert_refused(read_all(path), i == 0   ? "no attribute furrow_format"
                                       : i == 1 ? "is a patches"
                                                : "has version 9");
    }
    assert_refused(read_all(in_scratch("none")), "cannot open");
    assert_refused(read_all(scratch), "is not a file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lying_pickles),  cmocka_unit_test(lying_tensors), cmocka_unit_test(expansion_is_capped),
        cmocka_unit_test(lying_archives), cmocka_unit_test(lying_streams), cmocka_unit_test(long_pickle_in_a_stream),
        cmocka_unit_test(other_files),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
