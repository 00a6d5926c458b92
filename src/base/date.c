#include "base/date.h"

#include <stdio.h>

enum { YEAR_FIRST = 1900, YEAR_LAST = 2200 };

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

bool date_number(int year, int month, int day, int32_t *out)
{
    if (year < YEAR_FIRST || year > YEAR_LAST || month < 1 || month > 12) return false;
    if (day < 1 || day > days_in_month(year, month)) return false;
    int before = year - 1; /* whole years since 0001-01-01, which is 719162 days before 1970-01-01 */
    int32_t number = 365 * before + before / 4 - before / 100 + before / 400 - 719162;
    for (int m = 1; m < month; m++) number += days_in_month(year, m);
    *out = number + day - 1;
    return true;
}

/* Exactly `count` digits at *at, which moves behind them. */
static bool digits_read(const char **at, int count, int *out)
{
    *out = 0;
    for (; count; count--, (*at)++) {
        if (**at < '0' || **at > '9') return false;
        *out = *out * 10 + (**at - '0');
    }
    return true;
}

bool date_read(const char *text, int32_t *out)
{
    int year, month, day;
    if (!digits_read(&text, 4, &year)) return false;
    bool dashes = *text == '-';
    text += dashes;
    if (!digits_read(&text, 2, &month) || (dashes && *text != '-')) return false;
    text += dashes;
    if (!digits_read(&text, 2, &day)) return false;
    bool ends = !*text || (dashes && (*text == 'T' || *text == ' '));
    return ends && date_number(year, month, day, out);
}

typedef struct calendar {
    int year, month, day;
} calendar;

/* Hinnant's civil_from_days: years that start in March, in eras of 400 (146097 days), of which 719468 days lie before
 * 1970. */
static calendar calendar_of(int32_t day)
{
    int shifted = day + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int of_era = shifted - era * 146097;
    int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int march_month = (5 * of_year + 2) / 153, month = march_month < 10 ? march_month + 3 : march_month - 9;
    return (calendar){year_of_era + 400 * era + (month <= 2), month, of_year - (153 * march_month + 2) / 5 + 1};
}

date_text date_write(int32_t day)
{
    const calendar c = calendar_of(day);
    date_text out;
    snprintf(out.text, sizeof out.text, "%04d-%02d-%02d", c.year, c.month, c.day);
    return out;
}

int date_digits(int32_t day)
{
    const calendar c = calendar_of(day);
    return 10000 * c.year + 100 * c.month + c.day;
}
