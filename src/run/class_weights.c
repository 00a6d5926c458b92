#include "run/class_weights.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

static int add_sample(const session *s, int sample, int64_t *count)
{
    if (s->config.head) return patches_add_parcels(s->set.images, sample, count);
    if (s->set.images)
        patches_add_pixels(s->set.images, sample, count);
    else
        count[pixelset_label(s->set.parcels, sample)]++;
    return OK;
}

/* count [classes]: all 0 */
static int count_samples(const session *s, const fold_split *split, int ignored, int64_t *count)
{
    int rc = OK;
    for (int i = 0; i < split->train_count; i++) TRY(add_sample(s, (int)split->train[i], count));
    if (ignored >= 0) count[ignored] = 0;
done:
    return rc;
}

static void balance(const int64_t *count, int classes, float *weight)
{
    int occurring = 0;
    double all = 0;
    for (int k = 0; k < classes; k++) {
        occurring += count[k] > 0;
        all += (double)count[k];
    }
    for (int k = 0; k < classes; k++) weight[k] = count[k] ? (float)(all / ((double)count[k] * (double)occurring)) : 1;
}

/* "fold 1 of 5: in the loss classes weigh: wheat 0.5, rape 2.1" */
static int tell(const session *s, const char *title, int classes, int ignored, const float *weight)
{
    int rc = OK;
    char **names = NULL, *text = NULL;
    const char *between = "";
    TRY(class_names(s, NULL, classes, &names));
    TRY_NEW(text = text_format("%s: in the loss classes weigh:", title));
    for (int k = 0; k < classes; k++) {
        if (k == ignored) continue;
        char *longer = text_format("%s%s %s %.3g", text, between, names[k], (double)weight[k]);
        free(text);
        TRY_NEW(text = longer);
        between = ",";
    }
    log_note("%s", text);
done:
    names_free(names, classes);
    free(text);
    return rc;
}

int class_weights_apply(const session *s, const fold_split *split, const char *title, network *w)
{
    int rc = OK;
    const real_list *given = &s->config.train.class_weights;
    const int classes = model_classes(w->model);
    int ignored = -1;
    float *weight = NULL;
    int64_t *count = NULL;
    if (given->count < 0 && !given->word) return OK;
    TRY(config_ignored_class(&s->config, classes, &ignored));
    TRY_NEW(weight = memory_new((size_t)classes, sizeof *weight));
    TRY_NEW(count = memory_new((size_t)classes, sizeof *count));
    for (int k = 0; k < given->count; k++) weight[k] = (float)given->value[k];
    if (given->word) {
        TRY(count_samples(s, split, ignored, count));
        balance(count, classes, weight);
    }
    TRY(tell(s, title, classes, ignored, weight));
    TRY(network_class_weights(w, weight));
done:
    free(weight);
    free(count);
    return rc;
}
