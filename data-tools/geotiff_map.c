#include "data-tools/geotiff_map.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

void geotiff_map_free(geotiff_map *m)
{
    free(m->runs);
    free(m->first);
    *m = (geotiff_map){0};
}

/* Sorted by row, counted first; the last parcel comes first, so that whoever paints over it is before it by id. */
int geotiff_map_new(const geotiff_parcels *p, int rows, geotiff_map *out)
{
    int rc = OK;
    size_t *next = memory_new((size_t)rows + 1, sizeof *next);
    *out = (geotiff_map){.rows = rows};
    TRY_NEW(next);
    TRY_NEW(out->runs = memory_new(p->runs.count, sizeof *out->runs));
    TRY_NEW(out->first = memory_new((size_t)rows + 1, sizeof *out->first));
    for (size_t k = 0; k < p->runs.count; k++) out->first[p->runs.items[k].row + 1]++;
    for (int y = 0; y < rows; y++) {
        out->first[y + 1] += out->first[y];
        next[y] = out->first[y];
    }
    for (size_t i = p->count; i-- > 0;)
        for (size_t k = 0; k < p->parcel[i].run_count; k++) {
            const geo_run *run = &p->runs.items[p->parcel[i].first_run + k];
            out->runs[next[run->row]++] = (geotiff_map_run){run->first, run->count, (int32_t)i};
        }
done:
    free(next);
    if (rc) geotiff_map_free(out);
    return rc;
}

void geotiff_map_paint(const geotiff_map *m, int x, int y, int width, int height, int32_t *out)
{
    for (size_t i = 0; i < (size_t)width * (size_t)height; i++) out[i] = -1;
    for (int row = 0; row < height; row++)
        for (size_t k = m->first[y + row]; k < m->first[y + row + 1]; k++) {
            const geotiff_map_run *run = &m->runs[k];
            const int from = run->first > x ? run->first : x, right = run->first + run->count;
            const int to = right < x + width ? right : x + width;
            for (int column = from; column < to; column++)
                out[(size_t)row * (size_t)width + (size_t)(column - x)] = run->parcel;
        }
}
