#include "data/scene_name.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/date.h"

enum { DATE = 8, DATE_HOUR = 12, DATE_TIME = 14 };

/* ---- date ---------------------------------------------------------------------------------------------------------- */

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* Whether a date starts here, at the start of a run of digits. */
static bool date_at(const char *text, int32_t *day)
{
    char date[DATE + 1] = "";
    const size_t length = digits(text);
    if (length != DATE && length != DATE_HOUR && length != DATE_TIME) return false;
    memcpy(date, text, DATE);
    return date_read(date, day);
}

static const char *date_find(const char *text, const char *end, int32_t *day)
{
    while (text < end) {
        const size_t length = digits(text);
        if (length && date_at(text, day)) return text;
        text += length ? length : 1;
    }
    return NULL;
}

/* ---- band ---------------------------------------------------------------------------------------------------------- */

static bool is_resolution(const char *part, size_t length)
{
    const size_t numerals = digits(part);
    if (length == 2 && part[0] == 'R' && isdigit((unsigned char)part[1])) return true;
    return numerals && numerals + 1 == length && part[numerals] == 'm';
}

/* The length of the name without its ending; 0: the ending is no image's. */
static size_t stem_length(const char *name)
{
    static const char *const endings[] = {".tif", ".tiff", ".jp2"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i])) return (size_t)(dot - name);
    return 0;
}

bool scene_name_read(const char *name, int32_t *day, char band[SCENE_BAND_BYTES])
{
    const char *end = name + stem_length(name), *date = date_find(name, end, day), *part = end;
    int32_t other;
    if (!date) return false;
    for (;;) {
        while (part > name && part[-1] != '_') part--;
        if (part == name || !is_resolution(part, (size_t)(end - part))) break;
        end = --part;
    }
    const size_t length = (size_t)(end - part);
    const bool dated = date_find(part, end, &other) != NULL;
    band[0] = 0;
    if (dated || length >= SCENE_BAND_BYTES) return true;
    memcpy(band, part, length);
    band[length] = 0;
    return true;
}

/* ---- order --------------------------------------------------------------------------------------------------------- */

/* A number; of B01 .. B12 twice theirs, B8A after B08; else over all of them. */
static long rank(const char *band)
{
    enum { NAMED = 1 << 20, OTHER = 1 << 21 };
    const size_t length = strlen(band), numerals = digits(band);
    if (length && numerals == length && length < 6) return atol(band);
    if (!strcasecmp(band, "B8A")) return NAMED + 17;
    if (length >= 2 && length <= 3 && toupper((unsigned char)*band) == 'B' && digits(band + 1) == length - 1)
        return NAMED + 2 * atol(band + 1);
    return OTHER;
}

int scene_band_compare(const char *a, const char *b)
{
    const long x = rank(a), y = rank(b);
    return x != y ? (x < y ? -1 : 1) : strcmp(a, b);
}
