#include "model/recurrent.h"

#include <string.h>

#include "base/error.h"

int recurrent_check(const void *config, const char *where)
{
    const recurrent_config *c = config;
    const int_list *k = &c->kernel_size;
    if (k->count != 2 || k->value[0] != k->value[1] || k->value[0] % 2 == 0)
        return fail(USAGE, "%s.kernel_size is no kernel of equal, odd sides, wanted such as [3, 3]", where);
    return OK;
}

/* The state is one for all of a series: frames do not divide. */
dense_facts recurrent_facts(const void *config)
{
    const recurrent_config *c = config;
    return (dense_facts){
        .bands = c->input_dim, .classes = c->num_classes, .stages = 1, .stride_kernel = 1, .stride = 1, .least = 1};
}

recurrent_settings recurrent_settings_of(const dense_inputs *in, int hidden, int side, double pad_value,
                                         const char *lstm_padding)
{
    return (recurrent_settings){.offsets = in->offsets,
                                .steps = in->longest,
                                .hidden = hidden,
                                .kernel = side,
                                .pad_value = (float)pad_value,
                                .skip = !in->dates || strcmp(lstm_padding, "skip") == 0,
                                .exact = in->exact};
}

recurrent_settings recurrent_config_settings(const recurrent_config *c, const dense_inputs *in)
{
    return recurrent_settings_of(in, c->hidden_dim, c->kernel_size.value[0], c->pad_value, c->lstm_padding);
}
