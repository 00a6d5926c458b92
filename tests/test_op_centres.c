/* The operations of Parcels-as-Points on centres, and their losses: their cases, and what they refuse. */
#include "op_test.h"

#include "op/checks.h"
#include "op/panoptic.h"

#define CASES(name)                                                                                                    \
    static void test_##name(void **state)                                                                              \
    {                                                                                                                  \
        int count;                                                                                                     \
        const op_check *checks = name##_checks(&count);                                                                \
        (void)state;                                                                                                   \
        op_test_checks(checks, count);                                                                                 \
    }
CASES(activation)
CASES(centre_features)
CASES(panoptic_loss)

/* ---- refusals ------------------------------------------------------------------------------------------------------ */

static net *tape;

static tensor *real(const char *name, shape s)
{
    return net_input(tape, name, ELEMENT_FLOAT, s, true);
}

static tensor *whole(const char *name, shape s)
{
    return net_input(tape, name, ELEMENT_INT, s, false);
}

/* Records one wrong operation after the other; each is refused with its message. */
#define REFUSED(message, call)                                                                                         \
    do {                                                                                                               \
        net_begin(tape, true);                                                                                         \
        assert_null(call);                                                                                             \
        op_test_refused(tape, message);                                                                                \
    } while (0)

static void test_refused_centres(void **state)
{
    (void)state;
    assert_ok(net_new(op_device, 1, &tape));
    REFUSED("centre_features: input 0 (c, 0 x 3) has no centres",
            centre_features(tape, (tensor *[]){real("m", SHAPE(1, 2, 2, 3))}, 1, whole("c", SHAPE(0, 3))));
    REFUSED("centre_features: input 0 (c, 4 x 2) should be 4 x 3 integers: patch, row and column",
            centre_features(tape, (tensor *[]){real("m", SHAPE(1, 2, 2, 3))}, 1, whole("c", SHAPE(4, 2))));
    REFUSED("centre_features: input 1 (a, 1 x 2 x 2 x 3) is too small: the last map's pixels reach 2",
            centre_features(tape, (tensor *[]){real("a", SHAPE(1, 2, 2, 3)), real("b", SHAPE(1, 5, 4, 3))}, 2,
                            whole("c", SHAPE(4, 3))));
    REFUSED("centre_features: input 1 (a, 2 x 2 x 2 x 3) should have 1 patches",
            centre_features(tape, (tensor *[]){real("a", SHAPE(2, 2, 2, 3)), real("b", SHAPE(1, 4, 4, 3))}, 2,
                            whole("c", SHAPE(4, 3))));
    REFUSED("sigmoid: input 0 (x, 0 x 1) holds no real values", sigmoid(tape, real("x", SHAPE(0, 1))));
    REFUSED("softplus: input 0 (x, 3) holds no real values", softplus(tape, whole("x", SHAPE(3))));
    net_free(tape);
}

static void test_refused_losses(void **state)
{
    (void)state;
    assert_ok(net_new(op_device, 1, &tape));
    REFUSED("centre_loss: input 1 (t, 5) should be 6 reals: the heat of each pixel",
            centre_loss(tape, real("p", SHAPE(6)), real("t", SHAPE(5)), 4));
    REFUSED("centre_loss: input 0 (p, 6) is weighed with beta -1, wanted 0 or more",
            centre_loss(tape, real("p", SHAPE(6)), real("t", SHAPE(6)), -1));
    REFUSED("size_loss: input 1 (t, 5 x 2) should be 6 x 2 reals: true height and width",
            size_loss(tape, real("s", SHAPE(6, 2)), real("t", SHAPE(5, 2))));
    REFUSED("size_loss: input 0 (s, 0 x 2) has no rows",
            size_loss(tape, real("s", SHAPE(0, 2)), real("t", SHAPE(0, 2))));
    REFUSED("shape_loss: input 3 (id, 2) should be 1 integers: the parcel of each crop",
            shape_loss(tape, real("m", SHAPE(9, 1)), whole("i", SHAPE(1, 3, 3)), whole("c", SHAPE(1, CROP_INTS)),
                       whole("id", SHAPE(2))));
    REFUSED("shape_loss: input 1 (i, 9) should be patches x height x width integers: the parcel of each pixel",
            shape_loss(tape, real("m", SHAPE(9, 1)), whole("i", SHAPE(9)), whole("c", SHAPE(1, CROP_INTS)),
                       whole("id", SHAPE(1))));
    REFUSED("loss_sum: input 0 (absent, no shape) is the first of no losses; wanted at least one",
            loss_sum(tape, (tensor *[]){NULL}, (const float[]){1}, 1));
    REFUSED("loss_sum: input 1 (b, 2) should be 1 reals: a loss",
            loss_sum(tape, (tensor *[]){real("a", SHAPE(1)), real("b", SHAPE(2))}, (const float[]){1, 1}, 2));
    net_free(tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activation),     cmocka_unit_test(test_centre_features),
        cmocka_unit_test(test_panoptic_loss),  cmocka_unit_test(test_refused_centres),
        cmocka_unit_test(test_refused_losses),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
