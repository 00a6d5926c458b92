#include "data-tools/pack_pastis_source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/schema.h"
#include "data-tools/pack_common.h"
#include "data-tools/pack_pastis_targets.h"
#include "format/id.h"

enum { DOCUMENT_MAX = 1 << 30 };

void pastis_problem(pastis_source *s, pastis_patch *patch, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pack_problem_add(patch && s->skip_bad ? &s->left_out : &s->found, format, arguments);
    va_end(arguments);
    if (patch) patch->bad = true;
}

const char *pastis_message(const pastis_source *s)
{
    const char *message = error_message();
    size_t length = strlen(s->folder);
    if (strncmp(message, s->folder, length) != 0) return message;
    message += length;
    return *message == '/' ? message + 1 : message;
}

/* ---- names --------------------------------------------------------------------------------------------------------- */

const char *pastis_satellite_name(int satellite)
{
    static const char *const names[PATCH_SATELLITES_MAX] = {"S2", "S1A", "S1D"};
    return names[satellite];
}

static pastis_name name_of(const char *folder, const char *prefix, const char *id)
{
    pastis_name name;
    snprintf(name.text, sizeof name.text, "%s/%s_%.120s.npy", folder, prefix, id);
    return name;
}

static const char *const folders[PATCH_SATELLITES_MAX] = {"DATA_S2", "DATA_S1A", "DATA_S1D"};

pastis_name pastis_image_name(int satellite, const char *id)
{
    return name_of(folders[satellite], pastis_satellite_name(satellite), id);
}

pastis_name pastis_labels_name(const char *id)
{
    return name_of("ANNOTATIONS", "TARGET", id);
}

pastis_name pastis_parcels_name(const char *id)
{
    return name_of("ANNOTATIONS", "ParcelIDs", id);
}

pastis_name pastis_target_name(enum patch_target target, const char *id)
{
    static const char *const prefixes[PATCH_TARGETS] = {"INSTANCES", "HEATMAP", "ZONES"};
    return name_of("INSTANCE_ANNOTATIONS", prefixes[target], id);
}

bool pastis_has_parcels(const pastis_patch *p)
{
    return p->parcels.there || p->target[PATCH_INSTANCES].there;
}

int pastis_document(pastis_source *s, const char *name, cJSON **out)
{
    char *path = path_join(s->folder, name), *text = NULL;
    size_t length;
    int rc = OK;
    *out = NULL;
    TRY_NEW(path);
    if (!file_exists(path)) goto done;
    if (file_read(path, DOCUMENT_MAX, &text, &length) || json_parse(text, length, path, out))
        pastis_problem(s, NULL, "%s", pastis_message(s));
    else
        s->documents = hash_bytes(s->documents, text, length);
done:
    free(text);
    free(path);
    return rc;
}

/* ---- which patches there are --------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return id_compare(((const pastis_patch *)a)->id, ((const pastis_patch *)b)->id);
}

pastis_patch *pastis_find(const pastis_source *s, const char *id)
{
    const pastis_patch wanted = {.id = (char *)id};
    return s->count ? bsearch(&wanted, s->patches, s->count, sizeof wanted, by_id) : NULL;
}

/* The patches that DATA_<name>/<name>_ID.npy are of are added where they are not known yet. */
static int images_list(pastis_source *s, int satellite)
{
    char **names = NULL, prefix[8], *folder = path_join(s->folder, folders[satellite]);
    size_t count = 0, known = s->count, length;
    int rc = OK;
    TRY_NEW(folder);
    if (!file_exists(folder)) goto done;
    TRY(folder_list(folder, ".npy", &names, &count));
    length = (size_t)snprintf(prefix, sizeof prefix, "%s_", pastis_satellite_name(satellite));
    for (size_t i = 0; i < count; i++) {
        void *grown = s->patches;
        size_t id_length = strlen(names[i]) - length - 4;
        if (strncmp(names[i], prefix, length) != 0 || strlen(names[i]) <= length + 4) continue;
        names[i][length + id_length] = 0;
        s->satellite[satellite].there = true;
        const pastis_source before = {.patches = s->patches, .count = known};
        if (pastis_find(&before, names[i] + length)) continue;
        TRY(memory_grow(&grown, &s->capacity, s->count + 1, sizeof *s->patches));
        s->patches = grown;
        TRY_NEW(s->patches[s->count].id = text_copy(names[i] + length));
        s->count++;
    }
    if (s->count) qsort(s->patches, s->count, sizeof *s->patches, by_id);
done:
    folder_free(names, count);
    free(folder);
    return rc;
}

static int patches_list(pastis_source *s)
{
    int rc = OK;
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) TRY(images_list(s, k));
    if (!s->count)
        rc = fail(FAILED, "%s: holds no DATA_S2/S2_*.npy, wanted a folder as PASTIS's, with metadata.geojson",
                  s->folder);
done:
    return rc;
}

static void patch_free(pastis_patch *p)
{
    free(p->id);
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) free(p->days[k]);
}

/* Folds that are not wanted leave without a word; a patch without an entry stays, to be complained of. */
static void folds_select(pastis_source *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->wanted_fold[s->patches[i].fold] || !s->patches[i].entry || s->patches[i].bad)
            s->patches[kept++] = s->patches[i];
        else
            patch_free(&s->patches[i]);
    s->count = kept;
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static int folds_parse(const char *folds, bool wanted[6])
{
    for (int f = 0; f < 6; f++) wanted[f] = !folds;
    for (const char *at = folds; at && *at; at += *at == ',') {
        char *end;
        long fold = strtol(at, &end, 10);
        if (end == at || (*end && *end != ',') || fold < 1 || fold > 5 || (*end && !end[1]))
            return fail(USAGE, "folds \"%s\": wanted numbers from 1 to 5 with commas between, as in 1,2", folds);
        wanted[fold] = true;
        at = end;
    }
    return folds && !*folds ? fail(USAGE, "folds \"\": wanted numbers from 1 to 5, as in 1,2") : OK;
}

int pastis_source_open(const char *folder, const char *folds, bool skip_bad, pastis_source *s)
{
    int rc = OK;
    *s = (pastis_source){.folder = folder, .skip_bad = skip_bad, .documents = HASH_START};
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) s->satellite[k].name = pastis_satellite_name(k);
    TRY(folds_parse(folds, s->wanted_fold));
    TRY(patches_list(s));
    TRY(pastis_metadata_read(s));
    folds_select(s);
    if (!s->count) {
        rc = fail(FAILED, "%s: no patch is of the folds %s", folder, folds ? folds : "");
        goto done;
    }
    TRY(pastis_headers_read(s));
    TRY(pastis_targets_survey(s));
    pastis_headers_conclude(s);
    TRY(pastis_normalisation_read(s));
    TRY(pastis_class_names_read(s));
done:
    if (rc) pastis_source_free(s);
    return rc;
}

void pastis_source_free(pastis_source *s)
{
    for (size_t i = 0; i < s->count; i++) patch_free(&s->patches[i]);
    free(s->patches);
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) {
        normalisation_free(&s->satellite[k].norm);
        free(s->satellite[k].norm_file);
    }
    for (size_t i = 0; i < PASTIS_CLASSES; i++) free(s->class_name[i]);
    problems_free(&s->found);
    problems_free(&s->left_out);
    *s = (pastis_source){0};
}
