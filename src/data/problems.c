#include "data/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { LINE_BYTES = 2048, NAME_WIDTH = 40 };

void problem_add(problems *p, int code, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    char *longer = p->count ? text_format("%s\n  %s", p->text, line) : text_copy(line);
    p->code = p->count && p->code != USAGE ? p->code : code;
    p->count++;
    if (longer) {
        free(p->text);
        p->text = longer;
    } else {
        p->cut_off = true;
    }
}

void problem_carry(problems *p, int code, const char *key, const char *where)
{
    const char *message = error_message();
    size_t length = strlen(where);
    if (!strncmp(message, where, length) && !strncmp(message + length, ": ", 2)) message += length + 2;
    problem_add(p, code, "%s: %s", key, message);
}

int problems_report(problems *p, const char *where)
{
    int rc = OK;
    if (p->cut_off)
        rc = fail(FAILED, "%s: %d problems, but no memory to list them", where, p->count);
    else if (p->count == 1)
        rc = fail(p->code, "%s: %s", where, p->text);
    else if (p->count)
        rc = fail(p->code, "%s: %d problems:\n  %s", where, p->count, p->text);
    problems_free(p);
    return rc;
}

void problems_free(problems *p)
{
    free(p->text);
    *p = (problems){0};
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

void name_list_add(name_list *l, const char *name)
{
    if (l->count++ >= NAMES_SHOWN) return;
    int length = snprintf(l->text + l->used, sizeof l->text - l->used, "%s%.*s", l->used ? ", " : "", NAME_WIDTH, name);
    l->used += (size_t)length;
}

void name_list_add_number(name_list *l, long long number)
{
    char name[32];
    snprintf(name, sizeof name, "%lld", number);
    name_list_add(l, name);
}

void name_list_skip(name_list *l, long long count)
{
    l->count += count;
}

const char *name_list_text(name_list *l)
{
    if (l->count > NAMES_SHOWN)
        snprintf(l->text + l->used, sizeof l->text - l->used, " and %lld more", l->count - NAMES_SHOWN);
    return l->text;
}
