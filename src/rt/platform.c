/* Every OpenCL device of every platform, as facts. Platforms are sorted by name, because the order in which the
 * loader lists them follows the folder of its .icd files; devices keep their platform's order. */
#include "rt/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define PLATFORM_NOT_FOUND (-1001) /* of cl_khr_icd: the loader has no platform */

/* Without the blanks around it, and cut to fit. */
static void copy_trimmed(const char *text, char *out, size_t size)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t')) length--;
    if (length >= size) length = size - 1;
    memcpy(out, text, length);
    out[length] = 0;
}

/* Text is cut at `size`; a query that fails leaves "". */
static void device_text(cl_device_id id, cl_device_info what, char *out, size_t size)
{
    char text[2048] = "";
    if (clGetDeviceInfo(id, what, sizeof text - 1, text, NULL) != CL_SUCCESS) text[0] = 0;
    copy_trimmed(text, out, size);
}

/* A query that fails leaves the value that was there. */
static void device_value(cl_device_id id, cl_device_info what, void *out, size_t size)
{
    unsigned char value[64];
    if (clGetDeviceInfo(id, what, size, value, NULL) == CL_SUCCESS) memcpy(out, value, size);
}

static void platform_text(cl_platform_id id, cl_platform_info what, char *out, size_t size)
{
    char text[2048] = "";
    if (clGetPlatformInfo(id, what, sizeof text - 1, text, NULL) != CL_SUCCESS) text[0] = 0;
    copy_trimmed(text, out, size);
}

static enum device_kind kind_of(cl_device_type type)
{
    if (type & CL_DEVICE_TYPE_GPU) return DEVICE_GPU;
    if (type & CL_DEVICE_TYPE_ACCELERATOR) return DEVICE_ACCELERATOR;
    if (type & CL_DEVICE_TYPE_CPU) return DEVICE_CPU;
    return DEVICE_OTHER;
}

static void describe(cl_platform_id platform, cl_device_id id, found_device *out)
{
    device_info *info = &out->info;
    cl_device_type type = 0;
    cl_uint units = 1, align_bits = 1024, width = 1;
    cl_ulong local = 0, global = 0, allocation = 0, cache = 0;
    cl_device_local_mem_type local_type = CL_LOCAL;
    cl_bool available = CL_FALSE, compiler = CL_FALSE;
    size_t group = 1, items[3] = {1, 1, 1};

    device_value(id, CL_DEVICE_TYPE, &type, sizeof type);
    device_value(id, CL_DEVICE_MAX_COMPUTE_UNITS, &units, sizeof units);
    device_value(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, &align_bits, sizeof align_bits);
    device_value(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, &width, sizeof width);
    device_value(id, CL_DEVICE_LOCAL_MEM_SIZE, &local, sizeof local);
    device_value(id, CL_DEVICE_LOCAL_MEM_TYPE, &local_type, sizeof local_type);
    device_value(id, CL_DEVICE_GLOBAL_MEM_SIZE, &global, sizeof global);
    device_value(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, &allocation, sizeof allocation);
    device_value(id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, &cache, sizeof cache);
    device_value(id, CL_DEVICE_AVAILABLE, &available, sizeof available);
    device_value(id, CL_DEVICE_COMPILER_AVAILABLE, &compiler, sizeof compiler);
    device_value(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, &group, sizeof group);
    device_value(id, CL_DEVICE_MAX_WORK_ITEM_SIZES, items, sizeof items);
    device_text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    device_text(id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    device_text(id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    device_text(id, CL_DEVICE_VERSION, info->version, sizeof info->version);
    platform_text(platform, CL_PLATFORM_NAME, info->platform, sizeof info->platform);

    info->kind = kind_of(type);
    info->compute_units = units;
    info->base_alignment = align_bits >= 8 ? align_bits / 8 : 1;
    info->vector_width = width > 0 ? width : 1;
    info->work_group_limit = group > 0 ? group : 1;
    info->local_memory = (size_t)local;
    info->local_is_cache = local_type == CL_GLOBAL;
    info->global_memory = global;
    info->allocation_limit = allocation;
    info->cache = cache;
    info->available = available && type; /* one that does not say what it is would get another's kernel forms */
    info->compiler = compiler;
    out->platform = platform;
    out->id = id;
    memcpy(out->item_limits, items, sizeof items);
}

/* Adds the platform's devices to the list; a platform without devices adds none. */
static int scan_platform(cl_platform_id platform, found_device **list, size_t *capacity, int *count)
{
    int rc = OK;
    cl_uint found = 0;
    cl_device_id *ids = NULL;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &found) != CL_SUCCESS || !found) return OK;
    TRY_NEW(ids = memory_new(found, sizeof *ids));
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, found, ids, NULL) != CL_SUCCESS) goto done;
    void *items = *list;
    rc = memory_grow(&items, capacity, (size_t)*count + found, sizeof **list);
    *list = items;
    if (rc) goto done;
    for (cl_uint i = 0; i < found; i++) {
        describe(platform, ids[i], *list + *count);
        (*list)[*count].info.index = *count;
        (*count)++;
    }
done:
    free(ids);
    return rc;
}

static void sort_platforms(cl_platform_id *ids, cl_uint count)
{
    for (cl_uint i = 1; i < count; i++)
        for (cl_uint j = i; j > 0; j--) {
            char a[128], b[128];
            platform_text(ids[j - 1], CL_PLATFORM_NAME, a, sizeof a);
            platform_text(ids[j], CL_PLATFORM_NAME, b, sizeof b);
            if (strcmp(a, b) <= 0) break;
            cl_platform_id other = ids[j];
            ids[j] = ids[j - 1];
            ids[j - 1] = other;
        }
}

int platform_scan(found_device **list, int *count)
{
    int rc = OK;
    cl_uint found = 0;
    cl_platform_id *ids = NULL;
    size_t capacity = 0;
    *list = NULL;
    *count = 0;

    cl_int status = clGetPlatformIDs(0, NULL, &found);
    if (status == PLATFORM_NOT_FOUND)
        found = 0;
    else if (status != CL_SUCCESS)
        return status_fail(status, "asking OpenCL for its platforms");
    TRY_NEW(ids = memory_new(found, sizeof *ids));
    if (found) status = clGetPlatformIDs(found, ids, NULL);
    if (found && status != CL_SUCCESS) {
        rc = status_fail(status, "asking OpenCL for its platforms");
        goto done;
    }
    sort_platforms(ids, found);
    for (cl_uint i = 0; i < found; i++) TRY(scan_platform(ids[i], list, &capacity, count));
done:
    free(ids);
    if (rc) {
        free(*list);
        *list = NULL;
        *count = 0;
    }
    return rc;
}

int device_list(device_info **list, int *count)
{
    found_device *found = NULL;
    *list = NULL;
    int rc = platform_scan(&found, count);
    if (rc) return rc;
    *list = memory_new((size_t)*count, sizeof **list);
    for (int i = 0; *list && i < *count; i++) (*list)[i] = found[i].info;
    free(found);
    if (*list) return OK;
    *count = 0;
    return FAILED;
}
