/* Whether a device runs long loops to their end. Some end them without a word after a number of passes; what a batch of
 * real size needs goes far above the small cases of the self-test. */
#ifndef FURROW_NETWORK_LOOP_TEST_H
#define FURROW_NETWORK_LOOP_TEST_H

#include "rt/rt.h"

/* NO_DEVICE, with the number of passes, when loops end early. The result is remembered. */
int loop_test(device *d);
int loop_test_want(device *d); /* its program goes with those of a network (binaries_save) */

#endif
