#include <stdio.h>

#include "cli/run_options.h"

static void show(const cJSON *document)
{
    const cJSON *one;
    printf("%-20s %8s\n", "class", "parcels");
    cJSON_ArrayForEach(one, member(document, "classes")) printf("%-20s %8.0f\n", one->string, one->valuedouble);
    printf("%s parcels: %s, %s\n", figure(number_of(document, "parcels"), 0), text_of(document, "csv"),
           text_of(document, "json"));
}

int command_predict(int argc, char **argv)
{
    run_arguments a = {0};
    const option options[] = {
        {"weights", OPTION_TEXT, &a.options.weights, 0, 0, "W", "a checkpoint, or a run folder with Fold_k/model.h5"},
        {"out", OPTION_TEXT, &a.options.out, 0, 0, "DIR", "folder for predictions.csv and predictions.json"},
        RUN_OPTION_FOLD("this fold's weights only"),
        RUN_OPTION_SET,
        RUN_OPTION_DEVICE,
        RUN_OPTION_JSON,
        {0},
    };
    const command_syntax syntax = {
        "predict CONFIG --weights W --out DIR [--fold K] [--set KEY=VALUE ...]",
        "Writes each parcel's label, class index and the probability of each class. No labels are needed. With a run\n"
        "folder, the folds' log-probabilities are averaged. The network's settings come from CONFIG, and where it is\n"
        "silent from the weights.",
        options,
        &a.positional,
        1,
        1};
    bool done;
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    if (!a.options.weights || !a.options.out) {
        fprintf(stderr, "furrow: --%s is missing\nusage: furrow %s\n", a.options.weights ? "out" : "weights",
                syntax.usage);
        return FURROW_USAGE;
    }
    char *json;
    run_arguments_take(&a);
    code = furrow_predict(&a.options, &json);
    return command_end(code, json, a.json, show);
}
