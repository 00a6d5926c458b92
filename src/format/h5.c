/* HDF5: files, the walk to an object. Data sets are in h5_dataset.c, attributes in h5_attribute.c. */
#include "format/h5.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/reader.h"
#include "format/h5_internal.h"

enum { PATH_MAX_BYTES = 4096, NAMES_MAX = 1 << 24 };

/* ---- the signature ------------------------------------------------------------------------------------------------ */

bool h5_is(const char *path)
{
    char head[8] = "";
    reader *r = NULL;
    if (reader_open(path, &r)) return true;
    const bool read = reader_bytes(r) < sizeof head || !reader_read(r, 0, sizeof head, head);
    reader_close(r);
    return !read || !memcmp(head, "\x89HDF\r\n\x1a\n", sizeof head);
}

/* ---- the library -------------------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void h5_enter(void)
{
    static _Thread_local bool prepared; /* where the library knows threads, each has its own error stack */
    pthread_mutex_lock(&lock);
    if (prepared) return;
    prepared = true;
    H5open();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* we say what went wrong */
    H5PLset_loading_state(0);              /* a file must not choose code to run */
}

void h5_leave(void)
{
    pthread_mutex_unlock(&lock);
}

static herr_t innermost(unsigned n, const H5E_error2_t *error, void *user)
{
    const char **reason = user;
    if (n == 0) *reason = error->desc;
    return 0;
}

int h5_fail(const h5 *file, const char *object, const char *what)
{
    const char *reason = NULL;
    int rc;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &reason);
    if (reason)
        rc = fail(FAILED, "%s: %s: %s (HDF5: %s)", file->path, object, what, reason);
    else
        rc = fail(FAILED, "%s: %s: %s", file->path, object, what);
    H5Eclear2(H5E_DEFAULT);
    return rc;
}

/* ---- files -------------------------------------------------------------------------------------------------------- */

/* New metadata carries checksums (file format 1.10); no locks, which network file systems often lack. */
static hid_t access_properties(void)
{
    hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
    if (properties < 0) return properties;
    if (H5Pset_libver_bounds(properties, H5F_LIBVER_V110, H5F_LIBVER_V110) < 0 ||
        H5Pset_fclose_degree(properties, H5F_CLOSE_STRONG) < 0 || H5Pset_file_locking(properties, 0, 1) < 0) {
        H5Pclose(properties);
        return -1;
    }
    return properties;
}

/* No times in object headers, here and where groups and data sets are made: the same content gives the same bytes. */
static hid_t file_create(const char *path, hid_t access)
{
    hid_t creation = H5Pcreate(H5P_FILE_CREATE), id = -1;
    if (creation < 0) return creation;
    if (H5Pset_obj_track_times(creation, false) >= 0) id = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    H5Pclose(creation);
    return id;
}

enum file_mode { READING, CREATING, EXTENDING };

static int file_prepare(const char *path, enum file_mode mode, h5 **out)
{
    h5 *file = memory_new(1, sizeof *file);
    if (!file) return FAILED;
    file->id = -1;
    file->writing = mode != READING;
    if (!(file->path = text_copy(path))) {
        free(file);
        return FAILED;
    }
    *out = file;
    return OK;
}

hid_t h5_open_id(const char *path, bool writing)
{
    hid_t properties = access_properties();
    if (properties < 0) return -1;
    hid_t id = H5Fopen(path, writing ? H5F_ACC_RDWR : H5F_ACC_RDONLY, properties);
    H5Pclose(properties);
    return id;
}

static hid_t create_id(const char *path)
{
    hid_t properties = access_properties();
    if (properties < 0) return -1;
    hid_t id = file_create(path, properties);
    H5Pclose(properties);
    return id;
}

static int file_look(h5 *file)
{
    struct stat about;
    if (stat(file->path, &about)) return fail(FAILED, "%s: cannot open: %s", file->path, strerror(errno));
    if (!S_ISREG(about.st_mode)) return fail(FAILED, "%s: is not a file", file->path);
    file->bytes = (uint64_t)about.st_size;
    return h5_guard(file);
}

static int file_open(h5 *file, enum file_mode mode)
{
    int rc = mode == CREATING ? OK : file_look(file);
    if (rc) return rc;
    file->id = mode == CREATING ? create_id(file->path) : h5_open_id(file->path, mode == EXTENDING);
    if (file->id >= 0) return OK;
    return h5_fail(file, "/", mode == CREATING ? "the file cannot be made" : "is not a whole HDF5 file");
}

static int file_new(const char *path, enum file_mode mode, h5 **out)
{
    h5 *file;
    int rc = file_prepare(path, mode, &file);
    if (rc) return rc;
    h5_enter();
    rc = file_open(file, mode);
    h5_leave();
    if (rc) {
        free(file->path);
        free(file);
        return rc;
    }
    *out = file;
    return OK;
}

int h5_open(const char *path, h5 **out)
{
    return file_new(path, READING, out);
}

int h5_create(const char *path, h5 **out)
{
    return file_new(path, CREATING, out);
}

int h5_extend(const char *path, h5 **out)
{
    return file_new(path, EXTENDING, out);
}

int h5_close(h5 *file)
{
    int rc = OK;
    if (!file) return OK;
    h5_enter();
    if (file->writing && H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0) rc = h5_fail(file, "/", "cannot be written");
    if (H5Fclose(file->id) < 0 && !rc) rc = h5_fail(file, "/", "cannot be closed");
    h5_leave();
    free(file->path);
    free(file);
    return rc;
}

const char *h5_path(const h5 *file)
{
    return file->path;
}

/* ---- the walk ----------------------------------------------------------------------------------------------------- */

static int link_check(h5 *file, const char *path, bool *there)
{
    H5L_info_t about;
    htri_t exists = H5Lexists(file->id, path, H5P_DEFAULT);
    if (exists < 0) return h5_fail(file, path, "cannot be looked up");
    *there = exists > 0;
    if (!*there) return OK;
    if (H5Lget_info(file->id, path, &about, H5P_DEFAULT) < 0) return h5_fail(file, path, "its link cannot be read");
    if (about.type != H5L_TYPE_HARD)
        return h5_fail(file, path, "is a soft or external link, which is not followed; wanted the data itself");
    return OK;
}

static int object_kind(h5 *file, const char *path, enum h5_kind *out)
{
    hid_t object = H5Oopen(file->id, path, H5P_DEFAULT);
    if (object < 0) return h5_fail(file, path, "cannot be opened");
    H5I_type_t type = H5Iget_type(object);
    H5Oclose(object);
    if (type != H5I_GROUP && type != H5I_DATASET) return h5_fail(file, path, "is neither a group nor a data set");
    *out = type == H5I_GROUP ? H5_GROUP : H5_DATASET;
    return OK;
}

int h5_walk(h5 *file, const char *path, enum h5_kind *out)
{
    char part[PATH_MAX_BYTES];
    size_t length = strlen(path);
    bool there = true;
    int rc;
    *out = H5_NOTHING;
    if (length >= sizeof part) return fail(FAILED, "%s: a path of %zu bytes is too long", file->path, length);
    if (path[0] != '/') return fail(FAILED, "%s: %s: wanted a path that starts with /", file->path, path);
    if (length == 1) {
        *out = H5_GROUP;
        return OK;
    }
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != 0) continue;
        enum h5_kind kind;
        memcpy(part, path, i);
        part[i] = 0;
        if ((rc = link_check(file, part, &there))) return rc;
        if (!there) return OK;
        if ((rc = object_kind(file, part, &kind))) return rc;
        if (i == length)
            *out = kind;
        else if (kind != H5_GROUP)
            return OK; /* nothing can lie below a data set */
    }
    return OK;
}

int h5_kind_of(h5 *file, const char *path, enum h5_kind *out)
{
    h5_enter();
    int rc = h5_walk(file, path, out);
    h5_leave();
    return rc;
}

int h5_exists(h5 *file, const char *path, bool *there)
{
    enum h5_kind kind;
    int rc = h5_kind_of(file, path, &kind);
    *there = kind != H5_NOTHING;
    return rc;
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

typedef struct name_list {
    char **names;
    size_t count, capacity;
    bool linked, failed; /* something that is not a hard link; out of memory */
} name_list;

static herr_t list_add(name_list *list, const char *name)
{
    void *grown = list->names;
    if (list->count >= NAMES_MAX || memory_grow(&grown, &list->capacity, list->count + 1, sizeof *list->names)) {
        list->failed = true;
        return -1;
    }
    list->names = grown;
    list->failed = !(list->names[list->count] = text_copy(name));
    if (list->failed) return -1;
    list->count++;
    return list->linked ? 1 : 0; /* 1 ends the walk at the name in question */
}

static herr_t member_add(hid_t group, const char *name, const H5L_info_t *about, void *user)
{
    name_list *list = user;
    (void)group;
    if (about->type != H5L_TYPE_HARD) list->linked = true;
    return list_add(list, name);
}

static herr_t attribute_add(hid_t object, const char *name, const H5A_info_t *about, void *user)
{
    (void)object;
    (void)about;
    return list_add(user, name);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_read(h5 *file, const char *path, name_list *list)
{
    enum h5_kind kind;
    int rc = h5_walk(file, path, &kind);
    if (rc || kind == H5_NOTHING) return rc;
    if (kind != H5_GROUP) return h5_fail(file, path, "is a data set, wanted a group");
    hid_t group = H5Gopen2(file->id, path, H5P_DEFAULT);
    if (group < 0) return h5_fail(file, path, "the group cannot be opened");
    herr_t walked = H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, member_add, list);
    H5Gclose(group);
    if (list->failed) return fail(FAILED, "%s: %s: too many names for the memory", file->path, path);
    if (list->linked)
        return fail(FAILED, "%s: %s: \"%s\" is a soft or external link, which is not followed", file->path, path,
                    list->names[list->count - 1]);
    if (walked < 0) return h5_fail(file, path, "the group cannot be read");
    return OK;
}

static int attribute_names_read(h5 *file, const char *path, name_list *list)
{
    enum h5_kind kind;
    int rc = h5_walk(file, path, &kind);
    if (rc || kind == H5_NOTHING) return rc;
    if (H5Aiterate_by_name(file->id, path, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, attribute_add, list, H5P_DEFAULT) < 0)
        return h5_fail(file, path, "its attributes cannot be listed");
    return OK;
}

static int names_take(h5 *file, const char *path, int (*read)(h5 *file, const char *path, name_list *list),
                      char ***names, size_t *count)
{
    name_list list = {0};
    h5_enter();
    int rc = read(file, path, &list);
    h5_leave();
    if (rc) {
        h5_names_free(list.names, list.count);
        return rc;
    }
    if (list.count) qsort(list.names, list.count, sizeof *list.names, by_bytes);
    *names = list.names;
    *count = list.count;
    return OK;
}

int h5_list(h5 *file, const char *group, char ***names, size_t *count)
{
    return names_take(file, group, names_read, names, count);
}

int h5_attribute_list(h5 *file, const char *path, char ***names, size_t *count)
{
    return names_take(file, path, attribute_names_read, names, count);
}

void h5_names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) free(names[i]);
    free(names);
}
