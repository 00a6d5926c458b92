/* Facts that are remembered about a device and this kernel text, such as the self-test's result. Written at once. */
#include "rt/internal.h"

#include <string.h>

static int open_memo(device *d)
{
    return d->memo ? OK : store_open(d, "memo", &d->memo);
}

int memo_get(device *d, const char *key, char *value, size_t size)
{
    const char *text = d->binaries ? binaries_fact(d->binaries, key) : NULL;
    if (!text && open_memo(d)) return FAILED;
    if (!text) text = store_get(d->memo, key);
    if (!text || strlen(text) >= size) return FAILED;
    strcpy(value, text);
    return OK;
}

int memo_set(device *d, const char *key, const char *value)
{
    int rc = open_memo(d);
    if (!rc) rc = store_set(d->memo, key, value);
    if (!rc) store_save(d, d->memo);
    return rc;
}
