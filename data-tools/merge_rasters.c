#include "data-tools/merge_rasters.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "data-tools/merge_styles.h"

enum { PALETTE = 256 };

/* ---- one image ----------------------------------------------------------------------------------------------------- */

int merge_raster_open(const char *folder, const char *name, const geo_raster_plan *plan, merge_raster *out)
{
    const double pixels = (double)plan->grid.width * plan->grid.height;
    int rc = OK;
    *out = (merge_raster){0};
    TRY_NEW(out->path = text_format("%s/%s.tif", folder, name));
    TRY_NEW(out->plain = text_format("%s/%s.%ld.temporary", folder, name, (long)getpid()));
    TRY(file_room(out->path, pixels * (double)number_size(plan->type)));
    TRY(geo_raster_create(out->plain, plan, &out->raster));
done:
    return rc;
}

int merge_raster_finish(merge_raster *r)
{
    geo_raster *raster = r->raster;
    r->raster = NULL;
    return geo_raster_finish(raster);
}

int merge_raster_publish(const merge_raster *r, const char *resampling)
{
    return geo_raster_publish(r->plain, r->path, resampling);
}

void merge_raster_close(merge_raster *r)
{
    geo_raster_close(r->raster);
    if (r->plain) unlink(r->plain);
    free(r->plain);
    free(r->path);
    *r = (merge_raster){0};
}

/* ---- both ---------------------------------------------------------------------------------------------------------- */

int merge_rasters_open(const tile_plan *p, const char *folder, merge_rasters *out)
{
    uint32_t palette[PALETTE] = {0};
    geo_raster_plan plan = {p->grid, 1, NUMBER_U8, true, TILE_UNSEEN, palette, PALETTE};
    int rc = OK;
    *out = (merge_rasters){.plan = p, .folder = folder};
    for (int k = 0; k < p->class_count; k++) palette[k] = p->classes[k].colour;
    TRY(merge_raster_open(folder, "classes", &plan, &out->classes));
    plan.palette = NULL;
    TRY(merge_raster_open(folder, "confidence", &plan, &out->confidence));
done:
    return rc;
}

int merge_rasters_write(merge_rasters *r, int x, int y, int width, int height, const uint8_t *classes,
                        const uint8_t *percent)
{
    const int rc = geo_raster_write(r->classes.raster, 0, x, y, width, height, NUMBER_U8, classes);
    return rc ? rc : geo_raster_write(r->confidence.raster, 0, x, y, width, height, NUMBER_U8, percent);
}

static int styles_write(const merge_rasters *r)
{
    char *classes = path_join(r->folder, "classes.qml"), *confidence = path_join(r->folder, "confidence.qml");
    char *names = path_join(r->folder, "classes.tif.aux.xml");
    int rc = OK;
    TRY_NEW(classes);
    TRY_NEW(confidence);
    TRY_NEW(names);
    TRY(merge_style_classes(r->plan, classes));
    TRY(merge_style_confidence(confidence));
    TRY(merge_names(r->plan, names));
done:
    free(classes);
    free(confidence);
    free(names);
    return rc;
}

int merge_rasters_publish(merge_rasters *r)
{
    int rc = OK;
    TRY(merge_raster_finish(&r->classes));
    TRY(merge_raster_finish(&r->confidence));
    TRY(styles_write(r));
    TRY(merge_raster_publish(&r->confidence, "AVERAGE"));
    TRY(merge_raster_publish(&r->classes, "MODE"));
done:
    return rc;
}

void merge_rasters_close(merge_rasters *r)
{
    merge_raster_close(&r->classes);
    merge_raster_close(&r->confidence);
}
