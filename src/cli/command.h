/* What the commands' files share: their entry points, how results are printed, what train, eval and predict have in
 * common. A command returns the process's exit code. */
#ifndef FURROW_CLI_COMMAND_H
#define FURROW_CLI_COMMAND_H

#include "cli/document.h"
#include "cli/options.h"
#include "furrow.h"

typedef struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv); /* what follows the name */
} command;

/* Told of commands in place of their running: what manual pages and completion are made of. Either may be NULL. */
typedef struct command_visitor {
    void *user;
    void (*options)(void *user, const char *summary, const command_syntax *s);
    /* A command of several kinds, before its kinds, each of which is visited too. */
    void (*kinds)(void *user, const char *name, const char *summary, const char *about, const command *kinds);
} command_visitor;
void command_visit(const command *c, const command_visitor *visitor);

int command_devices(int argc, char **argv);
int command_pack(int argc, char **argv);
int command_pack_geotiff(int argc, char **argv);
int command_info(int argc, char **argv);
int command_synth(int argc, char **argv);
int command_instances(int argc, char **argv);
int command_train(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_predict(int argc, char **argv);
int command_weights(int argc, char **argv);
int command_merge(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_leaderboard(int argc, char **argv);
int command_report(int argc, char **argv);

/* After the work: `code` and furrow_error_message() when it is not 0, else the document, as it is with --json or through
 * `show`. A failure under --json is a document too: {"error": ..., "code": ...}. `json` is freed. Returns the code; that
 * of a failure where there was no memory for the document. */
int command_end(int code, char *json, bool as_json, void (*show)(const cJSON *document));

/* A row of an option table. */
#define OPTION_JSON(flag)                                                                                              \
    {                                                                                                                  \
        "json", OPTION_FLAG, &(flag), 0, 0, NULL, "print the result as one JSON document"                              \
    }

/* Parses; *done: the command ends here, with the code that is returned. */
int command_begin(const command_syntax *s, int argc, char **argv, bool *done);

/* For a command of several kinds (pack, synth, weights): runs the one that the first argument names, with all arguments. `kinds`
 * ends with a name NULL; `about` is a sentence for --help. */
int command_choose(const char *name, const char *about, const command *kinds, int argc, char **argv);

/* "97.31", or "-" for a number that is not there; in a buffer that the eighth call after reuses. */
const char *figure(double value, int decimals);
const char *percent_figure(double value); /* "97.31 %", likewise */

#endif
