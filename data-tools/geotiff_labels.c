/* Labels of parcels, from text to numbers. */
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/geotiff_parcels.h"
#include "data-tools/label_names.h"
#include "data/problems.h"

static bool numbers_take(const geotiff_parcels *p, size_t k, int32_t *values)
{
    for (size_t i = 0; i < p->count; i++) {
        const char *text = p->parcel[i].labels[k];
        values[i] = PACK_NO_LABEL;
        if (text && !label_of_text(text, &values[i])) return false;
    }
    return true;
}

static int names_take(geotiff_parcels *p, size_t k, int32_t *values)
{
    char *classes = NULL;
    const char **texts = memory_new(p->count, sizeof *texts);
    if (!texts) return FAILED;
    for (size_t i = 0; i < p->count; i++) texts[i] = p->parcel[i].labels[k];
    int rc = label_names_number(texts, p->count, p->label_names[k], values, &classes);
    if (!rc) p->labels[k].classes = classes;
    free(texts);
    return rc;
}

static void missing_warn(const geotiff_parcels *p, size_t k, const int32_t *values)
{
    name_list without = {0};
    for (size_t i = 0; i < p->count; i++)
        if (values[i] == PACK_NO_LABEL) name_list_add(&without, p->parcel[i].id);
    if (without.count)
        log_warning("%s: %lld parcels have no label: %s", p->label_names[k], without.count, name_list_text(&without));
}

int geotiff_labels(geotiff_parcels *p)
{
    int rc = OK;
    for (size_t k = 0; k < p->nomenclatures; k++) {
        int32_t *values = memory_new(p->count, sizeof *values);
        if (!values) return FAILED;
        p->labels[k] = (pack_labels){.name = p->label_names[k], .values = values};
        if (!numbers_take(p, k, values)) TRY(names_take(p, k, values));
        missing_warn(p, k, values);
    }
done:
    return rc;
}
