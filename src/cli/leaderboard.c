#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

/* The two tables: their keys in the document, what stands above them, their measures. */
static const struct table {
    const char *key, *title, *measure[4];
} tables[] = {{"semantic", "Semantic segmentation", {"OA", "mIoU", NULL}},
              {"panoptic", "Panoptic segmentation", {"SQ", "RQ", "PQ", NULL}}};
enum { TABLES = sizeof tables / sizeof *tables };

/* ---- Markdown ---------------------------------------------------------------------------------------------------- */

/* "63.1", "63.1 ± 0.4". */
static void print_measure(const cJSON *measure)
{
    printf(" %s", figure(number_of(measure, "mean"), 1));
    if (isfinite(number_of(measure, "deviation"))) printf(" ± %s", figure(number_of(measure, "deviation"), 1));
    printf(" |");
}

/* A bar would end the cell. */
static void print_cell(const char *text)
{
    for (; *text; text++) printf(*text == '|' ? "\\|" : "%c", *text);
}

/* Millions, where there are some; those that are published are rounded to a digit. */
static void print_parameters(double count, bool published)
{
    if (count >= 1e6)
        printf("%sM |", figure(count / 1e6, published ? 1 : 2));
    else
        printf("%s |", figure(count, 0));
}

static void show_table(const cJSON *rows, const struct table *t)
{
    const cJSON *row;
    printf("%s\n\n| model | run | folds | parameters |", t->title);
    for (int k = 0; t->measure[k]; k++) printf(" %s |", t->measure[k]);
    printf("\n|---|---|---|---|");
    for (int k = 0; t->measure[k]; k++) printf("---|");
    printf("\n");
    cJSON_ArrayForEach(row, rows) {
        const bool published = cJSON_IsTrue(member(row, "published"));
        printf("| ");
        print_cell(text_of(row, "name"));
        printf(" | ");
        print_cell(published ? "published" : text_of(row, "run"));
        printf(" | %s | ", figure(number_of(row, "folds"), 0));
        print_parameters(number_of(row, "parameters"), published);
        for (int k = 0; t->measure[k]; k++) print_measure(member(row, t->measure[k]));
        printf("\n");
    }
}

static void show_markdown(const cJSON *document)
{
    for (int i = 0; i < TABLES; i++) {
        if (i) printf("\n");
        show_table(member(document, tables[i].key), tables + i);
    }
    printf("\nIn percent; mean and deviation over the folds. PQ is the mean over classes, not SQ x RQ.\n");
}

/* ---- CSV (RFC 4180) ---------------------------------------------------------------------------------------------- */

static void print_text(const char *text)
{
    printf("\"");
    for (; *text; text++) printf(*text == '"' ? "\"\"" : "%c", *text);
    printf("\",");
}

/* Nothing stands for what is undefined. */
static void print_number(double value, const char *end)
{
    if (isfinite(value)) printf("%.10g", value);
    printf("%s", end);
}

static void show_csv(const cJSON *document)
{
    printf("table,name,run,published,folds,parameters");
    for (int i = 0; i < TABLES; i++)
        for (int k = 0; tables[i].measure[k]; k++)
            printf(",%s,%s_deviation", tables[i].measure[k], tables[i].measure[k]);
    printf("\r\n");
    for (int i = 0; i < TABLES; i++) {
        const cJSON *row;
        cJSON_ArrayForEach(row, member(document, tables[i].key)) {
            print_text(tables[i].key);
            print_text(text_of(row, "name"));
            print_text(text_of(row, "run"));
            printf("%d,", cJSON_IsTrue(member(row, "published")));
            print_number(number_of(row, "folds"), ",");
            print_number(number_of(row, "parameters"), "");
            for (int j = 0; j < TABLES; j++)
                for (int k = 0; tables[j].measure[k]; k++) {
                    const cJSON *measure = member(row, tables[j].measure[k]);
                    printf(",");
                    print_number(number_of(measure, "mean"), ",");
                    print_number(number_of(measure, "deviation"), "");
                }
            printf("\r\n");
        }
    }
}

int command_leaderboard(int argc, char **argv)
{
    text_list runs = {0};
    bool json = false, csv = false, done;
    const option options[] = {
        {"csv", OPTION_FLAG, &csv, 0, 0, NULL, "print both tables as one CSV file"},
        OPTION_JSON(json),
        {0},
    };
    const command_syntax syntax = {
        "leaderboard RUN ... [--csv | --json]",
        "PASTIS's two tables, of run folders on image patches beside the published rows, the "
        "best first: parameters,\n"
        "accuracy (OA) and mIoU; SQ, RQ and PQ of networks that find parcels. In percent, "
        "mean and deviation over the\n"
        "folds that have been tested. As Markdown, unless told otherwise.",
        options,
        &runs,
        1,
        TEXT_LIST_MAX};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    if (csv && json) {
        fprintf(stderr, "furrow: --csv and --json are both given; wanted one of them\n");
        return FURROW_USAGE;
    }
    char *text;
    code = furrow_leaderboard(runs.item, runs.count, &text);
    return command_end(code, text, json, csv ? show_csv : show_markdown);
}
