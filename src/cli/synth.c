#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "data-tools/synth_pixelset.h"

static void show(const cJSON *document)
{
    printf("%s: %s parcels of %s classes, %s dates\n", text_of(document, "folder"),
           figure(number_of(document, "parcels"), 0), figure(number_of(document, "classes"), 0),
           figure(number_of(document, "dates"), 0));
}

static char *describe(const char *folder, const synth_options *o)
{
    cJSON *all = cJSON_CreateObject();
    cJSON_AddStringToObject(all, "folder", folder);
    cJSON_AddNumberToObject(all, "parcels", o->parcels);
    cJSON_AddNumberToObject(all, "classes", o->classes);
    cJSON_AddNumberToObject(all, "dates", o->dates);
    cJSON_AddNumberToObject(all, "bands", o->bands);
    cJSON_AddNumberToObject(all, "seed", (double)o->seed);
    char *text = cJSON_Print(all);
    cJSON_Delete(all);
    return text;
}

int command_synth(int argc, char **argv)
{
    text_list words = {0};
    synth_options o = synth_defaults();
    int seed = (int)o.seed;
    bool json = false, done;
    const option options[] = {
        {"parcels", OPTION_INT, &o.parcels, 1, 1 << 24, "N", "how many parcels"},
        {"classes", OPTION_INT, &o.classes, 1, 1 << 16, "K", "how many crops"},
        {"dates", OPTION_INT, &o.dates, 1, 1 << 16, "T", "images of the year"},
        {"bands", OPTION_INT, &o.bands, 1, 1 << 16, "C", "spectral bands"},
        {"least-pixels", OPTION_INT, &o.least_pixels, 1, 1 << 24, "S", "pixels of the smallest parcels"},
        {"most-pixels", OPTION_INT, &o.most_pixels, 1, 1 << 24, "S", "pixels of the largest parcels"},
        {"seed", OPTION_INT, &seed, 0, 2147483647, "SEED", "what is drawn; the same seed, the same folder"},
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "print the result as one JSON document"},
        {0},
    };
    const command_syntax syntax = {
        "synth pixelset DIR [--parcels N] [--classes K] [--dates T] [--seed SEED] ...",
        "Makes a small labelled data set in the published folder format: crops with their own phenology, parcels that\n"
        "differ, noisy pixels, clouds.",
        options,
        &words,
        2,
        2};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    if (strcmp(words.item[0], "pixelset") != 0) {
        fprintf(stderr, "furrow: synth %s is not known; wanted synth pixelset DIR\n", words.item[0]);
        return FURROW_USAGE;
    }
    o.seed = (uint64_t)seed;
    code = synth_pixelset(words.item[1], &o);
    return command_end(code, code ? NULL : describe(words.item[1], &o), json, show);
}
