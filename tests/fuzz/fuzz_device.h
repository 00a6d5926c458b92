/* A device for readers that put what they read onto one: opened once. No kernel runs. */
#ifndef FURROW_TESTS_FUZZ_FUZZ_DEVICE_H
#define FURROW_TESTS_FUZZ_FUZZ_DEVICE_H

#include "tests/fuzz/fuzz.h"

#include "base/error.h"
#include "rt/rt.h"

static inline device *fuzz_device(void)
{
    static device *d;
    if (d) return d;
    setenv("FURROW_CACHE_DIR", fuzz_folder(), 1);
    if (!device_open("auto", &d)) return d;
    fprintf(stderr, "%s\n", error_message());
    exit(1);
}

#endif
