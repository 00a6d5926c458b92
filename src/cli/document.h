/* Results as JSON documents: how commands make them, and read them to print tables. Memory may end: a document is whole
 * or not there, never without some of its members. */
#ifndef FURROW_CLI_DOCUMENT_H
#define FURROW_CLI_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

/* A member in the making, by the macros below; a list of them ends with {0}. */
typedef struct entry {
    const char *key;
    enum { ENTRY_TEXT, ENTRY_NUMBER, ENTRY_TRUTH, ENTRY_VALUE } type;
    const char *text;
    double number; /* NaN: null */
    cJSON *value;  /* owned by the document; NULL: it could not be made, and so the document cannot */
} entry;
#define TEXT(name, from)                                                                                               \
    {                                                                                                                  \
        .key = (name), .type = ENTRY_TEXT, .text = (from)                                                              \
    }
#define NUMBER(name, from)                                                                                             \
    {                                                                                                                  \
        .key = (name), .type = ENTRY_NUMBER, .number = (double)(from)                                                  \
    }
#define TRUTH(name, from)                                                                                              \
    {                                                                                                                  \
        .key = (name), .type = ENTRY_TRUTH, .number = (from)                                                           \
    }
#define VALUE(name, from)                                                                                              \
    {                                                                                                                  \
        .key = (name), .type = ENTRY_VALUE, .value = (from)                                                            \
    }

/* All of them give NULL when there is no memory. */
cJSON *document_object(const entry *entries);
cJSON *document_numbers(const size_t *values, int count); /* a list */
char *document_text(const entry *entries);                /* for command_end */
char *document_extended(const char *text, const entry *more);

/* Members of a document, with what stands for an absent one: NaN, "". */
double number_of(const cJSON *object, const char *key);
const char *text_of(const cJSON *object, const char *key);
const cJSON *member(const cJSON *object, const char *key);

#endif
