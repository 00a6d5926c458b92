/* What is wrong with a data set, gathered so that the user reads all of it at once. */
#ifndef FURROW_DATA_PROBLEMS_H
#define FURROW_DATA_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct problems {
    int count;
    int code;     /* USAGE while all of them lie in the configuration, else FAILED */
    char *text;   /* one line each, in the order found */
    bool cut_off; /* out of memory while gathering */
} problems;

/* `code`: USAGE where the configuration is wrong, FAILED where the data are. */
void problem_add(problems *p, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same with this thread's error message behind `key`; `where`, as given to problems_report, is not said twice. */
void problem_carry(problems *p, int code, const char *key, const char *where);

/* OK when there are none; else one message, "where: ..." or "where: N problems:" and a line each. Frees the list. */
int problems_report(problems *p, const char *where);

void problems_free(problems *p);

/* "12, 15, 16 and 30 more": names or numbers in a message, the first eight of them. */
enum { NAMES_SHOWN = 8, NAMES_BYTES = 512 };
typedef struct name_list {
    long long count;
    size_t used;
    char text[NAMES_BYTES];
} name_list;

void name_list_add(name_list *l, const char *name);
void name_list_add_number(name_list *l, long long number);
void name_list_skip(name_list *l, long long count); /* more that are not looked at one by one */
const char *name_list_text(name_list *l);           /* when all are added */

#endif
