/* Time, for measuring and for what is told while work goes on; never for what is computed. */
#ifndef FURROW_BASE_CLOCK_H
#define FURROW_BASE_CLOCK_H

#include <stdint.h>

/* Of one clock that only runs forward. */
int64_t clock_nanoseconds(void);
int64_t clock_milliseconds(void);
double seconds_now(void);

#endif
