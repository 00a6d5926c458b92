#include "data-tools/merge_tiles.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "data-tools/merge_parcels.h"
#include "data-tools/merge_rasters.h"
#include "data/problems.h"
#include "data/tile_parcels.h"

static int all_there(const tile_plan *p, const char *folder)
{
    name_list missing = {0};
    for (int i = 0; i < p->across * p->down; i++) {
        char name[40];
        if (tile_is_made(p, folder, i)) continue;
        snprintf(name, sizeof name, "%d_%d", i / p->across, i % p->across);
        name_list_add(&missing, name);
    }
    return missing.count ? fail(FAILED, "%s: %lld of %d tiles are missing or damaged: %s", folder, missing.count,
                                p->across * p->down, name_list_text(&missing))
                         : OK;
}

static int tile_copy(const tile_plan *p, const char *folder, int index, merge_rasters *to)
{
    const tile_span y = tile_span_of(p, p->grid.height, index / p->across);
    const tile_span x = tile_span_of(p, p->grid.width, index % p->across);
    const int width = x.to - x.from, height = y.to - y.from;
    uint8_t *values = NULL;
    int rc = OK;
    TRY(tile_load(p, folder, index, &values));
    TRY(merge_rasters_write(to, x.from, y.from, width, height, values, values + (size_t)width * (size_t)height));
done:
    free(values);
    return rc;
}

static int merge_classes(const tile_plan *p, const char *folder)
{
    const int total = p->across * p->down;
    merge_rasters to = {0};
    int rc = OK;
    TRY(merge_rasters_open(p, folder, &to));
    for (int i = 0; i < total; i++) {
        TRY(interrupt_check());
        TRY(tile_copy(p, folder, i, &to));
        log_progress("merge", (size_t)i + 1, (size_t)total, "");
    }
    TRY(merge_rasters_publish(&to));
done:
    merge_rasters_close(&to);
    return rc;
}

int merge_tiles(const char *folder, double tolerance, merge_result *result)
{
    tile_plan p = {0};
    int rc = OK, parcels = 0;
    TRY(tiles_open(folder, &p));
    if (tolerance > 0 && !p.parcels) {
        rc = fail(USAGE, "%s: --tolerance is about outlines of parcels, and these tiles hold classes alone", folder);
        goto done;
    }
    TRY(all_there(&p, folder));
    TRY(p.parcels ? merge_parcels(&p, folder, tolerance, &parcels) : merge_classes(&p, folder));
    if (result)
        *result = (merge_result){p.grid.width, p.grid.height, p.across * p.down, p.class_count, p.parcels, parcels};
done:
    tiles_free(&p);
    return rc;
}
