/* Reference results of kind "checkpoint": the files of others that are named there hold the same weights and Adam state,
 * bit by bit, and give the same outputs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/schema.h"
#include "format/tensor_file.h"
#include "verify/verify.h"

static const char *const groups[TENSOR_GROUPS] = {"/weights", "/optimizer/exp_avg", "/optimizer/exp_avg_sq"};

typedef struct named_file {
    const char *name; /* as the reference names it */
    char *path;
    tensor_file *tensors;
    h5 *reference;
    verify_report *report;
} named_file;

/* ---- bits -------------------------------------------------------------------------------------------------------- */

/* "NAME: group/key", how many elements differ, and none may. */
static int tell(const named_file *n, const char *group, const char *key, double different)
{
    char *name = text_format("%s: %s%s%s", n->name, group + 1, *key ? "/" : "", key);
    if (!name) return FAILED;
    verify_tell(n->report, name, different, 0);
    free(name);
    return OK;
}

static bool same_shape(const tensor_entry *e, const h5_about *a)
{
    bool same = e && !a->text && e->rank == a->rank;
    for (int i = 0; same && i < a->rank; i++) same = e->shape[i] == a->shape[i];
    return same;
}

static int compare_tensor(const named_file *n, enum tensor_group g, const char *key)
{
    int rc = OK;
    h5_about about;
    char *got = NULL, *wanted = NULL, *path = text_format("%s/%s", groups[g], key);
    const tensor_entry *e = tensor_file_find(n->tensors, g, key);
    size_t different = 0;
    TRY_NEW(path);
    TRY(h5_about_of(n->reference, path, &about));
    if (!same_shape(e, &about)) {
        rc = tell(n, groups[g], key, INFINITY);
        goto done;
    }
    /* A type that the reference cannot hold (h5py has no bfloat16) stands there as a wider one: the values count. */
    const enum number_type type = e->type == about.type ? e->type : NUMBER_F64;
    const size_t size = number_size(type);
    TRY_NEW(got = memory_new(e->count, size));
    TRY_NEW(wanted = memory_new(e->count, size));
    TRY(tensor_file_read(n->tensors, e, type, got));
    TRY(h5_read(n->reference, path, type, e->count, wanted));
    for (size_t i = 0; i < e->count; i++) different += memcmp(got + i * size, wanted + i * size, size) != 0;
    TRY(tell(n, groups[g], key, (double)different));
done:
    free(got);
    free(wanted);
    free(path);
    return rc;
}

static bool listed(char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(names[i], name)) return true;
    return false;
}

/* All that the reference has, and nothing else. */
static int compare_group(const named_file *n, enum tensor_group g)
{
    int rc = OK;
    char **names = NULL;
    size_t count = 0;
    TRY(h5_list(n->reference, groups[g], &names, &count));
    for (size_t i = 0; i < count; i++) TRY(compare_tensor(n, g, names[i]));
    for (size_t i = 0; i < tensor_file_count(n->tensors, g); i++) {
        const char *name = tensor_file_at(n->tensors, g, i)->name;
        if (!listed(names, count, name)) TRY(tell(n, groups[g], name, INFINITY));
    }
done:
    h5_names_free(names, count);
    return rc;
}

static int compare_step(const named_file *n)
{
    int64_t got, wanted;
    bool there;
    int rc = h5_exists(n->reference, "/optimizer/step", &there);
    if (rc || !there) return rc;
    if ((rc = h5_read(n->reference, "/optimizer/step", NUMBER_I64, 1, &wanted))) return rc;
    const bool same = tensor_file_step(n->tensors, &got) && got == wanted;
    return tell(n, "/optimizer/step", "", same ? 0 : INFINITY);
}

/* ---- files beside the reference ---------------------------------------------------------------------------------- */

/* A plain name: what lies elsewhere is not the reference's to name. */
static int beside(const h5 *reference, const char *name, char **out)
{
    const char *path = h5_path(reference), *slash = strrchr(path, '/');
    if (!*name || strchr(name, '/'))
        return fail(FAILED, "%s: names the file \"%.200s\": wanted one beside it", path, name);
    *out = slash ? text_format("%.*s/%s", (int)(slash - path), path, name) : text_copy(name);
    return *out ? OK : FAILED;
}

static int verify_named(h5 *reference, h5 *input, const char *name, device *d, verify_report *report)
{
    int rc = OK;
    named_file n = {.name = name, .reference = reference, .report = report};
    TRY(beside(reference, name, &n.path));
    TRY(tensor_file_open(n.path, &n.tensors));
    for (int g = 0; g < TENSOR_GROUPS; g++) TRY(compare_group(&n, (enum tensor_group)g));
    TRY(compare_step(&n));
    TRY(verify_weights(reference, input, name, n.path, d, report));
done:
    tensor_file_close(n.tensors);
    free(n.path);
    return rc;
}

static int read_files(h5 *reference, cJSON **out)
{
    int rc = OK;
    char *text = NULL;
    const cJSON *one;
    TRY(h5_get_text(reference, "/", "files", &text));
    TRY(json_parse(text, strlen(text), h5_path(reference), out));
    bool names = cJSON_IsArray(*out) && cJSON_GetArraySize(*out) > 0;
    cJSON_ArrayForEach(one, *out) names = names && cJSON_IsString(one);
    if (!names) rc = fail(FAILED, "%s: attribute files: wanted a list of names", h5_path(reference));
done:
    free(text);
    return rc;
}

int verify_checkpoint(h5 *reference, device *d, verify_report *report)
{
    int rc = OK;
    char *name = NULL, *path = NULL;
    h5 *input = NULL;
    cJSON *files = NULL;
    const cJSON *one;
    TRY(read_files(reference, &files));
    TRY(h5_get_text(reference, "/", "input", &name));
    TRY(beside(reference, name, &path));
    TRY(h5_open(path, &input));
    cJSON_ArrayForEach(one, files) TRY(verify_named(reference, input, one->valuestring, d, report));
done:
    h5_close(input);
    cJSON_Delete(files);
    free(name);
    free(path);
    return rc;
}
