/* Columns and units of the tables that train, eval and predict print. */
#ifndef FURROW_CLI_TABLE_H
#define FURROW_CLI_TABLE_H

#include "cli/command.h"

/* Columns that a text takes, UTF-8 counted by its characters. */
int text_width(const char *text);
/* The widest of `title` and the names of an object's members. */
int names_width(const cJSON *members, const char *title);
/* The text and spaces up to `width` columns. */
void print_padded(const char *text, int width);

/* The document's noun under `key` ("samples_are", "counted") as it follows `count`: "1 patch", "2 patches". */
const char *noun_after(double count, const cJSON *document, const char *key);

/* A mean IoU as it is published: parcels' as a fraction, "0.4977", patches' in percent, "49.77 %". The document says by
 * "samples_are" which; `fraction` is between 0 and 1. In figure()'s buffers. */
const char *iou_figure(const cJSON *document, double fraction);
/* Of "val_IoU" and "test_IoU", which of patches are in percent already. */
const char *fold_iou_figure(const cJSON *document, const cJSON *fold, const char *key);

/* SQ, RQ, PQ and counts of the classes of a head's measures ({"SQ", ..., "note", "classes"}), and the means over them. */
void print_panoptic(const cJSON *measures);

/* A document's "classes", each with how many of what it says under "counted". */
void print_counts(const cJSON *document);

#endif
