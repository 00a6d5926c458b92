/* Networks of default settings have as many trained parameters as the published code prints. */
#include "op_test.h"

#include "run/network.h"

typedef struct published {
    const char *arch;
    size_t parameters;
} published;

static const published parcels[] = {
    {"psetae", 164116}, {"pseltae", 143124}, {"psegru", 166764}, {"psetempcnn", 879700}};
static const published images[] = {{"utae", 1087260}, {"uconvlstm", 1520540}, {"buconvlstm", 1209508},
                                   {"fpn", 1151028},  {"convlstm", 1008660},  {"convgru", 956360}};

static size_t trained_parameters(const char *arch, network_input input)
{
    size_t count = 0;
    model *m = NULL;
    network *w = NULL;
    cJSON *config = cJSON_CreateObject();
    cJSON_AddStringToObject(config, "arch", arch);
    assert_ok(model_new(config, "test", &m));
    assert_ok(network_new(op_device, m, input, 1, &w));
    for (int i = 0; i < net_parameter_count(w->net); i++)
        if (net_parameter_role(w->net, i) == PARAMETER_TRAINED) count += tensor_count(net_parameter_at(w->net, i));
    network_free(w);
    cJSON_Delete(config);
    return count;
}

static void compare(const published *list, size_t length, network_input input)
{
    for (size_t i = 0; i < length; i++) {
        const size_t got = trained_parameters(list[i].arch, input);
        if (got != list[i].parameters)
            print_error("%s has %zu, published %zu\n", list[i].arch, got, list[i].parameters);
        assert_true(got == list[i].parameters);
    }
}

static void test_parcels(void **state)
{
    (void)state;
    compare(parcels, sizeof parcels / sizeof *parcels,
            (network_input){.bands = 10, .npixel = 64, .extra = 4, .position_lines = 24, .longest = 24});
}

static void test_images(void **state)
{
    (void)state;
    compare(images, sizeof images / sizeof *images,
            (network_input){.bands = 10, .height = 16, .width = 16, .position_lines = 24, .longest = 2});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parcels),
        cmocka_unit_test(test_images),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
