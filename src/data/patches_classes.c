/* Which classes the labels of a pack's patches are: themselves, or what data.class_map makes of them. */
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/patches_internal.h"

enum { GREY = 0x808080 };

/* labels 0 .. known - 1 have a class or are void; beyond them none is allowed. */
static int map_find(patches *s, const int_list *map, problems *p)
{
    bool any = false;
    for (int label = 0; label < LABELS; label++) {
        s->class_map[label] = map->count < 0 ? label : label < map->count ? map->value[label] : -1;
        any |= s->class_map[label] >= 0;
    }
    if (!any) problem_add(p, USAGE, "data.class_map leaves no class, wanted null or the class of each label");
    return map->count < 0 ? LABELS : map->count;
}

static void unknown_add(const patches *s, int sample, int label, name_list *unknown)
{
    char text[80];
    snprintf(text, sizeof text, "%d (patch %.20s)", label, patches_id(s, sample));
    name_list_add(unknown, text);
}

/* The labels that occur; those that data.class_map does not reach are named, each with the first patch that has it. */
static void occurring_find(const patches *s, int known, bool occurs[LABELS], name_list *unknown)
{
    for (int i = 0; i < s->count; i++) {
        const int64_t *pixels = patch_pack_histogram(s->pack, (size_t)i);
        for (int label = 0; pixels && label < LABELS; label++) {
            if (!pixels[label]) continue;
            if (label >= known && !occurs[label]) unknown_add(s, i, label, unknown);
            occurs[label] = true;
        }
    }
}

static void missing_report(const patches *s, problems *p)
{
    name_list missing = {0};
    if (!patch_pack_has_labels(s->pack)) {
        problem_add(p, FAILED, "no patch has labels");
        return;
    }
    for (int i = 0; i < s->count; i++)
        if (!patch_pack_has_label(s->pack, (size_t)i)) name_list_add(&missing, patches_id(s, i));
    if (missing.count)
        problem_add(p, FAILED,
                    "%lld patches have no labels, wanted them of each (pack a folder without the others): %s",
                    missing.count, name_list_text(&missing));
}

/* A class's name is that of its only label; a class of many labels, or of none with a name, is called by its number. */
static int names_find(patches *s)
{
    s->class_name = memory_new((size_t)s->classes, sizeof *s->class_name);
    s->class_colour = memory_new((size_t)s->classes, sizeof *s->class_colour);
    if (!s->class_name || !s->class_colour) return FAILED;
    for (int k = 0; k < s->classes; k++) {
        int labels = 0, first = 0;
        for (int label = LABELS - 1; label >= 0; label--)
            if (s->class_map[label] == k) labels++, first = label;
        const char *name = labels == 1 ? patch_pack_class_name(s->pack, first) : NULL;
        s->class_name[k] = name ? text_copy(name) : text_format("%d", k);
        if (!s->class_name[k]) return FAILED;
        s->class_colour[k] = labels ? patch_pack_class_colour(s->pack, first) : GREY;
    }
    return OK;
}

void patches_add_pixels(const patches *s, int sample, int64_t *pixels)
{
    const int64_t *stored = patch_pack_histogram(s->pack, (size_t)sample);
    for (int label = 0; stored && label < LABELS; label++)
        if (stored[label] && s->class_map[label] >= 0) pixels[s->class_map[label]] += stored[label];
}

int patch_classes_find(patches *s, const patches_options *o, bool labels_needed, problems *p)
{
    bool occurs[LABELS] = {false};
    name_list unknown = {0};
    const int known = map_find(s, &o->class_map, p);
    if (labels_needed) missing_report(s, p);
    if (!patch_pack_has_labels(s->pack)) return OK;
    occurring_find(s, known, occurs, &unknown);
    if (unknown.count && known && labels_needed)
        problem_add(p, FAILED, "labels that data.class_map, of %d entries, does not reach: %s", known,
                    name_list_text(&unknown));
    const bool mapped = o->class_map.count >= 0;
    for (int label = 0; label < LABELS; label++) {
        const bool named = mapped ? label < known : patch_pack_class_name(s->pack, label) != NULL;
        if ((occurs[label] || named) && s->class_map[label] >= s->classes) s->classes = s->class_map[label] + 1;
    }
    return names_find(s);
}
