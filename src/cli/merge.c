#include <stdio.h>

#include "cli/command.h"
#include "data-tools/merge_tiles.h"

static void show(const cJSON *document)
{
    if (member(document, "parcels"))
        printf("%s/parcels.gpkg: %s parcels; instances.tif, ", text_of(document, "out"),
               figure(number_of(document, "parcels"), 0));
    else
        printf("%s/", text_of(document, "out"));
    printf("classes.tif and confidence.tif: %s x %s pixels of %s tiles, %s classes; styles for QGIS beside them\n",
           figure(number_of(document, "width"), 0), figure(number_of(document, "height"), 0),
           figure(number_of(document, "tiles"), 0), figure(number_of(document, "classes"), 0));
}

static char *describe(const char *folder, const merge_result *r)
{
    return document_text((const entry[]){
        TEXT("out", folder),
        NUMBER("width", r->width),
        NUMBER("height", r->height),
        NUMBER("tiles", r->tiles),
        NUMBER("classes", r->classes),
        r->has_parcels ? (entry)NUMBER("parcels", r->parcels) : (entry){0},
        {0},
    });
}

int command_merge(int argc, char **argv)
{
    text_list words = {0};
    bool json = false, done;
    double tolerance = 0;
    const option options[] = {
        {"tolerance", OPTION_REAL, &tolerance, 0, 1000, "PIXELS", "of parcels: simplify outlines by so much (0)"},
        OPTION_JSON(json),
        {0},
    };
    const command_syntax syntax = {
        "merge DIR",
        "Joins the tiles that predict --scenes made in DIR, by one process or by several "
        "with --shard: classes.tif (the\n"
        "class of each pixel, with palette and overviews; 255: nothing was seen) and "
        "confidence.tif (its probability in\n"
        "percent), cloud-optimised GeoTIFFs with styles for QGIS beside them. Of a network that finds\n"
        "parcels, those that tiles cut are joined: also parcels.gpkg (outlines with class, confidence and\n"
        "area) and instances.tif (the parcel of each pixel).",
        options,
        &words,
        1,
        1};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    merge_result result = {0};
    code = merge_tiles(words.item[0], tolerance, &result);
    return command_end(code, code ? NULL : describe(words.item[0], &result), json, show);
}
