/* Configuration as data: a table of fields drives parsing, defaults, error messages, --help and writing back.
 *
 * A struct is described by an array of `field`s ending with one whose key is NULL. Every key of the JSON object must
 * be in the table (the error names file, path and the nearest known key), have the right type and lie in range. */
#ifndef FURROW_BASE_SCHEMA_H
#define FURROW_BASE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#define INT_LIST_MAX 64

typedef struct int_list {
    int count; /* -1: null */
    int value[INT_LIST_MAX];
} int_list;

#define REAL_LIST_MAX 256

typedef struct real_list {
    int count; /* -1: null */
    bool word; /* the field's word stood there instead of a list; count is -1 */
    double value[REAL_LIST_MAX];
} real_list;

enum field_type {
    FIELD_INT,          /* int */
    FIELD_REAL,         /* double */
    FIELD_BOOL,         /* bool; 0 and 1 are read as well, as the published configs write them */
    FIELD_TEXT,         /* char *; null gives NULL */
    FIELD_WORD,         /* likewise; a whole number gives its digits: an index or a name, a date as 20190501 */
    FIELD_CHOICE,       /* char *; one of `choices`, separated by | */
    FIELD_INT_LIST,     /* int_list; also "[10,32,64]" as text, as the published configs write it */
    FIELD_REAL_LIST,    /* real_list; null, or the word that `choices` is, allowed */
    FIELD_OPTIONAL_INT, /* optional_int; null allowed */
};

typedef struct optional_int {
    bool present;
    int value;
} optional_int;

typedef struct field {
    const char *key;
    enum field_type type;
    size_t offset;        /* offsetof in the struct */
    const char *fallback; /* JSON text of the default; NULL: the key must be given */
    double low, high;     /* range of numbers and of list elements; both 0: any */
    const char *choices;  /* FIELD_CHOICE: "a|b|c"; FIELD_REAL_LIST: its word */
    const char *help;     /* one line, with the unit */
} field;

/* Fills `target` from `object` (NULL: all defaults). `where` is the file and path so far, e.g. "run.json: model".
 * USAGE with a message on the first wrong key. Text is owned by the target: schema_free. */
int schema_read(const field *fields, const cJSON *object, const char *where, void *target);
void schema_free(const field *fields, void *target);
int schema_write(const field *fields, const void *source, cJSON *object); /* every key, resolved */
char *schema_help(const field *fields, const char *title);                /* text for --help; a new string */

/* Parses a JSON file: at most `limit` bytes, depth 64 at most, duplicate keys refused, error with line and column. */
int json_read(const char *path, size_t limit, cJSON **out);
int json_parse(const char *text, size_t length, const char *where, cJSON **out); /* text[length] must be 0 */
int json_write(const char *path, const cJSON *value);                            /* as file_write */

/* cJSON tells nobody when it has no memory for a part of a document. json_lost says whether that was so in this thread
 * since it was last asked: FAILED then. To be asked before what was made or copied is believed. json_print is cJSON's,
 * to a new string, and asks. NULL with the message set. */
int json_lost(void);

/* cJSON's, but what cannot be put there for want of memory (json_lost) is freed: it has no owner any more. A key that is
 * NULL could not be made. */
void json_add(cJSON *object, const char *key, cJSON *item);
void json_append(cJSON *array, cJSON *item);

char *json_print(const cJSON *value, bool indented);

/* a.b.c = value (parsed as JSON, else taken as text) into `root`, for --set. */
int json_set(cJSON *root, const char *assignment);

/* The candidate nearest to `word` by edit distance, or NULL when none is near. `candidates` ends with NULL. */
const char *nearest_word(const char *word, const char *const *candidates);

#endif
