#include "op_test.h"

device *op_device;

int op_test_open(void **state)
{
    (void)state;
    int rc = device_open(NULL, &op_device);
    if (rc) fprintf(stderr, "no device: %s\n", error_message());
    return rc;
}

int op_test_close(void **state)
{
    (void)state;
    device_close(op_device);
    op_device = NULL;
    return 0;
}

void op_test_checks(const op_check *checks, int count)
{
    assert_true(count > 0);
    for (int i = 0; i < count; i++) assert_ok(check_operation(op_device, checks + i, true));
}

op_check op_test_case(const op_check *checks, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(checks[i].name, name)) return checks[i];
    print_error("there is no case %s\n", name);
    _fail(__FILE__, __LINE__);
    return (op_check){0};
}

void op_test_refused(net *n, const char *message)
{
    assert_int_equal(net_plan(n, NULL), FAILED);
    assert_string_equal(error_message(), message);
}

bool op_test_small(void)
{
    const char *size = getenv("FURROW_TEST_SIZE");
    return size && !strcmp(size, "small");
}
