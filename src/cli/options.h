/* The command line's one option parser: each command is a table. */
#ifndef FURROW_CLI_OPTIONS_H
#define FURROW_CLI_OPTIONS_H

#include <stdbool.h>

enum { TEXT_LIST_MAX = 256 };

typedef struct text_list {
    const char *item[TEXT_LIST_MAX];
    int count;
} text_list;

enum option_type {
    OPTION_FLAG,  /* bool */
    OPTION_TEXT,  /* const char * */
    OPTION_INT,   /* int, low .. high */
    OPTION_REAL,  /* double, low .. high */
    OPTION_TEXTS, /* text_list: a value each time, any number of times */
    OPTION_SETS,  /* text_list: --set a=b [c=d ...], any number of times */
};

typedef struct option {
    const char *name; /* without the two dashes; NULL ends the table */
    enum option_type type;
    void *target;
    int low, high;
    const char *value; /* what help calls the value; NULL for flags */
    const char *help;
} option;

typedef struct command_syntax {
    const char *usage;       /* "train CONFIG [options]" */
    const char *description; /* a few lines, each of at most 100 columns */
    const option *options;   /* --help is added */
    text_list *arguments;    /* receives what is no option */
    int least, most;         /* how many of them */
} command_syntax;

enum parsed { PARSED, PARSED_HELP, PARSED_WRONG };

/* Reads argv[0 .. argc-1] (after the command's name). PARSED_WRONG: the message, with the nearest known option, is on
 * stderr. PARSED_HELP: --help was there; nothing else was looked at. */
enum parsed options_parse(const command_syntax *s, int argc, char **argv);

void options_help(const command_syntax *s); /* to stdout */

/* The candidate nearest to `word`, or NULL when none is near; `candidates` ends with NULL. */
const char *options_nearest(const char *word, const char *const *candidates);

#endif
