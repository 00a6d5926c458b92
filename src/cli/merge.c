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
    cJSON *all = cJSON_CreateObject();
    cJSON_AddStringToObject(all, "out", folder);
    cJSON_AddNumberToObject(all, "width", r->width);
    cJSON_AddNumberToObject(all, "height", r->height);
    cJSON_AddNumberToObject(all, "tiles", r->tiles);
    cJSON_AddNumberToObject(all, "classes", r->classes);
    if (r->has_parcels) cJSON_AddNumberToObject(all, "parcels", r->parcels);
    char *text = cJSON_Print(all);
    cJSON_Delete(all);
    return text;
}

int command_merge(int argc, char **argv)
{
    text_list words = {0};
    bool json = false, done;
    double tolerance = 0;
    const option options[] = {
        {"tolerance", OPTION_REAL, &tolerance, 0, 1000, "PIXELS", "of parcels: simplify outlines by so much (0)"},
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "print the result as one JSON document"},
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
