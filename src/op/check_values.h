/* For cases of operations: a fill that writes given values (offsets of ragged sequences, mostly). */
#ifndef FURROW_OP_CHECK_VALUES_H
#define FURROW_OP_CHECK_VALUES_H

#include "net/check.h"

/* A function `name` for check_input.fill; as many values as the input has elements. */
#define CHECK_VALUES(name, ...)                                                                                        \
    static void name(const void *user, size_t count, uint64_t stream, double *values)                                  \
    {                                                                                                                  \
        static const double list[] = {__VA_ARGS__};                                                                    \
        (void)user;                                                                                                    \
        (void)stream;                                                                                                  \
        for (size_t i = 0; i < count && i < sizeof list / sizeof *list; i++) values[i] = list[i];                      \
    }

#endif
