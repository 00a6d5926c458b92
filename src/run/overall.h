/* The measures over all folds of a run folder that have been tested. */
#ifndef FURROW_RUN_OVERALL_H
#define FURROW_RUN_OVERALL_H

#include "run/session.h"

/* Adds the tables of the folds up and writes overall.json: the published keys, "folds" that were there, and each
 * class's measures ("per_class", or "classes" of a head's SQ, RQ, PQ). *out: what was written; caller deletes. */
int overall_write(session *s, cJSON **out);

#endif
