#include "cli/command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/progress.h"

int command_begin(const command_syntax *s, int argc, char **argv, bool *done)
{
    enum parsed p = options_parse(s, argc, argv);
    *done = p != PARSED;
    if (p == PARSED_HELP) options_help(s);
    return p == PARSED_WRONG ? FURROW_USAGE : FURROW_OK;
}

static void print_error_document(int code)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "error", furrow_error());
    cJSON_AddNumberToObject(o, "code", code);
    char *text = cJSON_Print(o);
    if (text) puts(text);
    free(text);
    cJSON_Delete(o);
}

int command_end(int code, char *json, bool as_json, void (*show)(const cJSON *document))
{
    progress_end();
    if (code) fprintf(stderr, "furrow: %s\n", furrow_error());
    if (as_json && json)
        puts(json);
    else if (as_json)
        print_error_document(code);
    else if (json) {
        cJSON *document = cJSON_Parse(json);
        if (document) show(document);
        cJSON_Delete(document);
    }
    free(json);
    return code;
}

const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = member(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
}

const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *item = member(object, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

const char *figure(double value, int decimals)
{
    static char slots[8][32];
    static int next;
    char *out = slots[next++ % 8];
    if (isnan(value))
        snprintf(out, sizeof slots[0], "-");
    else
        snprintf(out, sizeof slots[0], "%.*f", decimals, value);
    return out;
}
