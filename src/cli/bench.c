#include <stdio.h>

#include "cli/command.h"

static void show(const cJSON *document)
{
    double peak = number_of(document, "peak_gflops");
    printf("%s on %s\n", text_of(document, "model"), text_of(document, "device"));
    printf("batch %s, %s dates, %s pixels\n", figure(number_of(document, "batch"), 0),
           figure(number_of(document, "dates"), 0), figure(number_of(document, "pixels"), 0));
    printf("inference %9s parcels/s  %7s GFLOP/s\n", figure(number_of(document, "inference_per_s"), 0),
           figure(number_of(document, "inference_gflops"), 1));
    printf("training  %9s parcels/s  %7s GFLOP/s\n", figure(number_of(document, "training_per_s"), 0),
           figure(number_of(document, "training_gflops"), 1));
    printf("multiply-add peak %s GFLOP/s; memory %s MB\n", figure(peak, 0),
           figure(number_of(document, "peak_bytes") / 1e6, 1));
}

int command_bench(int argc, char **argv)
{
    text_list models = {0};
    furrow_bench_options o = {0};
    bool json = false, done;
    const option options[] = {
        {"batch", OPTION_INT, &o.batch, 2, 1 << 20, "B", "parcels a batch (128)"},
        {"dates", OPTION_INT, &o.dates, 1, 4096, "T", "dates of each parcel (24)"},
        {"size", OPTION_INT, &o.pixels, 1, 1 << 16, "S", "pixels of each parcel (64)"},
        {"device", OPTION_TEXT, &o.device, 0, 0, "D", "auto, an index, part of a name, cpu, gpu or accelerator"},
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "print the result as one JSON document"},
        {0},
    };
    const command_syntax syntax = {
        "bench [MODEL] [--batch B] [--dates T] [--size S]",
        "Parcels a second of MODEL (psetae or pseltae; psetae when left out) at the published widths, in inference "
        "and\n"
        "in whole training steps, batches in memory, the median of steady steps; beside the device's measured peak.",
        options,
        &models,
        0,
        1};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    if (models.count) o.model = models.item[0];
    char *text;
    code = furrow_bench(&o, &text);
    return command_end(code, text, json, show);
}
