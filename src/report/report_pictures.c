/* Pictures that predict made, within the page as data URIs: an <img> of one runs no scripts and loads nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "report/report_page.h"

enum { PICTURE_BYTES_MAX = 64 << 20, PNG_HEADER = 24, SIDE_MOST = 1 << 16, SVG_LOOK = 200 };

/* RFC 4648. */
static void put_base64(text_file *f, const unsigned char *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[4 * 1024 + 1];
    size_t used = 0;
    for (size_t i = 0; i < length; i += 3) {
        const size_t have = length - i;
        const uint32_t group = (uint32_t)bytes[i] << 16 | (uint32_t)(have > 1 ? bytes[i + 1] : 0) << 8 |
                               (uint32_t)(have > 2 ? bytes[i + 2] : 0);
        for (size_t k = 0; k < 4; k++) text[used++] = k > have ? '=' : digits[group >> (18 - 6 * k) & 63];
        if (used < sizeof text - 1 && have > 3) continue;
        text[used] = 0;
        text_put(f, text);
        used = 0;
    }
}

static void put_image(text_file *f, const char *type, const char *bytes, size_t length, const char *name)
{
    text_put(f, "<img alt=\"");
    text_put_xml(f, name);
    text_put_format(f, "\" src=\"data:%s;base64,", type);
    put_base64(f, (const unsigned char *)bytes, length);
    text_put(f, "\">");
}

/* ---- maps -------------------------------------------------------------------------------------------------------- */

static uint32_t big_endian(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The signature and the header's size: the picture itself is the browser's to distrust. */
static int check_png(const char *path, const char *bytes, size_t length)
{
    if (length < PNG_HEADER || memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) || memcmp(bytes + 12, "IHDR", 4))
        return fail(FAILED, "%s is no PNG file", path);
    const uint32_t width = big_endian(bytes + 16), height = big_endian(bytes + 20);
    if (!width || !height || width > SIDE_MOST || height > SIDE_MOST)
        return fail(FAILED, "%s: a picture of %u x %u pixels; wanted 1 to %d a side", path, (unsigned)width,
                    (unsigned)height, SIDE_MOST);
    return OK;
}

static int put_map(text_file *f, const report_run *r, const char *name)
{
    int rc = OK;
    char *path = path_join(r->maps, name), *bytes = NULL;
    size_t length;
    TRY_NEW(path);
    TRY(file_read(path, PICTURE_BYTES_MAX, &bytes, &length));
    TRY(check_png(path, bytes, length));
    text_put(f, "<figure class=\"map\">");
    put_image(f, "image/png", bytes, length, name);
    text_put(f, "<figcaption>");
    text_put_xml(f, name);
    text_put(f, "</figcaption></figure>\n");
done:
    free(path);
    free(bytes);
    return rc;
}

/* Spread over the folder. */
int report_put_maps(text_file *f, const report_run *r, int samples, int *shown)
{
    int rc = OK;
    const size_t count = r->maps_count < (size_t)samples ? r->maps_count : (size_t)samples;
    text_put_format(f, "<p class=\"note\">%zu of the %zu pictures in ", count, r->maps_count);
    text_put_xml(f, r->maps);
    text_put_format(f, ", from left to right: %s.</p>\n<div class=\"maps\">\n",
                    r->head
                        ? "the clearest date; the parcels found, in their classes' colours; the true ones, where known"
                        : "the clearest date; the classes found; the true ones, where known");
    for (size_t i = 0; i < count; i++) {
        TRY(put_map(f, r, r->map[i * r->maps_count / count]));
        ++*shown;
    }
    text_put(f, "</div>\n");
done:
    return rc;
}

/* ---- attention --------------------------------------------------------------------------------------------------- */

int report_put_attention(text_file *f, const report_run *r)
{
    int rc = OK;
    char *path = path_join(r->maps, "attention.svg"), *bytes = NULL;
    size_t length;
    TRY_NEW(path);
    TRY(file_read(path, PICTURE_BYTES_MAX, &bytes, &length));
    const char *root = strstr(bytes, "<svg");
    if (!root || root - bytes > SVG_LOOK) {
        rc = fail(FAILED, "%s is no SVG file", path);
        goto done;
    }
    text_put(f, "<figure class=\"attention\">");
    put_image(f, "image/svg+xml", bytes, length, "shares of attention over the dates");
    text_put(f, "</figure>\n");
done:
    free(path);
    free(bytes);
    return rc;
}
