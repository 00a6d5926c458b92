/* What a run launched, as files: for each program its binary and its text (what a vendor's offline compiler takes), and
 * the index. */
#include "rt/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "rt/binaries.h"

enum { NAME_MAX_BYTES = 96 };

void binaries_collect(device *d)
{
    d->collecting = true;
}

int binaries_want(device *d, const char *program_name, const char *options, const char *kernel_name)
{
    kernel *k = NULL;
    int rc = kernel_get(d, program_name, options, kernel_name, &k);
    if (!rc) k->program->wanted = true;
    return rc;
}

/* "gemm.VW=16.PX=6.OB=4": the kernel file and its macros; long ones are cut and told apart by a hash. */
static char *stem_of(const program *p)
{
    char macros[NAME_MAX_BYTES];
    size_t used = 0;
    bool cut = false;
    for (const char *c = p->options; *c && !cut; c++) {
        if (!strncmp(c, "-D", 2)) {
            c++;
            continue;
        }
        char plain = *c == ' ' ? '.' : *c;
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_=.", plain)) plain = '_';
        cut = used + 1 == sizeof macros;
        if (!cut) macros[used++] = plain;
    }
    macros[used] = 0;
    if (cut) return text_format("%s.%s.%016" PRIx64, p->name, macros, hash_text(HASH_START, p->options));
    return text_format("%s%s%s", p->name, used ? "." : "", macros);
}

static int write_file(const char *folder, const char *name, const void *bytes, size_t length)
{
    char *path = path_join(folder, name);
    if (!path) return FAILED;
    int rc = file_write(path, bytes, length);
    free(path);
    return rc;
}

static int write_text(const program *p, const char *folder, const char *name)
{
    char *text = NULL;
    int rc = source_load(p->device, p->name, &text);
    if (!rc) rc = write_file(folder, name, text, strlen(text));
    free(text);
    return rc;
}

static int write_binary(const program *p, const char *folder, const char *name, size_t *length)
{
    int rc = OK;
    unsigned char *binary = NULL;
    cl_int status = clGetProgramInfo(p->id, CL_PROGRAM_BINARY_SIZES, sizeof *length, length, NULL);
    if (status != CL_SUCCESS) return status_fail(status, "asking for the binary of cl/%s.cl", p->name);
    if (!*length) return fail(FAILED, "%s hands out no binary of cl/%s.cl", p->device->about.name, p->name);
    TRY_NEW(binary = memory_new(*length, 1));
    status = clGetProgramInfo(p->id, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL);
    rc = status == CL_SUCCESS ? write_file(folder, name, binary, *length)
                              : status_fail(status, "asking for the binary of cl/%s.cl", p->name);
done:
    free(binary);
    return rc;
}

static cJSON *kernels_of(const program *p, int *count)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < p->device->kernel_count; i++) {
        const kernel *k = p->device->kernels[i];
        if (k->program != p) continue;
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "name", k->name);
        cJSON_AddNumberToObject(one, "arguments", k->arguments);
        cJSON_AddNumberToObject(one, "work_group", (double)k->work_group);
        cJSON_AddNumberToObject(one, "local_memory", (double)k->local_memory);
        json_append(list, one);
        (*count)++;
    }
    return list;
}

static int save_program(const program *p, const char *folder, cJSON *list, binaries_summary *sum)
{
    int rc = OK;
    size_t length = 0;
    char hash[BINARIES_HASH], *binary = NULL, *text = NULL, *options = NULL, *stem = stem_of(p);
    TRY_NEW(stem);
    TRY_NEW(binary = text_format("%s.bin", stem));
    TRY_NEW(text = text_format("%s.cl", stem));
    TRY_NEW(options = text_format(PROGRAM_LANGUAGE " %s", p->options));
    TRY(write_binary(p, folder, binary, &length));
    TRY(write_text(p, folder, text));
    snprintf(hash, sizeof hash, "%016" PRIx64, p->text_hash);
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "kernel_file", p->name);
    cJSON_AddStringToObject(one, "macros", p->options);
    cJSON_AddStringToObject(one, "options", options);
    cJSON_AddStringToObject(one, "binary", binary);
    cJSON_AddStringToObject(one, "source", text);
    cJSON_AddStringToObject(one, "text", hash);
    json_add(one, "kernels", kernels_of(p, &sum->kernels));
    json_append(list, one);
    sum->programs++;
    sum->bytes += length;
done:
    free(stem);
    free(binary);
    free(text);
    free(options);
    return rc;
}

static cJSON *describe_device(const device *d)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "platform", d->about.platform);
    cJSON_AddStringToObject(o, "name", d->about.name);
    cJSON_AddStringToObject(o, "version", d->about.version);
    cJSON_AddStringToObject(o, "driver", d->about.driver);
    return o;
}

static int write_index(const device *d, const char *folder, const char *made_by, cJSON *programs)
{
    int rc = OK;
    char *forms = NULL, *text = NULL;
    cJSON *index = cJSON_CreateObject();
    TRY_NEW(forms = tune_export(d));
    cJSON_AddStringToObject(index, "furrow_format", BINARIES_FORMAT);
    cJSON_AddNumberToObject(index, "version", BINARIES_VERSION);
    cJSON_AddStringToObject(index, "made_by", made_by);
    json_add(index, "device", describe_device(d));
    cJSON_AddStringToObject(index, "tiles", d->tiles == TILE_GPU ? "gpu" : "cpu");
    json_add(index, "forms", cJSON_Parse(forms));
    json_add(index, "facts", d->memo ? cJSON_Duplicate(store_entries(d->memo), true) : cJSON_CreateObject());
    cJSON_AddItemReferenceToObject(index, "programs", programs);
    TRY_NEW(text = json_print(index, true));
    rc = write_file(folder, BINARIES_INDEX, text, strlen(text));
done:
    free(text);
    free(forms);
    cJSON_Delete(index);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    const program *x = *(program *const *)a, *y = *(program *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->options, y->options);
}

int binaries_save(device *d, const char *folder, const char *made_by, binaries_summary *out)
{
    int rc = OK;
    size_t count = 0;
    cJSON *list = cJSON_CreateArray();
    program **wanted = NULL, *limits = NULL;
    *out = (binaries_summary){0};
    TRY(program_get(d, LIMITS_PROGRAM, "", &limits)); /* asked of the devices that need it */
    limits->wanted = true;
    TRY_NEW(wanted = memory_new(d->program_count, sizeof *wanted));
    TRY(device_finish(d));
    for (size_t i = 0; i < d->program_count; i++)
        if (d->programs[i]->wanted) wanted[count++] = d->programs[i];
    qsort(wanted, count, sizeof *wanted, by_name);
    for (size_t i = 0; i < count; i++) {
        if (interrupt_requested()) rc = fail(INTERRUPTED, "interrupted");
        if (!rc) rc = save_program(wanted[i], folder, list, out);
        if (rc) goto done;
        log_progress("binaries", i + 1, count, wanted[i]->name);
    }
    TRY(write_index(d, folder, made_by, list));
done:
    cJSON_Delete(list);
    free(wanted);
    return rc;
}
