#include <stdio.h>

#include "cli/command.h"

static void show(const cJSON *document)
{
    double peak = number_of(document, "peak_gflops");
    printf("%s on %s\n", text_of(document, "model"), text_of(document, "device"));
    const char *unit = text_of(document, "unit");
    const bool images = member(document, "size") != NULL;
    const char *const keys[] = {"inference_per_s", "training_per_s"}, *const names[] = {"inference", "training "};
    const char *const rates[] = {"inference_gflops", "training_gflops"};
    printf("batch %s, %s dates, %s %s\n", figure(number_of(document, "batch"), 0),
           figure(number_of(document, "dates"), 0), figure(number_of(document, images ? "size" : "pixels"), 0),
           images ? "pixels a side" : "pixels");
    for (int i = 0; i < 2; i++)
        printf("%s %9s %s/s  %7s GFLOP/s\n", names[i], figure(number_of(document, keys[i]), images ? 3 : 0), unit,
               figure(number_of(document, rates[i]), 1));
    printf("multiply-add peak %s GFLOP/s; memory %s MB\n", figure(peak, 0),
           figure(number_of(document, "peak_bytes") / 1e6, 1));
}

int command_bench(int argc, char **argv)
{
    text_list models = {0};
    furrow_bench_options o = {0};
    bool json = false, done;
    int megabytes = 0;
    const option options[] = {
        {"batch", OPTION_INT, &o.batch, 1, 1 << 20, "B", "parcels (128) or patches (1) a batch"},
        {"dates", OPTION_INT, &o.dates, 1, 4096, "T", "dates of each (24; 45)"},
        {"size", OPTION_INT, &o.pixels, 1, 1 << 16, "S", "pixels of each parcel (64); a patch's side (128)"},
        {"parcels", OPTION_INT, &o.parcels, 1, 1 << 20, "N", "with a head: parcels in each patch (100)"},
        {"memory-limit", OPTION_INT, &megabytes, 1, 1 << 30, "MB", "patches: keep to so many megabytes"},
        {"exact", OPTION_FLAG, &o.exact, 0, 0, NULL, "patches: direct convolutions only, no Winograd"},
        {"device", OPTION_TEXT, &o.device, 0, 0, "D", "auto, an index, part of a name, cpu, gpu or accelerator"},
        OPTION_JSON(json),
        {0},
    };
    const command_syntax syntax = {
        "bench [MODEL] [--batch B] [--dates T] [--size S] [--parcels N] [--memory-limit MB] [--exact]",
        "Parcels or patches a second of MODEL (an \"arch\" of configurations, with a head as utae+paps; psetae\n"
        "when left out) at the published widths, in inference and in whole training steps, batches in memory, the\n"
        "median of steady steps; beside the device's measured peak.",
        options,
        &models,
        0,
        1};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    o.memory_limit = 1e6 * megabytes;
    if (models.count) o.model = models.item[0];
    char *text;
    code = furrow_bench(&o, &text);
    return command_end(code, text, json, show);
}
