/* What PyTorch's checkpoints say beside their weights: states of optimisers, taken over or left with the reason; epochs. */
#include "tests/tensors_test.h"

#define TENSOR_OF(sizes, strides) "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE("\x02") "K\x00" sizes strides "\x89NtR"
#define SCALAR                    TENSOR_OF(")", ")")
#define WEIGHT                    "Vstate_dict\n}Vw\n" SCALAR "s"
#define GROUPS                    "Vparam_groups\n]}Vparams\n]I0\nasa"
#define MOMENTS                   "Vexp_avg\n" SCALAR "Vexp_avg_sq\n" SCALAR
#define OPTIMISER(inside)         "}(" WEIGHT "Voptimizer\n}(" inside "uu."
#define STATES(states)            OPTIMISER("Vstate\n" states GROUPS)
#define ADAM(step)                STATES("}I0\n}(" MOMENTS "Vstep\n" step "us")

static tensor_file *of_pickle(const char *bytes, size_t length)
{
    const zip_part parts[] = {{.name = "a/data.pkl", .content = bytes, .size = length},
                              {.name = "a/data/0", .content = "\0\0\0\x40\0\0\0", .size = 8}}; /* 2 and 0 */
    return opened(put_archive(parts, 2));
}

/* Whatever an optimiser's state is, the weights are read; what is not Adam's, or not whole, is left, and why is said. */
static void states_of_optimisers(void **state)
{
    (void)state;
    static const char other_parameters[] = "it numbers other parameters", no_group[] = "not one group of parameters",
                      no_adam[] = "it is not Adam's", no_step[] = "no parameter has taken a step",
                      other_steps[] = "different numbers of steps", other_shapes[] = "its shapes are not";
    static const struct {
        const char *bytes;
        size_t length;
        const char *note; /* NULL: it is taken */
    } cases[] = {
        {BYTES(ADAM("I2\n")), NULL},
        {BYTES(ADAM("F2.0\n")), NULL},
        {BYTES(ADAM(SCALAR)), NULL},
        {BYTES(ADAM("F2.5\n")), other_steps},
        {BYTES(ADAM("I-1\n")), other_steps},
        {BYTES(ADAM("F1e300\n")), other_steps},
        {BYTES(ADAM("N")), other_steps},
        {BYTES(ADAM(TENSOR_OF("K\x02\x85", "K\x01\x85"))), other_steps},
        {BYTES(OPTIMISER("")), no_group},
        {BYTES("}(" WEIGHT "Voptimizer_state_dict\n}u."), no_group},
        {BYTES(OPTIMISER("Vparam_groups\n]Vstate\n}")), no_group},
        {BYTES(OPTIMISER("Vparam_groups\n}Vstate\n}")), no_group},
        {BYTES(OPTIMISER("Vparam_groups\n](}}eVstate\n}")), no_group},
        {BYTES(OPTIMISER("Vparam_groups\n]}aVstate\n}")), no_group},
        {BYTES(OPTIMISER("Vparam_groups\n]}Vparams\nNsaVstate\n}")), no_group},
        {BYTES(OPTIMISER(GROUPS)), no_group},
        {BYTES(STATES("N")), no_group},
        {BYTES(STATES("}")), no_step},
        {BYTES(STATES("}Vw\n}s")), no_step},
        {BYTES(STATES("}I0\nNs")), no_adam},
        {BYTES(STATES("}I0\n}s")), no_adam},
        {BYTES(STATES("}I0\n}(Vexp_avg\n" SCALAR "us")), no_adam},
        {BYTES(STATES("}I0\n}(" MOMENTS "us")), no_adam},
        {BYTES(STATES("}I0\n}(" MOMENTS "Vstep\nI1\nVmax_exp_avg_sq\n" SCALAR "us")), "it is AMSGrad's"},
        {BYTES(STATES("}I0\n}(Vexp_avg\nNVexp_avg_sq\n" SCALAR "Vstep\nI1\nus")), other_shapes},
        {BYTES(STATES("}I0\n}(Vexp_avg\n" SCALAR "Vexp_avg_sq\n" TENSOR_OF("K\x02\x85", "K\x01\x85") "Vstep\nI1\nus")),
         other_shapes},
        {BYTES(OPTIMISER("Vstate\n}I0\n}(" MOMENTS "Vstep\nI1\nusVparam_groups\n]}Vparams\n](I0\nI1\nesa")),
         other_parameters},
        {BYTES(OPTIMISER("Vstate\n}I0\n}(" MOMENTS "Vstep\nI1\nusVparam_groups\n]}Vparams\n]Nasa")), no_step},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t step;
        tensor_file *f = of_pickle(cases[i].bytes, cases[i].length);
        assert_int_equal(tensor_file_count(f, TENSOR_WEIGHTS), 1);
        assert_int_equal(tensor_file_count(f, TENSOR_EXP_AVG), !cases[i].note);
        assert_int_equal(tensor_file_step(f, &step), !cases[i].note);
        if (cases[i].note)
            assert_non_null(strstr(tensor_file_optimiser_note(f), cases[i].note));
        else
            assert_int_equal(step, 2);
        tensor_file_close(f);
    }
}

/* More entries than a parameter's state has. */
static void crowded_states(void **state)
{
    (void)state;
    static const char head[] = "}(" WEIGHT "Voptimizer\n}(Vstate\n}I0\n}(" MOMENTS "Vstep\nI1\n",
                      tail[] = "us" GROUPS "uu.";
    static char bytes[2048];
    size_t used = sizeof head - 1;
    memcpy(bytes, head, used);
    for (int i = 0; i < 64; i++) used += (size_t)snprintf(bytes + used, sizeof bytes - used, "I%d\nN", i);
    memcpy(bytes + used, tail, sizeof tail - 1);
    tensor_file *f = of_pickle(bytes, used + sizeof tail - 1);
    assert_non_null(strstr(tensor_file_optimiser_note(f), "it is not Adam's"));
    tensor_file_close(f);
}

static void epochs(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        bool there;
    } cases[] = {{BYTES("}(" WEIGHT "Vepoch\nI7\nu."), true},
                 {BYTES("}(" WEIGHT "Vepoch\nI-1\nu."), false},
                 {BYTES("}(" WEIGHT "Vepoch\nF7.0\nu."), false},
                 {BYTES("}(" WEIGHT "u."), false},
                 {BYTES("}(Vstate_dict\nNVmodel\n}Vmin_confidence\n" SCALAR "su."), false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t epoch = 7;
        tensor_file *f = of_pickle(cases[i].bytes, cases[i].length);
        assert_int_equal(tensor_file_epoch(f, &epoch), cases[i].there);
        assert_int_equal(epoch, 7);
        tensor_file_close(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_of_optimisers),
        cmocka_unit_test(crowded_states),
        cmocka_unit_test(epochs),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
