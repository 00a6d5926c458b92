/* Labels that are texts, as numbers. */
#ifndef FURROW_DATA_TOOLS_LABEL_NAMES_H
#define FURROW_DATA_TOOLS_LABEL_NAMES_H

#include "format/pixelset_pack_write.h"

/* Numbers the `count` texts (NULL: no label) from 0 in the order of their bytes: `values` (as many; PACK_NO_LABEL where there
 * is none), and *classes, the JSON list of what they stand for, the caller's to free. `what` is the nomenclature's name
 * for the note that says so. FAILED: out of memory. */
int label_names_number(const char *const *texts, size_t count, const char *what, int32_t *values, char **classes);

#endif
