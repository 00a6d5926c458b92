#include "run/fold_timing.h"

#include <stdio.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/schema.h"

enum { TIMING_BYTES_MAX = 64 << 20 };

static void take_over(const char *path, int epochs, cJSON *to)
{
    cJSON *old = NULL;
    if (!file_exists(path)) return;
    if (json_read(path, TIMING_BYTES_MAX, &old)) {
        log_warning("%s; the times of earlier epochs are lost", error_message());
        return;
    }
    cJSON *list = cJSON_GetObjectItemCaseSensitive(old, "epochs");
    for (int e = 1; e <= epochs; e++) {
        char key[16];
        snprintf(key, sizeof key, "%d", e);
        cJSON *entry = cJSON_DetachItemFromObjectCaseSensitive(list, key);
        if (entry) json_add(to, key, entry);
    }
    cJSON_Delete(old);
}

int fold_timing_new(const network *w, const char *path, int epochs, cJSON **out)
{
    const device_info *about = device_about(w->device);
    cJSON *timing = cJSON_CreateObject();
    cJSON_AddStringToObject(timing, "device", about->name);
    cJSON_AddStringToObject(timing, "platform", about->platform);
    cJSON_AddStringToObject(timing, "driver", about->driver);
    cJSON_AddNumberToObject(timing, "compute_units", about->compute_units);
    cJSON_AddNullToObject(timing, "peak_bytes");
    cJSON *list = cJSON_AddObjectToObject(timing, "epochs");
    if (path) take_over(path, epochs, list);
    *out = timing;
    return json_lost();
}

static void put_pass(cJSON *entry, const char *seconds_key, const char *rate_key, int samples, double seconds)
{
    cJSON_AddNumberToObject(entry, seconds_key, seconds);
    cJSON_AddNumberToObject(entry, rate_key, seconds > 0 ? samples / seconds : 0);
}

void fold_timing_add(cJSON *timing, const network *w, int batch_size, epoch_timing t)
{
    char key[16];
    cJSON *entry = cJSON_CreateObject();
    const size_t other = network_fixed_bytes(w, batch_size * w->input.longest);
    snprintf(key, sizeof key, "%d", t.epoch);
    put_pass(entry, "train_seconds", "train_samples_per_second", t.trained, t.train_seconds);
    if (t.validated) put_pass(entry, "val_seconds", "val_samples_per_second", t.validated, t.val_seconds);
    json_add(cJSON_GetObjectItemCaseSensitive(timing, "epochs"), key, entry);
    cJSON_DeleteItemFromObjectCaseSensitive(timing, "peak_bytes");
    cJSON_AddNumberToObject(timing, "peak_bytes", (double)(w->peak_bytes + other));
}
