#include "base/clock.h"

#include <time.h>

int64_t clock_nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_milliseconds(void)
{
    return clock_nanoseconds() / 1000000;
}

double seconds_now(void)
{
    return 1e-9 * (double)clock_nanoseconds();
}
