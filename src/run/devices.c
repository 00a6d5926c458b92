/* furrow_devices: what OpenCL offers, and what furrow found out about it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "furrow.h"
#include "network/self_test.h"
#include "run/bench.h"
#include "run/session.h"

static cJSON *limits_json(const device_info *i)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "index", i->index);
    cJSON_AddStringToObject(o, "name", i->name);
    cJSON_AddStringToObject(o, "kind", device_kind_name(i->kind));
    cJSON_AddStringToObject(o, "vendor", i->vendor);
    cJSON_AddStringToObject(o, "driver", i->driver);
    cJSON_AddStringToObject(o, "version", i->version);
    cJSON_AddStringToObject(o, "platform", i->platform);
    cJSON_AddNumberToObject(o, "compute_units", i->compute_units);
    cJSON_AddNumberToObject(o, "vector_width", i->vector_width);
    cJSON_AddNumberToObject(o, "work_group_limit", (double)i->work_group_limit);
    cJSON_AddNumberToObject(o, "local_memory", (double)i->local_memory);
    cJSON_AddNumberToObject(o, "global_memory", (double)i->global_memory);
    cJSON_AddNumberToObject(o, "allocation_limit", (double)i->allocation_limit);
    cJSON_AddBoolToObject(o, "available", i->available);
    cJSON_AddBoolToObject(o, "compiler", i->compiler);
    return o;
}

/* A device that is not the chosen one is only asked for what is remembered of it. */
static void remembered_result(const device_info *i, char *result, size_t size)
{
    char selector[16];
    device *d = NULL;
    snprintf(selector, sizeof selector, "%d", i->index);
    if (!device_usable(i) || device_open(selector, &d)) {
        snprintf(result, size, "cannot be used");
        return;
    }
    self_test_result(d, result, size);
    device_close(d);
}

/* Measures the forms of the published sizes again, CLBlast among them, which on a CPU takes part only here. */
static int tune_again(device *d)
{
    int rc = OK;
    bool ours = getenv("FURROW_TUNE") == NULL;
    log_note("measuring the kernel forms of %s again", device_about(d)->name);
    tune_forget(d);
    if (ours) setenv("FURROW_TUNE", "all", 1);
    TRY(bench_once(d, "psetae"));
    TRY(bench_once(d, "pseltae"));
    TRY(bench_once(d, "utae"));
done:
    if (ours) unsetenv("FURROW_TUNE");
    return rc;
}

static int prepare(device *d, bool tune)
{
    char result[512];
    self_test_result(d, result, sizeof result);
    if (!device_compiles(d))
        return tune ? fail(USAGE, "FURROW_BINARY_DIR is set: nothing can be compiled, so nothing tuned") : OK;
    int rc = tune || strcmp(result, "not run yet") == 0 ? self_test_again(d) : OK;
    return !rc && tune ? tune_again(d) : rc;
}

int furrow_devices(const char *selector, bool tune, char **json)
{
    int rc = OK, count = 0, refused = OK;
    device_info *list = NULL;
    device *chosen = NULL;
    cJSON *all = cJSON_CreateObject(), *devices = cJSON_AddArrayToObject(all, "devices");
    *json = NULL;
    TRY(device_list(&list, &count));
    TRY(device_open(selector, &chosen));
    refused = prepare(chosen, tune);
    for (int i = 0; i < count; i++) {
        char result[512];
        bool is_chosen = list[i].index == device_about(chosen)->index;
        if (is_chosen)
            self_test_result(chosen, result, sizeof result);
        else
            remembered_result(&list[i], result, sizeof result);
        cJSON *one = limits_json(&list[i]);
        cJSON_AddStringToObject(one, "self_test", result);
        cJSON_AddBoolToObject(one, "chosen", is_chosen);
        json_append(devices, one);
    }
    rc = json_text(all, json);
    all = NULL;
done:
    cJSON_Delete(all);
    device_close(chosen);
    free(list);
    return rc ? rc : refused;
}
