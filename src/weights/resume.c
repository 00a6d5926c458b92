#include "weights/resume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "weights/checkpoint.h"

enum { EPOCHS_MOST = 1 << 20 };

static const char *const names[] = {"last.h5", "previous.h5"};
enum { NAMES = sizeof names / sizeof *names };

/* ---- what a checkpoint's state says --------------------------------------------------------------------------------- */

/* A whole number of epochs; absent: 0. */
static int epochs_in(const cJSON *state, const char *key, const char *path, int *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(state, key);
    double value = item ? item->valuedouble : 0;
    if ((item && !cJSON_IsNumber(item)) || !(value >= 0 && value <= EPOCHS_MOST) || floor(value) != value)
        return fail(FAILED, "%s: state: %s: wanted a whole number from 0 to %d", path, key, EPOCHS_MOST);
    *out = (int)value;
    return OK;
}

static int read_state(const cJSON *state, const char *path, resumed *out)
{
    int rc = OK;
    const cJSON *best = cJSON_GetObjectItemCaseSensitive(state, "best");
    if (!best) best = cJSON_GetObjectItemCaseSensitive(state, "best_IoU"); /* its name before there were others */
    TRY(epochs_in(state, "epoch", path, &out->epoch));
    TRY(epochs_in(state, "best_epoch", path, &out->best_epoch));
    out->best = cJSON_IsNumber(best) ? best->valuedouble : -1;
done:
    return rc;
}

static int check_settings(const cJSON *state, const char *settings, const char *path)
{
    const cJSON *stored = cJSON_GetObjectItemCaseSensitive(state, "settings");
    if (cJSON_IsString(stored) && strcmp(stored->valuestring, settings) == 0) return OK;
    return fail(USAGE,
                "%s was written under other data, model or train settings; wanted the same to resume (the run's "
                "conf.json has them), or start anew without --resume or in another train.res_dir",
                path);
}

/* ---- loading -------------------------------------------------------------------------------------------------------- */

static int load(const char *path, const char *settings, network *w, resumed *out)
{
    int rc = OK;
    cJSON *state = NULL;
    resumed found = {0};
    TRY(checkpoint_peek(path, NULL, &state));
    found.imported = cJSON_HasObjectItem(state, "imported");
    if (!found.imported) TRY(check_settings(state, settings, path));
    TRY(read_state(state, path, &found));
    TRY(checkpoint_load(path, w, CHECKPOINT_RESUME));
    *out = found;
done:
    cJSON_Delete(state);
    return rc;
}

int resume_load(const char *folder, const char *settings, network *w, resumed *out)
{
    int rc = OK;
    for (int i = 0; i < NAMES; i++) {
        char *path = path_join(folder, names[i]);
        if (!path) return FAILED;
        bool there = file_exists(path);
        if (there) rc = load(path, settings, w, out);
        free(path);
        if (there && rc != FAILED) return rc;
        if (there && i + 1 < NAMES) log_warning("%s: passed over for the checkpoint before it", error_message());
    }
    return rc; /* no checkpoint, or none that is whole */
}

int resume_save(const char *folder, network *w, const cJSON *state)
{
    int rc = OK;
    char *last = path_join(folder, names[0]), *previous = path_join(folder, names[1]);
    TRY_NEW(last);
    TRY_NEW(previous);
    TRY(checkpoint_save(last, previous, w, state, true));
done:
    free(last);
    free(previous);
    return rc;
}
