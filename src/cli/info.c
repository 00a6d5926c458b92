#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"

/* "label 3, name Corn, pixels 5120, share 0.0312" */
static void show_row(const cJSON *object, int depth)
{
    const cJSON *item;
    const char *between = "";
    printf("%*s", 2 * depth, "");
    cJSON_ArrayForEach(item, object) {
        char *text = cJSON_IsString(item) ? NULL : cJSON_PrintUnformatted(item);
        if (cJSON_IsNumber(item) && item->valuedouble != (double)(long long)item->valuedouble)
            printf("%s%s %.4g", between, item->string, item->valuedouble);
        else
            printf("%s%s %s", between, item->string, text ? text : item->valuestring);
        free(text);
        between = ", ";
    }
    printf("\n");
}

/* A document of unknown kind: its members one a line, objects indented, lists of objects a row each. */
static void show_members(const cJSON *object, int depth)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object) {
        printf("%*s%-*s ", 2 * depth, "", 24 - 2 * depth, item->string ? item->string : "-");
        if (cJSON_IsObject(item)) {
            printf("\n");
            show_members(item, depth + 1);
            continue;
        }
        if (cJSON_IsArray(item) && cJSON_IsObject(item->child)) {
            const cJSON *row;
            printf("\n");
            cJSON_ArrayForEach(row, item) show_row(row, depth + 1);
            continue;
        }
        char *text = cJSON_IsString(item) ? NULL : cJSON_PrintUnformatted(item);
        printf("%s\n", cJSON_IsString(item) ? item->valuestring : text ? text : "");
        free(text);
    }
}

static void show(const cJSON *document)
{
    show_members(document, 0);
}

int command_info(int argc, char **argv)
{
    text_list files = {0};
    bool json = false, done;
    const option options[] = {
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "print the result as one JSON document"},
        {0},
    };
    const command_syntax syntax = {
        "info FILE", "What a pack, a checkpoint, a file of weights or of reference results holds.",
        options,     &files,
        1,           1};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    char *text;
    code = furrow_info(files.item[0], &text);
    return command_end(code, text, json, show);
}
