/* Reference and cases of series_steps. */
#include "net/check.h"
#include "op/check_values.h"
#include "op/checks.h"
#include "op/image.h"

enum { X, OFFSETS, INPUTS };

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    out[0] = series_steps(n, in[X], in[OFFSETS], *(const series_steps_options *)c->user);
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const series_steps_options *o = c->user;
    const int *size = c->input[X].shape.size, values = size[1] * size[2] * size[3];
    const int patches = o->patches ? o->patches : c->input[OFFSETS].shape.size[0] - 1;
    (void)training;
    for (int i = 0; i < o->steps * patches * values; i++) out[0][i] = (double)o->pad_value;
    for (int p = 0; p < patches; p++) {
        const double *offsets = in[OFFSETS] + o->first + p;
        const int first = (int)offsets[0], dates = (int)offsets[1] - first;
        for (int date = 0; date < dates; date++) {
            const int step = !o->reverse ? date : (o->padding_first ? o->steps : dates) - 1 - date;
            for (int i = 0; i < values; i++)
                out[0][(step * patches + p) * values + i] = in[X][(first + date) * values + i];
        }
    }
}

CHECK_VALUES(fill_ragged, 0, 3, 4, 4, 8)

#define CASE(title, ...)                                                                                               \
    {                                                                                                                  \
        .name = "series_steps " title, .inputs = INPUTS, .build = build, .outputs = 1, .reference = reference,         \
        .user = &(const series_steps_options){__VA_ARGS__},                                                            \
        .input = (const check_input[]){{"x", CHECK_INPUT, {4, {8, 3, 2, 5}}, NULL},                                    \
                                       {"offsets", CHECK_INTEGER, {1, {5}}, fill_ragged}},                             \
    }

static const op_check checks[] = {
    CASE("forward", .steps = 4, .pad_value = 0.5f),
    CASE("reversed, padding first", .steps = 5, .reverse = true, .padding_first = true),
    CASE("of two patches", .steps = 4, .first = 2, .patches = 2),
    CASE("reversed", .steps = 4, .reverse = true, .pad_value = -1),
};

const op_check *series_steps_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
