/* `furrow pack geotiff`: look at the images, draw the polygons, gather the pixels, write them. */
#include "data-tools/pack_geotiff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/geotiff_samples.h"
#include "data-tools/pack_moments.h"
#include "format/normalisation.h"

enum { SYNC_BYTES = 256 << 20, DEFLATE_LEVEL = 4, MOST_PIXELS = 1000000 };

typedef struct packing {
    const pack_geotiff_options *options;
    const char *parcels_path, *out;
    char *partial, *unfinished, *left_out; /* OUT.partial, OUT.unfinished, OUT.left-out.csv */
    scenes scenes;
    geotiff_parcels parcels;
    geotiff_gather gather;
    geotiff_samples samples;
    uint64_t fingerprint, state;
    normalisation norm; /* given */
    pixelset_pack *norm_pack;
    const pack_feature *norm_feature; /* of norm_pack */
} packing;

static const char FEATURE_NAME[] = "geomfeat";

pack_geotiff_options pack_geotiff_defaults(void)
{
    return (pack_geotiff_options){.parcels = {.least_pixels = 1, .most_pixels = MOST_PIXELS}};
}

/* ---- what the result depends on ------------------------------------------------------------------------------------ */

static void hash_all(packing *p)
{
    p->fingerprint = geotiff_parcels_hash(&p->parcels, p->scenes.fingerprint);
    p->state = hash_bytes(p->scenes.state, &p->fingerprint, sizeof p->fingerprint);
}

/* ---- somebody else's normalisation -------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), wanted = strlen(end);
    return length >= wanted && !strcmp(text + length - wanted, end);
}

/* A pack's: of one value, of each band or, where both have as many dates, of each date and band. */
static int norm_copy(const packing *p, const pack_normalisation *from, normalisation *out)
{
    const size_t cells = (size_t)from->rows * (size_t)from->columns;
    if ((from->columns != 1 && from->columns != p->scenes.bands) || (from->rows != 1 && from->rows != p->scenes.dates))
        return fail(USAGE, "%s: its normalisation is of %d dates x %d bands, the images have %d x %d", p->options->norm,
                    from->rows, from->columns, p->scenes.dates, p->scenes.bands);
    *out = (normalisation){.rows = from->rows, .columns = from->columns};
    int rc = OK;
    TRY_NEW(out->mean = memory_new(cells, sizeof *out->mean));
    TRY_NEW(out->std = memory_new(cells, sizeof *out->std));
    memcpy(out->mean, from->mean, cells * sizeof *out->mean);
    memcpy(out->std, from->std, cells * sizeof *out->std);
done:
    return rc;
}

static int norm_read(packing *p)
{
    const pack_feature *f;
    int rc = OK;
    if (!p->options->norm) return OK;
    if (ends_with(p->options->norm, ".pkl"))
        return normalisation_read(p->options->norm, p->scenes.dates, p->scenes.bands, &p->norm);
    TRY(pixelset_pack_open(p->options->norm, &p->norm_pack));
    TRY(norm_copy(p, pixelset_pack_normalisation(p->norm_pack), &p->norm));
    for (size_t k = 0; k < pixelset_pack_features(p->norm_pack); k++)
        if (!pixelset_pack_feature(p->norm_pack, FEATURE_NAME, &f)) p->norm_feature = f;
    if (p->norm_feature && p->norm_feature->width != GEOMETRIC_FEATURES) p->norm_feature = NULL;
done:
    return rc;
}

/* ---- the pack ------------------------------------------------------------------------------------------------------ */

typedef struct contents {
    pack_contents pack;
    char fingerprint[20];
    int32_t *dates; /* [samples] the same number for all */
    pack_labels labels[NOMENCLATURES_MAX];
    pack_feature feature;
    double mean[GEOMETRIC_FEATURES], std[GEOMETRIC_FEATURES];
} contents;

static void contents_free(contents *c)
{
    free(c->dates);
    for (int k = 0; k < NOMENCLATURES_MAX; k++) free((void *)(uintptr_t)c->labels[k].values);
    free((void *)(uintptr_t)c->feature.values);
}

static int contents_new(packing *p, contents *c)
{
    const geotiff_samples *s = &p->samples;
    int32_t *labels;
    float *features = NULL;
    int rc = OK;
    snprintf(c->fingerprint, sizeof c->fingerprint, "%016llx", (unsigned long long)p->fingerprint);
    TRY_NEW(c->dates = memory_new(s->count, sizeof *c->dates));
    for (size_t i = 0; i < s->count; i++) c->dates[i] = p->scenes.dates;
    for (size_t k = 0; k < p->parcels.nomenclatures; k++) {
        TRY(geotiff_samples_labels(s, &p->parcels.labels[k], &labels));
        c->labels[k] = p->parcels.labels[k];
        c->labels[k].values = labels;
    }
    TRY(geotiff_samples_features(s, &features));
    moments_of_columns(features, s->count, GEOMETRIC_FEATURES, c->mean, c->std);
    if (p->norm_feature) {
        memcpy(c->mean, p->norm_feature->mean, sizeof c->mean);
        memcpy(c->std, p->norm_feature->std, sizeof c->std);
    }
    c->feature = (pack_feature){FEATURE_NAME, GEOMETRIC_FEATURES, features, c->mean, c->std};
    c->pack = (pack_contents){
        .count = s->count,
        .bands = p->scenes.bands,
        .type = p->scenes.type,
        .fingerprint = c->fingerprint,
        .ids = s->ids,
        .dates = c->dates,
        .pixels = s->pixels,
        .days = p->scenes.days,
        .day_count = (size_t)p->scenes.dates,
        .days_shared = true,
        .labels = c->labels,
        .nomenclatures = p->parcels.nomenclatures,
        .features = &c->feature,
        .feature_count = 1,
    };
done:
    return rc;
}

static int samples_write(packing *p, pack_writer *w, moments *m)
{
    geotiff_samples *s = &p->samples;
    int rc = OK;
    for (size_t i = 0; i < s->count; i++) {
        const void *values;
        size_t count;
        TRY(interrupt_check());
        TRY(geotiff_samples_read(s, i, &values, &count));
        TRY(pack_writer_append(w, values, count));
        if (!p->options->norm) moments_add(m, p->scenes.type, values, count / (size_t)p->scenes.bands);
        log_progress("pack", i + 1, s->count, "");
    }
done:
    return rc;
}

static int pack_write(packing *p)
{
    contents c = {0};
    pack_writer *w = NULL;
    moments m = {0};
    normalisation computed = {0};
    const char *slash;
    int rc = OK;
    TRY(contents_new(p, &c));
    TRY(moments_new(p->scenes.bands, &m));
    TRY(pack_writer_open(p->unfinished, &c.pack, p->options->compress ? DEFLATE_LEVEL : 0, &w));
    TRY(samples_write(p, w, &m));
    if (!p->options->norm) TRY(moments_result(&m, &computed));
    slash = p->options->norm ? strrchr(p->options->norm, '/') : NULL;
    TRY(pack_writer_finish(w, p->options->norm ? &p->norm : &computed,
                           slash              ? slash + 1
                           : p->options->norm ? p->options->norm
                                              : "computed"));
    TRY(file_commit(p->unfinished, p->out));
done:
    pack_writer_close(w);
    if (rc) unlink(p->unfinished);
    normalisation_free(&computed);
    moments_free(&m);
    contents_free(&c);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

static int out_check(const packing *p)
{
    struct stat about;
    const bool there = !stat(p->out, &about);
    if (p->options->folder && there && !S_ISDIR(about.st_mode))
        return fail(FAILED, "%s: is a file, wanted the folder's name", p->out);
    if (!p->options->folder && there && S_ISDIR(about.st_mode))
        return fail(FAILED, "%s: is a folder, wanted the pack's file name", p->out);
    return OK;
}

/* Parcels of another run would be mixed with these; those of an interrupted run are written again. */
static int folder_check(const packing *p)
{
    char *data = path_join(p->out, "DATA");
    if (!data) return FAILED;
    const bool there = file_exists(data);
    free(data);
    return there && !p->gather.resumed
               ? fail(FAILED, "%s: holds DATA already: wanted a folder without, so that no parcels are mixed", p->out)
               : OK;
}

static int survey(packing *p, const char *scenes_folder)
{
    const double copies = p->options->compress ? 0.3 : 1; /* of the pixels, that will be written beside them */
    int rc = OK;
    TRY_NEW(p->partial = text_format("%s.partial", p->out));
    TRY_NEW(p->unfinished = text_format("%s.unfinished", p->out));
    TRY_NEW(p->left_out = text_format("%s.left-out.csv", p->out));
    TRY(scenes_open(scenes_folder, &p->options->scenes, &p->scenes));
    TRY(norm_read(p));
    if (geo_crs_is_geographic(p->scenes.grid.crs))
        log_warning("%s: the images are in degrees, and so are perimeters and the buffer", scenes_folder);
    TRY(geotiff_parcels_read(p->parcels_path, &p->options->parcels, &p->scenes.grid, p->left_out, &p->parcels));
    TRY(geotiff_labels(&p->parcels));
    hash_all(p);
    TRY(geotiff_gather_open(p->partial, &p->scenes, &p->parcels, p->state, copies, &p->gather));
    if (p->options->folder) TRY(folder_check(p));
done:
    return rc;
}

static void result_fill(const packing *p, pack_geotiff_result *r)
{
    const geotiff_samples *s = &p->samples;
    *r = (pack_geotiff_result){
        .parcels = s->count,
        .left_out = p->parcels.left_out,
        .dates = p->scenes.dates,
        .resumed = p->gather.resumed,
        .bands = p->scenes.bands,
        .least_pixels = s->pixels[0],
        .most_pixels = s->pixels[0],
        .nomenclatures = p->parcels.nomenclatures,
        .type = number_name(p->scenes.type),
        .missing = s->missing,
    };
    for (size_t i = 0; i < s->count; i++) {
        if (s->pixels[i] < r->least_pixels) r->least_pixels = s->pixels[i];
        if (s->pixels[i] > r->most_pixels) r->most_pixels = s->pixels[i];
    }
}

static void packing_free(packing *p, bool keep_stage)
{
    normalisation_free(&p->norm);
    pixelset_pack_close(p->norm_pack);
    geotiff_samples_free(&p->samples);
    if (p->gather.start) geotiff_gather_close(&p->gather, keep_stage);
    geotiff_parcels_free(&p->parcels);
    scenes_close(&p->scenes);
    free(p->partial);
    free(p->unfinished);
    free(p->left_out);
}

int pack_geotiff(const char *scenes_folder, const char *parcels, const char *out, const pack_geotiff_options *options,
                 pack_geotiff_result *result)
{
    packing p = {.options = options, .parcels_path = parcels, .out = out};
    int rc = OK;
    TRY(out_check(&p));
    TRY(survey(&p, scenes_folder));
    TRY(geotiff_gather_run(&p.gather, options->sync_bytes ? options->sync_bytes : SYNC_BYTES));
    TRY(geotiff_samples_new(&p.gather, &p.parcels, options->parcels.least_pixels, &p.samples));
    TRY(options->folder ? geotiff_folder_write(&p.samples, out) : pack_write(&p));
    TRY(geotiff_parcels_end_list(&p.parcels, true));
    if (result) result_fill(&p, result);
done:
    packing_free(&p, rc != OK);
    return rc;
}
