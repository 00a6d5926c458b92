#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 40, OPTIONS_MAX = 32 };

/* ---- the nearest word -------------------------------------------------------------------------------------------- */

static int least_of(int a, int b, int c)
{
    int least = a < b ? a : b;
    return least < c ? least : c;
}

/* Edit distance, one row of the table at a time. */
static int distance(const char *a, const char *b)
{
    int row[WORD_MAX + 1], n = (int)strlen(b);
    if (n > WORD_MAX || strlen(a) > WORD_MAX) return INT_MAX;
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int above = row[j];
            row[j] = least_of(row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

const char *options_nearest(const char *word, const char *const *candidates)
{
    const char *best = NULL;
    int best_distance = 1 + (int)strlen(word) / 2;
    for (int i = 0; candidates[i]; i++) {
        int d = distance(word, candidates[i]);
        if (d >= best_distance) continue;
        best_distance = d;
        best = candidates[i];
    }
    return best;
}

/* ---- parsing ----------------------------------------------------------------------------------------------------- */

static const option *find(const command_syntax *s, const char *name, size_t length)
{
    for (const option *o = s->options; o->name; o++)
        if (strlen(o->name) == length && strncmp(o->name, name, length) == 0) return o;
    return NULL;
}

static enum parsed wrong(const command_syntax *s)
{
    fprintf(stderr, "usage: furrow %s\n", s->usage);
    return PARSED_WRONG;
}

static enum parsed unknown(const command_syntax *s, const char *name)
{
    const char *names[OPTIONS_MAX + 2] = {"help"};
    int count = 1;
    for (const option *o = s->options; o->name && count <= OPTIONS_MAX; o++) names[count++] = o->name;
    const char *near = options_nearest(name, names);
    fprintf(stderr, "furrow: unknown option --%s%s%s%s\n", name, near ? "; did you mean --" : "", near ? near : "",
            near ? "?" : "");
    return wrong(s);
}

static enum parsed read_int(const command_syntax *s, const option *o, const char *value)
{
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    if (end == value || *end || errno || number < o->low || number > o->high) {
        fprintf(stderr, "furrow: --%s is \"%s\"; wanted a whole number from %d to %d\n", o->name, value, o->low,
                o->high);
        return wrong(s);
    }
    *(int *)o->target = (int)number;
    return PARSED;
}

static enum parsed add(const command_syntax *s, text_list *list, const char *item)
{
    if (list->count == TEXT_LIST_MAX) {
        fprintf(stderr, "furrow: more than %d arguments of a kind\n", TEXT_LIST_MAX);
        return wrong(s);
    }
    list->item[list->count++] = item;
    return PARSED;
}

static enum parsed read_real(const command_syntax *s, const option *o, const char *value)
{
    char *end;
    const double number = strtod(value, &end);
    if (end == value || *end || !(number >= o->low && number <= o->high)) {
        fprintf(stderr, "furrow: --%s is \"%s\"; wanted a number from %d to %d\n", o->name, value, o->low, o->high);
        return wrong(s);
    }
    *(double *)o->target = number;
    return PARSED;
}

static enum parsed read_value(const command_syntax *s, const option *o, const char *value)
{
    if (o->type == OPTION_INT) return read_int(s, o, value);
    if (o->type == OPTION_REAL) return read_real(s, o, value);
    if (o->type == OPTION_TEXT) {
        *(const char **)o->target = value;
        return PARSED;
    }
    if (o->type == OPTION_TEXTS) return add(s, o->target, value);
    if (!strchr(value, '=')) {
        fprintf(stderr, "furrow: --%s is \"%s\"; wanted key=value, such as train.epochs=10\n", o->name, value);
        return wrong(s);
    }
    return add(s, o->target, value);
}

/* One option at argv[*at], which it moves past its value. */
static enum parsed read_option(const command_syntax *s, int argc, char **argv, int *at)
{
    const char *name = argv[*at] + 2, *equals = strchr(name, '='), *value = equals ? equals + 1 : NULL;
    const option *o = find(s, name, equals ? (size_t)(equals - name) : strlen(name));
    if (!o) return unknown(s, name);
    if (o->type == OPTION_FLAG) {
        if (value) {
            fprintf(stderr, "furrow: --%s takes no value\n", o->name);
            return wrong(s);
        }
        *(bool *)o->target = true;
        return PARSED;
    }
    if (!value && *at + 1 < argc) value = argv[++*at];
    if (!value) {
        fprintf(stderr, "furrow: --%s needs a value: %s\n", o->name, o->value);
        return wrong(s);
    }
    enum parsed result = read_value(s, o, value);
    while (result == PARSED && o->type == OPTION_SETS && *at + 1 < argc && argv[*at + 1][0] != '-' &&
           strchr(argv[*at + 1], '='))
        result = read_value(s, o, argv[++*at]);
    return result;
}

static bool is_option(const char *argument)
{
    return argument[0] == '-' && argument[1] == '-' && argument[2];
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

enum parsed options_parse(const command_syntax *s, int argc, char **argv)
{
    bool only_arguments = false;
    if (asks_for_help(argc, argv)) return PARSED_HELP;
    for (int i = 0; i < argc; i++) {
        enum parsed result = PARSED;
        if (!only_arguments && strcmp(argv[i], "--") == 0)
            only_arguments = true;
        else if (!only_arguments && is_option(argv[i]))
            result = read_option(s, argc, argv, &i);
        else if (!only_arguments && argv[i][0] == '-' && argv[i][1])
            result = unknown(s, argv[i] + 1);
        else
            result = add(s, s->arguments, argv[i]);
        if (result != PARSED) return result;
    }
    if (s->arguments->count >= s->least && s->arguments->count <= s->most) return PARSED;
    if (s->arguments->count < s->least)
        fprintf(stderr, "furrow: something is missing\n");
    else
        fprintf(stderr, "furrow: \"%s\" is too much\n", s->arguments->item[s->most]);
    return wrong(s);
}

void options_help(const command_syntax *s)
{
    printf("usage: furrow %s\n\n%s\n\noptions:\n", s->usage, s->description);
    for (const option *o = s->options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-24s %s\n", left, o->help);
    }
    printf("  %-24s %s\n", "--help", "this text");
}
