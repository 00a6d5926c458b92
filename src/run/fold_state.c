#include "run/fold_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

int fold_state_settings(const session *s, char text[17])
{
    int rc = OK;
    cJSON *all = NULL;
    char *written = NULL;
    TRY(config_resolved(&s->config, s->model, &all));
    static const char *const free_train[] = {"res_dir", "epochs", "fold", "val_every", "val_after"};
    cJSON *train = cJSON_GetObjectItemCaseSensitive(all, "train");
    cJSON *data = cJSON_GetObjectItemCaseSensitive(all, "data");
    for (size_t i = 0; i < sizeof free_train / sizeof *free_train; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(train, free_train[i]);
    cJSON_DeleteItemFromObjectCaseSensitive(data, "preload");
    cJSON_DeleteItemFromObjectCaseSensitive(data, "pack"); /* may have been moved */
    cJSON_DeleteItemFromObjectCaseSensitive(all, "eval");
    cJSON_DeleteItemFromObjectCaseSensitive(all, "device");
    cJSON_AddNumberToObject(all, samples_noun(&s->set), samples_count(&s->set));
    TRY_NEW(written = json_print(all, false));
    snprintf(text, 17, "%016llx", (unsigned long long)hash_text(HASH_START, written));
done:
    cJSON_Delete(all);
    free(written);
    return rc;
}

/* The days of the dates, where all parcels have the same: what the published class makes its table of positions from. */
static int put_positions(const session *s, cJSON *state)
{
    const pixelset *set = s->set.parcels;
    if (!set || !pixelset_dates_are_shared(set)) return OK;
    const int count = pixelset_dates(set, 0);
    int32_t *days = memory_new((size_t)count, sizeof *days);
    if (!days) return FAILED;
    pixelset_positions(set, 0, days);
    cJSON *list = cJSON_AddArrayToObject(state, "positions");
    for (int i = 0; i < count; i++) json_append(list, cJSON_CreateNumber(days[i]));
    free(days);
    return OK;
}

int fold_state_new(const session *s, const network *w, fold_progress p, cJSON **out)
{
    int rc = OK;
    char hash[17], **names = NULL;
    cJSON *state = cJSON_CreateObject();
    const int classes = model_classes(w->model); /* the network's, which may be more than the data's */
    TRY(fold_state_settings(s, hash));
    TRY(class_names(s, NULL, classes, &names));
    cJSON_AddNumberToObject(state, "epoch", p.epoch);
    cJSON_AddNumberToObject(state, "step", (double)w->adam_step);
    cJSON_AddNumberToObject(state, "best_epoch", p.best_epoch);
    cJSON_AddNumberToObject(state, "best", p.best);
    cJSON_AddNumberToObject(state, "fold", p.fold);
    cJSON_AddNumberToObject(state, "kfold", s->config.train.kfold);
    cJSON_AddNumberToObject(state, "rdm_seed", s->config.train.rdm_seed);
    cJSON_AddStringToObject(state, "settings", hash);
    TRY(put_positions(s, state));
    json_add(state, "classes", cJSON_CreateStringArray((const char *const *)names, classes));
    *out = state;
    state = NULL;
done:
    cJSON_Delete(state);
    if (names) names_free(names, classes);
    return rc;
}
