/* The options that train, eval and predict share. */
#ifndef FURROW_CLI_RUN_OPTIONS_H
#define FURROW_CLI_RUN_OPTIONS_H

#include "cli/command.h"

typedef struct run_arguments {
    text_list positional, sets;
    furrow_run_options options;
    bool json;
} run_arguments;

/* Rows of an option table, for a run_arguments called `a`. */
#define RUN_OPTION_SET                                                                                                 \
    {                                                                                                                  \
        "set", OPTION_SETS, &a.sets, 0, 0, "KEY=VALUE ...", "override keys of the configuration, e.g. train.epochs=10" \
    }
#define RUN_OPTION_DEVICE                                                                                              \
    {                                                                                                                  \
        "device", OPTION_TEXT, &a.options.device, 0, 0, "D", "auto, an index, part of a name, cpu, gpu or accelerator" \
    }
#define RUN_OPTION_FOLD(text)                                                                                          \
    {                                                                                                                  \
        "fold", OPTION_INT, &a.options.fold, 1, 1000, "K", text                                                        \
    }
#define RUN_OPTION_JSON OPTION_JSON(a.json)

/* Puts the parsed lists where furrow.h wants them. */
void run_arguments_take(run_arguments *a);

#endif
