#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/run_options.h"
#include "cli/table.h"

/* ---- import and export ------------------------------------------------------------------------------------------- */

static void show_written(const cJSON *document)
{
    printf("%s: %s tensors of %s values, %s MB", text_of(document, "out"), figure(number_of(document, "tensors"), 0),
           figure(number_of(document, "values"), 0), figure(number_of(document, "bytes") / 1e6, 1));
    if (member(document, "epoch")) printf(", epoch %s", figure(number_of(document, "epoch"), 0));
    if (member(document, "step")) printf(", Adam after %s steps", figure(number_of(document, "step"), 0));
    printf(" (from %s)\n", text_of(document, "format"));
    if (member(document, "stac")) printf("%s: a STAC item of it\n", text_of(document, "stac"));
}

static int import_command(int argc, char **argv)
{
    text_list words = {0};
    bool json = false, done;
    const option options[] = {
        OPTION_JSON(json),
        {0},
    };
    const command_syntax syntax = {
        "weights import FILE OUT.h5",
        "Turns a PyTorch checkpoint (.pth.tar, .pth, .pt: the zip format or the older stream) or safetensors\n"
        "into a checkpoint of furrow's, bit by bit: half, bfloat16 and double stay what they are. An Adam\n"
        "state beside the weights is taken over: as RES_DIR/Fold_k/last.h5, train --resume goes on with it.\n"
        "Nothing in FILE is run; its format is known by its first bytes, not by its name.",
        options,
        &words,
        3,
        3};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    char *text;
    code = furrow_weights_import(words.item[1], words.item[2], &text);
    return command_end(code, text, json, show_written);
}

/* The item beside the export, named in its document. */
static int describe(run_arguments *a, const char *bands, const char *item, char **json)
{
    char *described = NULL;
    a->options.weights = a->positional.item[1];
    const int code = furrow_weights_describe(&a->options, bands, a->positional.item[2], item, &described);
    free(described);
    if (code) return code;
    char *extended = document_extended(*json, (const entry[]){TEXT("stac", item), {0}});
    free(*json);
    *json = extended;
    return FURROW_OK;
}

static int export_command(int argc, char **argv)
{
    run_arguments a = {0};
    const char *config = NULL, *item = NULL, *bands = NULL;
    bool done;
    const option options[] = {
        {"stac", OPTION_TEXT, &item, 0, 0, "ITEM.json", "also describe it for catalogues: a STAC item"},
        {"config", OPTION_TEXT, &config, 0, 0, "CONFIG",
         "with --stac: the run, whose pack has normalisation and classes"},
        {"bands", OPTION_TEXT, &bands, 0, 0, "B02,...", "with --stac: what the network's bands are called (1, 2, ...)"},
        RUN_OPTION_SET,
        RUN_OPTION_JSON,
        {0},
    };
    const command_syntax syntax = {
        "weights export IN.h5 OUT.safetensors [--stac ITEM.json --config CONFIG [--bands B02,...] [--set KEY=VALUE "
        "...]]",
        "Writes the weights of a checkpoint as safetensors, bit by bit and by their published names:\n"
        "PyTorch loads them with load_state_dict(safetensors.torch.load_file(\"OUT.safetensors\")).\n"
        "With --stac also a STAC item with the Machine Learning Model extension: what goes into the network and\n"
        "how it is normalised, what comes out, classes, settings, and the hash of OUT.safetensors.",
        options,
        &a.positional,
        3,
        3};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    if (!item != !config || (!item && (bands || a.sets.count))) {
        fprintf(stderr, "furrow: --stac and --config go together, --bands and --set with them\n");
        return FURROW_USAGE;
    }
    char *text;
    run_arguments_take(&a);
    a.options.config = config;
    code = furrow_weights_export(a.positional.item[1], a.positional.item[2], &text);
    if (!code && item) code = describe(&a, bands, item, &text);
    if (code) {
        free(text);
        text = NULL;
    }
    return command_end(code, text, a.json, show_written);
}

/* ---- show -------------------------------------------------------------------------------------------------------- */

static const char *range_figure(const cJSON *tensor, const char *key)
{
    static char slots[4][32];
    static int next;
    char *out = slots[next++ % 4];
    const cJSON *value = member(tensor, key);
    snprintf(out, sizeof slots[0], cJSON_IsNumber(value) ? "%.6g" : "-",
             cJSON_IsNumber(value) ? value->valuedouble : 0);
    return out;
}

static char *shape_of(const cJSON *object, const char *key, char *out, size_t size)
{
    const cJSON *one;
    size_t used = 0;
    snprintf(out, size, "scalar");
    cJSON_ArrayForEach(one, member(object, key)) {
        if (used < size) used += (size_t)snprintf(out + used, size - used, used ? " x %.0f" : "%.0f", one->valuedouble);
    }
    return out;
}

static int widest_name(const cJSON *list)
{
    const cJSON *one;
    int widest = text_width("name");
    cJSON_ArrayForEach(one, list) {
        const int width = text_width(text_of(one, "name"));
        if (width > widest) widest = width;
    }
    return widest;
}

static void show_tensors(const cJSON *list)
{
    char shape[256];
    const cJSON *one;
    const int width = widest_name(list);
    print_padded("name", width);
    printf("  %-9s %-16s %12s %12s\n", "type", "shape", "least", "most");
    cJSON_ArrayForEach(one, list) {
        print_padded(text_of(one, "name"), width);
        printf("  %-9s %-16s %12s %12s", text_of(one, "type"), shape_of(one, "shape", shape, sizeof shape),
               range_figure(one, "least"), range_figure(one, "most"));
        if (number_of(one, "not_finite") > 0) printf("  %s not finite", figure(number_of(one, "not_finite"), 0));
        printf("\n");
    }
}

static void show_names(const cJSON *list, const char *title)
{
    const cJSON *one;
    if (!cJSON_GetArraySize(list)) return;
    printf("%s:\n", title);
    cJSON_ArrayForEach(one, list) {
        printf("  %s", text_of(one, "name"));
        if (member(one, "nearest")) printf(" (nearest: %s)", text_of(one, "nearest"));
        if (member(one, "read_as")) printf(" (read as %s)", text_of(one, "read_as"));
        printf("\n");
    }
}

static void show_shapes(const cJSON *list)
{
    char there[256], wanted[256];
    const cJSON *one;
    if (!cJSON_GetArraySize(list)) return;
    printf("of another shape:\n");
    cJSON_ArrayForEach(one, list)
        printf("  %s: %s, wanted %s\n", text_of(one, "name"), shape_of(one, "shape", there, sizeof there),
               shape_of(one, "wanted", wanted, sizeof wanted));
}

static void show(const cJSON *document)
{
    printf("%s: %s", text_of(document, "file"), text_of(document, "format"));
    if (member(document, "epoch")) printf(", epoch %s", figure(number_of(document, "epoch"), 0));
    if (member(document, "step")) printf(", Adam after %s steps", figure(number_of(document, "step"), 0));
    if (member(document, "optimizer_left")) printf(", its optimiser is left: %s", text_of(document, "optimizer_left"));
    printf("\n");
    show_tensors(member(document, "tensors"));
    printf("%s tensors, %s values\n", figure(cJSON_GetArraySize(member(document, "tensors")), 0),
           figure(number_of(document, "values"), 0));
    if (!member(document, "arch")) return;
    show_names(member(document, "missing"), "wanted by the configuration, but not there");
    show_names(member(document, "unknown"), "there, but not wanted by the configuration");
    show_shapes(member(document, "other_shape"));
    if (!cJSON_GetArraySize(member(document, "missing")) && !cJSON_GetArraySize(member(document, "unknown")) &&
        !cJSON_GetArraySize(member(document, "other_shape")))
        printf("all that the configuration's %s wants, and no more\n", text_of(document, "arch"));
}

static int show_command(int argc, char **argv)
{
    text_list words = {0};
    const char *config = NULL, *device = NULL;
    bool json = false, done;
    const option options[] = {
        {"config", OPTION_TEXT, &config, 0, 0, "CONFIG", "compare with what this configuration's network wants"},
        {"device", OPTION_TEXT, &device, 0, 0, "D", "auto, an index, part of a name, cpu, gpu or accelerator"},
        OPTION_JSON(json),
        {0},
    };
    const command_syntax syntax = {
        "weights show FILE [--config CONFIG]",
        "Names, types, shapes and ranges of the weights in FILE (a checkpoint of furrow's or PyTorch's, safetensors);\n"
        "with --config also what its network wants but does not find, and the reverse, with the nearest names.",
        options,
        &words,
        2,
        2};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    char *text;
    code = furrow_weights_show(words.item[1], config, device, &text);
    return command_end(code, text, json, show);
}

/* ---- the command --------------------------------------------------------------------------------------------------- */

int command_weights(int argc, char **argv)
{
    static const command kinds[] = {
        {"import", "a PyTorch checkpoint or safetensors into a checkpoint of furrow's", import_command},
        {"export", "a checkpoint's weights as safetensors", export_command},
        {"show", "what a file of weights holds, and how it fits a configuration", show_command},
        {0},
    };
    return command_choose("weights", "Published weights in, weights out.", kinds, argc, argv);
}
