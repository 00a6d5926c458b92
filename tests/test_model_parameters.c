/* Networks of default settings have as many trained parameters as the published code prints; those whose shape follows
 * from the number of classes are the last layer's. */
#include "op_test.h"

#include "network/config.h"
#include "network/network.h"

typedef struct published {
    const char *arch;
    size_t parameters;
} published;

static const published parcels[] = {
    {"psetae", 164116}, {"pseltae", 143124}, {"psegru", 166764}, {"psetempcnn", 879700}};
static const published images[] = {{"utae", 1087260},  {"uconvlstm", 1520540}, {"buconvlstm", 1209508},
                                   {"fpn", 1151028},   {"convlstm", 1008660},  {"convgru", 956360},
                                   {"unet3d", 1553796}};

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

static const network_input parcel_input = {.bands = 10, .npixel = 64, .extra = 4, .position_lines = 24, .longest = 24};
static const network_input image_input = {.bands = 10, .height = 16, .width = 16, .position_lines = 24, .longest = 4};

static void test_parcels(void **state)
{
    (void)state;
    compare(parcels, sizeof parcels / sizeof *parcels, parcel_input);
}

static void test_images(void **state)
{
    (void)state;
    compare(images, sizeof images / sizeof *images, image_input);
}

/* ---- the last layer ------------------------------------------------------------------------------------------------ */

static network *with_classes(const char *settings, int classes)
{
    enum model_kind kind;
    bool head;
    model *m = NULL;
    network *w = NULL;
    cJSON *config = cJSON_Parse(settings);
    assert_non_null(config);
    assert_ok(model_config_kind(config, &kind, &head));
    assert_ok(config_complete_model(config, "test", kind, (data_sizes){10, 4, classes, 24}));
    assert_ok(model_new(config, "test", &m));
    assert_ok(network_new(op_device, m, kind == MODEL_DENSE ? image_input : parcel_input, 1, &w));
    cJSON_Delete(config);
    return w;
}

/* What differs between networks of 5 and of 7 classes is the last layer, and its first size is the number of classes. */
static void last_layer(const char *settings)
{
    int differ = 0;
    network *a = with_classes(settings, 5), *b = with_classes(settings, 7);
    assert_int_equal(net_parameter_count(a->net), net_parameter_count(b->net));
    for (int i = 0; i < net_parameter_count(a->net); i++) {
        const tensor *p = net_parameter_at(a->net, i), *q = net_parameter_at(b->net, i);
        assert_string_equal(p->name, q->name);
        if (tensor_count(p) == tensor_count(q)) continue;
        if (!model_is_last(a->model, p->name)) print_error("%s: %s is not of the last layer\n", settings, p->name);
        assert_true(model_is_last(a->model, p->name));
        assert_int_equal(p->shape.size[0], 5);
        assert_int_equal(q->shape.size[0], 7);
        differ++;
    }
    assert_true(differ >= 2);
    network_free(a);
    network_free(b);
}

static void test_last_layer(void **state)
{
    (void)state;
    static const char *const heads[] = {"{\"arch\": \"utae\", \"head\": {\"arch\": \"paps\"}}",
                                        "{\"arch\": \"uconvlstm\", \"head\": {\"arch\": \"paps\"}}"};
    char settings[64];
    for (size_t i = 0; i < sizeof parcels / sizeof *parcels; i++) {
        snprintf(settings, sizeof settings, "{\"arch\": \"%s\"}", parcels[i].arch);
        last_layer(settings);
    }
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
        snprintf(settings, sizeof settings, "{\"arch\": \"%s\"}", images[i].arch);
        last_layer(settings);
    }
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) last_layer(heads[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parcels),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_last_layer),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
