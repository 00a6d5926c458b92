#include <stdio.h>

#include "cli/command.h"
#include "data-tools/instances_pastis.h"

static void show(const cJSON *document)
{
    printf("%s: patches made: %s; that had all files: %s\n", text_of(document, "folder"),
           figure(number_of(document, "made"), 0), figure(number_of(document, "present"), 0));
    if (number_of(document, "made") > 0)
        printf("instances: %s; parcels left out: %s of background, %s as asked for\n",
               figure(number_of(document, "instances"), 0), figure(number_of(document, "background"), 0),
               figure(number_of(document, "without"), 0));
    if (number_of(document, "compared") > 0)
        printf("heat maps that were there: %s, which are the same to %.1e\n",
               figure(number_of(document, "compared"), 0), number_of(document, "difference"));
}

static char *describe(const char *folder, const instances_pastis_result *r)
{
    return document_text((const entry[]){
        TEXT("folder", folder),
        NUMBER("patches", r->patches),
        NUMBER("made", r->made),
        NUMBER("present", r->present),
        NUMBER("instances", r->instances),
        NUMBER("background", r->background),
        NUMBER("without", r->without),
        NUMBER("unlabelled", r->unlabelled),
        NUMBER("compared", r->compared),
        NUMBER("difference", r->difference),
        {0},
    });
}

int command_instances(int argc, char **argv)
{
    text_list words = {0};
    instances_pastis_options o = {0};
    bool json = false, done;
    const option options[] = {
        {"without", OPTION_TEXT, &o.without, 0, 0, "ID,...", "leave these parcels out, as if they were background"},
        {"force", OPTION_FLAG, &o.force, 0, 0, NULL, "make files again that are there already"},
        OPTION_JSON(json),
        {0},
    };
    const command_syntax syntax = {
        "instances DIR [--without ID,...] [--force]",
        "Makes DIR/INSTANCE_ANNOTATIONS/{INSTANCES,HEATMAP,ZONES}_ID.npy, which panoptic training learns from, of\n"
        "DIR/ANNOTATIONS/ParcelIDs_ID.npy and TARGET_ID.npy (class 0, background, is no parcel; without TARGET every\n"
        "parcel counts). Patches that have all three files are left alone; a file that is there is compared and kept,\n"
        "and one that differs stops its patch, unless --force. The same command goes on where it was interrupted.",
        options,
        &words,
        1,
        1};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    instances_pastis_result result = {0};
    code = instances_pastis(words.item[0], &o, &result);
    return command_end(code, code ? NULL : describe(words.item[0], &result), json, show);
}
