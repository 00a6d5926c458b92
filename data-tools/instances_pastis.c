#include "data-tools/instances_pastis.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/instances_files.h"
#include "data-tools/pack_common.h"
#include "data/instances.h"
#include "data/problems.h"
#include "format/id.h"
#include "format/npy.h"

enum { SIDE_MOST = 1 << 14 };

typedef struct job {
    const char *folder;
    const instances_pastis_options *options;
    char **ids; /* of patches, sorted */
    size_t count;
    int32_t *without;
    bool *met; /* [withouts] some patch has it */
    size_t withouts;
    problems found;
    name_list unlabelled, mixed;
    instances_pastis_result result;
} job;

/* ---- problems --------------------------------------------------------------------------------------------------------- */

/* A path, or a message that begins with one, from the folder on. */
static const char *within(const job *j, const char *text)
{
    size_t length = strlen(j->folder);
    return strncmp(text, j->folder, length) || text[length] != '/' ? text : text + length + 1;
}

static void problem_keep(job *j)
{
    if (j->found.count < PROBLEMS_SHOWN)
        problem_add(&j->found, FAILED, "%s", within(j, error_message()));
    else
        j->found.count++;
}

/* ---- what there is ------------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return id_compare(*(char *const *)a, *(char *const *)b);
}

static int patches_list(job *j)
{
    static const char prefix[] = "ParcelIDs_";
    const size_t length = sizeof prefix - 1;
    char **names = NULL, *annotations = path_join(j->folder, "ANNOTATIONS");
    size_t count = 0;
    int rc = OK;
    TRY_NEW(annotations);
    if (file_exists(annotations)) TRY(folder_list(annotations, ".npy", &names, &count));
    TRY_NEW(j->ids = memory_new(count, sizeof *j->ids));
    for (size_t i = 0; i < count; i++) {
        if (strncmp(names[i], prefix, length) != 0 || strlen(names[i]) <= length + 4) continue;
        names[i][strlen(names[i]) - 4] = 0;
        TRY_NEW(j->ids[j->count] = text_copy(names[i] + length));
        j->count++;
    }
    qsort(j->ids, j->count, sizeof *j->ids, by_id);
    j->result.patches = j->count;
    if (!j->count)
        rc = fail(FAILED, "%s: holds no ANNOTATIONS/ParcelIDs_*.npy, wanted a folder as PASTIS's", j->folder);
done:
    folder_free(names, count);
    free(annotations);
    return rc;
}

static int without_parse(job *j)
{
    const char *text = j->options->without;
    if (!text) return OK;
    j->without = memory_new(strlen(text) + 1, sizeof *j->without);
    j->met = memory_new(strlen(text) + 1, sizeof *j->met);
    if (!j->without || !j->met) return FAILED;
    for (const char *at = text;; at++) {
        char *end;
        errno = 0;
        long long id = strtoll(at, &end, 10);
        if (end == at || errno || id < 1 || id > INT32_MAX || (*end && *end != ','))
            return fail(USAGE, "without \"%s\": wanted parcel ids with commas between, as in 12,15", text);
        j->without[j->withouts++] = (int32_t)id;
        if (!*end) return OK;
        at = end;
    }
}

static int outputs_prepare(const job *j)
{
    char *folder = path_join(j->folder, "INSTANCE_ANNOTATIONS");
    int rc = OK;
    TRY_NEW(folder);
    TRY(folder_make(folder));
    TRY(folder_clear_temporaries(folder));
done:
    free(folder);
    return rc;
}

/* ---- reading a patch ----------------------------------------------------------------------------------------------- */

static int plane_check(const char *path, const npy_header *h)
{
    bool ranked = h->rank == 2 || (h->rank == 3 && h->shape[0] > 0);
    if (!ranked) return fail(FAILED, "%s: %d dimensions, wanted height x width, or several such planes", path, h->rank);
    size_t height = h->shape[h->rank - 2], width = h->shape[h->rank - 1];
    if (height < 2 || height > SIDE_MOST || width < 2 || width > SIDE_MOST)
        return fail(FAILED, "%s: %zu x %zu pixels, wanted 2 to %d a side", path, height, width, SIDE_MOST);
    if (!number_is_integer(h->type)) return fail(FAILED, "%s: %s, wanted integers", path, number_name(h->type));
    return OK;
}

/* The size of a patch, from its parcel ids' header. */
static int size_read(const char *path, int *height, int *width)
{
    npy_header h;
    int rc = OK;
    TRY(npy_read_header(path, &h));
    TRY(plane_check(path, &h));
    *height = (int)h.shape[h.rank - 2];
    *width = (int)h.shape[h.rank - 1];
done:
    return rc;
}

/* The first plane of height x width values from 0 to `most`: an array freed with free(). */
static int plane_read(const char *path, int height, int width, int32_t most, int32_t **out)
{
    const size_t columns = (size_t)width, pixels = (size_t)height * columns;
    npy_header h;
    void *raw = NULL;
    int rc = OK;
    *out = NULL;
    TRY(npy_read(path, SIZE_MAX, &h, &raw));
    TRY(plane_check(path, &h));
    if (h.shape[h.rank - 2] != (size_t)height || h.shape[h.rank - 1] != columns) {
        rc = fail(FAILED, "%s: %zu x %zu pixels, wanted %d x %d, as the parcel ids", path, h.shape[h.rank - 2],
                  h.shape[h.rank - 1], height, width);
        goto done;
    }
    TRY_NEW(*out = memory_new(pixels, sizeof **out));
    for (size_t i = 0; i < pixels; i++) {
        double value = number_get(h.type, raw, i);
        if (value < 0 || value > most) {
            rc = fail(FAILED, "%s: %.0f at row %zu, column %zu, wanted 0 to %d", path, value, i / columns, i % columns,
                      most);
            goto done;
        }
        (*out)[i] = (int32_t)value;
    }
done:
    free(raw);
    if (rc) {
        free(*out);
        *out = NULL;
    }
    return rc;
}

/* NULL where the patch has none. */
static int labels_read(const job *j, const char *id, int height, int width, uint8_t **out)
{
    const size_t pixels = (size_t)height * (size_t)width;
    int32_t *values = NULL;
    int rc = OK;
    char *path = text_format("%s/ANNOTATIONS/TARGET_%s.npy", j->folder, id);
    TRY_NEW(path);
    if (!file_exists(path)) goto done;
    TRY(plane_read(path, height, width, UINT8_MAX, &values));
    TRY_NEW(*out = memory_new(pixels, sizeof **out));
    for (size_t i = 0; i < pixels; i++) (*out)[i] = (uint8_t)values[i];
done:
    free(values);
    free(path);
    return rc;
}

static int set_make(job *j, const char *id, const char *path, int height, int width, instance_set *set)
{
    int32_t *parcels = NULL;
    uint8_t *labels = NULL;
    int rc = OK;
    TRY(plane_read(path, height, width, INT32_MAX, &parcels));
    TRY(labels_read(j, id, height, width, &labels));
    const instance_source source = {height, width, parcels, labels, j->without, j->withouts};
    TRY(instances_make(&source, set));
    for (size_t w = 0; w < j->withouts; w++)
        for (size_t k = 0; k < set->parcels; k++) j->met[w] |= set->parcel[k].id == j->without[w];
    if (!labels) name_list_add(&j->unlabelled, id);
    if (set->mixed) name_list_add(&j->mixed, id);
done:
    free(parcels);
    free(labels);
    return rc;
}

/* ---- one patch ----------------------------------------------------------------------------------------------------- */

static void count(job *j, const instance_set *s, double difference)
{
    j->result.made++;
    j->result.instances += s->instances;
    j->result.background += s->background;
    j->result.without += s->without;
    j->result.compared += difference >= 0;
    if (difference > j->result.difference) j->result.difference = difference;
}

static int patch_make(job *j, const char *id)
{
    char *path = text_format("%s/ANNOTATIONS/ParcelIDs_%s.npy", j->folder, id);
    instances_files files = {0};
    instance_set set = {0};
    int rc = OK, height, width;
    double difference;
    TRY_NEW(path);
    TRY(size_read(path, &height, &width));
    TRY(instances_files_find(j->folder, id, height, width, j->options->force, &files));
    if (instances_files_complete(&files) && !j->withouts) {
        j->result.present++;
        goto done;
    }
    TRY(set_make(j, id, path, height, width, &set));
    TRY(instances_files_compare(&files, &set, &difference)); /* all, before one is written */
    TRY(instances_files_save(&files, &set));
    count(j, &set, difference);
done:
    instances_free(&set);
    instances_files_free(&files);
    free(path);
    return rc;
}

/* ---- all ----------------------------------------------------------------------------------------------------------- */

typedef struct phrase {
    char text[48];
} phrase;

static phrase patches_have(long long count)
{
    phrase p;
    snprintf(p.text, sizeof p.text, "%lld patch%s", count, count == 1 ? " has" : "es have");
    return p;
}

static void warn(job *j)
{
    j->result.unlabelled = (size_t)j->unlabelled.count;
    if (j->unlabelled.count)
        log_warning("%s no labels (ANNOTATIONS/TARGET_ID.npy): every parcel counts, background or not: %s",
                    patches_have(j->unlabelled.count).text, name_list_text(&j->unlabelled));
    if (j->mixed.count)
        log_warning("%s parcels with several labels, of which the first pixel's counts: %s",
                    patches_have(j->mixed.count).text, name_list_text(&j->mixed));
    for (size_t w = 0; w < j->withouts; w++)
        if (!j->met[w]) log_warning("no patch has parcel %d, which was to be left out", j->without[w]);
    if (j->found.count)
        log_note("%zu patch%s made, %zu had all files", j->result.made, j->result.made == 1 ? " was" : "es were",
                 j->result.present);
}

static int patches_make(job *j)
{
    for (size_t i = 0; i < j->count; i++) {
        if (interrupt_requested())
            return fail(INTERRUPTED, "interrupted after %zu of %zu patches; the same command goes on", i, j->count);
        if (patch_make(j, j->ids[i])) problem_keep(j);
        log_progress("instances", i + 1, j->count, "");
    }
    warn(j);
    return problems_report(&j->found, j->folder);
}

int instances_pastis(const char *folder, const instances_pastis_options *options, instances_pastis_result *result)
{
    job j = {.folder = folder, .options = options};
    int rc = OK;
    TRY(without_parse(&j));
    TRY(patches_list(&j));
    TRY(outputs_prepare(&j));
    TRY(patches_make(&j));
    if (result) *result = j.result;
done:
    problems_free(&j.found);
    folder_free(j.ids, j.count);
    free(j.without);
    free(j.met);
    return rc;
}
