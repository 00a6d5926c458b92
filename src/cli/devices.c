#include <stdio.h>

#include "cli/command.h"

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

int command_devices(int argc, char **argv)
{
    text_list none = {0};
    const char *device = NULL;
    bool json = false, tune = false, done;
    const option options[] = {
        {"tune", OPTION_FLAG, &tune, 0, 0, NULL, "test the chosen device and measure its kernel forms again"},
        {"device", OPTION_TEXT, &device, 0, 0, "D", "choose: auto, an index, part of a name, cpu, gpu or accelerator"},
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "print the result as one JSON document"},
        {0},
    };
    const command_syntax syntax = {"devices [--tune] [--device D]",
                                   "Every OpenCL device with its limits, which one is chosen, and whether its kernels "
                                   "agree with plain C references.\n"
                                   "The chosen device is tested if it has not been yet.",
                                   options,
                                   &none,
                                   0,
                                   0};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    char *text;
    code = furrow_devices(device, tune, &text);
    return command_end(code, text, json, show);
}
