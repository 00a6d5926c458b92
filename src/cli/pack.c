#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "data-tools/pack_pixelset.h"

static void show(const cJSON *document)
{
    printf("%s: %s parcels", text_of(document, "pack"), figure(number_of(document, "parcels"), 0));
    printf(" of %s to %s dates, %s bands, %s to %s pixels, %s\n", figure(number_of(document, "least_dates"), 0),
           figure(number_of(document, "most_dates"), 0), figure(number_of(document, "bands"), 0),
           figure(number_of(document, "least_pixels"), 0), figure(number_of(document, "most_pixels"), 0),
           text_of(document, "type"));
    printf("%s nomenclatures, %s feature files, %s, normalisation %s\n",
           figure(number_of(document, "nomenclatures"), 0), figure(number_of(document, "features"), 0),
           cJSON_IsTrue(member(document, "dates")) ? "dates" : "no dates", text_of(document, "normalisation"));
}

static char *describe(const char *path, const pack_result *r)
{
    cJSON *all = cJSON_CreateObject();
    cJSON_AddStringToObject(all, "pack", path);
    cJSON_AddNumberToObject(all, "parcels", (double)r->parcels);
    cJSON_AddNumberToObject(all, "resumed", (double)r->resumed);
    cJSON_AddNumberToObject(all, "bands", r->bands);
    cJSON_AddNumberToObject(all, "least_dates", r->least_dates);
    cJSON_AddNumberToObject(all, "most_dates", r->most_dates);
    cJSON_AddNumberToObject(all, "least_pixels", r->least_pixels);
    cJSON_AddNumberToObject(all, "most_pixels", r->most_pixels);
    cJSON_AddStringToObject(all, "type", r->type);
    cJSON_AddNumberToObject(all, "nomenclatures", (double)r->nomenclatures);
    cJSON_AddNumberToObject(all, "features", (double)r->features);
    cJSON_AddBoolToObject(all, "dates", r->dates);
    cJSON_AddStringToObject(all, "normalisation", r->computed_norm ? "computed" : "from the folder");
    char *text = cJSON_Print(all);
    cJSON_Delete(all);
    return text;
}

int command_pack(int argc, char **argv)
{
    text_list words = {0};
    pack_options o = {0};
    bool json = false, done;
    const option options[] = {
        {"compress", OPTION_FLAG, &o.compress, 0, 0, NULL, "deflate the pixels: a smaller pack, slower to read"},
        {"norm", OPTION_TEXT, &o.norm, 0, 0, "FILE.pkl", "the normalisation's file, or \"computed\": from the pixels"},
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "print the result as one JSON document"},
        {0},
    };
    const command_syntax syntax = {
        "pack pixelset DIR OUT.h5 [--compress] [--norm FILE.pkl]",
        "Turns DIR/DATA/ID.npy (dates x bands x pixels) and DIR/META/{labels, dates, features}.json into one HDF5 "
        "pack\n"
        "with checksums. labels.json and dates.json may be absent; training needs labels. The normalisation comes "
        "from\n"
        "normalisation_values.pkl or a *meanstd.pkl in DIR, else from the pixels. OUT.h5 appears whole or not at all;\n"
        "the same command goes on where an interrupted one stopped.",
        options,
        &words,
        3,
        3};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    if (strcmp(words.item[0], "pixelset") != 0) {
        fprintf(stderr, "furrow: pack %s is not known; wanted pack pixelset DIR OUT.h5\n", words.item[0]);
        return FURROW_USAGE;
    }
    pack_result result = {0};
    code = pack_pixelset(words.item[1], words.item[2], &o, &result);
    return command_end(code, code ? NULL : describe(words.item[2], &result), json, show);
}
