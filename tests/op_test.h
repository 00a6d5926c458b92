/* What the tests of operations share: one device, the cases of check.h, and refusals. */
#ifndef FURROW_TESTS_OP_TEST_H
#define FURROW_TESTS_OP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours (base/error.h) has that name too */

#include "base/error.h"
#include "net/check.h"

/* cmocka's group set-up and tear-down: op_device is open in between. */
extern device *op_device;
int op_test_open(void **state);
int op_test_close(void **state);

/* Fails the test with the error's message. */
#define assert_ok(expression)                                                                                          \
    do {                                                                                                               \
        int assert_ok_code = (expression);                                                                             \
        if (assert_ok_code) {                                                                                          \
            print_error("%s: %d: %s\n", #expression, assert_ok_code, error_message());                                 \
            _fail(__FILE__, __LINE__);                                                                                 \
        }                                                                                                              \
    } while (0)

/* Runs every case thoroughly. */
void op_test_checks(const op_check *checks, int count);

/* The case of that name, to be tried at other sizes; there must be one. */
op_check op_test_case(const op_check *checks, int count, const char *name);

/* After a constructor on n that should have been refused: net_plan gives FAILED and this message. */
void op_test_refused(net *n, const char *message);

/* Large shapes are skipped where FURROW_TEST_SIZE=small is set (slow devices, Oclgrind). */
bool op_test_small(void);

#endif
