#include "network/samples.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

int samples_open(const run_config *c, bool labels, sample_set *out)
{
    *out = (sample_set){.kind = c->kind};
    return c->kind == MODEL_DENSE ? patches_open(&c->images, labels, &out->images)
                                  : pixelset_open(&c->parcels, labels, &out->parcels);
}

void samples_close(sample_set *s)
{
    pixelset_close(s->parcels);
    patches_close(s->images);
    *s = (sample_set){0};
}

const char *samples_noun(const sample_set *s)
{
    return s->images ? "patches" : "parcels";
}

const char *samples_rows_noun(const sample_set *s)
{
    return s->images ? "pixels" : "parcels";
}

int samples_count(const sample_set *s)
{
    return s->images ? patches_count(s->images) : pixelset_count(s->parcels);
}

int samples_dates(const sample_set *s, int sample)
{
    return s->images ? patches_dates(s->images, sample) : pixelset_dates(s->parcels, sample);
}

int samples_classes(const sample_set *s)
{
    return s->images ? patches_classes(s->images) : pixelset_classes(s->parcels);
}

int samples_rows(const sample_set *s)
{
    return s->images ? patches_height(s->images) * patches_width(s->images) : 1;
}

const char *samples_class_name(const sample_set *s, int class_index)
{
    return s->images ? patches_class_name(s->images, class_index) : pixelset_class_name(s->parcels, class_index);
}

const char *samples_id(const sample_set *s, int sample)
{
    return s->images ? patches_id(s->images, sample) : pixelset_id(s->parcels, sample);
}

data_sizes samples_sizes(const sample_set *s)
{
    if (s->images) return (data_sizes){.bands = patches_bands(s->images), .classes = patches_classes(s->images)};
    return (data_sizes){
        .bands = pixelset_bands(s->parcels),
        .extra = pixelset_extra(s->parcels),
        .classes = pixelset_classes(s->parcels),
        .longest = pixelset_longest(s->parcels),
    };
}

bool samples_reference(const sample_set *s, int32_t *day)
{
    *day = s->images ? patches_reference(s->images) : pixelset_reference(s->parcels);
    return s->images || pixelset_has_dates(s->parcels);
}

void samples_days(const sample_set *s, int *first, int *last)
{
    *first = s->images ? patches_first_position(s->images) : pixelset_first_position(s->parcels);
    *last = s->images ? patches_last_position(s->images) : pixelset_last_position(s->parcels);
}

/* ---- folds ------------------------------------------------------------------------------------------------------- */

int samples_split(const sample_set *s, const train_options *t, int fold, fold_split *out)
{
    if (s->images) return patches_split(s->images, fold, out);
    return fold_split_new(pixelset_count(s->parcels), t->kfold, fold, (uint32_t)t->rdm_seed, out);
}

int samples_split_check(const sample_set *s, const fold_split *split, const char *title)
{
    const int least = s->images ? 1 : 2;
    if (split->train_count < least)
        return fail(FAILED, "%s: %d %s for training, wanted %d or more", title, split->train_count, samples_noun(s),
                    least);
    if (s->parcels) fold_split_warn(s->parcels, split, title);
    if (s->images && !split->validation_count)
        return fail(FAILED, "%s: no patches for validation; wanted some of each of the five folds", title);
    if (s->images && !split->test_count) log_warning("%s: no patches for the test, which measures nothing", title);
    return OK;
}

/* ---- a network for them ------------------------------------------------------------------------------------------ */

static network_input parcel_input(const pixelset *s, const model *m, int npixel)
{
    const bool dates = model_positions_are_dates(m);
    const int first = dates ? pixelset_first_position(s) : 1, longest = pixelset_longest(s);
    return (network_input){
        .npixel = npixel,
        .bands = pixelset_bands(s),
        .extra = pixelset_extra(s),
        .first_position = first,
        .position_lines = dates ? pixelset_last_position(s) - first + 1 : longest,
        .longest = longest,
    };
}

network_input samples_input(const sample_set *s, const model *m, const run_config *c)
{
    if (s->parcels) return parcel_input(s->parcels, m, c->parcels.npixel);
    const int first = patches_first_position(s->images);
    return (network_input){
        .bands = patches_bands(s->images),
        .height = patches_height(s->images),
        .width = patches_width(s->images),
        .first_position = first,
        .position_lines = patches_last_position(s->images) - first + 1,
        .longest = patches_longest(s->images),
    };
}

/* Adds a line to a growing list of complaints. */
static void complain(char **list, char *line)
{
    char *longer = line ? text_format("%s\n  %s", *list ? *list : "", line) : NULL;
    free(line);
    if (!longer) return;
    free(*list);
    *list = longer;
}

static void compare(char **list, const char *key, int wanted, const char *what, int there)
{
    if (wanted == there) return;
    complain(list, text_format("model.%s is for %d %s, the data have %d", key, wanted, what, there));
}

static void parcels_fit(char **list, const pixelset *s, const model *m, bool classes)
{
    compare(list, "input_dim", model_bands(m), "bands", pixelset_bands(s));
    if (model_extra(m))
        compare(list, "extra_size", model_extra(m), "extra features (data.extra_feature)", pixelset_extra(s));
    if (classes) compare(list, "mlp4", model_classes(m), "classes (its last width)", pixelset_classes(s));
    if (model_positions_are_dates(m) && !pixelset_has_dates(s))
        complain(list, text_copy("model.positions is \"dates\", but the pack has none (META/dates.json); wanted "
                                 "\"order\""));
}

static void images_fit(char **list, const patches *s, const model *m, bool classes, const char *where)
{
    const size_keys keys = model_size_keys(m);
    compare(list, keys.bands, model_bands(m), "bands", patches_bands(s));
    if (classes && patches_classes(s) > model_classes(m))
        complain(list,
                 text_format("model.%s is for %d classes, the data have %d (data.class_map renumbers them)",
                             model_head(m) ? "head.num_classes" : keys.classes, model_classes(m), patches_classes(s)));
    if (classes && model_head(m) && !patches_have_parcels(s))
        complain(list, text_copy("model.head wants the parcels of every patch, the pack has none (furrow pack pastis "
                                 "takes or makes them where the folder has parcel ids)"));
    if (model_size_fits(m, patches_height(s), patches_width(s), where)) complain(list, text_copy(error_message()));
}

int samples_fit(const sample_set *s, const model *m, bool classes, const char *where)
{
    char *list = NULL;
    int rc = OK;
    if (s->images)
        images_fit(&list, s->images, m, classes, "data");
    else
        parcels_fit(&list, s->parcels, m, classes);
    if (list)
        rc = fail(USAGE, "%s: the model does not fit the data (a key left out is read off the data):%s", where, list);
    free(list);
    return rc;
}
