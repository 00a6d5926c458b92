#include "run/scene_tile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/tile_parcels.h"

int scene_tile_new(prediction *job, const tile_plan *plan, scene_tile *out)
{
    const size_t pixels = (size_t)plan->side * (size_t)plan->side;
    int rc = OK;
    *out = (scene_tile){.job = job, .plan = plan};
    if (!plan->parcels) {
        TRY_NEW(out->classes = memory_new(pixels, 2));
        return OK;
    }
    TRY_NEW(out->instance = memory_new(pixels, sizeof *out->instance));
    TRY_NEW(out->chosen = memory_new(pixels, sizeof *out->chosen));
    TRY_NEW(out->pixel = memory_new(pixels, sizeof *out->pixel));
done:
    return rc;
}

void scene_tile_free(scene_tile *t)
{
    void *const all[] = {t->classes, t->instance, t->chosen, t->pixel, t->number, t->fact};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    *t = (scene_tile){0};
}

int scene_tile_no_number(void)
{
    return fail(FAILED,
                "the network's output is not a finite number; the weights or the normalisation do not fit these "
                "images");
}

/* The most probable class of a pixel and its probability, in percent. */
static int pixel_decide(const double *log_p, int classes, uint8_t *class, uint8_t *percent)
{
    double sum = 0;
    int best = 0;
    for (int k = 0; k < classes; k++) {
        sum += exp(log_p[k]);
        if (log_p[k] > log_p[best]) best = k;
    }
    if (!isfinite(sum) || !(sum > 0)) return scene_tile_no_number();
    *class = (uint8_t)best;
    *percent = (uint8_t)lrint(100 * exp(log_p[best]) / sum);
    return OK;
}

static int middle_decide(scene_tile *t, const inference *i, tile_span across, tile_span down)
{
    const size_t columns = (size_t)(across.to - across.from), rows = (size_t)(down.to - down.from);
    uint8_t *percent = t->classes + rows * columns;
    int rc = OK;
    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < columns; x++) {
            const size_t at = ((size_t)(down.from - down.start) + y) * (size_t)t->plan->side +
                              (size_t)(across.from - across.start) + x;
            TRY(pixel_decide(i->log_p + at * (size_t)i->classes, i->classes, &t->classes[y * columns + x],
                             &percent[y * columns + x]));
            t->job->tally[t->classes[y * columns + x]]++;
        }
done:
    return rc;
}

int scene_tile_save(scene_tile *t, int index, const inference *i)
{
    const tile_plan *p = t->plan;
    const tile_span across = tile_span_of(p, p->grid.width, index % p->across);
    const tile_span down = tile_span_of(p, p->grid.height, index / p->across);
    int rc = OK;
    if (p->parcels) return scene_tile_save_parcels(t, index, i);
    if (i)
        TRY(middle_decide(t, i, across, down));
    else
        memset(t->classes, TILE_UNSEEN, 2 * (size_t)(across.to - across.from) * (size_t)(down.to - down.from));
    TRY(tile_save(p, t->job->folder, index, t->classes));
done:
    return rc;
}
