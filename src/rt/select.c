/* Which device is meant: auto, an index, cpu / gpu / accelerator, or a part of a name. */
#include "rt/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

static const char *const kind_names[] = {
    [DEVICE_CPU] = "cpu", [DEVICE_GPU] = "gpu", [DEVICE_ACCELERATOR] = "accelerator", [DEVICE_OTHER] = "other"};

const char *device_kind_name(enum device_kind kind)
{
    return kind_names[kind];
}

bool device_usable(const device_info *info)
{
    const char *binaries = getenv("FURROW_BINARY_DIR");
    return info->available && info->kind != DEVICE_OTHER && (info->compiler || (binaries && *binaries));
}

static bool usable(const found_device *f)
{
    return device_usable(&f->info);
}

static bool contains(const char *text, const char *part)
{
    size_t length = strlen(part);
    for (; *text; text++)
        if (!strncasecmp(text, part, length)) return true;
    return false;
}

/* "wanted; there are: 0: name (cpu, platform), 1: ..." */
static int nothing_fits(const found_device *list, int count, const char *selector, const char *trouble)
{
    char text[1536];
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < count && used < sizeof text; i++) {
        const device_info *info = &list[i].info;
        int n = snprintf(text + used, sizeof text - used, "%s%d: %s (%s, %s%s)", i ? "; " : "", i, info->name,
                         kind_names[info->kind], info->platform, usable(&list[i]) ? "" : ", unusable");
        if (n > 0) used += (size_t)n;
    }
    return fail(NO_DEVICE,
                "device \"%s\": %s; wanted auto, an index, cpu, gpu, accelerator or a part of a name; "
                "there is %s",
                selector, trouble, text);
}

static int first_of_kind(const found_device *list, int count, enum device_kind kind)
{
    for (int i = 0; i < count; i++)
        if (usable(&list[i]) && list[i].info.kind == kind) return i;
    return -1;
}

static int best(const found_device *list, int count)
{
    static const enum device_kind order[] = {DEVICE_GPU, DEVICE_ACCELERATOR, DEVICE_CPU};
    for (size_t k = 0; k < sizeof order / sizeof order[0]; k++) {
        int i = first_of_kind(list, count, order[k]);
        if (i >= 0) return i;
    }
    return -1;
}

/* The first usable device whose name contains the selector, else whose platform or version does; says so when several
 * do. */
static int named(const found_device *list, int count, const char *selector)
{
    int first = -1, matches = 0;
    for (int pass = 0; pass < 2 && first < 0; pass++)
        for (int i = 0; i < count; i++) {
            const device_info *info = &list[i].info;
            if (!usable(&list[i])) continue;
            bool hit = pass == 0 ? contains(info->name, selector)
                                 : contains(info->platform, selector) || contains(info->version, selector);
            if (!hit) continue;
            if (first < 0) first = i;
            matches++;
        }
    if (matches > 1)
        log_note("device \"%s\" fits %d devices; using %d: %s", selector, matches, first, list[first].info.name);
    return first;
}

static bool is_index(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 6 && !text[digits];
}

int platform_select(const found_device *list, int count, const char *selector, int *chosen)
{
    if (count == 0)
        return fail(NO_DEVICE, "no OpenCL device on this machine: install a driver, for example pocl-opencl-icd for "
                               "the CPU, or the GPU vendor's OpenCL package (clinfo shows what the loader finds)");
    int found = -1;
    if (!selector[0] || !strcasecmp(selector, "auto")) {
        found = best(list, count);
        if (found < 0) return nothing_fits(list, count, "auto", "no device is usable");
    } else if (is_index(selector)) {
        found = atoi(selector);
        if (found >= count) return nothing_fits(list, count, selector, "there is no such index");
    } else {
        bool kind_wanted = false;
        for (int k = DEVICE_CPU; k <= DEVICE_ACCELERATOR; k++)
            if (!strcasecmp(selector, kind_names[k])) {
                kind_wanted = true;
                found = first_of_kind(list, count, (enum device_kind)k);
            }
        if (kind_wanted && found < 0) return nothing_fits(list, count, selector, "no usable device of this type");
        if (!kind_wanted) found = named(list, count, selector);
        if (found < 0) return nothing_fits(list, count, selector, "no device has that in its name");
    }
    if (!usable(&list[found]))
        return nothing_fits(list, count, selector,
                            "it is not available or has no compiler "
                            "(FURROW_BINARY_DIR, docs/fpga.md)");
    *chosen = found;
    return OK;
}
