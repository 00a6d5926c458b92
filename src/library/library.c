/* The small functions of furrow.h: what only hands over to the layers below, and the handles. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "library/library_model.h"
#include "network/config.h"
#include "run/session.h"

const char *furrow_version(void)
{
    return FURROW_VERSION;
}

const char *furrow_error_message(void)
{
    return error_message();
}

void furrow_free(void *text)
{
    free(text);
}

void furrow_interrupt(void)
{
    interrupt_request();
}

void furrow_interrupt_clear(void)
{
    interrupt_clear();
}

void furrow_listen(const furrow_listener *listener)
{
    if (!listener) {
        log_listen(NULL);
        return;
    }
    log_listen(&(log_listener){
        .user = listener->user,
        .note = listener->note,
        .warning = listener->warning,
        .progress = listener->progress,
    });
}

int furrow_config(const furrow_run_options *o, char **json)
{
    int rc = OK;
    run_config c = {0};
    cJSON *all = NULL;
    *json = NULL;
    TRY(config_read(o->config, o->set, o->sets, &c));
    TRY(config_resolved(&c, c.model, &all));
    rc = json_text(all, json);
done:
    config_free(&c);
    return rc;
}

char *furrow_config_help(void)
{
    return config_help();
}

/* ---- devices ----------------------------------------------------------------------------------------------------- */

static void describe(const device_info *from, furrow_device_info *to)
{
    *to = (furrow_device_info){
        .index = from->index,
        .usable = device_usable(from),
        .compute_units = from->compute_units > INT_MAX ? INT_MAX : (int)from->compute_units,
        .work_group_limit = from->work_group_limit,
        .global_memory = from->global_memory,
        .allocation_limit = from->allocation_limit,
        .local_memory = from->local_memory,
    };
    snprintf(to->name, sizeof to->name, "%s", from->name);
    snprintf(to->platform, sizeof to->platform, "%s", from->platform);
    snprintf(to->driver, sizeof to->driver, "%s", from->driver);
    snprintf(to->kind, sizeof to->kind, "%s", device_kind_name(from->kind));
}

int furrow_device_list(furrow_device_info *list, int room, int *count)
{
    device_info *all = NULL;
    int there = 0;
    *count = 0;
    int rc = device_list(&all, &there);
    if (rc) return rc;
    for (int i = 0; i < there && i < room; i++) describe(&all[i], &list[i]);
    *count = there;
    free(all);
    return OK;
}

int furrow_device_open(const char *selector, furrow_device **out)
{
    *out = NULL;
    furrow_device *handle = memory_new(1, sizeof *handle);
    if (!handle) return FAILED;
    int rc = device_open(selector, &handle->device);
    if (rc)
        free(handle);
    else
        *out = handle;
    return rc;
}

void furrow_device_close(furrow_device *handle)
{
    if (!handle) return;
    device_close(handle->device);
    free(handle);
}

void furrow_device_about(const furrow_device *handle, furrow_device_info *out)
{
    describe(device_about(handle->device), out);
}

/* ---- models ------------------------------------------------------------------------------------------------------ */

int furrow_model_load(furrow_device *handle, const furrow_model_options *options, furrow_model **out)
{
    *out = NULL;
    return library_model_load(handle->device, options, out);
}

void furrow_model_free(furrow_model *m)
{
    if (!m) return;
    inference_room_free(&m->room);
    ensemble_free(&m->networks);
    network_free(m->network);
    names_free(m->names, m->classes);
    buffer_free(m->mean);
    buffer_free(m->std);
    config_free(&m->config);
    free(m);
}

static size_t trained_values(const net *n)
{
    size_t count = 0;
    for (int i = 0; i < net_parameter_count(n); i++)
        if (net_parameter_role(n, i) == PARAMETER_TRAINED) count += tensor_count(net_parameter_at(n, i));
    return count;
}

void furrow_model_about(const furrow_model *m, furrow_model_info *out)
{
    const model *w = m->network->model;
    const bool parcels = m->config.kind == MODEL_PARCEL;
    *out = (furrow_model_info){
        .arch = model_arch(w),
        .samples = parcels ? "parcels" : "patches",
        .head = model_head(w) != NULL,
        .days = model_positions_are_dates(w),
        .bands = model_bands(w),
        .classes = m->classes,
        .extra = model_extra(w),
        .pixels = parcels ? m->config.parcels.npixel : 0,
        .longest = model_longest(w),
        .networks = m->networks.count ? m->networks.count : 1,
        .parameters = trained_values(m->network->net),
    };
}

const char *furrow_model_class_name(const furrow_model *m, int class_index)
{
    return class_index >= 0 && class_index < m->classes ? m->names[class_index] : NULL;
}

int furrow_model_size_fits(const furrow_model *m, int height, int width)
{
    if (m->config.kind == MODEL_DENSE) return model_size_fits(m->network->model, height, width, "the model");
    return fail(USAGE, "%s takes parcels, which have no size", model_arch(m->network->model));
}
