/* Time, for measuring and for what is told while work goes on; never for what is computed. */
#ifndef FURROW_BASE_CLOCK_H
#define FURROW_BASE_CLOCK_H

double seconds_now(void); /* of a clock that only runs forward */

#endif
