#include <stdio.h>
#include <stdlib.h>

#include "cli/run_options.h"
#include "cli/table.h"

static void show_plan(const cJSON *document)
{
    const cJSON *again = cJSON_GetArrayItem(member(document, "recomputed"), 0);
    const double samples = number_of(document, "batch_size");
    printf("A training step of %s %s of %s dates:\n", figure(samples, 0), noun_after(samples, document, "samples_are"),
           figure(number_of(document, "dates"), 0));
    printf("  tape %12s MB, frames in %s part(s), computed again: %s\n",
           figure(number_of(document, "tape_bytes") / 1e6, 1), figure(number_of(document, "parts"), 0),
           cJSON_IsString(again) ? again->valuestring : "nothing");
    printf("  batch, parameters and optimiser %s MB\n", figure(number_of(document, "other_bytes") / 1e6, 1));
    printf("  peak %12s MB of %s MB\n", figure(number_of(document, "peak_bytes") / 1e6, 1),
           figure(number_of(document, "limit_bytes") / 1e6, 1));
}

static void show_panoptic(const cJSON *document)
{
    const cJSON *fold;
    printf("%-6s %10s %8s %8s %8s %8s\n", "fold", "best epoch", "val PQ", "test SQ", "test RQ", "test PQ");
    cJSON_ArrayForEach(fold, member(document, "folds")) {
        printf("%-6s %10s %8s", figure(number_of(fold, "fold"), 0), figure(number_of(fold, "best_epoch"), 0),
               figure(number_of(fold, "val_PQ"), 4));
        printf(" %8s %8s %8s\n", figure(number_of(fold, "test_SQ"), 4), figure(number_of(fold, "test_RQ"), 4),
               figure(number_of(fold, "test_PQ"), 4));
    }
    print_panoptic(member(document, "overall"));
    printf("run folder: %s\n", text_of(document, "res_dir"));
}

static void show(const cJSON *document)
{
    const cJSON *fold;
    if (member(member(document, "overall"), "PQ")) {
        show_panoptic(document);
        return;
    }
    if (member(document, "peak_bytes")) {
        show_plan(document);
        return;
    }
    printf("%-6s %10s %9s %14s %10s\n", "fold", "best epoch", "val mIoU", "test accuracy", "test mIoU");
    cJSON_ArrayForEach(fold, member(document, "folds"))
        printf("%-6s %10s %9s %14s %10s\n", figure(number_of(fold, "fold"), 0),
               figure(number_of(fold, "best_epoch"), 0), fold_iou_figure(document, fold, "val_IoU"),
               percent_figure(number_of(fold, "test_accuracy")), fold_iou_figure(document, fold, "test_IoU"));
    const cJSON *overall = member(document, "overall");
    printf("over all test sets: accuracy %s, mIoU %s, F1 %s\n", percent_figure(100 * number_of(overall, "Accuracy")),
           iou_figure(document, number_of(overall, "MACRO_IoU")), figure(number_of(overall, "MACRO_F1-score"), 4));
    printf("run folder: %s\n", text_of(document, "res_dir"));
}

int command_train(int argc, char **argv)
{
    run_arguments a = {0};
    const option options[] = {
        RUN_OPTION_FOLD("train this fold only"),
        RUN_OPTION_SET,
        {"resume", OPTION_FLAG, &a.options.resume, 0, 0, NULL, "go on where the run folder stopped"},
        {"plan", OPTION_FLAG, &a.options.plan, 0, 0, NULL, "only print how a step is laid out in memory"},
        {"weights", OPTION_TEXT, &a.options.weights, 0, 0, "W",
         "start from weights: a checkpoint, ours or PyTorch's, safetensors, or a folder (fine-tuning)"},
        RUN_OPTION_DEVICE,
        RUN_OPTION_JSON,
        {0},
    };
    const command_syntax syntax = {
        "train CONFIG [--fold K] [--set KEY=VALUE ...] [--resume] [--weights W] [--plan]",
        "Trains the network of CONFIG, for parcels or for images, on each fold, keeps the epoch with the best "
        "validation\n"
        "mIoU, and tests it.\n"
        "Everything goes into the run folder train.res_dir: conf.json, Fold_k/{trainlog.json, model.h5, last.h5,\n"
        "test_metrics.json, conf_mat.npy}, overall.json, forms.json; with a head that finds parcels the best PQ "
        "counts,\n"
        "and test_tables.npy stands for conf_mat.npy. A run that was stopped goes on with --resume and\n"
        "ends with the same bits. With --weights of a PyTorch checkpoint, --resume in a new run folder goes on with "
        "its\n"
        "epoch and Adam state. CONFIG may be a published conf.json.",
        options,
        &a.positional,
        1,
        1};
    bool done;
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) {
        char *help = code || !argc ? NULL : furrow_config_help(); /* no argument: the command is visited */
        if (help) printf("\n%s", help);
        free(help);
        return code;
    }
    char *json;
    run_arguments_take(&a);
    code = furrow_train(&a.options, &json);
    return command_end(code, json, a.json, show);
}
