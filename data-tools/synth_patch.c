#include "data-tools/synth_patch.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

enum {
    PIXELS_A_PARCEL = 140,
    LEAD = 45,  /* the world's first season day is that many days after SYNTH_FIRST_DAY */
    CLOUDS = 6, /* most of one image */
};

/* What a stream of draws is for. */
enum purpose { PURPOSE_PATCH = 1, PURPOSE_PARCEL, PURPOSE_CLOUDS, PURPOSE_NOISE };

static random_key key_of(const synth_pastis_options *o, enum purpose purpose, int patch, int index)
{
    return random_stream(o->seed, RANDOM_SYNTHETIC, (uint64_t)purpose << 56 | (uint64_t)patch << 24 | (uint64_t)index);
}

/* ---- land ---------------------------------------------------------------------------------------------------------- */

void synth_patch_free(synth_patch *p)
{
    free(p->days);
    free(p->cell);
    free(p->nearest);
    free(p->border);
    free(p->values);
    free(p->target);
    free(p->ids);
    free(p->given);
}

/* Real parcels decide how many cells there are. */
static int parcels_take(const synth_parcels *real, synth_patch *p)
{
    int rc = OK;
    size_t count;
    TRY(synth_parcels_read(real, (size_t)p->index % real->count, p->ids));
    TRY(synth_parcels_list(p->ids, (size_t)real->side * (size_t)real->side, &p->given, &count));
    p->cells = (int)count + 1;
done:
    return rc;
}

static int land_new(const synth_pastis_options *o, const synth_parcels *real, int index, synth_patch *p)
{
    synth_draws d = {key_of(o, PURPOSE_PATCH, index, 0), 0};
    const size_t pixels = (size_t)o->size * (size_t)o->size;
    int rc = OK, span = o->most_dates - o->least_dates + 1;
    *p = (synth_patch){.index = index,
                       .fold = (int)((real->count ? (size_t)index % real->count : (size_t)index) % SYNTH_FOLDS)};
    p->dates = o->least_dates + (int)(synth_uniform(&d) * span);
    p->cells = 2 + (int)(pixels / PIXELS_A_PARCEL);
    TRY_NEW(p->ids = memory_new(pixels, sizeof *p->ids));
    if (real->count) TRY(parcels_take(real, p));
    TRY_NEW(p->days = memory_new((size_t)p->dates, sizeof *p->days));
    TRY_NEW(p->cell = memory_new((size_t)p->cells, sizeof *p->cell));
    TRY_NEW(p->nearest = memory_new(pixels, sizeof *p->nearest));
    TRY_NEW(p->border = memory_new(pixels, sizeof *p->border));
    TRY_NEW(p->values = memory_new(pixels * (size_t)p->dates, (size_t)o->bands * sizeof *p->values));
    TRY_NEW(p->target = memory_new(pixels, 3));
    for (int t = 0; t < p->dates; t++) { /* one in each of as many equal parts of the year */
        int first = t * SYNTH_YEAR / p->dates, next = (t + 1) * SYNTH_YEAR / p->dates;
        p->days[t] = first + (int)(synth_uniform(&d) * (next - first));
    }
done:
    return rc;
}

/* Crops are 1 .. classes - 2, frequent ones first. */
static int crop_draw(const synth_pastis_options *o, synth_draws *d)
{
    return 1 + (int)((o->classes - 2) * pow(synth_uniform(d), 1.25));
}

static void cells_draw(const synth_pastis_options *o, synth_patch *p)
{
    for (int i = 0; i < p->cells; i++) {
        synth_draws d = {key_of(o, PURPOSE_PARCEL, p->index, i), 0};
        synth_cell *c = &p->cell[i];
        int number = p->index * p->cells + i; /* over all patches */
        c->x = o->size * synth_uniform(&d);
        c->y = o->size * synth_uniform(&d);
        c->ground = 1 + 0.12 * synth_normal(&d);
        double kind = synth_uniform(&d);
        int crop = crop_draw(o, &d);
        if (number < o->classes - 2) /* every crop at least once */
            c->class_index = number + 1;
        else
            c->class_index = kind < 0.15 ? 0 : kind < 0.20 ? o->classes - 1 : crop;
        /* Void parcels are crops of which nobody knows the kind; background is a season that no crop has. */
        c->season = synth_season(c->class_index == o->classes - 1 ? crop : c->class_index);
        if (p->given && !i) c->class_index = 0;
        if (!c->class_index) c->season.vigour = 0.1;
        c->season = synth_season_vary(c->season, &d);
        p->parcels += c->class_index > 0;
        c->id = !c->class_index ? 0 : p->given ? p->given[i - 1] : p->parcels;
    }
}

static void pixel_label(synth_patch *p, size_t at, size_t pixels, size_t *inside)
{
    const synth_cell *c = &p->cell[p->nearest[at]];
    const bool parcel = c->id && !p->border[at];
    p->target[at] = (uint8_t)(parcel ? c->class_index : 0);
    p->target[pixels + at] = (uint8_t)c->class_index;
    if (!p->given) p->ids[at] = parcel ? c->id : 0; /* real ids stay, those of background parcels too */
    *inside += parcel;
}

static int by_id(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Each pixel belongs to the real parcel whose id it has. */
static void land_take(const synth_pastis_options *o, synth_patch *p)
{
    size_t inside = 0, pixels = (size_t)o->size * (size_t)o->size;
    for (size_t at = 0; at < pixels; at++) {
        const int32_t *found = bsearch(&p->ids[at], p->given, (size_t)p->cells - 1, sizeof *p->given, by_id);
        p->nearest[at] = found ? (int)(found - p->given) + 1 : 0;
        pixel_label(p, at, pixels, &inside);
    }
    p->cover = (double)inside / (double)pixels;
}

/* Each pixel belongs to the cell of the nearest point; one about as near to two lies between them. */
static void land_divide(const synth_pastis_options *o, synth_patch *p)
{
    size_t inside = 0, pixels = (size_t)o->size * (size_t)o->size;
    for (size_t at = 0; at < pixels; at++) {
        double x = (double)(at % (size_t)o->size) + 0.5, y = (double)(at / (size_t)o->size) + 0.5;
        double first = HUGE_VAL, second = HUGE_VAL;
        for (int i = 0; i < p->cells; i++) {
            double away = (p->cell[i].x - x) * (p->cell[i].x - x) + (p->cell[i].y - y) * (p->cell[i].y - y);
            if (away < first) {
                second = first;
                first = away;
                p->nearest[at] = i;
            } else if (away < second) {
                second = away;
            }
        }
        p->border[at] = sqrt(second) - sqrt(first) < 1;
        pixel_label(p, at, pixels, &inside);
    }
    p->cover = (double)inside / (double)pixels;
}

/* ---- one image ----------------------------------------------------------------------------------------------------- */

typedef struct sky {
    int clouds;
    double x[CLOUDS], y[CLOUDS], reach[CLOUDS], haze;
} sky;

static sky sky_draw(const synth_pastis_options *o, const synth_patch *p, int date)
{
    synth_draws d = {key_of(o, PURPOSE_CLOUDS, p->index, date), 0};
    sky s = {.haze = 0.01 * synth_normal(&d)};
    if (synth_uniform(&d) < 0.33) s.clouds = 1 + (int)(synth_uniform(&d) * CLOUDS);
    for (int i = 0; i < s.clouds; i++) {
        s.x[i] = o->size * synth_uniform(&d);
        s.y[i] = o->size * synth_uniform(&d);
        s.reach[i] = o->size * (0.05 + 0.3 * synth_uniform(&d));
    }
    return s;
}

/* 0: clear, 1: nothing of the ground is seen. */
static double cloud_at(const sky *s, double x, double y)
{
    double thickness = 0;
    for (int i = 0; i < s->clouds; i++) {
        double away = ((x - s->x[i]) * (x - s->x[i]) + (y - s->y[i]) * (y - s->y[i])) / (s->reach[i] * s->reach[i]);
        if (away < 6) thickness += 1.5 * exp(-away);
    }
    return synth_clamp(thickness - 0.15, 0, 1);
}

/* Uniform in [-1, 1), 8 a block: many are needed, and their shape matters little. */
typedef struct noise {
    random_key key;
    uint64_t next;
    uint32_t word[4];
} noise;

static double noise_draw(noise *n)
{
    uint64_t at = n->next++ % 8;
    if (!at) random_block(n->key, n->next, n->word);
    return (double)(n->word[at / 2] >> 16 * (at % 2) & 0xffff) / 32768 - 1;
}

/* [bands x size x size] of one date */
static void frame_fill(const synth_pastis_options *o, const synth_patch *p, int date, double *covers, int16_t *values)
{
    const size_t size = (size_t)o->size, pixels = size * size;
    const sky s = sky_draw(o, p, date);
    noise n = {.key = key_of(o, PURPOSE_NOISE, p->index, date)};
    for (int i = 0; i < p->cells; i++) covers[i] = synth_cover(&p->cell[i].season, p->days[date] - LEAD);
    for (size_t at = 0; at < pixels; at++) {
        const synth_cell *c = &p->cell[p->nearest[at]];
        double cloud = s.clouds ? cloud_at(&s, (double)(at % size), (double)(at / size)) : 0;
        double cover = p->border[at] ? 0.3 : covers[p->nearest[at]];
        double green = synth_clamp(cover + 0.1 * noise_draw(&n), 0, 1);
        for (int b = 0; b < o->bands; b++) {
            double clear = synth_reflectance(b, green, c->ground) * (1 + 0.05 * noise_draw(&n)) + s.haze;
            double seen = (1 - cloud) * clear + 0.7 * cloud;
            values[(size_t)b * pixels + at] = (int16_t)lrint(10000 * synth_clamp(seen, 0, 2));
        }
    }
}

static int patch_fill(const synth_pastis_options *o, synth_patch *p)
{
    const size_t frame = (size_t)o->size * (size_t)o->size * (size_t)o->bands;
    double *covers = memory_new((size_t)p->cells, sizeof *covers);
    if (!covers) return FAILED;
    cells_draw(o, p);
    if (p->given)
        land_take(o, p);
    else
        land_divide(o, p);
    for (int t = 0; t < p->dates; t++) frame_fill(o, p, t, covers, p->values + (size_t)t * frame);
    free(covers);
    return OK;
}

int synth_patch_new(const synth_pastis_options *o, const synth_parcels *real, int index, synth_patch *p)
{
    int rc = land_new(o, real, index, p);
    return rc ? rc : patch_fill(o, p);
}
