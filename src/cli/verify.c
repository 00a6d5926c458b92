#include <stdio.h>

#include "cli/command.h"
#include "cli/progress.h"

/* Lines go to stdout, or into a list where the result is one JSON document. */
typedef struct listing {
    bool json;
    cJSON *checks;
    const char *file;
    bool lost; /* a check that there was no memory for */
} listing;

/* Takes the check over. */
static void append(listing *l, cJSON *check)
{
    if (cJSON_AddItemToArray(l->checks, check)) return;
    cJSON_Delete(check);
    l->lost = true;
}

static void line(void *user, const furrow_check *check)
{
    listing *l = user;
    if (l->json) {
        append(l, document_object((const entry[]){
                      TEXT("file", check->file),
                      TEXT("name", check->name),
                      NUMBER("error", check->error),
                      NUMBER("limit", check->limit),
                      TRUTH("passed", check->passed),
                      {0},
                  }));
        return;
    }
    progress_end();
    if (l->file != check->file) printf("%s\n", check->file);
    l->file = check->file;
    printf("  %-64s error %-10.3g limit %-10.3g%s\n", check->name, check->error, check->limit,
           check->passed ? "" : " FAILED");
}

/* NULL: there is no memory for all of it. */
static char *describe(listing *l, int passed, int failed)
{
    if (l->lost) {
        cJSON_Delete(l->checks);
        return NULL;
    }
    return document_text((const entry[]){
        VALUE("checks", l->checks),
        NUMBER("passed", passed),
        NUMBER("failed", failed),
        {0},
    });
}

static void show(const cJSON *document)
{
    printf("%s passed, %s failed\n", figure(number_of(document, "passed"), 0),
           figure(number_of(document, "failed"), 0));
}

int command_verify(int argc, char **argv)
{
    text_list files = {0};
    const char *device = NULL;
    bool json = false, done;
    const option options[] = {
        {"device", OPTION_TEXT, &device, 0, 0, "D", "auto, an index, part of a name, cpu, gpu or accelerator"},
        OPTION_JSON(json),
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
    listing l = {.json = json, .checks = cJSON_CreateArray()};
    code = furrow_verify(files.item, files.count, device, line, &l, &passed, &failed);
    if (code && passed + failed == 0) {
        cJSON_Delete(l.checks);
        return command_end(code, NULL, json, NULL);
    }
    return command_end(code, describe(&l, passed, failed), json, show);
}
