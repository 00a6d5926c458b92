/* Lists of dates as people's JSON has them: {"0": 20170101, ...}, {"1": ...} or [...]; numbers, or text as YYYYMMDD or
 * YYYY-MM-DD. Days count from 1970-01-01. */
#ifndef FURROW_DATA_TOOLS_DATE_LIST_H
#define FURROW_DATA_TOOLS_DATE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;

size_t date_list_length(const struct cJSON *list);

/* The `count` dates of a list of that length; FAILED with what is wrong behind "where: ". */
int date_list_read(const struct cJSON *list, const char *where, size_t count, int32_t *days);

bool dates_in_order(const int32_t *days, size_t count);

#endif
