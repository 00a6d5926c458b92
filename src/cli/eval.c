#include <stdio.h>

#include "cli/run_options.h"
#include "cli/table.h"

enum { MATRIX_COLUMNS_MAX = 200 /* a wider confusion matrix would not be read on a terminal */ };

static void show_folds(const cJSON *document)
{
    const cJSON *fold;
    cJSON_ArrayForEach(fold, member(document, "folds")) {
        if (member(fold, "fold")) printf("fold %s: ", figure(number_of(fold, "fold"), 0));
        const double samples = number_of(fold, "samples");
        printf("%s %s, accuracy %s, mIoU %s", figure(samples, 0), noun_after(samples, document, "samples_are"),
               percent_figure(number_of(fold, "test_accuracy")), fold_iou_figure(document, fold, "test_IoU"));
        printf(", loss %s\n", figure(number_of(fold, "test_loss"), 4));
    }
}

static void show_classes(const cJSON *document)
{
    const cJSON *one, *classes = member(document, "per_class");
    const int width = names_width(classes, "class");
    printf("\n");
    print_padded("class", width);
    printf(" %10s %10s %8s %8s %8s\n", text_of(document, "counted"), "precision", "recall", "F1", "IoU");
    cJSON_ArrayForEach(one, classes) {
        print_padded(one->string, width);
        printf(" %10s %10s %8s", figure(number_of(one, "samples"), 0), figure(number_of(one, "Precision"), 4),
               figure(number_of(one, "Recall"), 4));
        printf(" %8s %8s\n", figure(number_of(one, "F1-score"), 4), figure(number_of(one, "IoU"), 4));
    }
}

/* Digits of the largest count. */
static int cell_width(const cJSON *rows)
{
    int widest = 1;
    const cJSON *row, *cell;
    cJSON_ArrayForEach(row, rows)
        cJSON_ArrayForEach(cell, row) {
            const int width = text_width(figure(cell->valuedouble, 0));
            if (width > widest) widest = width;
        }
    return widest;
}

static void show_matrix(const cJSON *document)
{
    const cJSON *names = member(document, "classes"), *rows = member(document, "confusion_matrix"), *row, *cell;
    const int width = names_width(member(document, "per_class"), ""), each = cell_width(rows);
    int i = 0;
    if (width + cJSON_GetArraySize(names) * (each + 1) > MATRIX_COLUMNS_MAX) {
        printf("\nThe confusion matrix is too wide to be shown here; --json has it.\n");
        return;
    }
    printf("\nconfusion matrix in %s (rows: true, columns: predicted, in the order above)\n",
           text_of(document, "counted"));
    cJSON_ArrayForEach(row, rows) {
        print_padded(cJSON_GetArrayItem(names, i++)->valuestring, width);
        cJSON_ArrayForEach(cell, row) printf(" %*.0f", each, cell->valuedouble);
        printf("\n");
    }
}

static void show_panoptic(const cJSON *document)
{
    const cJSON *fold;
    cJSON_ArrayForEach(fold, member(document, "folds")) {
        const double samples = number_of(fold, "samples");
        if (member(fold, "fold")) printf("fold %s: ", figure(number_of(fold, "fold"), 0));
        printf("%s %s, PQ %s, loss %s\n", figure(samples, 0), noun_after(samples, document, "samples_are"),
               figure(number_of(fold, "test_PQ"), 4), figure(number_of(fold, "test_loss"), 4));
    }
    print_panoptic(member(document, "panoptic"));
}

static void show(const cJSON *document)
{
    if (member(document, "panoptic")) {
        show_panoptic(document);
        return;
    }
    show_folds(document);
    show_classes(document);
    show_matrix(document);
    printf("\n%s %s: accuracy %s, mIoU %s, F1 %s\n", figure(number_of(document, "samples"), 0),
           text_of(document, "counted"), percent_figure(number_of(document, "accuracy")),
           iou_figure(document, number_of(document, "mIoU")),
           figure(number_of(member(document, "overall"), "MACRO_F1-score"), 4));
}

int command_eval(int argc, char **argv)
{
    run_arguments a = {0};
    const option options[] = {
        {"weights", OPTION_TEXT, &a.options.weights, 0, 0, "W",
         "a checkpoint, ours or PyTorch's, safetensors, or a folder of folds"},
        RUN_OPTION_FOLD("this fold's weights on this fold's test set"),
        RUN_OPTION_SET,
        RUN_OPTION_DEVICE,
        RUN_OPTION_JSON,
        {0},
    };
    const command_syntax syntax = {
        "eval CONFIG --weights W [--fold K] [--set KEY=VALUE ...]",
        "Accuracy, mIoU, each class's precision, recall, F1 and IoU, and the confusion "
        "matrix, counted in parcels or, of image\n"
        "patches, in pixels, those of the void class (train.ignore_index) left out. With a "
        "folder of folds, each fold's\n"
        "weights are measured on that fold's test set. --set eval.subset=validation, train "
        "or all looks at others;\n"
        "with all, the folds' log-probabilities are averaged. As published, mIoU is a "
        "fraction of parcels, in percent\n"
        "of patches. With a head that finds parcels: SQ, RQ and PQ, of each class and their means.",
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
