/* META/dates.json in its forms: one list for all parcels ({"0": 20170101, ...}, {"1": ...} or [...]), or one for each
 * ({id: [...] or {"0": ...}, ...}). Days count from 1970-01-01. */
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/date_list.h"
#include "data-tools/pack_source.h"

/* What is wrong becomes one problem, and false. */
static bool list_read(pack_source *s, const cJSON *list, const char *whose, size_t count, int32_t *days)
{
    char where[200];
    snprintf(where, sizeof where, "META/dates.json: %s", whose);
    if (!date_list_read(list, where, count, days)) return true;
    pack_problem(s, "%s", error_message());
    return false;
}

/* ---- the two forms ------------------------------------------------------------------------------------------------- */

static int shared_read(pack_source *s, const cJSON *document)
{
    name_list others = {0};
    size_t count = date_list_length(document);
    if (!count) {
        pack_problem(s, "META/dates.json: holds no date");
        return OK;
    }
    if (!(s->days = memory_new(count, sizeof *s->days))) return FAILED;
    s->day_count = count;
    s->days_shared = true;
    if (!list_read(s, document, "the dates", count, s->days)) return OK;
    for (size_t i = 0; i < s->count; i++)
        if (s->readable[i] && (size_t)s->dates[i] != count) name_list_add(&others, s->ids[i]);
    if (others.count)
        pack_problem(s, "META/dates.json: %zu dates for all parcels, but %lld parcels have another number: %s", count,
                     others.count, name_list_text(&others));
    if (!dates_in_order(s->days, count)) log_warning("META/dates.json: the dates are not in order");
    return OK;
}

typedef struct own_dates {
    const cJSON **lists; /* of each parcel, NULL: none */
    size_t *first;       /* in s->days */
    name_list without, unordered;
} own_dates;

static void own_read(pack_source *s, own_dates *o)
{
    char whose[120];
    for (size_t i = 0; i < s->count; i++) {
        size_t count = (size_t)s->dates[i];
        int32_t *days = s->days + o->first[i];
        if (!s->readable[i]) continue;
        if (!o->lists[i]) {
            name_list_add(&o->without, s->ids[i]);
            continue;
        }
        snprintf(whose, sizeof whose, "parcel %.80s", s->ids[i]);
        if (date_list_length(o->lists[i]) != count)
            pack_problem(s, "META/dates.json: %s: %zu dates, but its series has %zu", whose,
                         date_list_length(o->lists[i]), count);
        else if (list_read(s, o->lists[i], whose, count, days) && !dates_in_order(days, count))
            name_list_add(&o->unordered, s->ids[i]);
    }
}

static int each_read(pack_source *s, const cJSON *document)
{
    own_dates o = {0};
    const cJSON *item;
    int rc = OK;
    TRY_NEW(o.lists = memory_new(s->count, sizeof *o.lists));
    TRY_NEW(o.first = memory_new(s->count + 1, sizeof *o.first));
    for (size_t i = 0; i < s->count; i++) o.first[i + 1] = o.first[i] + (size_t)s->dates[i];
    s->day_count = o.first[s->count];
    TRY_NEW(s->days = memory_new(s->day_count, sizeof *s->days));
    cJSON_ArrayForEach(item, document) {
        size_t i = pack_source_find(s, item->string);
        if (i < s->count && (cJSON_IsArray(item) || cJSON_IsObject(item))) o.lists[i] = item;
    }
    own_read(s, &o);
    if (o.without.count)
        pack_problem(s, "META/dates.json: no dates for %lld parcels: %s", o.without.count, name_list_text(&o.without));
    if (o.unordered.count)
        log_warning("META/dates.json: the dates of %lld parcels are not in order: %s", o.unordered.count,
                    name_list_text(&o.unordered));
done:
    free(o.first);
    free((void *)o.lists);
    return rc;
}

int pack_dates_read(pack_source *s)
{
    cJSON *document;
    int before = s->found.count, rc = pack_document(s, "dates.json", &document);
    if (rc) return rc;
    if (!document) {
        if (s->found.count == before) log_note("no META/dates.json: positions can only be the order of the images");
        return OK;
    }
    const cJSON *first = document->child;
    bool each = cJSON_IsObject(document) && (cJSON_IsArray(first) || cJSON_IsObject(first));
    if (!cJSON_IsObject(document) && !cJSON_IsArray(document))
        pack_problem(s, "META/dates.json: wanted {\"0\": YYYYMMDD, ...} or {id: [dates], ...}");
    else
        rc = each ? each_read(s, document) : shared_read(s, document);
    cJSON_Delete(document);
    return rc;
}
