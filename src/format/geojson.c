#include "format/geojson.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

struct geojson {
    char *path, *temporary;
    FILE *file;
    bool first;
};

static int wrong(const geojson *g)
{
    return fail(FAILED, "%s: cannot be written: %s", g->path, strerror(errno));
}

int geojson_open(const char *path, int crs, geojson **out)
{
    int rc = OK;
    geojson *g = memory_new(1, sizeof *g);
    TRY_NEW(g);
    g->first = true;
    TRY_NEW(g->path = text_copy(path));
    TRY_NEW(g->temporary = file_temporary(path));
    if (!(g->file = fopen(g->temporary, "w"))) {
        rc = wrong(g);
        goto done;
    }
    fprintf(g->file, "{\"type\": \"FeatureCollection\",\n");
    if (crs && crs != 4326)
        fprintf(g->file, "\"crs\": {\"type\": \"name\", \"properties\": {\"name\": \"urn:ogc:def:crs:EPSG::%d\"}},\n",
                crs);
    fprintf(g->file, "\"features\": [");
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
    cJSON_AddItemToObject(feature, "properties", properties);
    cJSON_AddStringToObject(geometry, "type", several ? "MultiPolygon" : "Polygon");
    cJSON_AddItemToObject(geometry, "coordinates", several ? polygons : cJSON_DetachItemFromArray(polygons, 0));
    if (!several) cJSON_Delete(polygons);
    cJSON_AddItemToObject(feature, "geometry", geometry);
    char *text = cJSON_PrintUnformatted(feature);
    cJSON_Delete(feature);
    if (!text) return fail(FAILED, "out of memory");
    const int put = fprintf(g->file, "%s\n%s", g->first ? "" : ",", text);
    free(text);
    g->first = false;
    return put < 0 ? wrong(g) : OK;
}

static void free_all(geojson *g)
{
    free(g->path);
    free(g->temporary);
    free(g);
}

int geojson_finish(geojson *g)
{
    fprintf(g->file, "\n]}\n");
    const bool bad = ferror(g->file) != 0;
    if (fclose(g->file) || bad) {
        int rc = wrong(g);
        unlink(g->temporary);
        free_all(g);
        return rc;
    }
    int rc = file_commit(g->temporary, g->path);
    free_all(g);
    return rc;
}

void geojson_abandon(geojson *g)
{
    if (!g) return;
    if (g->file) {
        fclose(g->file);
        unlink(g->temporary);
    }
    free_all(g);
}
