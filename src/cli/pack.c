#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "data-tools/pack_pastis.h"
#include "data-tools/pack_pixelset.h"

/* ---- parcels as sets of pixels ------------------------------------------------------------------------------------ */

static void show_pixelset(const cJSON *document)
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

static char *describe_pixelset(const char *path, const pack_result *r)
{
    return document_text((const entry[]){
        TEXT("pack", path),
        NUMBER("parcels", r->parcels),
        NUMBER("resumed", r->resumed),
        NUMBER("bands", r->bands),
        NUMBER("least_dates", r->least_dates),
        NUMBER("most_dates", r->most_dates),
        NUMBER("least_pixels", r->least_pixels),
        NUMBER("most_pixels", r->most_pixels),
        TEXT("type", r->type),
        NUMBER("nomenclatures", r->nomenclatures),
        NUMBER("features", r->features),
        TRUTH("dates", r->dates),
        TEXT("normalisation", r->computed_norm ? "computed" : "from the folder"),
        {0},
    });
}

static int pack_pixelset_command(int argc, char **argv)
{
    text_list words = {0};
    pack_options o = {0};
    bool json = false, done;
    const option options[] = {
        {"compress", OPTION_FLAG, &o.compress, 0, 0, NULL, "deflate the pixels: a smaller pack, slower to read"},
        {"norm", OPTION_TEXT, &o.norm, 0, 0, "FILE.pkl", "the normalisation's file, or \"computed\": from the pixels"},
        OPTION_JSON(json),
        {0},
    };
    const command_syntax syntax = {
        "pack pixelset DIR OUT.h5 [--compress] [--norm FILE.pkl]",
        "Turns DIR/DATA/ID.npy (dates x bands x pixels) and DIR/META/{labels, dates, features}.json into one pack,\n"
        "HDF5 with checksums. labels.json, which training needs, holds {nomenclature: {ID: class}}, a class an\n"
        "integer or a name; dates.json {ID: [YYYYMMDD, ...]}, or one list for all; others {ID: [numbers]}. All may\n"
        "be absent. The normalisation comes from normalisation_values.pkl or a *meanstd.pkl in DIR, else from the\n"
        "pixels. OUT.h5 appears whole or not at all; the same command goes on where an interrupted one stopped.",
        options,
        &words,
        3,
        3};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    pack_result result = {0};
    code = pack_pixelset(words.item[1], words.item[2], &o, &result);
    return command_end(code, code ? NULL : describe_pixelset(words.item[2], &result), json, show_pixelset);
}

/* ---- image patches ------------------------------------------------------------------------------------------------ */

/* "instances: 3 made when read, 2 taken: as made, 1 taken: their own"; nothing where all are made. */
static void show_origins(const cJSON *document, const char *key, const char *what)
{
    const cJSON *of = member(document, key);
    const double as_made = number_of(of, "taken_as_made"), own = number_of(of, "taken_own");
    if (as_made + own == 0) return;
    printf("%s: %s made when read", what, figure(number_of(of, "made_when_read"), 0));
    printf(", %s taken: as made, %s taken: their own\n", figure(as_made, 0), figure(own, 0));
}

static void show_pastis(const cJSON *document)
{
    printf("%s: %s patches of %s x %s pixels, %s", text_of(document, "pack"), figure(number_of(document, "patches"), 0),
           figure(number_of(document, "height"), 0), figure(number_of(document, "width"), 0),
           text_of(document, "satellites"));
    printf(", %s to %s dates, %s labelled, %s with parcels\n", figure(number_of(document, "least_dates"), 0),
           figure(number_of(document, "most_dates"), 0), figure(number_of(document, "labelled"), 0),
           figure(number_of(document, "parcelled"), 0));
    printf("%s MB of images, normalisation %s", figure(number_of(document, "bytes") / 1e6, 1),
           text_of(document, "normalisation"));
    if (number_of(document, "left_out") > 0)
        printf(", %s patches left out", figure(number_of(document, "left_out"), 0));
    printf("\n");
    show_origins(document, "instances", "instances");
    show_origins(document, "heat_maps", "heat maps");
    show_origins(document, "zones", "zones");
}

static cJSON *origins(const pack_pastis_origins *o)
{
    return document_object((const entry[]){
        NUMBER("made_when_read", o->made),
        NUMBER("taken_as_made", o->as_made),
        NUMBER("taken_own", o->own),
        {0},
    });
}

static char *describe_pastis(const char *path, const pack_pastis_result *r)
{
    return document_text((const entry[]){
        TEXT("pack", path),
        NUMBER("patches", r->patches),
        NUMBER("resumed", r->resumed),
        NUMBER("left_out", r->left_out),
        NUMBER("height", r->height),
        NUMBER("width", r->width),
        TEXT("satellites", r->names),
        NUMBER("least_dates", r->least_dates),
        NUMBER("most_dates", r->most_dates),
        NUMBER("labelled", r->labelled),
        NUMBER("parcelled", r->parcelled),
        VALUE("instances", origins(&r->instances)),
        VALUE("heat_maps", origins(&r->heat_maps)),
        VALUE("zones", origins(&r->zones)),
        NUMBER("bytes", r->bytes),
        TEXT("normalisation", r->computed_norm ? "computed" : "from the folder"),
        {0},
    });
}

static int pack_pastis_command(int argc, char **argv)
{
    text_list words = {0};
    pack_pastis_options o = {0};
    bool json = false, done;
    const option options[] = {
        {"folds", OPTION_TEXT, &o.folds, 0, 0, "1,2", "only the patches of these folds"},
        {"compress", OPTION_FLAG, &o.compress, 0, 0, NULL, "deflate the images: a smaller pack, slower to read"},
        {"skip-bad", OPTION_FLAG, &o.skip_bad, 0, 0, NULL, "list broken patches and leave them out"},
        OPTION_JSON(json),
        {0},
    };
    const command_syntax syntax = {
        "pack pastis DIR OUT.h5 [--folds 1,2] [--compress] [--skip-bad]",
        "Turns a folder in PASTIS's form into one HDF5 pack with checksums: DIR/metadata.geojson, "
        "DIR/DATA_S2/S2_ID.npy\n"
        "(dates x bands x height x width), and where they are there DATA_S1A, DATA_S1D, ANNOTATIONS/TARGET_ID.npy,\n"
        "ANNOTATIONS/ParcelIDs_ID.npy, INSTANCE_ANNOTATIONS/{INSTANCES,HEATMAP,ZONES}_ID.npy (which are kept where "
        "they\n"
        "are not as made of parcels and labels), NORM_S2_patch.json (else computed for each fold) and "
        "label_names.json.\n"
        "OUT.h5 appears whole or not at all; the same command goes on where an interrupted one stopped.",
        options,
        &words,
        3,
        3};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    pack_pastis_result result = {0};
    code = pack_pastis(words.item[1], words.item[2], &o, &result);
    return command_end(code, code ? NULL : describe_pastis(words.item[2], &result), json, show_pastis);
}

/* ---- the command --------------------------------------------------------------------------------------------------- */

int command_pack(int argc, char **argv)
{
    static const command kinds[] = {
        {"geotiff", "whole satellite images and the polygons of parcels", command_pack_geotiff},
        {"pastis", "image patches, in PASTIS's folder format", pack_pastis_command},
        {"pixelset", "parcels as sets of pixels", pack_pixelset_command},
        {0},
    };
    return command_choose("pack", "Turns images or a folder of samples into one HDF5 pack with checksums.", kinds, argc,
                          argv);
}
