/* Calendar dates as whole days since 1970-01-01, Gregorian, years 1900 to 2200. */
#ifndef FURROW_BASE_DATE_H
#define FURROW_BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

/* False, and *out untouched, for a date that does not exist. */
bool date_number(int year, int month, int day, int32_t *out);

/* YYYYMMDD, or YYYY-MM-DD with or without a time behind it (T or a space, not looked at). */
bool date_read(const char *text, int32_t *out);

/* YYYY-MM-DD, for any day that lies within 10,000 years. */
typedef struct date_text {
    char text[40];
} date_text;
date_text date_write(int32_t day);

/* The same as one number, YYYYMMDD; of years 1 to 9999. */
int date_digits(int32_t day);

#endif
