/* A folder's images, looked at before a pixel is read: names, headers, and whether they fit each other. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/date.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/problems.h"
#include "data/scene_name.h"
#include "data/scenes_internal.h"

enum { PROBLEMS_MAX = 30, COARSER_MAX = 64 };

/* One band as it was found. */
typedef struct found_band {
    char name[SCENE_BAND_BYTES];
    scene_source source;
    enum number_type type;
} found_band;

typedef struct survey {
    scenes *s;
    const scenes_options *options;
    found_band *band; /* of all files, file by file */
    size_t bands, capacity;
    geo_raster_about *about; /* [files] */
    char **crs;
    char mask[SCENE_BAND_BYTES]; /* "": none */
    problems found;
} survey;

/* ---- names --------------------------------------------------------------------------------------------------------- */

static int by_day_and_band(const void *a, const void *b)
{
    const scene_file *x = a, *y = b;
    if (x->day != y->day) return x->day < y->day ? -1 : 1;
    const int order = scene_band_compare(x->band, y->band);
    return order ? order : strcmp(x->path, y->path);
}

static int files_list(scenes *s)
{
    scenes_files *f = s->files;
    name_list other = {0};
    char **names = NULL;
    size_t count = 0;
    int rc = OK;
    TRY(folder_list(s->folder, "", &names, &count));
    TRY_NEW(f->file = memory_new(count, sizeof *f->file));
    for (size_t i = 0; i < count; i++) {
        scene_file *file = &f->file[f->count];
        const char *dot = strrchr(names[i], '.');
        if (names[i][0] == '.') continue;
        if (!scene_name_read(names[i], &file->day, file->band)) {
            if (dot && !strncmp(dot, ".tif", 4)) name_list_add(&other, names[i]);
            continue;
        }
        TRY_NEW(file->path = path_join(s->folder, names[i]));
        file->name = file->path + strlen(file->path) - strlen(names[i]);
        f->count++;
    }
    if (other.count)
        log_warning("%s: files without a date in their names are left alone: %s", s->folder, name_list_text(&other));
    if (!f->count)
        rc = fail(FAILED, "%s: holds no image, wanted *.tif or *.jp2 with dates (YYYYMMDD) in their names", s->folder);
    else
        qsort(f->file, f->count, sizeof *f->file, by_day_and_band);
done:
    folder_free(names, count);
    return rc;
}

static int dates_count(scenes *s)
{
    const scenes_files *f = s->files;
    s->days = memory_new(f->count, sizeof *s->days);
    if (!s->days) return FAILED;
    for (size_t i = 0; i < f->count; i++)
        if (!i || f->file[i].day != f->file[i - 1].day) s->days[s->dates++] = f->file[i].day;
    return OK;
}

/* ---- headers ------------------------------------------------------------------------------------------------------- */

static int header_read(survey *v, size_t index)
{
    scene_file *file = &v->s->files->file[index];
    geo_raster *raster = NULL;
    struct stat about;
    void *grown = v->band;
    int rc = OK;
    if (geo_raster_open(file->path, &raster)) {
        if (geo_missing()) return FAILED;
        problem_add(&v->found, FAILED, "%s", error_message());
        return OK;
    }
    v->about[index] = *geo_raster_about_of(raster);
    const geo_raster_about *a = &v->about[index];
    TRY_NEW(v->crs[index] = text_copy(a->grid.crs));
    v->about[index].grid.crs = v->crs[index];
    TRY(memory_grow(&grown, &v->capacity, v->bands + (size_t)a->bands, sizeof *v->band));
    v->band = grown;
    for (int b = 0; b < a->bands; b++) {
        found_band *one = &v->band[v->bands++];
        one->type = a->type;
        one->source = (scene_source){.file = index, .band = b};
        one->source.has_no_data = geo_raster_no_data(raster, b, &one->source.no_data);
        if (a->bands > 1 || !file->band[0])
            snprintf(one->name, sizeof one->name, "%d", b + 1);
        else
            snprintf(one->name, sizeof one->name, "%s", file->band);
    }
    if (!stat(file->path, &about)) {
        const int64_t size = about.st_size, time[] = {(int64_t)about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
        v->s->fingerprint = hash_bytes(hash_text(v->s->fingerprint, file->name), &size, sizeof size);
        v->s->state = hash_bytes(v->s->state, time, sizeof time);
    }
    if (a->block_height > v->s->block_height) v->s->block_height = a->block_height;
done:
    geo_raster_close(raster);
    return rc;
}

static int headers_read(survey *v)
{
    const size_t count = v->s->files->count;
    int rc = OK;
    TRY_NEW(v->about = memory_new(count, sizeof *v->about));
    TRY_NEW(v->crs = memory_new(count, sizeof *v->crs));
    for (size_t i = 0; i < count; i++) TRY(header_read(v, i));
done:
    return rc;
}

/* ---- which bands --------------------------------------------------------------------------------------------------- */

static found_band *band_find(const survey *v, int date, const char *name, found_band **again)
{
    found_band *first = NULL;
    *again = NULL;
    for (size_t i = 0; i < v->bands; i++) {
        if (v->s->files->file[v->band[i].source.file].day != v->s->days[date] || strcmp(v->band[i].name, name) != 0)
            continue;
        if (first) *again = &v->band[i];
        if (!first) first = &v->band[i];
    }
    return first;
}

static int mask_choose(survey *v)
{
    const char *asked = v->options->mask;
    found_band *again;
    if (asked && !strcmp(asked, "none")) return OK;
    const char *name = asked ? asked : "SCL";
    if (band_find(v, 0, name, &again)) {
        snprintf(v->mask, sizeof v->mask, "%s", name);
        v->s->files->mask = true;
        if (!asked) log_note("%s: SCL says where the ground is not seen (--mask none: it does not)", v->s->folder);
        return OK;
    }
    return asked ? fail(USAGE, "%s: has no band \"%s\" for a mask", v->s->folder, asked) : OK;
}

static int mask_values_read(survey *v)
{
    static const int of_scl[] = {0, 1, 3, 8, 9, 10}; /* no data, defective, cloud shadow, clouds, cirrus */
    scenes_files *f = v->s->files;
    const char *text = v->options->mask_values;
    if (!text && !strcmp(v->mask, "SCL")) {
        f->mask_values = sizeof of_scl / sizeof *of_scl;
        memcpy(f->mask_value, of_scl, sizeof of_scl);
    }
    while (text) {
        char *end;
        const long value = strtol(text, &end, 10);
        if (end == text || (*end && *end != ',') || value < INT32_MIN || value > INT32_MAX ||
            f->mask_values == MASK_VALUES_MAX)
            return fail(USAGE, "mask values \"%s\": wanted at most %d integers such as 3,8,9", v->options->mask_values,
                        MASK_VALUES_MAX);
        f->mask_value[f->mask_values++] = (int)value;
        text = *end ? end + 1 : NULL;
    }
    return OK;
}

static int name_add(scenes *s, const char *name, size_t length)
{
    s->band_names[s->bands] = text_format("%.*s", (int)length, name);
    return s->band_names[s->bands] ? (s->bands++, OK) : FAILED;
}

static int by_band(const void *a, const void *b)
{
    return scene_band_compare(*(char *const *)a, *(char *const *)b);
}

/* All of the first date, or those that are asked for. */
static int bands_choose(survey *v)
{
    scenes *s = v->s;
    const char *text = v->options->bands;
    size_t room = text ? strlen(text) + 1 : v->bands;
    int rc = OK;
    TRY_NEW(s->band_names = memory_new(room, sizeof *s->band_names));
    for (size_t length; text; text = text[length] ? text + length + 1 : NULL) {
        length = strcspn(text, ",");
        TRY(name_add(s, text, length));
    }
    for (size_t i = 0; !v->options->bands && i < v->bands; i++) {
        const found_band *b = &v->band[i];
        if (s->files->file[b->source.file].day == s->days[0] && strcmp(b->name, v->mask) != 0)
            TRY(name_add(s, b->name, strlen(b->name)));
    }
    if (!v->options->bands) qsort(s->band_names, (size_t)s->bands, sizeof *s->band_names, by_band);
    if (!s->bands) rc = fail(FAILED, "%s: the first date has no band besides the mask", s->folder);
done:
    return rc;
}

static void no_data_override(const survey *v, scene_source *source)
{
    if (!v->options->no_data) return;
    source->has_no_data = strcmp(v->options->no_data, "none") != 0;
    source->no_data = atof(v->options->no_data);
}

static int no_data_check(const char *text)
{
    char *end;
    if (!text || !strcmp(text, "none")) return OK;
    strtod(text, &end);
    return *text && !*end ? OK : fail(USAGE, "no-data \"%s\": wanted a number, or none", text);
}

static void band_place(survey *v, int date, int k, const char *name, scene_source *out)
{
    scenes *s = v->s;
    found_band *again, *one = band_find(v, date, name, &again);
    const bool mask = k == s->bands;
    if (!one && v->found.count < PROBLEMS_MAX)
        problem_add(&v->found, v->options->bands && !mask ? USAGE : FAILED, "%s: there is no band \"%s\"",
                    date_write(s->days[date]).text, name);
    if (again && v->found.count < PROBLEMS_MAX)
        problem_add(&v->found, FAILED, "%s: band \"%s\" is in two files, %s and %s", date_write(s->days[date]).text,
                    name, s->files->file[one->source.file].name, s->files->file[again->source.file].name);
    if (!one) return;
    *out = one->source;
    if (mask) return;
    no_data_override(v, out);
    const enum number_type type = number_storable(one->type);
    s->type = date || k ? (s->type == type ? type : NUMBER_F32) : type;
    s->gaps |= out->has_no_data;
}

/* A date that has more bands than the first one is as suspect as one that has less. */
static void bands_count(survey *v, int date)
{
    int count = 0;
    for (size_t i = 0; i < v->bands; i++)
        count +=
            v->s->files->file[v->band[i].source.file].day == v->s->days[date] && strcmp(v->band[i].name, v->mask) != 0;
    if (count > v->s->bands && v->found.count < PROBLEMS_MAX)
        problem_add(&v->found, FAILED, "%s: has %d bands, the first date has %d", date_write(v->s->days[date]).text,
                    count, v->s->bands);
}

static int sources_place(survey *v)
{
    scenes *s = v->s;
    const size_t width = (size_t)(s->bands + s->files->mask);
    s->files->source = memory_new((size_t)s->dates * width, sizeof *s->files->source);
    if (!s->files->source) return FAILED;
    for (int d = 0; d < s->dates; d++) {
        scene_source *row = s->files->source + (size_t)d * width;
        for (int k = 0; k < s->bands; k++) band_place(v, d, k, s->band_names[k], &row[k]);
        if (s->files->mask) band_place(v, d, s->bands, v->mask, &row[s->bands]);
        if (!v->options->bands) bands_count(v, d);
    }
    s->gaps |= s->files->mask || s->type == NUMBER_F32;
    return OK;
}

/* ---- the grid ------------------------------------------------------------------------------------------------------ */

static void grid_check(survey *v, size_t index)
{
    const scenes *s = v->s;
    scene_file *file = &s->files->file[index];
    const geo_grid *g = &s->grid, *own = &v->about[index].grid;
    file->coarser = own->width > 0 ? g->width / own->width : 0;
    if (v->found.count >= PROBLEMS_MAX || !v->crs[index]) return;
    if (!geo_crs_same(g->crs, own->crs))
        problem_add(&v->found, FAILED, "%s: is in another coordinate system (EPSG:%d) than %s (EPSG:%d)", file->name,
                    geo_crs_epsg(own->crs), s->files->file[0].name, geo_crs_epsg(g->crs));
    else if (!geo_grid_covers_same(g, own))
        problem_add(
            &v->found, FAILED,
            "%s: covers another place (%d x %d pixels from %.10g, %.10g), wanted that of %s: %d x %d from %.10g, "
            "%.10g",
            file->name, own->width, own->height, own->transform[0], own->transform[3], s->files->file[0].name, g->width,
            g->height, g->transform[0], g->transform[3]);
    else if (file->coarser < 1 || file->coarser > COARSER_MAX || own->width * file->coarser != g->width ||
             own->height * file->coarser != g->height)
        problem_add(&v->found, FAILED, "%s: has %d x %d pixels, wanted %d x %d or a whole fraction of it", file->name,
                    own->width, own->height, g->width, g->height);
}

static int grid_choose(survey *v)
{
    scenes *s = v->s;
    size_t finest = 0;
    for (size_t i = 0; i < s->files->count; i++)
        if (s->files->file[i].day == s->days[0] && v->about[i].grid.width > v->about[finest].grid.width) finest = i;
    s->grid = v->about[finest].grid;
    s->grid.crs = text_copy(v->crs[finest] ? v->crs[finest] : "");
    if (!s->grid.crs) return FAILED;
    for (size_t i = 0; i < s->files->count; i++) grid_check(v, i);
    return OK;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

static void options_hash(scenes *s, const scenes_options *o)
{
    const char *const texts[] = {o->bands, o->mask, o->mask_values, o->no_data};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        s->fingerprint = hash_text(s->fingerprint, texts[i] ? texts[i] : "");
}

static void survey_free(survey *v)
{
    for (size_t i = 0; v->crs && i < v->s->files->count; i++) free(v->crs[i]);
    free(v->crs);
    free(v->about);
    free(v->band);
    problems_free(&v->found);
}

int scenes_open(const char *folder, const scenes_options *options, scenes *out)
{
    int rc = OK;
    *out = (scenes){.folder = folder, .fingerprint = HASH_START};
    survey v = {.s = out, .options = options};
    if (geo_missing()) return fail(FAILED, "%s", geo_missing());
    TRY(no_data_check(options->no_data));
    TRY_NEW(out->files = memory_new(1, sizeof *out->files));
    options_hash(out, options);
    TRY(files_list(out));
    TRY(dates_count(out));
    TRY(headers_read(&v));
    out->state = hash_bytes(out->state, &out->fingerprint, sizeof out->fingerprint);
    TRY(problems_report(&v.found, folder));
    TRY(mask_choose(&v));
    TRY(mask_values_read(&v));
    TRY(bands_choose(&v));
    TRY(sources_place(&v));
    TRY(grid_choose(&v));
    TRY(problems_report(&v.found, folder));
done:
    if (out->files) survey_free(&v);
    if (rc) scenes_close(out);
    return rc;
}
