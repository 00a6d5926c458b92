/* furrow's own checkpoints, trained here or imported (docs/formats.md, "Checkpoint"), as files of tensors. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/schema.h"
#include "format/tensor_file_internal.h"

enum { VERSION = 1 };
#define STEPS_MOST (INT64_C(1) << 53) /* what JSON tells exactly */

static const char *const groups[TENSOR_GROUPS] = {"/weights", "/optimizer/exp_avg", "/optimizer/exp_avg_sq"};

static int element_read(tensor_file *f, const tensor_entry *e, void *out)
{
    char *path = text_format("%s/%s", (const char *)e->own, e->name);
    if (!path) return FAILED;
    int rc = h5_read(f->h5, path, e->type, e->count, out);
    free(path);
    return rc;
}

/* It is a checkpoint, of this version, and whole. */
static int check(h5 *file)
{
    int rc = OK;
    int64_t version = 0, complete = 0;
    char *format = NULL;
    bool ours, closed;
    const char *path = h5_path(file);
    TRY(h5_has_attribute(file, "/", "furrow_format", &ours));
    if (!ours) {
        rc = fail(FAILED, "%s is no checkpoint of furrow's: it has no attribute furrow_format", path);
        goto done;
    }
    TRY(h5_get_text(file, "/", "furrow_format", &format));
    if (strcmp(format, "checkpoint") != 0) {
        rc = fail(FAILED, "%s is a %s; wanted a checkpoint", path, format);
        goto done;
    }
    TRY(h5_get_int(file, "/", "version", &version));
    if (version != VERSION) rc = fail(FAILED, "%s has version %lld; wanted %d", path, (long long)version, VERSION);
    if (rc) goto done;
    TRY(h5_has_attribute(file, "/", "complete", &closed));
    if (closed) TRY(h5_get_int(file, "/", "complete", &complete));
    if (complete != 1) rc = fail(FAILED, "%s is unfinished: writing it was interrupted", path);
done:
    free(format);
    return rc;
}

static int entry_add(tensor_file *f, enum tensor_group g, const char *name)
{
    int rc = OK;
    h5_about about;
    bool typed;
    char *type = NULL, *path = text_format("%s/%s", groups[g], name);
    TRY_NEW(path);
    TRY(h5_about_of(f->h5, path, &about));
    if (about.text) {
        rc = fail(FAILED, "%s: %s: holds text, wanted numbers", h5_path(f->h5), path);
        goto done;
    }
    tensor_entry e = {.type = about.type, .rank = about.rank, .own = groups[g]};
    memcpy(e.shape, about.shape, sizeof about.shape);
    TRY(h5_has_attribute(f->h5, path, "type", &typed));
    if (typed) TRY(h5_get_text(f->h5, path, "type", &type));
    e.truth = type && !strcmp(type, "bool") && e.type == NUMBER_U8;
    TRY(tensor_file_add(f, g, name, strlen(name), &e));
done:
    free(type);
    free(path);
    return rc;
}

static int group_add(tensor_file *f, enum tensor_group g)
{
    char **names = NULL;
    size_t count = 0;
    int rc = h5_list(f->h5, groups[g], &names, &count);
    for (size_t i = 0; i < count && !rc; i++) rc = entry_add(f, g, names[i]);
    h5_names_free(names, count);
    return rc;
}

static int state_read(tensor_file *f)
{
    int rc = OK;
    bool there;
    char *text = NULL;
    cJSON *state = NULL;
    TRY(h5_has_attribute(f->h5, "/", "state", &there));
    if (!there) goto done;
    TRY(h5_get_text(f->h5, "/", "state", &text));
    TRY(json_parse(text, strlen(text), h5_path(f->h5), &state));
    const cJSON *epoch = cJSON_GetObjectItemCaseSensitive(state, "epoch");
    f->has_epoch = cJSON_IsNumber(epoch);
    if (f->has_epoch) f->epoch = epoch->valueint;
done:
    cJSON_Delete(state);
    free(text);
    return rc;
}

int checkpoint_file_open(tensor_file *f)
{
    int rc = OK;
    f->read = element_read;
    TRY(h5_open(reader_path(f->file), &f->h5));
    TRY(check(f->h5));
    for (int g = 0; g < TENSOR_GROUPS; g++) TRY(group_add(f, (enum tensor_group)g));
    TRY(state_read(f));
    TRY(h5_exists(f->h5, "/optimizer/step", &f->has_step));
    if (!f->has_step) goto done;
    TRY(h5_read(f->h5, "/optimizer/step", NUMBER_I64, 1, &f->step));
    if (f->step < 0 || f->step > STEPS_MOST)
        rc = fail(FAILED, "%s: /optimizer/step is %lld, wanted 0 or more", h5_path(f->h5), (long long)f->step);
done:
    return rc;
}
