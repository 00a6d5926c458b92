#include <stdio.h>

#include "cli/command.h"
#include "cli/progress.h"

/* Lines go to stdout, or into a list where the result is one JSON document. */
typedef struct listing {
    cJSON *checks; /* NULL: print */
    const char *file;
} listing;

static void line(void *user, const furrow_check *check)
{
    listing *l = user;
    if (l->checks) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "file", check->file);
        cJSON_AddStringToObject(o, "name", check->name);
        cJSON_AddNumberToObject(o, "error", check->error);
        cJSON_AddNumberToObject(o, "limit", check->limit);
        cJSON_AddBoolToObject(o, "passed", check->passed);
        cJSON_AddItemToArray(l->checks, o);
        return;
    }
    progress_end();
    if (l->file != check->file) printf("%s\n", check->file);
    l->file = check->file;
    printf("  %-64s error %-10.3g limit %-10.3g%s\n", check->name, check->error, check->limit,
           check->passed ? "" : " FAILED");
}

static int print_document(cJSON *checks, int passed, int failed)
{
    cJSON *all = cJSON_CreateObject();
    cJSON_AddItemToObject(all, "checks", checks);
    cJSON_AddNumberToObject(all, "passed", passed);
    cJSON_AddNumberToObject(all, "failed", failed);
    char *text = cJSON_Print(all);
    cJSON_Delete(all);
    if (text) puts(text);
    cJSON_free(text);
    return text ? FURROW_OK : FURROW_FAILED;
}

int command_verify(int argc, char **argv)
{
    text_list files = {0};
    const char *device = NULL;
    bool json = false, done;
    const option options[] = {
        {"device", OPTION_TEXT, &device, 0, 0, "D", "auto, an index, part of a name, cpu, gpu or accelerator"},
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "print the result as one JSON document"},
        {0},
    };
    const command_syntax syntax = {
        "verify FILE.h5 ... [--device D]",
        "Runs reference results of the published networks on the device: outputs, gradients, running statistics and "
        "the\n"
        "losses of some Adam steps. Prints a line a tensor (name, error, limit) and ends with \"N passed, N failed\".",
        options,
        &files,
        1,
        TEXT_LIST_MAX};
    int code = command_begin(&syntax, argc, argv, &done), passed = 0, failed = 0;
    if (done) return code;
    listing l = {.checks = json ? cJSON_CreateArray() : NULL};
    code = furrow_verify(files.item, files.count, device, line, &l, &passed, &failed);
    if (code && passed + failed == 0) {
        cJSON_Delete(l.checks);
        return command_end(code, NULL, json, NULL);
    }
    progress_end();
    if (code) fprintf(stderr, "furrow: %s\n", furrow_error_message());
    if (json) return print_document(l.checks, passed, failed) ? FURROW_FAILED : code;
    printf("%d passed, %d failed\n", passed, failed);
    return code;
}
