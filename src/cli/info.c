#include <math.h>
#include <stdio.h>

#include "cli/command.h"

static void print_number(double value)
{
    printf("%.*g", value == floor(value) ? 15 : 5, value);
}

/* As JSON has it, but that a text by itself has no quotes and none has escapes, and fractions are short. Wants no memory. */
static void print_value(const cJSON *v, const char *quote)
{
    const cJSON *item;
    if (cJSON_IsString(v))
        printf("%s%s%s", quote, v->valuestring, quote);
    else if (cJSON_IsNumber(v))
        print_number(v->valuedouble);
    else if (cJSON_IsBool(v))
        printf("%s", cJSON_IsTrue(v) ? "true" : "false");
    else if (cJSON_IsNull(v))
        printf("null");
    if (!cJSON_IsArray(v) && !cJSON_IsObject(v)) return;
    printf(cJSON_IsArray(v) ? "[" : "{");
    cJSON_ArrayForEach(item, v) {
        if (item != v->child) printf(",");
        if (item->string) printf("\"%s\":", item->string);
        print_value(item, "\"");
    }
    printf(cJSON_IsArray(v) ? "]" : "}");
}

/* "label 3, name Corn, pixels 5120, share 0.0312" */
static void show_row(const cJSON *object, int depth)
{
    const cJSON *item;
    const char *between = "";
    printf("%*s", 2 * depth, "");
    cJSON_ArrayForEach(item, object) {
        printf("%s%s ", between, item->string);
        print_value(item, "");
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
        print_value(item, "");
        printf("\n");
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
        OPTION_JSON(json),
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
