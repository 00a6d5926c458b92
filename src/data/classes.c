/* Which parcels belong to the data set, and the class of each: sub_classes keeps and renumbers in the order given;
 * without it the labels that are there, in increasing order, are the classes. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/schema.h"
#include "data/internal.h"

typedef struct class_list {
    int count;
    int32_t *value; /* [count] labels as in the nomenclature */
    bool increasing;
} class_list;

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* -1: not among the classes. */
static int class_of(const class_list *l, int32_t label)
{
    if (label == PACK_NO_LABEL) return -1;
    if (l->increasing && l->count) {
        const int32_t *found = bsearch(&label, l->value, (size_t)l->count, sizeof label, by_value);
        return found ? (int)(found - l->value) : -1;
    }
    for (int k = 0; k < l->count; k++)
        if (l->value[k] == label) return k;
    return -1;
}

/* ---- the classes ------------------------------------------------------------------------------------------------- */

static int listed_classes(const int_list *wanted, class_list *out, problems *p)
{
    if (wanted->count == 0) problem_add(p, USAGE, "data.sub_classes is empty, wanted null or the labels to keep");
    out->value = memory_new((size_t)wanted->count, sizeof *out->value);
    if (!out->value) return FAILED;
    for (int i = 0; i < wanted->count; i++) {
        if (class_of(out, wanted->value[i]) >= 0)
            problem_add(p, USAGE, "data.sub_classes has %d twice", wanted->value[i]);
        else
            out->value[out->count++] = wanted->value[i];
    }
    return OK;
}

/* Labels between the smallest and the largest that no parcel has. */
static void gaps_report(const class_list *l, problems *p)
{
    name_list missing = {0}, there = {0};
    for (int k = 0; k < l->count; k++) {
        name_list_add_number(&there, l->value[k]);
        if (k == 0) continue;
        int64_t from = (int64_t)l->value[k - 1] + 1, to = l->value[k];
        for (; from < to && missing.count < NAMES_SHOWN; from++) name_list_add_number(&missing, from);
        name_list_skip(&missing, to - from);
    }
    problem_add(p, FAILED,
                "the labels have gaps: no parcel has %s; say in data.sub_classes which labels are the "
                "classes, in their order (there are %s)",
                name_list_text(&missing), name_list_text(&there));
}

/* The labels that occur, increasing; *gaps where they do not follow one another. */
static int present_classes(const int32_t *labels, size_t count, class_list *out, bool *gaps)
{
    out->value = memory_new(count, sizeof *out->value);
    if (!out->value) return FAILED;
    memcpy(out->value, labels, count * sizeof *labels);
    qsort(out->value, count, sizeof *labels, by_value);
    for (size_t i = 0; i < count; i++) {
        int32_t label = out->value[i];
        if (label == PACK_NO_LABEL || (out->count && out->value[out->count - 1] == label)) continue;
        out->value[out->count++] = label;
    }
    int last = out->count - 1;
    *gaps = last > 0 && (int64_t)out->value[last] - out->value[0] != last;
    out->increasing = true;
    return OK;
}

/* ---- the parcels ------------------------------------------------------------------------------------------------- */

/* Training and evaluation keep the parcels of the classes; prediction keeps all. Parcels without a label stay: whoever
 * needs labels is told of them. */
static int keep(pixelset *s, const int32_t *labels, const class_list *l, bool labels_needed)
{
    size_t all = pixelset_pack_count(s->pack);
    if (all > INT32_MAX)
        return fail(FAILED, "%s: %zu parcels, at most %d can be held", pixelset_pack_path(s->pack), all, INT32_MAX);
    s->parcel = memory_new(all, sizeof *s->parcel);
    s->label = memory_new(all, sizeof *s->label);
    if (!s->parcel || !s->label) return FAILED;
    for (size_t i = 0; i < all; i++) {
        int label = labels ? class_of(l, labels[i]) : -1;
        bool other = labels && labels[i] != PACK_NO_LABEL && label < 0;
        if (labels_needed && other) continue;
        s->parcel[s->count] = (uint32_t)i;
        s->label[s->count++] = label;
    }
    return OK;
}

/* What a label is called: its number, or the text that the nomenclature has for it. */
static int name_of(const cJSON *texts, int32_t label, const char *where, char **out)
{
    const cJSON *text = cJSON_GetArrayItem(texts, label);
    if (texts && !cJSON_IsString(text))
        return fail(FAILED, "%s: label %d stands for no class: \"classes\" holds %d texts, wanted one for it", where,
                    (int)label, cJSON_GetArraySize(texts));
    *out = texts ? text_copy(text->valuestring) : text_format("%d", (int)label);
    return *out ? OK : FAILED;
}

static int names_find(pixelset *s, const class_list *l, const pixelset_options *o)
{
    int rc = OK;
    char *list = NULL;
    cJSON *texts = NULL;
    TRY(pixelset_pack_classes(s->pack, o->nomenclature, &list));
    if (list) TRY(json_parse(list, strlen(list), o->pack, &texts));
    TRY_NEW(s->class_name = memory_new((size_t)l->count, sizeof *s->class_name));
    for (s->classes = 0; s->classes < l->count; s->classes++)
        TRY(name_of(texts, l->value[s->classes], o->pack, &s->class_name[s->classes]));
done:
    cJSON_Delete(texts);
    free(list);
    return rc;
}

/* ---- what training and evaluation refuse ------------------------------------------------------------------------- */

static int labels_check(const pixelset *s, const class_list *l, problems *p)
{
    name_list unlabelled = {0}, empty = {0};
    int *parcels = memory_new((size_t)l->count, sizeof *parcels);
    if (!parcels) return FAILED;
    for (int i = 0; i < s->count; i++) {
        if (s->label[i] >= 0)
            parcels[s->label[i]]++;
        else if (l->count)
            name_list_add(&unlabelled, pixelset_pack_id(s->pack, s->parcel[i]));
    }
    for (int k = 0; k < l->count; k++)
        if (!parcels[k]) name_list_add_number(&empty, l->value[k]);
    free(parcels);
    if (!l->count && l->increasing) problem_add(p, FAILED, "no parcel has a label");
    if (unlabelled.count)
        problem_add(p, FAILED, "%lld parcels have no label, wanted one of each (pack a folder without them): %s",
                    unlabelled.count, name_list_text(&unlabelled));
    if (empty.count) problem_add(p, FAILED, "no parcel has these of data.sub_classes: %s", name_list_text(&empty));
    return OK;
}

int classes_find(pixelset *s, const pixelset_options *o, bool labels_needed, problems *p)
{
    int rc = OK;
    bool gaps = false, listed = o->sub_classes.count >= 0;
    class_list l = {0};
    const int32_t *labels = NULL;
    int found = pixelset_pack_labels(s->pack, o->nomenclature, &labels);
    if (found == USAGE && labels_needed) problem_carry(p, USAGE, "data.nomenclature", o->pack);
    if (found && found != USAGE) return found;
    if (found) labels = NULL;
    if (listed)
        TRY(listed_classes(&o->sub_classes, &l, p));
    else if (labels)
        TRY(present_classes(labels, pixelset_pack_count(s->pack), &l, &gaps));
    if (gaps && labels_needed) gaps_report(&l, p);
    if (gaps && !labels_needed) { /* no classes that could be counted on, and none needed */
        labels = NULL;
        l.count = 0;
    }
    TRY(keep(s, labels, &l, labels_needed));
    if (labels && labels_needed) TRY(labels_check(s, &l, p));
    if (labels) TRY(names_find(s, &l, o));
done:
    free(l.value);
    return rc;
}
