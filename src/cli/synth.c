#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "data-tools/synth_pastis.h"
#include "data-tools/synth_pixelset.h"
#include "data-tools/synth_scenes.h"

/* A row of an option table; into an int. */
#define OPTION_SEED(from)                                                                                              \
    {                                                                                                                  \
        "seed", OPTION_INT, &(from), 0, 2147483647, "SEED", "what is drawn; the same seed, the same files"             \
    }

/* ---- how many dates ------------------------------------------------------------------------------------------------ */

/* "45" or "38-61" */
static bool range_read(const char *text, int *least, int *most)
{
    char *end;
    long first = strtol(text, &end, 10), last = first;
    if (end == text) return false;
    if (*end == '-') {
        const char *next = end + 1;
        last = strtol(next, &end, 10);
        if (end == next) return false;
    }
    if (*end || first < 1 || last < first || last > 1 << 16) return false;
    *least = (int)first;
    *most = (int)last;
    return true;
}

/* --dates; NULL: as it is. */
static int dates_take(const char *text, int *least, int *most)
{
    if (!text || range_read(text, least, most)) return FURROW_OK;
    fprintf(stderr, "furrow: --dates is \"%s\"; wanted a number of images, or a range such as 38-61\n", text);
    return FURROW_USAGE;
}

/* ---- parcels as sets of pixels ------------------------------------------------------------------------------------ */

static void show_pixelset(const cJSON *document)
{
    printf("%s: %s parcels of %s classes, ", text_of(document, "folder"), figure(number_of(document, "parcels"), 0),
           figure(number_of(document, "classes"), 0));
    if (member(document, "least_dates")) printf("%s to ", figure(number_of(document, "least_dates"), 0));
    printf("%s dates of %s bands\n", figure(number_of(document, "dates"), 0), figure(number_of(document, "bands"), 0));
}

static char *describe_pixelset(const char *folder, const synth_options *o)
{
    return document_text((const entry[]){
        TEXT("folder", folder),
        NUMBER("parcels", o->parcels),
        NUMBER("classes", o->classes),
        NUMBER("dates", o->dates),
        NUMBER("bands", o->bands),
        NUMBER("seed", o->seed),
        o->least_dates ? (entry)NUMBER("least_dates", o->least_dates) : (entry){0},
        {0},
    });
}

static int synth_pixelset_command(int argc, char **argv)
{
    text_list words = {0};
    synth_options o = synth_defaults();
    int seed = (int)o.seed;
    const char *dates = NULL;
    bool json = false, done;
    const option options[] = {
        {"parcels", OPTION_INT, &o.parcels, 1, 1 << 24, "N", "how many parcels"},
        {"classes", OPTION_INT, &o.classes, 1, 1 << 16, "K", "how many crops"},
        {"dates", OPTION_TEXT, &dates, 0, 0, "T", "images of the year; A-B: each parcel has A to B of its own"},
        {"bands", OPTION_INT, &o.bands, 1, 1 << 16, "C", "spectral bands"},
        {"least-pixels", OPTION_INT, &o.least_pixels, 1, 1 << 24, "S", "pixels of the smallest parcels"},
        {"most-pixels", OPTION_INT, &o.most_pixels, 1, 1 << 24, "S", "pixels of the largest parcels"},
        OPTION_SEED(seed),
        OPTION_JSON(json),
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
    code = dates_take(dates, &o.least_dates, &o.dates);
    if (code) return code;
    if (o.least_dates == o.dates) o.least_dates = 0; /* the same for all */
    o.seed = (uint64_t)seed;
    code = synth_pixelset(words.item[1], &o);
    return command_end(code, code ? NULL : describe_pixelset(words.item[1], &o), json, show_pixelset);
}

/* ---- image patches ------------------------------------------------------------------------------------------------ */

static void show_pastis(const cJSON *document)
{
    printf("%s: %s patches of %s x %s pixels, %s classes, ", text_of(document, "folder"),
           figure(number_of(document, "patches"), 0), figure(number_of(document, "size"), 0),
           figure(number_of(document, "size"), 0), figure(number_of(document, "classes"), 0));
    printf("%s to %s dates of %s bands\n", figure(number_of(document, "least_dates"), 0),
           figure(number_of(document, "most_dates"), 0), figure(number_of(document, "bands"), 0));
}

static char *describe_pastis(const char *folder, const synth_pastis_options *o)
{
    return document_text((const entry[]){
        TEXT("folder", folder),
        NUMBER("patches", o->patches),
        NUMBER("size", o->size),
        NUMBER("least_dates", o->least_dates),
        NUMBER("most_dates", o->most_dates),
        NUMBER("bands", o->bands),
        NUMBER("classes", o->classes),
        NUMBER("seed", o->seed),
        {0},
    });
}

static int synth_pastis_command(int argc, char **argv)
{
    text_list words = {0};
    synth_pastis_options o = synth_pastis_defaults();
    int seed = (int)o.seed;
    const char *dates = NULL;
    bool json = false, done;
    const option options[] = {
        {"patches", OPTION_INT, &o.patches, 1, 1 << 24, "N",
         "how many patches (20; with --parcels one of each); folds 1 to 5 in turn"},
        {"size", OPTION_INT, &o.size, 1, 1 << 16, "S", "pixels of a patch's side"},
        {"dates", OPTION_TEXT, &dates, 0, 0, "A-B", "images of a patch, from A to B, or as many as said"},
        {"bands", OPTION_INT, &o.bands, 1, 1 << 16, "C", "spectral bands"},
        {"parcels", OPTION_TEXT, &o.parcels, 0, 0, "FOLDER",
         "over the real parcels of FOLDER/ANNOTATIONS/ParcelIDs_*.npy: each in turn, in its size"},
        {"classes", OPTION_INT, &o.classes, 3, 256, "K", "0 is background, K - 1 void, crops between; 20: PASTIS's"},
        OPTION_SEED(seed),
        OPTION_JSON(json),
        {0},
    };
    const command_syntax syntax = {
        "synth pastis DIR [--patches N] [--size S] [--dates A-B] [--classes K] [--parcels FOLDER] ...",
        "Makes a small labelled data set in PASTIS's folder format: parcels, crops with their own phenology, noisy\n"
        "pixels, clouds. --size 128 --dates 38-61 --classes 20 has PASTIS's sizes.",
        options,
        &words,
        2,
        2};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    code = dates_take(dates, &o.least_dates, &o.most_dates);
    if (code) return code;
    o.seed = (uint64_t)seed;
    code = synth_pastis(words.item[1], &o);
    return command_end(code, code ? NULL : describe_pastis(words.item[1], &o), json, show_pastis);
}

/* ---- whole images --------------------------------------------------------------------------------------------------- */

static void show_scenes(const cJSON *document)
{
    printf("%s: SCENES of %s dates, %s bands, %s x %s pixels; parcels.geojson of %s parcels, %s classes\n",
           text_of(document, "folder"), figure(number_of(document, "scenes"), 0),
           figure(number_of(document, "bands"), 0), figure(number_of(document, "size"), 0),
           figure(number_of(document, "size"), 0), figure(number_of(document, "parcels"), 0),
           figure(number_of(document, "classes"), 0));
}

static char *describe_scenes(const char *folder, const synth_scenes_options *o)
{
    return document_text((const entry[]){
        TEXT("folder", folder),
        NUMBER("scenes", o->scenes),
        NUMBER("bands", o->bands),
        NUMBER("size", o->size),
        NUMBER("parcels", o->parcels),
        NUMBER("classes", o->classes),
        NUMBER("seed", o->seed),
        {0},
    });
}

static int synth_scenes_command(int argc, char **argv)
{
    text_list words = {0};
    synth_scenes_options o = synth_scenes_defaults();
    int seed = (int)o.seed;
    bool json = false, done;
    const option options[] = {
        {"scenes", OPTION_INT, &o.scenes, 1, 1 << 16, "N", "images, spread over the year 2017 (6)"},
        {"bands", OPTION_INT, &o.bands, 1, 1 << 16, "C", "spectral bands (10)"},
        {"size", OPTION_INT, &o.size, 1, 1 << 20, "S", "pixels of an image's side, 10 m each (500)"},
        {"parcels", OPTION_INT, &o.parcels, 1, 1 << 24, "N", "polygons (400)"},
        {"classes", OPTION_INT, &o.classes, 1, 1 << 16, "K", "crops (8)"},
        OPTION_SEED(seed),
        OPTION_JSON(json),
        {0},
    };
    const command_syntax syntax = {
        "synth scenes DIR [--scenes N] [--bands C] [--size S] [--parcels N] [--classes K] ...",
        "Makes the corner of a country: GeoTIFFs by date with clouds (and their scene classification, SCL) and edges "
        "of\n"
        "orbits in DIR/SCENES, and DIR/parcels.geojson with ids and labels, for pack geotiff.",
        options,
        &words,
        2,
        2};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    o.seed = (uint64_t)seed;
    code = synth_scenes(words.item[1], &o);
    return command_end(code, code ? NULL : describe_scenes(words.item[1], &o), json, show_scenes);
}

/* ---- the command --------------------------------------------------------------------------------------------------- */

int command_synth(int argc, char **argv)
{
    static const command kinds[] = {
        {"pastis", "image patches, in PASTIS's folder format", synth_pastis_command},
        {"pixelset", "parcels as sets of pixels", synth_pixelset_command},
        {"scenes", "whole satellite images and the polygons of parcels", synth_scenes_command},
        {0},
    };
    return command_choose("synth", "Makes a small labelled data set.", kinds, argc, argv);
}
