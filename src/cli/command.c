#include "cli/command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/progress.h"

/* Who is told, and the command that is visited; NULL: commands run. */
static const command_visitor *visiting;
static const command *visited;

void command_visit(const command *c, const command_visitor *visitor)
{
    visiting = visitor;
    visited = c;
    c->run(0, NULL);
    visiting = NULL;
}

static void visit_kinds(const char *name, const char *about, const command *kinds)
{
    const command_visitor *visitor = visiting;
    if (visitor->kinds) visitor->kinds(visitor->user, name, visited->summary, about, kinds);
    for (const command *k = kinds; k->name; k++) command_visit(k, visitor);
}

int command_begin(const command_syntax *s, int argc, char **argv, bool *done)
{
    if (visiting) {
        if (visiting->options) visiting->options(visiting->user, visited->summary, s);
        *done = true;
        return FURROW_OK;
    }
    enum parsed p = options_parse(s, argc, argv);
    *done = p != PARSED;
    if (p == PARSED_HELP) options_help(s);
    return p == PARSED_WRONG ? FURROW_USAGE : FURROW_OK;
}

int command_choose(const char *name, const char *about, const command *kinds, int argc, char **argv)
{
    if (visiting) {
        visit_kinds(name, about, kinds);
        return FURROW_OK;
    }
    bool help = argc && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"));
    FILE *out = help ? stdout : stderr;
    for (const command *k = kinds; argc && k->name; k++)
        if (!strcmp(argv[0], k->name)) return k->run(argc, argv);
    if (help)
        fprintf(out, "usage: furrow %s KIND ...\n\n%s The kinds:\n", name, about);
    else if (argc)
        fprintf(out, "furrow: %s %s is not known; wanted one of:\n", name, argv[0]);
    else
        fprintf(out, "furrow: %s what? Wanted one of:\n", name);
    for (const command *k = kinds; k->name; k++) fprintf(out, "  furrow %s %-10s %s\n", name, k->name, k->summary);
    fprintf(out, "\nEach has its own --help.\n");
    return help ? FURROW_OK : FURROW_USAGE;
}

static void print_error_document(int code)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "error", furrow_error_message());
    cJSON_AddNumberToObject(o, "code", code);
    char *text = cJSON_Print(o);
    if (text) puts(text);
    free(text);
    cJSON_Delete(o);
}

int command_end(int code, char *json, bool as_json, void (*show)(const cJSON *document))
{
    progress_end();
    if (code) fprintf(stderr, "furrow: %s\n", furrow_error_message());
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

static const char *figure_with(double value, int decimals, const char *unit)
{
    static char slots[8][32];
    static int next;
    char *out = slots[next++ % 8];
    if (isnan(value))
        snprintf(out, sizeof slots[0], "-");
    else
        snprintf(out, sizeof slots[0], "%.*f%s", decimals, value, unit);
    return out;
}

const char *figure(double value, int decimals)
{
    return figure_with(value, decimals, "");
}

const char *percent_figure(double value)
{
    return figure_with(value, 2, " %");
}
