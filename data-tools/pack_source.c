#include "data-tools/pack_source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "data-tools/pack_common.h"
#include "format/id.h"
#include "format/npy.h"

enum { DOCUMENT_MAX = 1 << 30 };

void pack_problem(pack_source *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pack_problem_add(&s->found, format, arguments);
    va_end(arguments);
}

/* ---- parcels ------------------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return id_compare(*(char *const *)a, *(char *const *)b);
}

/* The names under DATA without .npy; those that start with a dot are other programs' litter. */
static int ids_list(pack_source *s)
{
    char **names;
    size_t count;
    int rc = folder_list(s->data, ".npy", &names, &count);
    if (rc) return fail_within(rc, "wanted a folder with DATA/*.npy and META/*.json");
    for (size_t i = 0; i < count; i++) {
        names[i][strlen(names[i]) - 4] = 0;
        if (names[i][0] == '.' || !names[i][0])
            free(names[i]);
        else
            names[s->count++] = names[i];
    }
    s->ids = names;
    if (!s->count) return fail(FAILED, "%s: holds no .npy file, wanted one for each parcel", s->data);
    qsort(s->ids, s->count, sizeof *s->ids, by_id);
    return OK;
}

size_t pack_source_find(const pack_source *s, const char *id)
{
    char **found = bsearch(&id, s->ids, s->count, sizeof *s->ids, by_id);
    return found ? (size_t)(found - s->ids) : s->count;
}

/* ---- headers ------------------------------------------------------------------------------------------------------- */

typedef struct survey {
    uint64_t fingerprint, state;
    bool typed;
    int *bands; /* of each parcel, 0: unreadable */
} survey;

static void hash_parcel(survey *v, const char *id, const npy_header *h, const struct stat *about)
{
    v->fingerprint = hash_text(v->fingerprint, id);
    v->fingerprint = pack_hash_array(v->fingerprint, h, about);
    v->state = pack_hash_time(v->state, about);
}

static bool shape_is_right(pack_source *s, const char *id, const npy_header *h)
{
    if (h->rank != 3) {
        pack_problem(s, "DATA/%s.npy: %d dimensions, wanted three: dates x bands x pixels", id, h->rank);
        return false;
    }
    if (h->shape[0] < 1 || h->shape[0] > 1 << 20 || h->shape[1] < 1 || h->shape[1] > 1 << 16 ||
        h->shape[2] > INT32_MAX) {
        pack_problem(s, "DATA/%s.npy: %zu dates x %zu bands x %zu pixels, wanted at least one date and band", id,
                     h->shape[0], h->shape[1], h->shape[2]);
        return false;
    }
    return true;
}

static int header_survey(pack_source *s, size_t i, survey *v)
{
    npy_header h = {0};
    struct stat about = {0};
    char *name = text_format("%s/%s.npy", s->data, s->ids[i]);
    if (!name) return FAILED;
    bool there = !stat(name, &about);
    if (!there || npy_read_header(name, &h)) {
        pack_problem(s, "%s", there ? error_message() : "a file under DATA went away");
    } else if (shape_is_right(s, s->ids[i], &h)) {
        s->dates[i] = (int32_t)h.shape[0];
        v->bands[i] = (int)h.shape[1];
        s->pixels[i] = (int32_t)h.shape[2];
        s->readable[i] = true;
        enum number_type type = number_storable(h.type);
        s->type = v->typed && s->type != type ? NUMBER_F32 : type;
        v->typed = true;
    }
    hash_parcel(v, s->ids[i], &h, &about);
    free(name);
    return OK;
}

static void bands_check(pack_source *s, const int *bands)
{
    s->bands = pack_majority(bands, s->count);
    for (size_t i = 0; i < s->count; i++)
        if (bands[i] && bands[i] != s->bands) {
            pack_problem(s, "DATA/%s.npy: %d bands, most parcels have %d", s->ids[i], bands[i], s->bands);
            s->readable[i] = false;
        }
}

static int headers_read(pack_source *s)
{
    survey v = {.fingerprint = HASH_START, .state = HASH_START};
    int rc = OK;
    TRY_NEW(v.bands = memory_new(s->count, sizeof *v.bands));
    for (size_t i = 0; i < s->count; i++) {
        if (interrupt_requested()) {
            rc = fail(INTERRUPTED, "interrupted while reading headers; nothing was written");
            goto done;
        }
        TRY(header_survey(s, i, &v));
        log_progress("headers", i + 1, s->count, "");
    }
    bands_check(s, v.bands);
    s->common_dates = s->dates[0];
    for (size_t i = 1; i < s->count; i++)
        if (s->dates[i] != s->dates[0]) s->common_dates = 0;
    snprintf(s->fingerprint, sizeof s->fingerprint, "%016llx", (unsigned long long)v.fingerprint);
    s->state = pack_hash_number(pack_hash_number(v.state, v.fingerprint), s->type);
done:
    free(v.bands);
    return rc;
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

int pack_source_open(const char *folder, pack_source *s)
{
    int rc = OK;
    *s = (pack_source){0};
    TRY_NEW(s->data = path_join(folder, "DATA"));
    TRY_NEW(s->meta = path_join(folder, "META"));
    TRY(ids_list(s));
    TRY_NEW(s->dates = memory_new(s->count, sizeof *s->dates));
    TRY_NEW(s->pixels = memory_new(s->count, sizeof *s->pixels));
    TRY_NEW(s->readable = memory_new(s->count, sizeof *s->readable));
    TRY(headers_read(s));
done:
    if (rc) pack_source_free(s);
    return rc;
}

void pack_source_free(pack_source *s)
{
    for (size_t i = 0; i < s->count; i++) free(s->ids[i]);
    for (size_t i = 0; i < s->nomenclatures; i++) {
        free((void *)s->labels[i].name);
        free((void *)s->labels[i].values);
        free((void *)s->labels[i].classes);
    }
    for (size_t i = 0; i < s->feature_count; i++) {
        free((void *)s->features[i].name);
        free((void *)s->features[i].values);
        free((void *)s->features[i].mean);
        free((void *)s->features[i].std);
    }
    free(s->ids);
    free(s->labels);
    free(s->features);
    free(s->days);
    free(s->readable);
    free(s->pixels);
    free(s->dates);
    free(s->meta);
    free(s->data);
    problems_free(&s->found);
    *s = (pack_source){0};
}

int pack_document(pack_source *s, const char *name, struct cJSON **out)
{
    *out = NULL;
    char *path = path_join(s->meta, name);
    if (!path) return FAILED;
    if (file_exists(path) && json_read(path, DOCUMENT_MAX, out)) pack_problem(s, "%s", error_message());
    free(path);
    return OK;
}
