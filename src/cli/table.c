#include "cli/table.h"

#include <stdio.h>
#include <string.h>

int text_width(const char *text)
{
    int width = 0;
    for (; *text; text++) width += ((unsigned char)*text & 0xc0) != 0x80; /* all but a character's further bytes */
    return width;
}

int names_width(const cJSON *members, const char *title)
{
    int widest = text_width(title);
    const cJSON *one;
    cJSON_ArrayForEach(one, members) {
        int width = text_width(one->string);
        if (width > widest) widest = width;
    }
    return widest;
}

void print_padded(const char *text, int width)
{
    printf("%s%*s", text, width - text_width(text), "");
}

const char *noun_after(double count, const cJSON *document, const char *key)
{
    static const char *const nouns[][2] = {{"parcel", "parcels"}, {"patch", "patches"}, {"pixel", "pixels"}};
    const char *plural = text_of(document, key);
    for (size_t i = 0; count == 1 && i < sizeof nouns / sizeof *nouns; i++)
        if (strcmp(nouns[i][1], plural) == 0) return nouns[i][0];
    return plural;
}

static bool in_percent(const cJSON *document)
{
    return strcmp(text_of(document, "samples_are"), "patches") == 0;
}

const char *iou_figure(const cJSON *document, double fraction)
{
    return in_percent(document) ? percent_figure(100 * fraction) : figure(fraction, 4);
}

const char *fold_iou_figure(const cJSON *document, const cJSON *fold, const char *key)
{
    const double value = number_of(fold, key);
    return in_percent(document) ? percent_figure(value) : figure(value, 4);
}

void print_panoptic(const cJSON *measures)
{
    const cJSON *one, *classes = member(measures, "classes");
    const int width = names_width(classes, "class");
    printf("\n");
    print_padded("class", width);
    printf(" %8s %8s %8s %8s %8s %8s\n", "SQ", "RQ", "PQ", "found", "wrong", "missed");
    cJSON_ArrayForEach(one, classes) {
        print_padded(one->string, width);
        printf(" %8s %8s %8s", figure(number_of(one, "SQ"), 4), figure(number_of(one, "RQ"), 4),
               figure(number_of(one, "PQ"), 4));
        printf(" %8s %8s %8s\n", figure(number_of(one, "TP"), 0), figure(number_of(one, "FP"), 0),
               figure(number_of(one, "FN"), 0));
    }
    printf("SQ %s, RQ %s, PQ %s: %s\n", figure(number_of(measures, "SQ"), 4), figure(number_of(measures, "RQ"), 4),
           figure(number_of(measures, "PQ"), 4), text_of(measures, "note"));
}

void print_counts(const cJSON *document)
{
    const cJSON *one, *classes = member(document, "classes");
    const int width = names_width(classes, "class");
    print_padded("class", width);
    printf(" %10s\n", text_of(document, "counted"));
    cJSON_ArrayForEach(one, classes) {
        print_padded(one->string, width);
        printf(" %10s\n", figure(one->valuedouble, 0));
    }
}
