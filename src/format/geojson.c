#include "format/geojson.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/schema.h"
#include "base/text_file.h"

struct geojson {
    text_file *file;
    bool first;
};

int geojson_open(const char *path, int crs, geojson **out)
{
    int rc = OK;
    geojson *g = memory_new(1, sizeof *g);
    TRY_NEW(g);
    g->first = true;
    TRY(text_file_open(path, &g->file));
    text_put(g->file, "{\"type\": \"FeatureCollection\",\n");
    if (crs && crs != 4326)
        text_put_format(
            g->file, "\"crs\": {\"type\": \"name\", \"properties\": {\"name\": \"urn:ogc:def:crs:EPSG::%d\"}},\n", crs);
    text_put(g->file, "\"features\": [");
    *out = g;
    g = NULL;
done:
    geojson_abandon(g);
    return rc;
}

int geojson_feature(geojson *g, cJSON *properties, cJSON *polygons)
{
    cJSON *feature = cJSON_CreateObject(), *geometry = cJSON_CreateObject();
    const bool several = cJSON_GetArraySize(polygons) > 1;
    cJSON_AddStringToObject(feature, "type", "Feature");
    json_add(feature, "properties", properties);
    cJSON_AddStringToObject(geometry, "type", several ? "MultiPolygon" : "Polygon");
    json_add(geometry, "coordinates", several ? polygons : cJSON_DetachItemFromArray(polygons, 0));
    if (!several) cJSON_Delete(polygons);
    json_add(feature, "geometry", geometry);
    char *text = json_print(feature, false);
    cJSON_Delete(feature);
    if (!text) return FAILED;
    text_put(g->file, g->first ? "\n" : ",\n");
    text_put(g->file, text);
    free(text);
    g->first = false;
    return OK;
}

int geojson_finish(geojson *g)
{
    text_put(g->file, "\n]}\n");
    int rc = text_file_finish(g->file);
    free(g);
    return rc;
}

void geojson_abandon(geojson *g)
{
    if (!g) return;
    text_file_abandon(g->file);
    free(g);
}
