/* What every test in C starts from: cmocka, the headers it wants before it, and assertions about codes and messages. */
#ifndef FURROW_TESTS_ASSERTS_H
#define FURROW_TESTS_ASSERTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours (base/error.h) has that name too */

#include "base/error.h"

/* Fails the test with the error's message. */
#define assert_ok(expression)                                                                                          \
    do {                                                                                                               \
        int assert_ok_code = (expression);                                                                             \
        if (assert_ok_code) {                                                                                          \
            print_error("%s: %d: %s\n", #expression, assert_ok_code, error_message());                                 \
            _fail(__FILE__, __LINE__);                                                                                 \
        }                                                                                                              \
    } while (0)

#define assert_holds(text, part)                                                                                       \
    do {                                                                                                               \
        if (!strstr((text), (part))) {                                                                                 \
            print_error("\"%s\" does not hold \"%s\"\n", (text), (part));                                              \
            _fail(__FILE__, __LINE__);                                                                                 \
        }                                                                                                              \
    } while (0)

/* The last error's message must hold this. */
#define assert_message(part) assert_holds(error_message(), part)

#endif
