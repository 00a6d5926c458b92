/* Dates as the networks take them: days since a reference date. Published: days since the set's first date (dataset.py
 * of VSainteuf/pytorch-psetae); parcels with dates of their own count from data.ref_date, else from the earliest. */
#include "base/date.h"
#include "base/error.h"
#include "data/internal.h"

enum { SPAN_MAX_DAYS = 36525 }; /* a hundred years: the networks keep a line for every day */

static int32_t earliest(const pixelset_pack *pack)
{
    int32_t day = INT32_MAX;
    for (size_t i = 0; i < pixelset_pack_count(pack); i++)
        for (int t = 0; t < pixelset_pack_dates(pack, i); t++)
            if (pixelset_pack_days(pack, i)[t] < day) day = pixelset_pack_days(pack, i)[t];
    return day;
}

static void reference_find(pixelset *s, const char *text, problems *p)
{
    if (!s->has_dates) return;
    if (!text)
        s->reference = pixelset_pack_days_shared(s->pack) ? pixelset_pack_days(s->pack, 0)[0] : earliest(s->pack);
    else if (!date_read(text, &s->reference))
        problem_add(p, USAGE, "data.ref_date is \"%.40s\", wanted a date as YYYY-MM-DD or YYYYMMDD", text);
}

/* Smallest and largest day since 1970 (or place in the series) over the samples. */
static void range_find(pixelset *s, int64_t *least, int64_t *most)
{
    *least = INT64_MAX;
    *most = INT64_MIN;
    for (int i = 0; i < s->count; i++) {
        const int32_t *days = pixelset_pack_days(s->pack, s->parcel[i]);
        int dates = pixelset_pack_dates(s->pack, s->parcel[i]);
        if (dates > s->longest) s->longest = dates;
        for (int t = 0; t < dates; t++) {
            int64_t day = days ? days[t] : t;
            if (day < *least) *least = day;
            if (day > *most) *most = day;
        }
    }
}

int positions_find(pixelset *s, const pixelset_options *o, problems *p)
{
    int64_t least, most;
    s->has_dates = pixelset_pack_days(s->pack, 0);
    reference_find(s, o->ref_date, p);
    range_find(s, &least, &most);
    if (!s->count) return OK;
    least -= s->reference;
    most -= s->reference;
    if (s->has_dates && (most - least > SPAN_MAX_DAYS || least < INT32_MIN || most > INT32_MAX)) {
        problem_add(p, FAILED, "the dates span %lld days, wanted at most %d", (long long)(most - least), SPAN_MAX_DAYS);
        return OK;
    }
    s->first_position = (int)least;
    s->last_position = (int)most;
    return OK;
}

void positions_of(const pixelset *s, int sample, int32_t *out)
{
    size_t parcel = s->parcel[sample];
    const int32_t *days = pixelset_pack_days(s->pack, parcel);
    for (int t = 0; t < pixelset_pack_dates(s->pack, parcel); t++) out[t] = days ? days[t] - s->reference : t;
}
