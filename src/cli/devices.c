#include <stdio.h>

#include "cli/run_options.h"

static void show(const cJSON *document)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, member(document, "devices")) {
        printf("%s %s  %s (%s, %s)\n", cJSON_IsTrue(member(one, "chosen")) ? "*" : " ",
               figure(number_of(one, "index"), 0), text_of(one, "name"), text_of(one, "kind"),
               text_of(one, "platform"));
        printf("       driver %s, %s\n", text_of(one, "driver"), text_of(one, "version"));
        printf("       %s compute units, vectors of %s floats, work-groups up to %s items\n",
               figure(number_of(one, "compute_units"), 0), figure(number_of(one, "vector_width"), 0),
               figure(number_of(one, "work_group_limit"), 0));
        printf("       memory %s MB, %s MB in one buffer, %s KB local\n",
               figure(number_of(one, "global_memory") / 1e6, 0), figure(number_of(one, "allocation_limit") / 1e6, 0),
               figure(number_of(one, "local_memory") / 1024, 0));
        printf("       self-test: %s\n", text_of(one, "self_test"));
    }
    printf("* is used when no other is asked for\n");
}

static void show_build(const cJSON *document)
{
    printf("%s programs of %s kernels for %s: %s MB in %s\n", figure(number_of(document, "programs"), 0),
           figure(number_of(document, "kernels"), 0), text_of(document, "device"),
           figure(number_of(document, "bytes") / 1e6, 1), text_of(document, "folder"));
    if (!cJSON_IsTrue(member(document, "training"))) printf("the pack has no labels: none of them is for training\n");
    printf("FURROW_BINARY_DIR=%s loads them and compiles nothing\n", text_of(document, "folder"));
}

int command_devices(int argc, char **argv)
{
    run_arguments a = {0};
    bool tune = false, done;
    const option options[] = {
        {"tune", OPTION_FLAG, &tune, 0, 0, NULL, "test the chosen device and measure its kernel forms again"},
        {"build", OPTION_TEXT, &a.options.out, 0, 0, "DIR", "write the binaries of CONFIG's programs into DIR"},
        RUN_OPTION_SET,
        RUN_OPTION_DEVICE,
        RUN_OPTION_JSON,
        {0},
    };
    const command_syntax syntax = {
        "devices [--tune] [--device D] | devices --build DIR CONFIG [--set KEY=VALUE ...] [--device D]",
        "Every OpenCL device with its limits, which one is chosen, and whether its kernels agree with plain C "
        "references.\n"
        "The chosen device is tested if it has not been yet.\n"
        "With --build: the binaries of every program that training, evaluation and prediction with CONFIG, on its "
        "pack,\n"
        "need on the device, and the index programs.json, for machines whose device has no compiler: there\n"
        "FURROW_BINARY_DIR=DIR loads them, and what is not among them is an error.",
        options,
        &a.positional,
        0,
        1};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    const bool build = a.options.out != NULL;
    if (build != (a.positional.count == 1) || (build && tune)) {
        fprintf(stderr, "furrow: %s\nusage: furrow %s\n",
                build ? "--build DIR wants a configuration, and no --tune" : "a configuration is for --build DIR",
                syntax.usage);
        return FURROW_USAGE;
    }
    char *text;
    run_arguments_take(&a);
    code = build ? furrow_build_programs(&a.options, &text) : furrow_devices(a.options.device, tune, &text);
    return command_end(code, text, a.json, build ? show_build : show);
}
