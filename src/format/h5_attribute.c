/* HDF5 attributes and groups. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/h5_internal.h"

enum { TEXT_MAX = 16 << 20, REALS_MAX = 1 << 20 };

/* ---- groups ------------------------------------------------------------------------------------------------------- */

static int one_group_make(h5 *file, const char *path)
{
    enum h5_kind kind;
    int rc = h5_walk(file, path, &kind);
    if (rc || kind == H5_GROUP) return rc;
    hid_t properties = H5Pcreate(H5P_GROUP_CREATE), group = -1;
    if (properties >= 0 && H5Pset_obj_track_times(properties, false) >= 0)
        group = H5Gcreate2(file->id, path, H5P_DEFAULT, properties, H5P_DEFAULT);
    if (properties >= 0) H5Pclose(properties);
    if (group < 0) return h5_fail(file, path, "the group cannot be made");
    H5Gclose(group);
    return OK;
}

int h5_group_make(h5 *file, const char *path)
{
    int rc = OK;
    char *part = text_copy(path);
    if (!part) return FAILED;
    for (char *slash = strchr(part + 1, '/'); slash && !rc; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        rc = one_group_make(file, part);
        *slash = '/';
    }
    if (!rc) rc = one_group_make(file, part);
    free(part);
    return rc;
}

int h5_new_group(h5 *file, const char *path)
{
    h5_enter();
    int rc = h5_group_make(file, path);
    h5_leave();
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* What an attribute is called in messages. */
static const char *attribute_name(char *buffer, size_t size, const char *path, const char *name)
{
    size_t used = strlen(path);
    if (used + strlen(name) + 13 > size) return name;
    memcpy(buffer, path, used);
    memcpy(buffer + used, ": attribute ", 12);
    strcpy(buffer + used + 12, name);
    return buffer;
}

typedef struct attribute {
    hid_t id, type;
    h5_about about;
    size_t count;
    char label[512];
} attribute;

static void attribute_close(attribute *a)
{
    if (a->type >= 0) H5Tclose(a->type);
    if (a->id >= 0) H5Aclose(a->id);
}

static int attribute_open(h5 *file, const char *path, const char *name, attribute *a)
{
    enum h5_kind kind;
    *a = (attribute){.id = -1, .type = -1};
    const char *label = attribute_name(a->label, sizeof a->label, path, name);
    int rc = h5_walk(file, path, &kind);
    if (rc) return rc;
    if (kind == H5_NOTHING) return h5_fail(file, path, "is missing");
    if (H5Aexists_by_name(file->id, path, name, H5P_DEFAULT) <= 0) return h5_fail(file, label, "is missing");
    a->id = H5Aopen_by_name(file->id, path, name, H5P_DEFAULT, H5P_DEFAULT);
    if (a->id < 0) return h5_fail(file, label, "cannot be opened");
    a->type = H5Aget_type(a->id);
    if (a->type < 0) return h5_fail(file, label, "its type cannot be read");
    if ((rc = h5_type_of(file, label, a->type, &a->about))) return rc;
    hid_t space = H5Aget_space(a->id);
    hssize_t count = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    if (space >= 0) H5Sclose(space);
    if (count < 0) return h5_fail(file, label, "its shape cannot be read");
    if ((uint64_t)count > REALS_MAX) return h5_fail(file, label, "is too long");
    a->count = (size_t)count;
    return OK;
}

int h5_has_attribute(h5 *file, const char *path, const char *name, bool *there)
{
    enum h5_kind kind;
    *there = false;
    h5_enter();
    int rc = h5_walk(file, path, &kind);
    if (!rc && kind != H5_NOTHING) {
        htri_t found = H5Aexists_by_name(file->id, path, name, H5P_DEFAULT);
        *there = found > 0;
        if (found < 0) rc = h5_fail(file, path, "its attributes cannot be looked up");
    }
    h5_leave();
    return rc;
}

static int text_get(h5 *file, attribute *a, char **out)
{
    size_t width = a->about.text_width;
    if (!a->about.text || a->count != 1) return h5_fail(file, a->label, "wanted one text");
    if (width > TEXT_MAX || (!file->writing && width > file->bytes))
        return fail(FAILED, "%s: %s: declares %zu bytes of text", file->path, a->label, width);
    char *text = memory_new(width + 1, 1);
    if (!text) return FAILED;
    hid_t type = h5_text_type(width + 1, H5T_STR_NULLTERM, H5Tget_cset(a->type));
    herr_t got = type < 0 ? -1 : H5Aread(a->id, type, text);
    if (type >= 0) H5Tclose(type);
    if (got < 0) {
        free(text);
        return h5_fail(file, a->label, "cannot be read");
    }
    *out = text;
    return OK;
}

int h5_get_text(h5 *file, const char *path, const char *name, char **out)
{
    attribute a;
    h5_enter();
    int rc = attribute_open(file, path, name, &a);
    if (!rc) rc = text_get(file, &a, out);
    attribute_close(&a);
    h5_leave();
    return rc;
}

int h5_attribute_count(h5 *file, const char *path, const char *name, size_t *count)
{
    attribute a;
    h5_enter();
    int rc = attribute_open(file, path, name, &a);
    *count = rc ? 0 : a.count;
    attribute_close(&a);
    h5_leave();
    return rc;
}

static int numbers_get(h5 *file, const char *path, const char *name, size_t count, enum number_type type, void *out)
{
    attribute a;
    h5_enter();
    int rc = attribute_open(file, path, name, &a);
    if (!rc && (a.about.text || a.count != count))
        rc = fail(FAILED, "%s: %s: has %zu %s, wanted %zu numbers", file->path, a.label, a.count,
                  a.about.text ? "texts" : "numbers", count);
    if (!rc && H5Aread(a.id, h5_memory_type(type), out) < 0) rc = h5_fail(file, a.label, "cannot be read");
    attribute_close(&a);
    h5_leave();
    return rc;
}

int h5_get_int(h5 *file, const char *path, const char *name, int64_t *out)
{
    return numbers_get(file, path, name, 1, NUMBER_I64, out);
}

int h5_get_reals(h5 *file, const char *path, const char *name, size_t count, double *out)
{
    return numbers_get(file, path, name, count, NUMBER_F64, out);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

/* count 0: one scalar. Takes the place of an attribute of that name. */
static int attribute_put(h5 *file, const char *path, const char *name, hid_t stored, hid_t memory, size_t count,
                         const void *values)
{
    char label[512];
    hsize_t size = count;
    hid_t space = count ? H5Screate_simple(1, &size, NULL) : H5Screate(H5S_SCALAR), id = -1;
    if (H5Aexists_by_name(file->id, path, name, H5P_DEFAULT) > 0) H5Adelete_by_name(file->id, path, name, H5P_DEFAULT);
    if (space >= 0 && stored >= 0 && memory >= 0)
        id = H5Acreate_by_name(file->id, path, name, stored, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    herr_t put = id < 0 ? -1 : H5Awrite(id, memory, values);
    if (id >= 0) H5Aclose(id);
    if (space >= 0) H5Sclose(space);
    if (put < 0) return h5_fail(file, attribute_name(label, sizeof label, path, name), "cannot be written");
    return OK;
}

int h5_set_text(h5 *file, const char *path, const char *name, const char *value)
{
    size_t length = strlen(value);
    h5_enter();
    hid_t type = h5_text_type(length ? length : 1, H5T_STR_NULLPAD, H5T_CSET_UTF8);
    int rc = attribute_put(file, path, name, type, type, 0, value);
    if (type >= 0) H5Tclose(type);
    h5_leave();
    return rc;
}

int h5_set_int(h5 *file, const char *path, const char *name, int32_t value)
{
    h5_enter();
    int rc = attribute_put(file, path, name, H5T_STD_I32LE, H5T_NATIVE_INT32, 0, &value);
    h5_leave();
    return rc;
}

int h5_set_reals(h5 *file, const char *path, const char *name, size_t count, const double *values)
{
    h5_enter();
    int rc = count ? attribute_put(file, path, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, count, values) : OK;
    h5_leave();
    return rc;
}
