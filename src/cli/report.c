#include <stdio.h>

#include "cli/command.h"

static void show(const cJSON *document)
{
    const int runs = cJSON_GetArraySize(member(document, "runs"));
    printf("%s: %d %s, %s pictures of maps\n", text_of(document, "out"), runs, runs == 1 ? "run" : "runs",
           figure(number_of(document, "pictures"), 0));
}

int command_report(int argc, char **argv)
{
    text_list runs = {0}, maps = {0};
    furrow_report_options o = {.out = "report.html", .samples = 6};
    bool json = false, done;
    const option options[] = {
        {"out", OPTION_TEXT, &o.out, 0, 0, "FILE.html", "the page (report.html)"},
        {"maps", OPTION_TEXTS, &maps, 0, 0, "DIR",
         "show what predict wrote there; again for each further run, in order"},
        {"samples", OPTION_INT, &o.samples, 1, 10000, "N", "so many pictures of each DIR at most (6)"},
        OPTION_JSON(json),
        {0},
    };
    const command_syntax syntax = {
        "report RUN_DIR ... [--out FILE.html] [--maps DIR ...] [--samples N]",
        "Writes one HTML page about run folders, side by side: what they came to, curves of loss and measures over\n"
        "epochs for each fold, classes, confusion matrix, time and memory, and the configurations with what differs\n"
        "marked. With --maps also pictures of maps, and attention over dates where predict --attention was given. The\n"
        "page needs no network and no scripts, and can be printed. A run that is under way can be looked at too.",
        options,
        &runs,
        1,
        TEXT_LIST_MAX};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    char *text;
    o.run = runs.item;
    o.runs = runs.count;
    o.maps = maps.item;
    o.maps_count = maps.count;
    code = furrow_report(&o, &text);
    return command_end(code, text, json, show);
}
