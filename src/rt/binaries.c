/* Programs from a folder (FURROW_BINARY_DIR), for devices without a compiler: clCreateProgramWithBinary and nothing from
 * source. The folder is what binaries_save.c wrote, or has its form with binaries of a vendor's own compiler
 * (docs/fpga.md). Nothing in the index is believed. */
#include "rt/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "rt/binaries.h"

enum { INDEX_LIMIT = 64 << 20, BINARY_LIMIT = 1 << 30 };

struct binaries {
    char *folder;
    cJSON *index;
    bool foreign; /* made on no device: what was found out about one does not count */
};

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text_member(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(member(object, key));
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static int check_form(const char *path, const cJSON *index)
{
    const cJSON *version = member(index, "version"), *programs = member(index, "programs"), *one;
    const char *format = text_member(index, "furrow_format");
    if (!format || strcmp(format, BINARIES_FORMAT))
        return fail(FAILED, "%s: furrow_format is %s%s%s; wanted \"" BINARIES_FORMAT "\"", path, format ? "\"" : "",
                    format ? format : "missing", format ? "\"" : "");
    if (!cJSON_IsNumber(version) || version->valuedouble != BINARIES_VERSION)
        return fail(FAILED, "%s has another version; wanted %d", path, BINARIES_VERSION);
    if (!cJSON_IsArray(programs)) return fail(FAILED, "%s: programs is no list", path);
    int number = 0;
    cJSON_ArrayForEach(one, programs) {
        const char *binary = text_member(one, "binary");
        if (!text_member(one, "kernel_file") || !text_member(one, "macros") || !text_member(one, "text") || !binary)
            return fail(FAILED, "%s: programs[%d] lacks one of kernel_file, macros, text, binary", path, number);
        if (!*binary || strchr(binary, '/'))
            return fail(FAILED, "%s: programs[%d].binary is \"%s\"; wanted the name of a file in its folder", path,
                        number, binary);
        number++;
    }
    return OK;
}

/* "name, driver version" of the index must be this device's; a null device: the driver decides what it takes. */
static int check_device(const device *d, const char *path, struct binaries *b)
{
    const cJSON *made_on = member(b->index, "device");
    if (cJSON_IsNull(made_on)) {
        b->foreign = true;
        return OK;
    }
    const struct {
        const char *key, *here;
    } all[] = {{"platform", d->about.platform},
               {"name", d->about.name},
               {"version", d->about.version},
               {"driver", d->about.driver}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *there = text_member(made_on, all[i].key);
        if (!there) return fail(FAILED, "%s: device.%s is no text", path, all[i].key);
        if (strcmp(there, all[i].here))
            return fail(NO_DEVICE, "%s: made for a device whose %s is \"%s\"; that of %s is \"%s\"", path, all[i].key,
                        there, d->about.name, all[i].here);
    }
    return OK;
}

static int read_tiles(device *d, const char *path, const struct binaries *b)
{
    const char *tiles = text_member(b->index, "tiles"), *forced = getenv("FURROW_TILE");
    if (!tiles || (strcmp(tiles, "cpu") && strcmp(tiles, "gpu")))
        return fail(FAILED, "%s: tiles is %s; wanted \"cpu\" or \"gpu\"", path, tiles ? tiles : "missing");
    if (!forced || !*forced) d->tiles = strcmp(tiles, "gpu") ? TILE_CPU : TILE_GPU;
    return OK;
}

int binaries_open(device *d, const char *folder)
{
    int rc = OK;
    char *path = path_join(folder, BINARIES_INDEX);
    struct binaries *b = memory_new(1, sizeof *b);
    TRY_NEW(b);
    TRY_NEW(path);
    TRY_NEW(b->folder = text_copy(folder));
    TRY(json_read(path, INDEX_LIMIT, &b->index));
    TRY(check_form(path, b->index));
    TRY(check_device(d, path, b));
    TRY(read_tiles(d, path, b));
    d->binaries = b;
    b = NULL;
done:
    binaries_close(b);
    free(path);
    return rc ? fail_within(rc, "FURROW_BINARY_DIR") : OK;
}

void binaries_close(struct binaries *b)
{
    if (!b) return;
    cJSON_Delete(b->index);
    free(b->folder);
    free(b);
}

/* ---- asking ----------------------------------------------------------------------------------------------------- */

static int absent(const program *p, const struct binaries *b)
{
    const char *made_by = text_member(b->index, "made_by");
    return fail(FAILED,
                "%s/" BINARIES_INDEX " has no program of cl/%s.cl with \"%s\", and with FURROW_BINARY_DIR nothing is "
                "compiled; where there is a compiler, furrow devices --build DIR CONFIG writes what a configuration "
                "needs (this folder was made by: %s)",
                b->folder, p->name, p->options, made_by ? made_by : "unknown");
}

static int check_text(const program *p, const struct binaries *b, const cJSON *one)
{
    char here[BINARIES_HASH];
    snprintf(here, sizeof here, "%016" PRIx64, p->text_hash);
    if (!strcmp(text_member(one, "text"), here)) return OK;
    return fail(FAILED,
                "%s/%s was made from another text of cl/%s.cl (%s, here %s): the folder is another version of furrow's",
                b->folder, text_member(one, "binary"), p->name, text_member(one, "text"), here);
}

int binaries_read(const program *p, unsigned char **binary, size_t *length)
{
    int rc = OK;
    char *path = NULL, *bytes = NULL;
    const struct binaries *b = p->device->binaries;
    const cJSON *one;
    cJSON_ArrayForEach(one, member(b->index, "programs"))
        if (!strcmp(text_member(one, "kernel_file"), p->name) && !strcmp(text_member(one, "macros"), p->options)) break;
    if (!one) return absent(p, b);
    TRY(check_text(p, b, one));
    TRY_NEW(path = path_join(b->folder, text_member(one, "binary")));
    rc = file_read(path, BINARY_LIMIT, &bytes, length);
    if (rc) rc = fail_within(rc, "the binary of cl/%s.cl with \"%s\"", p->name, p->options);
    *binary = (unsigned char *)bytes;
done:
    free(path);
    return rc;
}

const char *binaries_form(const struct binaries *b, const char *key)
{
    return text_member(member(b->index, "forms"), key);
}

const char *binaries_fact(const struct binaries *b, const char *key)
{
    return b->foreign ? NULL : text_member(member(b->index, "facts"), key);
}
