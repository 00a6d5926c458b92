#include "data-tools/merge_tiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text_file.h"
#include "data/problems.h"
#include "data/tiles.h"
#include "format/geo_raster.h"

enum { PALETTE = 256 };

/* ---- styles -------------------------------------------------------------------------------------------------------- */

static void style_start(text_file *f)
{
    text_put(f, "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
                "<qgis version=\"3.22\" styleCategories=\"Symbology\">\n <pipe>\n");
}

static int classes_style(const tile_plan *p, const char *path)
{
    text_file *f;
    const int rc = text_file_open(path, &f);
    if (rc) return rc;
    style_start(f);
    text_put(f, "  <rasterrenderer type=\"paletted\" band=\"1\" opacity=\"1\" alphaBand=\"-1\" nodataColor=\"\">\n"
                "   <colorPalette>\n");
    for (int k = 0; k < p->class_count; k++) {
        text_put_format(f, "    <paletteEntry value=\"%d\" color=\"#%06x\" alpha=\"255\" label=\"", k,
                        p->classes[k].colour);
        text_put_xml(f, p->classes[k].name);
        text_put(f, "\"/>\n");
    }
    text_put(f, "   </colorPalette>\n  </rasterrenderer>\n </pipe>\n</qgis>\n");
    return text_file_finish(f);
}

static int confidence_style(const char *path)
{
    text_file *f;
    const int rc = text_file_open(path, &f);
    if (rc) return rc;
    style_start(f);
    text_put(f, "  <rasterrenderer type=\"singlebandgray\" band=\"1\" grayBand=\"1\" opacity=\"1\" alphaBand=\"-1\" "
                "gradient=\"BlackToWhite\">\n"
                "   <contrastEnhancement>\n    <minValue>0</minValue>\n    <maxValue>100</maxValue>\n"
                "    <algorithm>StretchToMinimumMaximum</algorithm>\n   </contrastEnhancement>\n"
                "  </rasterrenderer>\n </pipe>\n</qgis>\n");
    return text_file_finish(f);
}

/* GDAL keeps names of classes beside the file. */
static int names_write(const tile_plan *p, const char *path)
{
    text_file *f;
    const int rc = text_file_open(path, &f);
    if (rc) return rc;
    text_put_format(f, "<PAMDataset>\n  <Metadata>\n    <MDI key=\"last_image\">%s</MDI>\n  </Metadata>\n",
                    date_write(p->last_day).text);
    text_put(f, "  <PAMRasterBand band=\"1\">\n    <CategoryNames>\n");
    for (int k = 0; k < p->class_count; k++) {
        text_put(f, "      <Category>");
        text_put_xml(f, p->classes[k].name);
        text_put(f, "</Category>\n");
    }
    text_put(f, "    </CategoryNames>\n  </PAMRasterBand>\n</PAMDataset>\n");
    return text_file_finish(f);
}

/* ---- images -------------------------------------------------------------------------------------------------------- */

static int all_there(const tile_plan *p, const char *folder)
{
    name_list missing = {0};
    for (int i = 0; i < p->across * p->down; i++) {
        char name[40];
        if (tile_is_done(p, folder, i)) continue;
        snprintf(name, sizeof name, "%d_%d", i / p->across, i % p->across);
        name_list_add(&missing, name);
    }
    return missing.count ? fail(FAILED, "%s: %lld of %d tiles are missing or damaged: %s", folder, missing.count,
                                p->across * p->down, name_list_text(&missing))
                         : OK;
}

static int tile_copy(const tile_plan *p, const char *folder, int index, geo_raster *classes, geo_raster *confidence)
{
    const tile_span y = tile_span_of(p, p->grid.height, index / p->across);
    const tile_span x = tile_span_of(p, p->grid.width, index % p->across);
    const int width = x.to - x.from, height = y.to - y.from;
    uint8_t *values = NULL;
    int rc = OK;
    TRY(tile_load(p, folder, index, &values));
    TRY(geo_raster_write(classes, 0, x.from, y.from, width, height, NUMBER_U8, values));
    TRY(geo_raster_write(confidence, 0, x.from, y.from, width, height, NUMBER_U8,
                         values + (size_t)width * (size_t)height));
done:
    free(values);
    return rc;
}

static int tiles_copy(const tile_plan *p, const char *folder, geo_raster *classes, geo_raster *confidence)
{
    const int total = p->across * p->down;
    int rc = OK;
    for (int i = 0; i < total; i++) {
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted; the same command goes on");
        TRY(tile_copy(p, folder, i, classes, confidence));
        log_progress("merge", (size_t)i + 1, (size_t)total, "");
    }
done:
    return rc;
}

/* Both images in tiles, straight under temporary names. */
static int plain_write(const tile_plan *p, const char *folder, const char *class_path, const char *confidence_path)
{
    uint32_t palette[PALETTE] = {0};
    geo_raster_plan plan = {p->grid, 1, NUMBER_U8, true, TILE_UNSEEN, palette, PALETTE};
    geo_raster *classes = NULL, *confidence = NULL;
    int rc = OK;
    for (int k = 0; k < p->class_count; k++) palette[k] = p->classes[k].colour;
    TRY(file_room(class_path, 2.0 * p->grid.width * p->grid.height));
    TRY(geo_raster_create(class_path, &plan, &classes));
    plan.palette = NULL;
    TRY(geo_raster_create(confidence_path, &plan, &confidence));
    TRY(tiles_copy(p, folder, classes, confidence));
    rc = geo_raster_finish(classes);
    classes = NULL;
    TRY(rc);
    rc = geo_raster_finish(confidence);
    confidence = NULL;
done:
    geo_raster_close(classes);
    geo_raster_close(confidence);
    return rc;
}

static int style_write(const tile_plan *p, const char *folder)
{
    char *classes = path_join(folder, "classes.qml"), *confidence = path_join(folder, "confidence.qml");
    char *names = path_join(folder, "classes.tif.aux.xml");
    int rc = OK;
    TRY_NEW(classes);
    TRY_NEW(confidence);
    TRY_NEW(names);
    TRY(classes_style(p, classes));
    TRY(confidence_style(confidence));
    TRY(names_write(p, names));
done:
    free(classes);
    free(confidence);
    free(names);
    return rc;
}

int merge_tiles(const char *folder, merge_result *result)
{
    tile_plan p = {0};
    char *classes = path_join(folder, "classes.tif"), *confidence = path_join(folder, "confidence.tif");
    char *plain_classes = text_format("%s/classes.%ld.temporary", folder, (long)getpid());
    char *plain_confidence = text_format("%s/confidence.%ld.temporary", folder, (long)getpid());
    int rc = OK;
    if (!classes || !confidence || !plain_classes || !plain_confidence) {
        rc = FAILED;
        goto done;
    }
    TRY(tiles_open(folder, &p));
    TRY(all_there(&p, folder));
    TRY(plain_write(&p, folder, plain_classes, plain_confidence));
    TRY(style_write(&p, folder));
    TRY(geo_raster_publish(plain_confidence, confidence, "AVERAGE"));
    TRY(geo_raster_publish(plain_classes, classes, "MODE"));
    if (result) *result = (merge_result){p.grid.width, p.grid.height, p.across * p.down, p.class_count};
done:
    if (plain_classes) unlink(plain_classes);
    if (plain_confidence) unlink(plain_confidence);
    tiles_free(&p);
    free(classes);
    free(confidence);
    free(plain_classes);
    free(plain_confidence);
    return rc;
}
