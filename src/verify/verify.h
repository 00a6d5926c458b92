/* Reference results (docs/formats.md), compared with what this device or, for metrics, the program computes. */
#ifndef FURROW_VERIFY_VERIFY_H
#define FURROW_VERIFY_VERIFY_H

#include "format/h5.h"
#include "furrow.h"
#include "rt/rt.h"

/* Who is told of each tensor, and the count. */
typedef struct verify_report {
    const char *file;
    void (*line)(void *user, const furrow_check *check); /* NULL: nobody */
    void *user;
    int passed, failed;
} verify_report;

/* Tells the result: passed when error <= limit; an error that is not a number never is. */
void verify_tell(verify_report *r, const char *name, double error, double limit);

int verify_checkpoint(h5 *reference, device *d, verify_report *report);
/* The network that `file` describes, with the weights at the path `weights`, on the input of the file `input`: its
 * /eval/output, told under "NAME: ". */
int verify_weights(h5 *file, h5 *input, const char *name, const char *weights, device *d, verify_report *report);
int verify_network(h5 *file, device *d, verify_report *r); /* kinds "parcel" and "dense" */
int verify_panoptic_metrics(h5 *file, verify_report *r);   /* kind "panoptic_metrics" */

#endif
