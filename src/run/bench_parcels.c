#include "run/bench_parcels.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "network/parcel_score.h"

/* The parcel of each pixel: squares of a grid with `lines` lines, ids from 1; what the grid leaves at the edges is the
 * last line's. heat is 1 at centres, where a parcel's pixel lies in the middle of its square. */
static void draw_grid(bench_parcels *p, int patches, int side, int lines, int count, float *heat, int32_t *instance)
{
    const size_t plane = (size_t)side * (size_t)side;
    for (int patch = 0; patch < patches; patch++)
        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++) {
                const int row = y / p->side < lines ? y / p->side : lines - 1;
                const int column = x / p->side < lines ? x / p->side : lines - 1;
                const int id = row * lines + column;
                const size_t at = (size_t)patch * plane + (size_t)y * (size_t)side + (size_t)x;
                const bool middle = y % p->side == p->side / 2 && x % p->side == p->side / 2;
                p->zone[at] = instance[at] = (id < count ? id : count - 1) + 1;
                heat[at] = middle && id < count ? 1 : 0.1f;
            }
}

static int upload(device *d, const void *values, size_t bytes, buffer **out)
{
    int rc = buffer_new(d, bytes, out);
    return rc ? rc : buffer_write(*out, 0, values, bytes);
}

int bench_parcels_new(device *d, int patches, int side, int count, int classes, bench_parcels *out)
{
    int rc = OK;
    const int lines = (int)ceil(sqrt(count));
    const size_t plane = (size_t)side * (size_t)side, pixels = (size_t)patches * plane;
    float *heat = NULL;
    int32_t *instance = NULL;
    *out = (bench_parcels){.side = side / lines};
    if (out->side < 1)
        return fail(USAGE, "%d parcels do not fit into %d x %d pixels; wanted at most %d", count, side, side,
                    side * side);
    TRY_NEW(heat = memory_new(pixels, sizeof *heat));
    TRY_NEW(instance = memory_new(pixels, sizeof *instance));
    TRY_NEW(out->zone = memory_new(pixels, sizeof *out->zone));
    TRY_NEW(out->first = memory_new((size_t)patches + 1, sizeof *out->first));
    TRY_NEW(out->parcel = memory_new((size_t)patches * ((size_t)count + 1), sizeof *out->parcel));
    TRY_NEW(out->instance_map = memory_new(plane, sizeof *out->instance_map));
    TRY_NEW(out->chosen = memory_new(plane, sizeof *out->chosen));
    for (int p = 0; p <= patches; p++) out->first[p] = p * (count + 1);
    for (int i = 0; i < patches * (count + 1); i++) out->parcel[i] = (paps_parcel){out->side, out->side, i % classes};
    out->truth = (paps_truth){out->zone, out->first, out->parcel};
    draw_grid(out, patches, side, lines, count, heat, instance);
    TRY(upload(d, heat, pixels * sizeof *heat, &out->heatmap));
    TRY(upload(d, instance, pixels * sizeof *instance, &out->instance));
done:
    free(heat);
    free(instance);
    return rc;
}

void bench_parcels_free(bench_parcels *p)
{
    buffer_free(p->heatmap);
    buffer_free(p->instance);
    void *const all[] = {p->zone, p->first, p->parcel, p->instance_map, p->chosen};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* Where softplus is nearly the identity, a bias says the size. */
int bench_parcels_aim(const bench_parcels *p, network *w)
{
    int rc = OK;
    const float size[2] = {(float)p->side, (float)p->side};
    tensor *weight = net_parameter_find(w->net, "size_mlp.6.weight"),
           *bias = net_parameter_find(w->net, "size_mlp.6.bias");
    float *zeros = memory_new(tensor_count(weight), sizeof *zeros);
    TRY_NEW(zeros);
    TRY(net_parameter_write(w->net, weight, zeros));
    TRY(net_parameter_write(w->net, bias, size));
    net_parameters_changed(w->net);
    w->head_loss.zones_always = true;
done:
    free(zeros);
    return rc;
}

int bench_parcels_settle(bench_parcels *p, const network *w)
{
    int rc = OK;
    paps_found found;
    nms_options options;
    TRY(paps_read(w->head, &found));
    TRY(nms_options_of(w, &options));
    const nms_candidates all = {found.count, found.crop, found.confidence, found.mask};
    for (int k = 0; k < found.patches; k++)
        TRY(pseudo_nms(&all, k, options, found.height, found.width, p->instance_map, p->chosen));
done:
    return rc;
}
