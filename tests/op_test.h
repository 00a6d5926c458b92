/* What the tests of operations share: one device, the cases of check.h, and refusals. */
#ifndef FURROW_TESTS_OP_TEST_H
#define FURROW_TESTS_OP_TEST_H

#include "net/check.h"

#include "tests/asserts.h"

/* cmocka's group set-up and tear-down: op_device is open in between. */
extern device *op_device;
int op_test_open(void **state);
int op_test_close(void **state);

/* Runs every case thoroughly. */
void op_test_checks(const op_check *checks, int count);

/* The case of that name, to be tried at other sizes; there must be one. */
op_check op_test_case(const op_check *checks, int count, const char *name);

/* After a constructor on n that should have been refused: net_plan gives FAILED and this message. */
void op_test_refused(net *n, const char *message);

/* Large shapes are skipped where FURROW_TEST_SIZE=small is set (slow devices, Oclgrind). */
bool op_test_small(void);

#endif
