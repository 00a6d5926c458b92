#include <stdio.h>

#include "cli/predict_scenes.h"
#include "cli/run_options.h"
#include "cli/table.h"

static void show(const cJSON *document)
{
    print_counts(document);
    if (member(document, "geojson"))
        printf("%s parcels in %s patches: %s; of each patch, ID_instances.npy, ID_classes.npy, ID_confidence.npy and\n"
               "ID.png in %s\n",
               figure(number_of(document, "found"), 0), figure(number_of(document, "patches"), 0),
               text_of(document, "geojson"), text_of(document, "out"));
    else if (member(document, "patches"))
        printf("%s patches: of each, ID_classes.npy, ID_scores.npy and ID.png in %s; %s\n",
               figure(number_of(document, "patches"), 0), text_of(document, "out"), text_of(document, "json"));
    else
        printf("%s parcels: %s, %s\n", figure(number_of(document, "parcels"), 0), text_of(document, "csv"),
               text_of(document, "json"));
}

int command_predict(int argc, char **argv)
{
    run_arguments a = {0};
    scenes_arguments s = {.map = {.margin = -1}};
    const option options[] = {
        {"weights", OPTION_TEXT, &a.options.weights, 0, 0, "W",
         "a checkpoint, ours or PyTorch's, safetensors, or a folder of folds"},
        {"out", OPTION_TEXT, &a.options.out, 0, 0, "DIR", "folder to write into; made if need be"},
        RUN_OPTION_FOLD("this fold's weights only"),
        {"tolerance", OPTION_REAL, &a.options.tolerance, 0, 1000, "PIXELS",
         "with a head: simplify outlines by so much (0)"},
        {"attention", OPTION_FLAG, &a.options.attention, 0, 0, NULL,
         "also what each date weighed: tables, maps, pictures"},
        {"scenes", OPTION_TEXT, &s.scenes, 0, 0, "DIR", "whole satellite images, instead of the configuration's pack"},
        {"parcels", OPTION_TEXT, &s.parcels, 0, 0, "FILE", "with --scenes: the polygons that are to be labelled"},
        {"id", OPTION_TEXT, &s.id, 0, 0, "FIELD", "the polygons' id (ID_PARCEL, id, else the feature's number)"},
        {"layer", OPTION_TEXT, &s.layer, 0, 0, "NAME", "the polygons' layer, where there are several"},
        {"tile", OPTION_INT, &s.map.tile, 1, 1 << 14, "S", "a map's tiles, pixels (as the patches of the pack)"},
        {"margin", OPTION_INT, &s.map.margin, 0, 1 << 13, "M",
         "pixels of each tile's edge that are discarded (an eighth)"},
        {"shard", OPTION_TEXT, &s.shard, 0, 0, "I/N", "only every Nth tile, from the Ith on; merge joins them"},
        {"bands", OPTION_TEXT, &s.options.bands, 0, 0, "B02,...", "with --scenes: these bands, in this order"},
        {"mask", OPTION_TEXT, &s.options.mask, 0, 0, "BAND", "with --scenes, as pack geotiff has them, this one and"},
        {"mask-values", OPTION_TEXT, &s.options.mask_values, 0, 0, "3,8,...", "these"},
        {"no-data", OPTION_TEXT, &s.options.no_data, 0, 0, "VALUE", "and this one"},
        RUN_OPTION_SET,
        RUN_OPTION_DEVICE,
        RUN_OPTION_JSON,
        {0},
    };
    const command_syntax syntax = {
        "predict CONFIG --weights W --out DIR [--scenes DIR [--parcels FILE]] [--fold K] [--set KEY=VALUE ...] ...",
        "Gives every sample of the pack its classes; no labels are needed. Of parcels: predictions.csv and\n"
        "predictions.json with each parcel's label, class index and the probability of each class. Of image patches:\n"
        "ID_classes.npy (the class of each pixel), ID_scores.npy (each class's probability), ID.png (the clearest "
        "date,\n"
        "the classes in their colours and, where there are labels, the truth) and, over all, predictions.json. With a\n"
        "head that finds parcels: parcels.geojson (outlines with class, confidence and area, in the patches' "
        "coordinate\n"
        "system), and of each patch ID_instances.npy, ID_classes.npy, ID_confidence.npy and ID.png; by one fold. With "
        "a\n"
        "folder of folds, the folds' log-probabilities are averaged. The network's settings come from CONFIG, and "
        "where it\n"
        "is silent from the weights.\n"
        "With --scenes the input is a folder of whole satellite images (as of pack geotiff), and the configuration's "
        "pack\n"
        "gives the normalisation: networks for pixel sets label the polygons of --parcels (parcels.gpkg), networks "
        "that\n"
        "give each pixel a class make a map (classes.tif, confidence.tif) in tiles, those with a head parcels that "
        "are\n"
        "joined across tiles (parcels.gpkg, instances.tif); tiles that are there are kept.",
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
    if (!predict_scenes_arguments_fit(&a, &s)) return FURROW_USAGE;
    char *json;
    run_arguments_take(&a);
    if (s.scenes) return command_predict_scenes(&a, &s);
    code = furrow_predict(&a.options, &json);
    return command_end(code, json, a.json, show);
}
