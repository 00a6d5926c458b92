/* The headers of all files that a folder's patches have: each by itself, then beside those of the others. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/pack_common.h"
#include "data-tools/pack_pastis_source.h"

enum { SIDE_MOST = 1 << 14, BANDS_MOST = 1 << 12, DATES_MOST = 1 << 16 };

/* ---- one by one ---------------------------------------------------------------------------------------------------- */

static char *shape_text(const npy_header *h, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < h->rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, i ? " x %zu" : "%zu", h->shape[i]);
    return text;
}

/* False where there is no such file. */
static int header_read(pastis_source *s, pastis_patch *p, pastis_name name, pastis_image *image)
{
    char *path = path_join(s->folder, name.text);
    if (!path) return FAILED;
    image->there = !stat(path, &image->file);
    if (image->there) {
        if (npy_read_header(path, &image->header)) {
            pastis_problem(s, p, "%s", pastis_message(s));
            image->there = false;
        }
    }
    free(path);
    return OK;
}

static void frames_check(pastis_source *s, pastis_patch *p, int k)
{
    char text[200];
    pastis_image *image = &p->image[k];
    const npy_header *h = &image->header;
    const pastis_name file = pastis_image_name(k, p->id);
    const char *name = file.text;
    if (h->rank != 4) {
        pastis_problem(s, p, "%s: %d dimensions (%s), wanted four: dates x bands x height x width", name, h->rank,
                       shape_text(h, text, sizeof text));
    } else if (h->shape[0] < 1 || h->shape[0] > DATES_MOST || h->shape[1] < 1 || h->shape[1] > BANDS_MOST ||
               h->shape[2] < 1 || h->shape[2] > SIDE_MOST || h->shape[3] < 1 || h->shape[3] > SIDE_MOST) {
        pastis_problem(s, p, "%s: %s, wanted at least one of dates x bands x height x width, at most %d x %d x %d x %d",
                       name, shape_text(h, text, sizeof text), DATES_MOST, BANDS_MOST, SIDE_MOST, SIDE_MOST);
    } else if (p->entry && !p->days[k] && !p->bad) {
        pastis_problem(s, p, "%s: metadata.geojson has no dates-%s for patch %s", name, pastis_satellite_name(k),
                       p->id);
    } else if (p->days[k] && p->dates[k] != h->shape[0]) {
        pastis_problem(s, p, "%s: %zu dates, but metadata.geojson has %zu dates-%s for patch %s", name, h->shape[0],
                       p->dates[k], pastis_satellite_name(k), p->id);
    }
}

static int headers_read(pastis_source *s)
{
    int rc = OK;
    for (size_t i = 0; i < s->count; i++) {
        pastis_patch *p = &s->patches[i];
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted while reading headers; nothing was written");
        for (int k = 0; k < PATCH_SATELLITES_MAX; k++) {
            if (!s->satellite[k].there) continue;
            TRY(header_read(s, p, pastis_image_name(k, p->id), &p->image[k]));
            if (p->image[k].there) frames_check(s, p, k);
        }
        TRY(header_read(s, p, pastis_labels_name(p->id), &p->labels));
        TRY(header_read(s, p, pastis_parcels_name(p->id), &p->parcels));
        for (int k = 0; k < PATCH_TARGETS; k++)
            TRY(header_read(s, p, pastis_target_name((enum patch_target)k, p->id), &p->target[k]));
        log_progress("headers", i + 1, s->count, "");
    }
done:
    return rc;
}

/* ---- what most of them have ---------------------------------------------------------------------------------------- */

static bool frames_are_right(const pastis_patch *p, int k)
{
    return p->image[k].there && p->image[k].header.rank == 4 && p->image[k].header.shape[2] <= SIDE_MOST &&
           p->image[k].header.shape[3] <= SIDE_MOST && p->image[k].header.shape[1] <= BANDS_MOST;
}

static int majorities(pastis_source *s)
{
    int *values = memory_new(s->count, sizeof *values);
    if (!values) return FAILED;
    for (int k = PATCH_SATELLITES_MAX - 1; k >= 0; k--) {
        for (size_t i = 0; i < s->count; i++)
            values[i] = frames_are_right(&s->patches[i], k) ? (int)s->patches[i].image[k].header.shape[1] : 0;
        s->satellite[k].bands = pack_majority(values, s->count);
        for (size_t i = 0; i < s->count; i++)
            if (values[i])
                values[i] =
                    (int)(s->patches[i].image[k].header.shape[2] << 15 | s->patches[i].image[k].header.shape[3]);
        int size = pack_majority(values, s->count); /* S2, the last looked at, decides where there is one */
        if (size) s->height = size >> 15;
        if (size) s->width = size & 0x7fff;
    }
    free(values);
    return OK;
}

static void image_compare(pastis_source *s, pastis_patch *p, int k)
{
    const size_t *shape = p->image[k].header.shape;
    pastis_name name = pastis_image_name(k, p->id);
    if (!frames_are_right(p, k) || p->bad) return;
    if (shape[1] != (size_t)s->satellite[k].bands)
        pastis_problem(s, p, "%s: %zu bands, most patches have %d", name.text, shape[1], s->satellite[k].bands);
    else if (shape[2] != (size_t)s->height || shape[3] != (size_t)s->width)
        pastis_problem(s, p, "%s: %zu x %zu pixels, most patches have %d x %d", name.text, shape[2], shape[3],
                       s->height, s->width);
}

enum { INTEGERS = 1, REALS = 2 }; /* element types that a plane may have */

/* `what` each plane holds, of which the first counts. */
static void plane_check(pastis_source *s, pastis_patch *p, const pastis_image *image, pastis_name name, int types,
                        const char *what)
{
    char text[200];
    const npy_header *h = &image->header;
    if (!image->there || !s->height) return;
    bool right = (h->rank == 2 || (h->rank == 3 && h->shape[0] > 0)) && h->shape[h->rank - 2] == (size_t)s->height &&
                 h->shape[h->rank - 1] == (size_t)s->width;
    if (!right)
        pastis_problem(
            s, p, "%s: %s, wanted %d x %d pixels, as the images, or several such planes of which the first has the %s",
            name.text, shape_text(h, text, sizeof text), s->height, s->width, what);
    else if (!(types & (number_is_integer(h->type) ? INTEGERS : REALS)))
        pastis_problem(s, p, "%s: %s, wanted %s", name.text, number_name(h->type),
                       types & INTEGERS ? "integers" : "real numbers");
}

/* Instances and zones may be whole numbers of a real type: the published reader takes them so. A heat map or zones of a
 * patch without parcels are nobody's. */
static void planes_check(pastis_source *s, pastis_patch *p, name_list *without)
{
    static const char *const what[PATCH_TARGETS] = {"instances", "heat", "zones"};
    static const int types[PATCH_TARGETS] = {INTEGERS | REALS, REALS, INTEGERS | REALS};
    bool nobodys = false;
    plane_check(s, p, &p->labels, pastis_labels_name(p->id), INTEGERS, "classes");
    plane_check(s, p, &p->parcels, pastis_parcels_name(p->id), INTEGERS, "parcels");
    for (int k = 0; k < PATCH_TARGETS; k++) {
        nobodys |= p->target[k].there && !pastis_has_parcels(p);
        p->target[k].there &= pastis_has_parcels(p);
        plane_check(s, p, &p->target[k], pastis_target_name((enum patch_target)k, p->id), types[k], what[k]);
    }
    if (nobodys && !p->bad) name_list_add(without, p->id);
}

static enum number_type packed_type(enum number_type type)
{
    return type == NUMBER_F16 ? type : number_storable(type);
}

/* One type that holds those of all patches that are packed. */
static void types_choose(pastis_source *s)
{
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) {
        bool typed = false;
        for (size_t i = 0; i < s->count; i++) {
            const pastis_patch *p = &s->patches[i];
            if (p->bad || !p->image[k].there) continue;
            enum number_type type = packed_type(p->image[k].header.type);
            s->satellite[k].type = typed && s->satellite[k].type != type ? NUMBER_F32 : type;
            typed = true;
        }
    }
}

/* What some patches lack and others have is said, but nothing wrong. */
static void absence_warn(const pastis_source *s, bool (*has)(const pastis_patch *p, int k), int k, const char *what)
{
    name_list without = {0};
    size_t have = 0;
    for (size_t i = 0; i < s->count; i++) {
        const pastis_patch *p = &s->patches[i];
        if (p->bad) continue;
        have += has(p, k);
        if (!has(p, k)) name_list_add(&without, p->id);
    }
    if (have && without.count)
        log_warning("%lld patches have no %s: %s", without.count, what, name_list_text(&without));
}

static bool has_image(const pastis_patch *p, int k)
{
    return p->image[k].there;
}

static bool has_labels(const pastis_patch *p, int k)
{
    (void)k;
    return p->labels.there;
}

static bool has_parcels(const pastis_patch *p, int k)
{
    (void)k;
    return pastis_has_parcels(p);
}

int pastis_headers_read(pastis_source *s)
{
    name_list without = {0};
    int rc = OK;
    TRY(headers_read(s));
    TRY(majorities(s));
    for (size_t i = 0; i < s->count; i++) {
        pastis_patch *p = &s->patches[i];
        for (int k = 0; k < PATCH_SATELLITES_MAX; k++) image_compare(s, p, k);
        planes_check(s, p, &without);
    }
    if (without.count)
        log_warning("%lld patches have a heat map or zones, but neither ANNOTATIONS/ParcelIDs_ID.npy nor "
                    "INSTANCE_ANNOTATIONS/INSTANCES_ID.npy: these are not packed: %s",
                    without.count, name_list_text(&without));
done:
    return rc;
}

void pastis_headers_conclude(pastis_source *s)
{
    types_choose(s);
    for (size_t i = 0; i < s->count; i++) s->has_labels |= s->patches[i].labels.there && !s->patches[i].bad;
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) absence_warn(s, has_image, k, pastis_satellite_name(k));
    absence_warn(s, has_labels, 0, "labels (ANNOTATIONS/TARGET_ID.npy)");
    absence_warn(s, has_parcels, 0,
                 "parcels (ANNOTATIONS/ParcelIDs_ID.npy, or else INSTANCE_ANNOTATIONS/INSTANCES_ID.npy)");
    if (!s->has_labels) log_note("no ANNOTATIONS/TARGET_ID.npy: the pack can be predicted on, not trained on");
}
