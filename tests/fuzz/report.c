/* A run folder as report and leaderboard read it. The input is all of its JSON files in one: {"conf.json": ...,
 * "Fold_1/trainlog.json": ..., ...}; those that are missing are not there. */
#include "tests/fuzz/fuzz.h"

#include "base/schema.h"
#include "furrow.h"

static const char *const files[] = {"conf.json", "overall.json", "Fold_1/trainlog.json", "Fold_1/test_metrics.json",
                                    "Fold_1/timing.json"};

static void put(const cJSON *all, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    const cJSON *one = cJSON_GetObjectItemCaseSensitive(all, name);
    char *text = one ? cJSON_PrintUnformatted(one) : NULL;
    if (text)
        fuzz_file(name, (const uint8_t *)text, strlen(text));
    else
        remove(path);
    cJSON_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *json, out[200];
    cJSON *all = cJSON_ParseWithLength((const char *)bytes, length);
    const char *const run[] = {fuzz_folder()};
    if (all) fuzz_make_folder("Fold_1");
    for (size_t i = 0; all && i < sizeof files / sizeof *files; i++) put(all, files[i]);
    snprintf(out, sizeof out, "%s/report.html", fuzz_folder());
    const furrow_report_options o = {.run = run, .runs = 1, .samples = 1, .out = out};
    if (all && !furrow_report(&o, &json)) furrow_free(json);
    if (all && !furrow_leaderboard(run, 1, &json)) furrow_free(json);
    cJSON_Delete(all);
    return 0;
}
