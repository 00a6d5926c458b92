/* predict over whole images: tiles that overlap, of which the margins are discarded. What is held in memory is a window of
 * a few tiles at all dates, whatever the images' size. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/scenes.h"
#include "data/tiles.h"
#include "run/prediction.h"

enum { WINDOW_BYTES = 256 << 20, MARGIN_SHARE = 8 };

typedef struct mapping {
    prediction *job;
    const furrow_scenes *o;
    scenes scenes;
    tile_plan plan;
    float *mean, *std; /* [bands], one allocation */
    int32_t reference, first_position;
    /* A window: tiles of one row. */
    int window_tiles, window_x, window_width;
    void *values;     /* [dates][bands][side][width] */
    uint8_t *missing; /* [dates][side][width]; NULL: there are no gaps */
    /* A tile. */
    float *x; /* [dates][side][side][bands], normalised */
    int32_t *positions;
    buffer *x_buffer, *offsets_buffer, *positions_buffer;
    inference_room room;
    uint8_t *result; /* [2][rows][columns] of the middle */
    int made, kept, unseen;
} mapping;

/* ---- before the work ----------------------------------------------------------------------------------------------- */

static uint64_t weights_hash(const mapping *m, uint64_t hash)
{
    const ensemble *e = &m->job->networks;
    const size_t bytes = network_value_count(e->network) * sizeof(float);
    for (int k = 0; k < e->count; k++) hash = hash_bytes(hash, e->values[k], bytes);
    return hash;
}

static int classes_name(mapping *m)
{
    const prediction *job = m->job;
    int rc = OK;
    if (job->classes > TILE_CLASSES_MAX)
        return fail(USAGE, "the network has %d classes, a map holds at most %d", job->classes, TILE_CLASSES_MAX);
    TRY_NEW(m->plan.classes = memory_new((size_t)job->classes, sizeof *m->plan.classes));
    for (int k = 0; k < job->classes; k++) {
        TRY_NEW(m->plan.classes[k].name = text_copy(job->names[k]));
        m->plan.classes[k].colour = patches_class_colour(job->s.set.images, k);
        m->plan.class_count++;
    }
done:
    return rc;
}

static int plan_make(mapping *m)
{
    const scenes *s = &m->scenes;
    const patches *set = m->job->s.set.images;
    tile_plan *p = &m->plan;
    int rc = OK;
    p->grid = s->grid;
    TRY_NEW(p->grid.crs = text_copy(s->grid.crs));
    p->side = m->o->tile ? m->o->tile : patches_height(set);
    p->margin = m->o->margin >= 0 ? m->o->margin : p->side / MARGIN_SHARE;
    p->last_day = s->days[s->dates - 1];
    p->state = weights_hash(m, s->state);
    p->state = hash_bytes(p->state, m->mean, (size_t)s->bands * sizeof *m->mean);
    p->state = hash_bytes(p->state, m->std, (size_t)s->bands * sizeof *m->std);
    p->state = hash_bytes(p->state, &m->reference, sizeof m->reference);
    TRY(classes_name(m));
    TRY(model_size_fits(m->job->networks.network->model, p->side, p->side, "--tile"));
    TRY(tiles_lay(p));
    TRY(tiles_begin(p, m->job->folder));
done:
    return rc;
}

/* The pack that the network was trained on says how images are normalised and from which day dates count. */
static int normalisation_take(mapping *m)
{
    const patches *set = m->job->s.set.images;
    const int count = patches_count(set);
    int rc = OK;
    uint32_t *all = memory_new((size_t)count, sizeof *all);
    TRY_NEW(all);
    for (int i = 0; i < count; i++) all[i] = (uint32_t)i;
    if (m->scenes.bands != patches_bands(set)) {
        rc = fail(USAGE, "%s: the images have %d bands, the network %d (--bands)", m->o->folder, m->scenes.bands,
                  patches_bands(set));
        goto done;
    }
    TRY(patches_normalisation(set, all, count, &m->mean, &m->std));
    m->reference = patches_reference(set);
done:
    free(all);
    return rc;
}

/* Positions are days since the reference date: those of another year are days that the network has never met. */
static void positions_compare(mapping *m)
{
    const scenes *s = &m->scenes;
    const patches *set = m->job->s.set.images;
    network_input *input = &m->job->networks.network->input;
    const int first = s->days[0] - m->reference, last = s->days[s->dates - 1] - m->reference;
    if (last < patches_first_position(set) || first > patches_last_position(set))
        log_warning(
            "the images' dates, %s to %s, lie outside of the days that the network was trained on: data.ref_date "
            "(%s) says which day counts as 0",
            date_write(s->days[0]).text, date_write(s->days[s->dates - 1]).text, date_write(m->reference).text);
    input->first_position = m->first_position = first;
    input->position_lines = last - first + 1;
    input->longest = s->dates;
    input->height = input->width = m->plan.side;
}

static int window_new(mapping *m)
{
    const scenes *s = &m->scenes;
    const tile_plan *p = &m->plan;
    const size_t side = (size_t)p->side, step = side - 2 * (size_t)p->margin, dates = (size_t)s->dates;
    const size_t column = side * dates * ((size_t)s->bands * number_size(s->type) + 1), fit = WINDOW_BYTES / column;
    int rc = OK;
    const size_t tiles = fit > side ? (fit - side) / step + 1 : 1;
    m->window_tiles = tiles < (size_t)p->across ? (int)tiles : p->across;
    const size_t width = side + step * ((size_t)m->window_tiles - 1), pixels = side * width;
    TRY_NEW(m->values = memory_new(pixels, dates * (size_t)s->bands * number_size(s->type)));
    if (s->gaps) TRY_NEW(m->missing = memory_new(pixels, dates));
    TRY_NEW(m->x = memory_new(side * side * dates, (size_t)s->bands * sizeof *m->x));
    TRY_NEW(m->positions = memory_new(dates, sizeof *m->positions));
    TRY_NEW(m->result = memory_new(2 * side * side, 1));
    TRY(buffer_new(m->job->s.device, side * side * dates * (size_t)s->bands * sizeof *m->x, &m->x_buffer));
    TRY(buffer_new(m->job->s.device, 2 * sizeof(int32_t), &m->offsets_buffer));
    TRY(buffer_new(m->job->s.device, dates * sizeof *m->positions, &m->positions_buffer));
done:
    return rc;
}

/* ---- one tile ------------------------------------------------------------------------------------------------------ */

static bool is_seen(const mapping *m, int date, int left)
{
    const size_t side = (size_t)m->plan.side, width = (size_t)m->window_width;
    if (!m->missing) return true;
    const uint8_t *plane = m->missing + (size_t)date * side * width;
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++)
            if (!plane[y * width + (size_t)left + x]) return true;
    return false;
}

#define NORMALISE(ctype)                                                                                               \
    for (size_t c = 0; c < bands; c++) {                                                                               \
        const float mean = m->mean[c], std = m->std[c] > 0 ? m->std[c] : 1;                                            \
        const ctype *plane = (const ctype *)m->values + ((size_t)date * bands + c) * side * width + (size_t)left;      \
        for (size_t y = 0; y < side; y++)                                                                              \
            for (size_t x = 0; x < side; x++) {                                                                        \
                const float value = (float)plane[y * width + x];                                                       \
                to[(y * side + x) * bands + c] = ((isfinite(value) ? value : 0) - mean) / std;                         \
            }                                                                                                          \
    }                                                                                                                  \
    break

/* A date of the tile, channels last. */
static void date_normalise(const mapping *m, int date, int left, float *to)
{
    const size_t side = (size_t)m->plan.side, width = (size_t)m->window_width, bands = (size_t)m->scenes.bands;
    switch (m->scenes.type) {
    case NUMBER_U8: NORMALISE(uint8_t);
    case NUMBER_I16: NORMALISE(int16_t);
    case NUMBER_U16: NORMALISE(uint16_t);
    case NUMBER_F32: NORMALISE(float);
    default: panic("images of %s", number_name(m->scenes.type));
    }
}

/* The dates at which anything of the tile was seen; how many. */
static int dates_take(mapping *m, int left)
{
    const size_t frame = (size_t)m->plan.side * (size_t)m->plan.side * (size_t)m->scenes.bands;
    int count = 0;
    for (int d = 0; d < m->scenes.dates; d++) {
        if (!is_seen(m, d, left)) continue;
        date_normalise(m, d, left, m->x + (size_t)count * frame);
        m->positions[count++] = m->scenes.days[d] - m->reference - m->first_position;
    }
    return count;
}

static int infer_dates(mapping *m, int dates, inference *out)
{
    const int side = m->plan.side;
    const size_t frame = (size_t)side * (size_t)side * (size_t)m->scenes.bands;
    const int32_t offsets[2] = {0, dates};
    int rc = OK;
    TRY(buffer_write(m->x_buffer, 0, m->x, (size_t)dates * frame * sizeof *m->x));
    TRY(buffer_write(m->offsets_buffer, 0, offsets, sizeof offsets));
    TRY(buffer_write(m->positions_buffer, 0, m->positions, (size_t)dates * sizeof *m->positions));
    const batch b = {
        .samples = 1,
        .frames = dates,
        .longest = dates,
        .rows = side * side,
        .x = m->x_buffer,
        .offsets = m->offsets_buffer,
        .positions = m->positions_buffer,
    };
    TRY(infer_batch(&m->job->networks, &b, false, &m->room, out));
done:
    return rc;
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
    if (!isfinite(sum) || !(sum > 0))
        return fail(FAILED,
                    "the network's output is not a finite number; the weights or the normalisation do not fit these "
                    "images");
    *class = (uint8_t)best;
    *percent = (uint8_t)lrint(100 * exp(log_p[best]) / sum);
    return OK;
}

static int middle_decide(mapping *m, const inference *i, tile_span across, tile_span down)
{
    const size_t columns = (size_t)(across.to - across.from), rows = (size_t)(down.to - down.from);
    uint8_t *percent = m->result + rows * columns;
    int rc = OK;
    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < columns; x++) {
            const size_t at = ((size_t)(down.from - down.start) + y) * (size_t)m->plan.side +
                              (size_t)(across.from - across.start) + x;
            TRY(pixel_decide(i->log_p + at * (size_t)i->classes, i->classes, &m->result[y * columns + x],
                             &percent[y * columns + x]));
            m->job->tally[m->result[y * columns + x]]++;
        }
done:
    return rc;
}

static int tile_map(mapping *m, int index, tile_span across, tile_span down)
{
    const int dates = dates_take(m, across.start - m->window_x);
    const size_t middle = (size_t)(across.to - across.from) * (size_t)(down.to - down.from);
    inference i;
    int rc = OK;
    if (dates) {
        TRY(infer_dates(m, dates, &i));
        TRY(middle_decide(m, &i, across, down));
    } else {
        memset(m->result, TILE_UNSEEN, 2 * middle);
        m->unseen++;
    }
    TRY(tile_save(&m->plan, m->job->folder, index, m->result));
    m->made++;
done:
    return rc;
}

/* ---- windows ------------------------------------------------------------------------------------------------------- */

static bool is_ours(const mapping *m, int index)
{
    return !m->o->shards || index % m->o->shards == m->o->shard - 1;
}

static int window_read(mapping *m, int first, int count, tile_span down)
{
    const scenes *s = &m->scenes;
    const tile_span left = tile_span_of(&m->plan, s->grid.width, first);
    const tile_span right = tile_span_of(&m->plan, s->grid.width, first + count - 1);
    const size_t side = (size_t)m->plan.side;
    int rc = OK;
    m->window_x = left.start;
    m->window_width = right.start + m->plan.side - left.start;
    const size_t pixels = side * (size_t)m->window_width, date = pixels * (size_t)s->bands * number_size(s->type);
    for (int d = 0; d < s->dates; d++) {
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted; the same command goes on");
        TRY(scenes_read(&m->scenes, d, m->window_x, down.start, m->window_width, m->plan.side,
                        (char *)m->values + (size_t)d * date, m->missing ? m->missing + (size_t)d * pixels : NULL));
    }
done:
    return rc;
}

static bool is_wanted(const mapping *m, int index)
{
    return is_ours(m, index) && !tile_is_done(&m->plan, m->job->folder, index);
}

/* Neighbours are read together; what lies between two tiles of a shard is not read at all. */
static int run_map(mapping *m, int row, int first, int count, int *done, int total)
{
    const tile_span down = tile_span_of(&m->plan, m->scenes.grid.height, row);
    int rc = OK;
    TRY(window_read(m, first, count, down));
    for (int k = first; k < first + count; k++) {
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted; the same command goes on");
        TRY(tile_map(m, row * m->plan.across + k, tile_span_of(&m->plan, m->scenes.grid.width, k), down));
        log_progress("tiles", (size_t)++ * done, (size_t)total, "");
    }
done:
    return rc;
}

static int window_map(mapping *m, int row, int first, int count, int *done, int total)
{
    const int before = row * m->plan.across;
    int rc = OK;
    for (int k = first, next; k < first + count; k = next) {
        for (next = k; next < first + count && is_wanted(m, before + next);) next++;
        if (next > k) {
            TRY(run_map(m, row, k, next - k, done, total));
            continue;
        }
        next = k + 1;
        if (!is_ours(m, before + k)) continue;
        m->kept++;
        log_progress("tiles", (size_t)++ * done, (size_t)total, "");
    }
done:
    return rc;
}

static int tiles_map(mapping *m)
{
    const tile_plan *p = &m->plan;
    int rc = OK, done = 0, total = 0;
    for (int i = 0; i < p->across * p->down; i++) total += is_ours(m, i);
    for (int row = 0; row < p->down; row++)
        for (int first = 0; first < p->across; first += m->window_tiles) {
            const int count = p->across - first < m->window_tiles ? p->across - first : m->window_tiles;
            TRY(window_map(m, row, first, count, &done, total));
        }
done:
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

static void mapping_free(mapping *m)
{
    inference_room_free(&m->room);
    buffer_free(m->x_buffer);
    buffer_free(m->offsets_buffer);
    buffer_free(m->positions_buffer);
    free(m->values);
    free(m->missing);
    free(m->x);
    free(m->positions);
    free(m->result);
    free(m->mean);
    tiles_free(&m->plan);
    scenes_close(&m->scenes);
}

int predict_scenes(prediction *job, const furrow_scenes *o, cJSON *all)
{
    const scenes_options options = {o->bands, o->mask, o->mask_values, o->no_data};
    mapping m = {.job = job, .o = o};
    int rc = OK;
    TRY(scenes_open(o->folder, &options, &m.scenes));
    TRY(normalisation_take(&m));
    TRY(plan_make(&m));
    positions_compare(&m);
    TRY(window_new(&m));
    TRY(tiles_map(&m));
    cJSON_AddNumberToObject(all, "tiles", m.plan.across * m.plan.down);
    cJSON_AddNumberToObject(all, "made", m.made);
    cJSON_AddNumberToObject(all, "kept", m.kept);
    cJSON_AddNumberToObject(all, "unseen", m.unseen);
    cJSON_AddStringToObject(all, "out", job->folder);
    cJSON_AddStringToObject(all, "samples_are", "tiles");
done:
    mapping_free(&m);
    return rc;
}
