/* predict over whole images: tiles that overlap, of which the margins are discarded, or tell which parcels of two tiles are
 * one. What is held in memory is a window of a few tiles at all dates, whatever the images' size. */
#include <stdlib.h>

#include "base/date.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/tile_parcels.h"
#include "run/prediction.h"
#include "run/scene_tile.h"
#include "run/scene_window.h"

enum { MARGIN_SHARE = 8 };

typedef struct mapping {
    prediction *job;
    const furrow_scenes *o;
    scenes scenes;
    tile_plan plan;
    float *mean, *std; /* [bands], one allocation */
    int32_t reference, first_position;
    scene_window window;
    scene_tile tile;
    inference_room room;
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

/* Which of the candidates remain is no part of the weights. */
static int head_hash(mapping *m)
{
    nms_options o;
    const int rc = nms_options_of(m->job->networks.network, &o);
    const float all[] = {o.min_confidence, o.min_remain, o.mask_threshold};
    if (!rc) m->plan.state = hash_bytes(m->plan.state, all, sizeof all);
    return rc;
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
    p->parcels = m->job->s.config.head;
    p->last_day = s->days[s->dates - 1];
    p->state = weights_hash(m, s->state);
    p->state = hash_bytes(p->state, m->mean, (size_t)s->bands * sizeof *m->mean);
    p->state = hash_bytes(p->state, m->std, (size_t)s->bands * sizeof *m->std);
    p->state = hash_bytes(p->state, &m->reference, sizeof m->reference);
    if (p->parcels) TRY(head_hash(m));
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
    if (m->scenes.bands != patches_bands(set))
        return fail(USAGE, "%s: the images have %d bands, the network %d (--bands)", m->o->folder, m->scenes.bands,
                    patches_bands(set));
    m->reference = patches_reference(set);
    return patches_normalisation(set, NULL, 0, &m->mean, &m->std);
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

/* ---- tiles --------------------------------------------------------------------------------------------------------- */

static int tile_map(mapping *m, int row, int column)
{
    batch b;
    inference i;
    int rc = OK;
    TRY(scene_window_batch(&m->window, column, &b));
    if (b.samples) TRY(infer_batch(&m->job->networks, &b, false, &m->room, &i));
    TRY(scene_tile_save(&m->tile, row * m->plan.across + column, b.samples ? &i : NULL));
    m->made++;
    m->unseen += !b.samples;
done:
    return rc;
}

static bool is_ours(const mapping *m, int index)
{
    return !m->o->shards || index % m->o->shards == m->o->shard - 1;
}

static bool is_wanted(const mapping *m, int index)
{
    return is_ours(m, index) && !tile_is_made(&m->plan, m->job->folder, index);
}

/* Neighbours are read together; what lies between two tiles of a shard is not read at all. */
static int run_map(mapping *m, int row, int first, int count, int *done, int total)
{
    int rc = OK;
    TRY(scene_window_read(&m->window, row, first, count));
    for (int k = first; k < first + count; k++) {
        TRY(interrupt_check());
        TRY(tile_map(m, row, k));
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
        for (int first = 0; first < p->across; first += m->window.tiles) {
            const int count = p->across - first < m->window.tiles ? p->across - first : m->window.tiles;
            TRY(window_map(m, row, first, count, &done, total));
        }
done:
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

static void mapping_free(mapping *m)
{
    inference_room_free(&m->room);
    scene_window_free(&m->window);
    scene_tile_free(&m->tile);
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
    TRY(scene_window_new(job->s.device, &m.scenes, &m.plan,
                         (scene_scale){m.mean, m.std, m.reference + m.first_position}, &m.window));
    TRY(scene_tile_new(job, &m.plan, &m.tile));
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
