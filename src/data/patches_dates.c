/* Which dates of each patch there are to use, and which of them a pass takes. data.mono_date as the published
 * dataset.py of VSainteuf/utae-paps: an index, or the date closest to a day (the first of two as close). */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/patches_internal.h"

enum { SPAN_MAX_DAYS = 36525 }; /* a hundred years: the networks keep a line for every day */

/* ---- what there is ----------------------------------------------------------------------------------------------- */

typedef struct mono_date {
    enum { MONO_NONE, MONO_INDEX, MONO_DAY } kind;
    int32_t value;
} mono_date;

static mono_date mono_read(const char *text, problems *p)
{
    mono_date m = {.kind = MONO_NONE};
    if (!text) return m;
    char *end;
    const long index = strtol(text, &end, 10);
    if (date_read(text, &m.value))
        m.kind = MONO_DAY;
    else if (*text && !*end && index >= INT32_MIN && index <= INT32_MAX)
        m = (mono_date){MONO_INDEX, (int32_t)index};
    else
        problem_add(p, USAGE, "data.mono_date is \"%.40s\", wanted an index, or a date as YYYY-MM-DD or YYYYMMDD",
                    text);
    return m;
}

static int closest(const int32_t *days, int dates, int32_t day)
{
    int best = 0;
    for (int t = 1; t < dates; t++)
        if (llabs((long long)days[t] - day) < llabs((long long)days[best] - day)) best = t;
    return best;
}

/* The place of the one date in a series; an index below 0 counts from the end. -1: there is none. */
static int mono_place(mono_date m, const int32_t *days, int dates)
{
    if (m.kind == MONO_DAY) return closest(days, dates, m.value);
    const int64_t place = m.value < 0 ? (int64_t)m.value + dates : m.value;
    return place >= 0 && place < dates ? (int)place : -1;
}

static int series_find(patches *s, mono_date m, problems *p)
{
    name_list empty = {0}, short_ones = {0};
    s->first_date = memory_new((size_t)s->count, sizeof *s->first_date);
    s->dates = memory_new((size_t)s->count, sizeof *s->dates);
    if (!s->first_date || !s->dates) return FAILED;
    for (int i = 0; i < s->count; i++) {
        s->dates[i] = patch_pack_dates(s->pack, s->satellite, (size_t)i);
        if (!s->dates[i]) name_list_add(&empty, patches_id(s, i));
        if (!s->dates[i] || m.kind == MONO_NONE) continue;
        const int place = mono_place(m, patch_pack_days(s->pack, s->satellite, (size_t)i), s->dates[i]);
        if (place < 0) name_list_add(&short_ones, patches_id(s, i));
        s->first_date[i] = place < 0 ? 0 : place;
        s->dates[i] = 1;
    }
    if (empty.count)
        problem_add(p, FAILED, "%lld patches have no date of %s: %s", empty.count, s->about->name,
                    name_list_text(&empty));
    if (short_ones.count)
        problem_add(p, USAGE, "data.mono_date is %d, which is beyond the dates of %lld patches: %s", (int)m.value,
                    short_ones.count, name_list_text(&short_ones));
    return OK;
}

static void range_find(patches *s, problems *p)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (int i = 0; i < s->count; i++) {
        const int32_t *days = patch_pack_days(s->pack, s->satellite, (size_t)i);
        if (patches_dates(s, i) > s->longest) s->longest = patches_dates(s, i);
        for (int t = s->first_date[i]; t < s->first_date[i] + s->dates[i]; t++) {
            if (days[t] < least) least = days[t];
            if (days[t] > most) most = days[t];
        }
    }
    if (least > most) return; /* no date at all: said */
    least -= s->reference;
    most -= s->reference;
    if (most - least > SPAN_MAX_DAYS || least < INT32_MIN || most > INT32_MAX) {
        problem_add(p, FAILED, "the dates span %lld days, wanted at most %d", (long long)(most - least), SPAN_MAX_DAYS);
        return;
    }
    s->first_position = (int)least;
    s->last_position = (int)most;
}

int patch_dates_find(patches *s, const patches_options *o, problems *p)
{
    const char *reference = o->ref_date ? o->ref_date : "2018-09-01";
    if (!date_read(reference, &s->reference))
        problem_add(p, USAGE, "data.ref_date is \"%.40s\", wanted a date as YYYY-MM-DD or YYYYMMDD", reference);
    s->max_dates = o->max_dates.present ? o->max_dates.value : INT_MAX;
    s->date_dropout = o->date_dropout;
    int rc = series_find(s, mono_read(o->mono_date, p), p);
    if (!rc) range_find(s, p);
    return rc;
}

int32_t patch_position(const patches *s, int sample, int date)
{
    return patch_pack_days(s->pack, s->satellite, (size_t)sample)[s->first_date[sample] + date] - s->reference;
}

/* ---- what a pass takes ------------------------------------------------------------------------------------------- */

static random_key draw_key(const patches *s, int sample, const patch_pass *pass, enum random_purpose purpose)
{
    const uint64_t id = hash_text(HASH_START, patches_id(s, sample));
    return random_stream(pass->seed, purpose, hash_bytes(id, &pass->epoch, sizeof pass->epoch));
}

/* Draws 0 .. dates - 1 are the drop-out's, those behind them the choice's, the last the one that always stays. */
static int drop_out(const patches *s, random_key key, int dates, int *out)
{
    int kept = 0;
    for (int t = 0; t < dates; t++)
        if (random_uniform(key, (uint64_t)t) >= s->date_dropout) out[kept++] = t;
    if (!kept) out[kept++] = (int)random_below(key, 2 * (uint64_t)dates, (uint64_t)dates);
    return kept;
}

/* `wanted` of them, each choice equally likely, in their order (Knuth, The Art of Computer Programming 2, 3.4.2,
 * algorithm S). */
static int choose(random_key key, int dates, int *date, int count, int wanted)
{
    int chosen = 0;
    for (int i = 0; i < count && chosen < wanted; i++)
        if (random_uniform(key, (uint64_t)dates + (uint64_t)i) * (count - i) < wanted - chosen)
            date[chosen++] = date[i];
    return chosen;
}

/* The first, the last, and what lies evenly between them; the middle one of one. */
static int space_evenly(int dates, int wanted, int *out)
{
    const int64_t last = dates - 1, steps = wanted - 1;
    for (int64_t i = 0; i < wanted; i++) out[i] = (int)(steps ? (2 * i * last + steps) / (2 * steps) : dates / 2);
    return wanted;
}

int patch_dates_draw(const patches *s, int sample, const patch_pass *pass, int *out)
{
    const int dates = s->dates[sample], wanted = patches_dates(s, sample);
    if (!pass->training) return space_evenly(dates, wanted, out);
    const random_key key = draw_key(s, sample, pass, RANDOM_DATES);
    const int kept = drop_out(s, key, dates, out);
    return kept > wanted ? choose(key, dates, out, kept, wanted) : kept;
}

int32_t patch_turn_draw(const patches *s, int sample, const patch_pass *pass)
{
    if (!pass->training || !s->augment) return 0;
    const int drawn = (int)random_below(draw_key(s, sample, pass, RANDOM_TURN), 0, 8);
    return patches_height(s) == patches_width(s) ? drawn : drawn & 5; /* 5: the flip, and half a turn */
}
