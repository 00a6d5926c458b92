/* furrow: the command line. Chooses the command, and turns codes into exit codes. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/completion.h"
#include "cli/interrupt.h"
#include "cli/manual.h"
#include "cli/progress.h"

static const command commands[] = {
    {"devices", "list every OpenCL device, its limits and its self-test's result", command_devices},
    {"pack", "turn a folder of parcels or image patches into one HDF5 pack", command_pack},
    {"info", "say what a pack, a checkpoint, a file of weights or of reference results holds", command_info},
    {"synth", "make a small labelled data set in the published folder format", command_synth},
    {"instances", "make instance ids, centre heat maps and zones from parcel ids and labels", command_instances},
    {"train", "train the folds of a configuration and test each", command_train},
    {"eval", "measure weights on labelled parcels or patches", command_eval},
    {"predict", "give every parcel, or every pixel of patches, a class, with probabilities", command_predict},
    {"merge", "join the tiles of a map that predict made of whole satellite images", command_merge},
    {"weights", "import and export weights, say what they are", command_weights},
    {"leaderboard", "put run folders into the benchmark's tables, beside the published rows", command_leaderboard},
    {"report", "write a page about run folders, with curves, tables and maps", command_report},
    {"verify", "run reference results on this device and compare", command_verify},
    {"bench", "measure inference and training speed", command_bench},
    {0},
};
enum { COMMANDS = sizeof commands / sizeof *commands - 1 };

static void print_help(FILE *out)
{
    fprintf(out, "furrow %s: crop mapping from satellite image time series, on any OpenCL device\n\n", FURROW_VERSION);
    fprintf(out, "usage: furrow COMMAND ...\n\ncommands:\n");
    for (int i = 0; i < COMMANDS; i++) fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
    fprintf(out,
            "\nfurrow COMMAND --help says more. Results go to stdout (one JSON document with --json), messages to\n"
            "stderr. Exit codes: 0 done, 1 the work failed, 2 wrong usage or configuration, 3 no usable device,\n"
            "130 interrupted. Variables: FURROW_DEVICE selects a device; FURROW_CACHE_DIR moves the caches;\n"
            "FURROW_DEBUG=sync names a kernel that fails, FURROW_DEBUG=profile prints each kernel's time.\n");
}

static const command *find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *names[COMMANDS + 1] = {0};
    for (int i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
    const char *near = options_nearest(name, names);
    fprintf(stderr, "furrow: there is no command \"%s\"%s%s%s\n", name, near ? "; did you mean " : "", near ? near : "",
            near ? "?" : "");
    if (!near) print_help(stderr);
    return FURROW_USAGE;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return FURROW_USAGE;
    }
    const char *first = argv[1];
    if (strcmp(first, "--version") == 0) {
        printf("furrow %s\n", FURROW_VERSION);
        return FURROW_OK;
    }
    if (strcmp(first, "--man") == 0) return manual_print(commands, argc > 2 ? argv[2] : NULL);
    if (strcmp(first, "--completion") == 0) return completion_print(commands, argc > 2 ? argv[2] : "");
    bool help = strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0;
    if (help && argc == 2) {
        print_help(stdout);
        return FURROW_OK;
    }
    const command *c = find(help ? argv[2] : first);
    if (!c) return unknown(help ? argv[2] : first);
    if (help) return c->run(1, (char *[]){(char[]){"--help"}, NULL});
    return c->run(argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
    interrupt_catch();
    progress_install();
    int code = run(argc, argv);
    if ((fflush(stdout) || ferror(stdout)) && code == FURROW_OK) {
        fprintf(stderr, "furrow: writing to stdout failed\n");
        code = FURROW_FAILED;
    }
    return code;
}
