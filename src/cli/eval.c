#include <stdio.h>

#include "cli/run_options.h"

enum { MATRIX_MAX = 24 }; /* classes whose confusion matrix fits a terminal */

static void show_folds(const cJSON *document)
{
    const cJSON *fold;
    cJSON_ArrayForEach(fold, member(document, "folds")) {
        const char *number = figure(number_of(fold, "fold"), 0);
        printf("fold %s: %s parcels, accuracy %s %%, mIoU %s", number, figure(number_of(fold, "samples"), 0),
               figure(number_of(fold, "test_accuracy"), 2), figure(number_of(fold, "test_IoU"), 4));
        printf(", loss %s\n", figure(number_of(fold, "test_loss"), 4));
    }
}

static void show_classes(const cJSON *document)
{
    const cJSON *one;
    printf("\n%-20s %8s %10s %8s %8s %8s\n", "class", "parcels", "precision", "recall", "F1", "IoU");
    cJSON_ArrayForEach(one, member(document, "per_class")) {
        printf("%-20s %8s %10s %8s", one->string, figure(number_of(one, "samples"), 0),
               figure(number_of(one, "Precision"), 4), figure(number_of(one, "Recall"), 4));
        printf(" %8s %8s\n", figure(number_of(one, "F1-score"), 4), figure(number_of(one, "IoU"), 4));
    }
}

static void show_matrix(const cJSON *document)
{
    const cJSON *names = member(document, "classes"), *row, *cell;
    int i = 0;
    if (cJSON_GetArraySize(names) > MATRIX_MAX) return;
    printf("\nconfusion matrix (rows: true, columns: predicted, in the order above)\n");
    cJSON_ArrayForEach(row, member(document, "confusion_matrix")) {
        printf("%-20s", cJSON_GetArrayItem(names, i++)->valuestring);
        cJSON_ArrayForEach(cell, row) printf(" %6.0f", cell->valuedouble);
        printf("\n");
    }
}

static void show(const cJSON *document)
{
    show_folds(document);
    show_classes(document);
    show_matrix(document);
    printf("\n%s parcels: accuracy %s %%, mIoU %s, F1 %s\n", figure(number_of(document, "samples"), 0),
           figure(number_of(document, "accuracy"), 2), figure(number_of(document, "mIoU"), 4),
           figure(number_of(member(document, "overall"), "MACRO_F1-score"), 4));
}

int command_eval(int argc, char **argv)
{
    run_arguments a = {0};
    const option options[] = {
        {"weights", OPTION_TEXT, &a.options.weights, 0, 0, "W", "a checkpoint, or a run folder with Fold_k/model.h5"},
        RUN_OPTION_FOLD("this fold's weights on this fold's test set"),
        RUN_OPTION_SET,
        RUN_OPTION_DEVICE,
        RUN_OPTION_JSON,
        {0},
    };
    const command_syntax syntax = {"eval CONFIG --weights W [--fold K] [--set KEY=VALUE ...]",
                                   "Accuracy, mIoU, each class's precision, recall, F1 and IoU, and the confusion "
                                   "matrix. With a run folder, each\n"
                                   "fold's weights are measured on that fold's test set. --set eval.subset=validation, "
                                   "train or all looks at other\n"
                                   "parcels; with all, the folds' log-probabilities are averaged.",
                                   options,
                                   &a.positional,
                                   1,
                                   1};
    bool done;
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    if (!a.options.weights) {
        fprintf(stderr, "furrow: --weights is missing; wanted a checkpoint or a run folder\n");
        return FURROW_USAGE;
    }
    char *json;
    run_arguments_take(&a);
    code = furrow_eval(&a.options, &json);
    return command_end(code, json, a.json, show);
}
