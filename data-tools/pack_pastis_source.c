#include "data-tools/pack_pastis_source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "data-tools/date_list.h"
#include "data-tools/pack_common.h"
#include "format/id.h"

enum { DOCUMENT_MAX = 1 << 30, SIDE_MOST = 1 << 14, BANDS_MOST = 1 << 12, DATES_MOST = 1 << 16 };

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

/* ---- headers ------------------------------------------------------------------------------------------------------- */

static char *shape_text(const npy_header *h, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < h->rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, i ? " x %zu" : "%zu", h->shape[i]);
    return text;
}

/* False where there is no such file. */
static int header_read(pastis_source *s, pastis_patch *p, pastis_name name, pastis_image *image)
{
    char *path = path_join(s->folder, name.text);
    if (!path) return FAILED;
    image->there = !stat(path, &image->file);
    if (image->there) {
        if (npy_read_header(path, &image->header)) {
            pastis_problem(s, p, "%s", pastis_message(s));
            image->there = false;
        }
    }
    free(path);
    return OK;
}

static void frames_check(pastis_source *s, pastis_patch *p, int k)
{
    char text[200];
    pastis_image *image = &p->image[k];
    const npy_header *h = &image->header;
    const pastis_name file = pastis_image_name(k, p->id);
    const char *name = file.text;
    if (h->rank != 4) {
        pastis_problem(s, p, "%s: %d dimensions (%s), wanted four: dates x bands x height x width", name, h->rank,
                       shape_text(h, text, sizeof text));
    } else if (h->shape[0] < 1 || h->shape[0] > DATES_MOST || h->shape[1] < 1 || h->shape[1] > BANDS_MOST ||
               h->shape[2] < 1 || h->shape[2] > SIDE_MOST || h->shape[3] < 1 || h->shape[3] > SIDE_MOST) {
        pastis_problem(s, p, "%s: %s, wanted at least one of dates x bands x height x width, at most %d x %d x %d x %d",
                       name, shape_text(h, text, sizeof text), DATES_MOST, BANDS_MOST, SIDE_MOST, SIDE_MOST);
    } else if (p->entry && !p->days[k] && !p->bad) {
        pastis_problem(s, p, "%s: metadata.geojson has no dates-%s for patch %s", name, pastis_satellite_name(k),
                       p->id);
    } else if (p->days[k] && p->dates[k] != h->shape[0]) {
        pastis_problem(s, p, "%s: %zu dates, but metadata.geojson has %zu dates-%s for patch %s", name, h->shape[0],
                       p->dates[k], pastis_satellite_name(k), p->id);
    }
}

static int headers_read(pastis_source *s)
{
    int rc = OK;
    for (size_t i = 0; i < s->count; i++) {
        pastis_patch *p = &s->patches[i];
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted while reading headers; nothing was written");
        for (int k = 0; k < PATCH_SATELLITES_MAX; k++) {
            if (!s->satellite[k].there) continue;
            TRY(header_read(s, p, pastis_image_name(k, p->id), &p->image[k]));
            if (p->image[k].there) frames_check(s, p, k);
        }
        TRY(header_read(s, p, pastis_labels_name(p->id), &p->labels));
        TRY(header_read(s, p, pastis_parcels_name(p->id), &p->parcels));
        log_progress("headers", i + 1, s->count, "");
    }
done:
    return rc;
}

/* ---- what most of them have ---------------------------------------------------------------------------------------- */

static bool frames_are_right(const pastis_patch *p, int k)
{
    return p->image[k].there && p->image[k].header.rank == 4 && p->image[k].header.shape[2] <= SIDE_MOST &&
           p->image[k].header.shape[3] <= SIDE_MOST && p->image[k].header.shape[1] <= BANDS_MOST;
}

static int majorities(pastis_source *s)
{
    int *values = memory_new(s->count, sizeof *values);
    if (!values) return FAILED;
    for (int k = PATCH_SATELLITES_MAX - 1; k >= 0; k--) {
        for (size_t i = 0; i < s->count; i++)
            values[i] = frames_are_right(&s->patches[i], k) ? (int)s->patches[i].image[k].header.shape[1] : 0;
        s->satellite[k].bands = pack_majority(values, s->count);
        for (size_t i = 0; i < s->count; i++)
            if (values[i])
                values[i] =
                    (int)(s->patches[i].image[k].header.shape[2] << 15 | s->patches[i].image[k].header.shape[3]);
        int size = pack_majority(values, s->count); /* S2, the last looked at, decides where there is one */
        if (size) s->height = size >> 15;
        if (size) s->width = size & 0x7fff;
    }
    free(values);
    return OK;
}

static void image_compare(pastis_source *s, pastis_patch *p, int k)
{
    const size_t *shape = p->image[k].header.shape;
    pastis_name name = pastis_image_name(k, p->id);
    if (!frames_are_right(p, k) || p->bad) return;
    if (shape[1] != (size_t)s->satellite[k].bands)
        pastis_problem(s, p, "%s: %zu bands, most patches have %d", name.text, shape[1], s->satellite[k].bands);
    else if (shape[2] != (size_t)s->height || shape[3] != (size_t)s->width)
        pastis_problem(s, p, "%s: %zu x %zu pixels, most patches have %d x %d", name.text, shape[2], shape[3],
                       s->height, s->width);
}

static void plane_check(pastis_source *s, pastis_patch *p, const pastis_image *image, pastis_name name,
                        const char *what)
{
    char text[200];
    const npy_header *h = &image->header;
    if (!image->there || !s->height) return;
    bool right = (h->rank == 2 || (h->rank == 3 && h->shape[0] > 0)) && h->shape[h->rank - 2] == (size_t)s->height &&
                 h->shape[h->rank - 1] == (size_t)s->width;
    if (!right)
        pastis_problem(s, p, "%s: %s, wanted %d x %d pixels, as the images, or several such %s", name.text,
                       shape_text(h, text, sizeof text), s->height, s->width, what);
    else if (!number_is_integer(h->type))
        pastis_problem(s, p, "%s: %s, wanted integers", name.text, number_name(h->type));
}

static enum number_type packed_type(enum number_type type)
{
    return type == NUMBER_F16 ? type : pack_storable(type);
}

/* One type that holds those of all patches that are packed. */
static void types_choose(pastis_source *s)
{
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) {
        bool typed = false;
        for (size_t i = 0; i < s->count; i++) {
            const pastis_patch *p = &s->patches[i];
            if (p->bad || !p->image[k].there) continue;
            enum number_type type = packed_type(p->image[k].header.type);
            s->satellite[k].type = typed && s->satellite[k].type != type ? NUMBER_F32 : type;
            typed = true;
        }
    }
}

/* What some patches lack and others have is said, but nothing wrong. */
static void absences_warn(const pastis_source *s)
{
    for (int k = 0; k < PATCH_SATELLITES_MAX + 2; k++) {
        name_list without = {0};
        size_t have = 0;
        for (size_t i = 0; i < s->count; i++) {
            const pastis_patch *p = &s->patches[i];
            const pastis_image *image = k < PATCH_SATELLITES_MAX    ? &p->image[k]
                                        : k == PATCH_SATELLITES_MAX ? &p->labels
                                                                    : &p->parcels;
            if (p->bad) continue;
            have += image->there;
            if (!image->there) name_list_add(&without, p->id);
        }
        const char *what = k < PATCH_SATELLITES_MAX    ? pastis_satellite_name(k)
                           : k == PATCH_SATELLITES_MAX ? "labels (ANNOTATIONS/TARGET_ID.npy)"
                                                       : "parcels (ANNOTATIONS/ParcelIDs_ID.npy)";
        if (have && without.count)
            log_warning("%lld patches have no %s: %s", without.count, what, name_list_text(&without));
        if (!have && k == PATCH_SATELLITES_MAX)
            log_note("no ANNOTATIONS/TARGET_ID.npy: the pack can be predicted on, not trained on");
    }
}

static int images_compare(pastis_source *s)
{
    int rc = OK;
    TRY(majorities(s));
    for (size_t i = 0; i < s->count; i++) {
        pastis_patch *p = &s->patches[i];
        for (int k = 0; k < PATCH_SATELLITES_MAX; k++) image_compare(s, p, k);
        plane_check(s, p, &p->labels, pastis_labels_name(p->id), "planes of which the first has the classes");
        plane_check(s, p, &p->parcels, pastis_parcels_name(p->id), "planes of which the first has the parcels");
        s->has_labels |= p->labels.there && !p->bad;
        s->has_parcels |= p->parcels.there && !p->bad;
    }
    types_choose(s);
    absences_warn(s);
done:
    return rc;
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
    TRY(headers_read(s));
    TRY(images_compare(s));
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
