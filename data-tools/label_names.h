/* Labels as they are given, numbers or texts, and as a pack has them. */
#ifndef FURROW_DATA_TOOLS_LABEL_NAMES_H
#define FURROW_DATA_TOOLS_LABEL_NAMES_H

#include <stdbool.h>

#include "format/pixelset_pack_write.h"

/* A whole number that a pack can have for a label, as a number or as text; false: it is none. */
bool label_of_number(double value, int32_t *out);
bool label_of_text(const char *text, int32_t *out);

/* Numbers the `count` texts (NULL: no label) from 0 in the order of their bytes: `values` (as many; PACK_NO_LABEL where there
 * is none), and *classes, the JSON list of what they stand for, the caller's to free. `what` is the nomenclature's name
 * for the note that says so. FAILED: out of memory. */
int label_names_number(const char *const *texts, size_t count, const char *what, int32_t *values, char **classes);

#endif
