#include "weights/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

enum { FOLDS_MAX = 1000 };

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static int add(weight_files *w, char *path, int fold)
{
    if (!path) return FAILED;
    w->path[w->count] = path;
    w->fold[w->count++] = fold;
    return OK;
}

/* Ours first: a published folder in which training went on has both. */
static const char *const names[] = {"model.h5", "model.pth.tar", "model.pth", "model.pt", "model.safetensors"};

/* The first of those in a folder (FOLDER, or FOLDER/Fold_k), as a new string; *out NULL: none. */
static int file_in(const char *folder, char **out)
{
    *out = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(folder, names[i]);
        if (!path) return FAILED;
        if (file_exists(path)) {
            *out = path;
            return OK;
        }
        free(path);
    }
    return OK;
}

static int take_fold(weight_files *w, const char *folder, int fold, bool required)
{
    int rc = OK;
    char *path = NULL, *inside = text_format("%s/Fold_%d", folder, fold);
    TRY_NEW(inside);
    TRY(file_in(inside, &path));
    if (path)
        rc = add(w, path, fold);
    else if (required)
        rc = fail(FAILED, "there are no weights in %s: wanted model.h5 or model.pth.tar", inside);
done:
    free(inside);
    return rc;
}

static int take_folder(weight_files *w, const char *folder, int fold)
{
    int rc = OK;
    if (fold) return take_fold(w, folder, fold, true);
    for (int k = 1; k <= FOLDS_MAX; k++) TRY(take_fold(w, folder, k, false));
    if (w->count) return OK;
    char *path;
    TRY(file_in(folder, &path));
    if (path) return add(w, path, 0);
    rc = fail(FAILED, "%s holds no weights; wanted model.h5 or model.pth.tar in it, or in Fold_1, Fold_2, ...", folder);
done:
    return rc;
}

int weights_find(const char *path, int fold, weight_files *out)
{
    int rc = OK;
    *out = (weight_files){0};
    TRY_NEW(out->path = memory_new(FOLDS_MAX, sizeof *out->path));
    TRY_NEW(out->fold = memory_new(FOLDS_MAX, sizeof *out->fold));
    if (is_folder(path))
        TRY(take_folder(out, path, fold));
    else if (file_exists(path))
        TRY(add(out, text_copy(path), 0));
    else
        rc = fail(FAILED, "there are no weights at %s: no such file or folder", path);
done:
    if (rc) weights_free(out);
    return rc;
}

void weights_free(weight_files *w)
{
    for (int i = 0; i < w->count; i++) free(w->path[i]);
    free(w->path);
    free(w->fold);
    *w = (weight_files){0};
}

const char *weight_file_of(const weight_files *w, int fold)
{
    for (int i = 0; i < w->count; i++)
        if (w->fold[i] == fold) return w->path[i];
    return w->count == 1 ? w->path[0] : NULL;
}
