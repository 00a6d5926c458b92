/* Dates as the networks take them: days since a reference date. Published: days since the set's first date (dataset.py
 * of VSainteuf/pytorch-psetae); parcels with dates of their own count from data.ref_date, else from the earliest. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "data/internal.h"

enum { SPAN_MAX_DAYS = 36525 }; /* a hundred years: the networks keep a line for every day */

/* Days since 1970-01-01 in the Gregorian calendar, years counted from March so that the leap day comes last. */
static int32_t day_number(int year, int month, int day)
{
    int y = month > 2 ? year : year - 1, m = (month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static bool date_exists(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || month < 1 || month > 12 || day < 1) return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1] + (month == 2 && leap);
}

/* YYYY-MM-DD or YYYYMMDD */
static bool date_read(const char *text, int32_t *out)
{
    int year, month, day, end = 0;
    size_t digits = strspn(text, "0123456789-");
    const char *format = strchr(text, '-') ? "%4d-%2d-%2d%n" : "%4d%2d%2d%n";
    size_t wanted = strchr(text, '-') ? 10 : 8;
    if (strlen(text) != wanted || digits != wanted) return false;
    if (sscanf(text, format, &year, &month, &day, &end) != 3 || (size_t)end != wanted) return false;
    if (!date_exists(year, month, day)) return false;
    *out = day_number(year, month, day);
    return true;
}

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
    if (!s->has_dates)
        log_warning("%s has no dates: positions count 0, 1, 2, ... in each series", pixelset_pack_path(s->pack));
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
