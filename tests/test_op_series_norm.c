/* series_norm: its cases. */
#include "op_test.h"

#include "op/checks.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = series_norm_checks(&count);
    op_test_checks(checks, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
