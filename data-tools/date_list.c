#include "data-tools/date_list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/date.h"
#include "base/error.h"

/* ---- one date ------------------------------------------------------------------------------------------------------ */

static bool date_of(const cJSON *item, int32_t *out)
{
    if (cJSON_IsString(item)) return date_read(item->valuestring, out);
    double value = cJSON_IsNumber(item) ? item->valuedouble : 0;
    if (!(value >= 19000101 && value <= 22001231) || floor(value) != value) return false;
    int number = (int)value;
    return date_number(number / 10000, number / 100 % 100, number % 100, out);
}

/* ---- a list of them ------------------------------------------------------------------------------------------------ */

static bool key_number(const char *key, size_t *out)
{
    size_t length = strlen(key);
    if (!length || length > 7 || strspn(key, "0123456789") != length) return false;
    *out = (size_t)strtoul(key, NULL, 10);
    return true;
}

/* Where each entry of an object belongs: its key, less one where the keys start at 1. Lists are in order as they are. */
static bool first_key(const cJSON *list, size_t *first)
{
    const cJSON *item;
    size_t key;
    *first = 1;
    if (cJSON_IsArray(list)) return true;
    cJSON_ArrayForEach(item, list) {
        if (!key_number(item->string, &key)) return false;
        if (key == 0) *first = 0;
    }
    return true;
}

size_t date_list_length(const cJSON *list)
{
    size_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) count++;
    return count;
}

int date_list_read(const cJSON *list, const char *where, size_t count, int32_t *days)
{
    size_t first, at = 0, key;
    const cJSON *item;
    if (!first_key(list, &first)) return fail(FAILED, "%s: wanted the keys \"0\" or \"1\" and on, or a list", where);
    for (size_t i = 0; i < count; i++) days[i] = INT32_MIN;
    cJSON_ArrayForEach(item, list) {
        key = at++;
        if (!cJSON_IsArray(list)) {
            key_number(item->string, &key);
            key -= first;
        }
        if (key >= count || days[key] != INT32_MIN)
            return fail(FAILED, "%s: key \"%s\", wanted %zu to %zu, each once", where, item->string, first,
                        first + count - 1); /* of an object: a list's are in order */
        if (!date_of(item, &days[key])) {
            char *text = cJSON_PrintUnformatted(item);
            int rc = fail(FAILED, "%s: date %zu is %.40s, wanted YYYYMMDD or YYYY-MM-DD", where, key + first,
                          text ? text : "?");
            cJSON_free(text);
            return rc;
        }
    }
    return OK;
}

bool dates_in_order(const int32_t *days, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (days[i] < days[i - 1]) return false;
    return true;
}
