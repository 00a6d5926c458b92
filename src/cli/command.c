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

static const char no_memory[] = "out of memory for the result's document";

static void print_error_document(const char *message, int code)
{
    char *text = document_text((const entry[]){TEXT("error", message), NUMBER("code", code), {0}});
    if (text)
        puts(text);
    else
        printf("{\"error\": \"out of memory\", \"code\": %d}\n", code);
    free(text);
}

int command_end(int code, char *json, bool as_json, void (*show)(const cJSON *document))
{
    const char *message = code ? furrow_error_message() : no_memory;
    cJSON *document = json && !as_json ? cJSON_Parse(json) : NULL;
    progress_end();
    if (!code && !(as_json ? (const void *)json : document)) code = FURROW_FAILED;
    if (code) fprintf(stderr, "furrow: %s\n", message);
    if (document)
        show(document);
    else if (as_json && json)
        puts(json);
    else if (as_json)
        print_error_document(message, code);
    cJSON_Delete(document);
    free(json);
    return code;
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
