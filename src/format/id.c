#include "format/id.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool is_integer(const char *id)
{
    const char *c = id;
    while (isdigit((unsigned char)*c)) c++;
    return c > id && !*c;
}

int id_compare(const char *a, const char *b)
{
    bool a_integer = is_integer(a), b_integer = is_integer(b);
    if (a_integer != b_integer) return a_integer ? -1 : 1;
    if (!a_integer) return strcmp(a, b);
    const char *x = a + strspn(a, "0"), *y = b + strspn(b, "0");
    size_t x_length = strlen(x), y_length = strlen(y);
    if (x_length != y_length) return x_length < y_length ? -1 : 1;
    int order = strcmp(x, y);
    return order ? order : strcmp(a, b);
}
