/* A small pixel-set folder for the tests of packing, whose every value is a function of its place. */
#ifndef FURROW_TESTS_PACK_TEST_H
#define FURROW_TESTS_PACK_TEST_H

#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "data-tools/pack_pixelset.h"
#include "format/npy.h"
#include "format/pixelset_pack.h"

#include "tests/format_test.h"

static inline uint16_t value_at(int parcel, size_t t, size_t c, size_t s)
{
    return (uint16_t)(1000 * parcel + 100 * (int)t + 10 * (int)c + (int)s);
}

/* DATA/ID.npy of T x C x S uint16 */
static inline void put_parcel(const char *id, int parcel, size_t T, size_t C, size_t S)
{
    const size_t shape[3] = {T, C, S};
    char name[80];
    uint16_t *values = malloc(T * C * S * sizeof *values + 1);
    for (size_t t = 0; t < T; t++)
        for (size_t c = 0; c < C; c++)
            for (size_t s = 0; s < S; s++) values[(t * C + c) * S + s] = value_at(parcel, t, c, s);
    snprintf(name, sizeof name, "in/DATA/%s.npy", id);
    assert_ok(npy_write(in_scratch(name), NUMBER_U16, 3, shape, values));
    free(values);
}

/* in/ with parcels 1, 2, 10 and b: 3 dates, 2 bands, 4, 5, 0 and 7 pixels; labels, dates, features. */
static inline void put_folder(void)
{
    char command[400];
    snprintf(command, sizeof command, "rm -rf '%s/in' '%s'/out*", scratch, scratch);
    assert_int_equal(system(command), 0);
    mkdir(in_scratch("in"), 0777);
    mkdir(in_scratch("in/DATA"), 0777);
    mkdir(in_scratch("in/META"), 0777);
    put_parcel("10", 2, 3, 2, 0);
    put_parcel("1", 0, 3, 2, 4);
    put_parcel("2", 1, 3, 2, 5);
    put_parcel("b", 3, 3, 2, 7);
    put_text(in_scratch("in/META/labels.json"),
             "{\"crop\": {\"1\": 5, \"2\": \"7\", \"10\": -1, \"b\": 5}, \"group\": {\"2\": 1, \"gone\": 4}}");
    put_text(in_scratch("in/META/dates.json"), "{\"2\": 20170301, \"0\": 20161231, \"1\": \"2017-01-01\"}");
    put_text(in_scratch("in/META/geomfeat.json"), "{\"1\": [1, 10], \"2\": [2, 20], \"10\": [3, 30], \"b\": [6, 0.5]}");
    put_text(in_scratch("in/META/area.json"), "{\"1\": 2, \"2\": 4, \"10\": null}");
    put_text(in_scratch("in/META/names.json"), "{\"1\": \"wheat\", \"5\": \"maize\"}");
}

static inline int pack_it(void)
{
    const pack_options options = {0};
    return pack_pixelset(in_scratch("in"), in_scratch("out.h5"), &options, NULL);
}

/* The pack of it, with nothing left beside it. */
static inline pixelset_pack *packed(void)
{
    pixelset_pack *p;
    assert_ok(pack_it());
    assert_ok(pixelset_pack_open(in_scratch("out.h5"), &p));
    assert_false(file_exists(in_scratch("out.h5.partial")));
    assert_false(file_exists(in_scratch("out.h5.unfinished")));
    return p;
}

/* What the log said since the test began, for assertions. */
static char log_text[1 << 16];
static inline void log_keep(void *user, const char *text)
{
    size_t used = strlen(log_text);
    (void)user;
    snprintf(log_text + used, sizeof log_text - used, "%s\n", text);
}

static inline int log_start(void **state)
{
    const log_listener listener = {.note = log_keep, .warning = log_keep};
    (void)state;
    log_text[0] = 0;
    log_listen(&listener);
    return 0;
}

#define assert_logged(part) assert_holds(log_text, part)

#endif
