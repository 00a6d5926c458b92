/* Whether loops run to their end (src/network/loop_test.c). */
// check: -DVW=1
#include "common.clh"

/* Walks `passes` numbers of a generator (Numerical Recipes' linear congruential one) and writes how many passes it took.
 * The generator comes back to its start after 2^32: no compiler may take that exit, nor know that it is not taken. */
__kernel ONE_ITEM void count_passes(__global int *out, int passes, uint start)
{
    uint number = start;
    int i = 0;
    do {
        number = number * 1664525u + 1013904223u;
        i++;
    } while (i < passes && number != start);
    out[0] = i;
}
