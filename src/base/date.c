#include "base/date.h"

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
