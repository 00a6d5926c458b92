#include "op/conv_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

int conv_case_build(const op_check *c, net *n, tensor *const *in, tensor **out, conv_constructor constructor)
{
    const conv_case *k = c->user;
    const norm_parameters plain = {NULL, NULL, NULL, NULL};
    conv_options options = k->options;
    options.moments = k->normed;
    tensor *x = in[0];
    if (k->pending) x = image_norm(n, x, plain, (image_norm_options){NORM_INSTANCE, 0, true});
    tensor *y = constructor(n, x, in[1], c->inputs > 2 ? in[2] : NULL, options);
    if (k->normed) y = materialise(n, image_norm(n, y, plain, (image_norm_options){NORM_GROUP, 1, false}));
    out[0] = y;
    return OK;
}

void conv_reference_norm(double *z, int frames, int pixels, int channels, int together, enum relu relu)
{
    const double count = (double)pixels * together;
    for (int f = 0; f < frames; f++)
        for (int first = 0; first < channels; first += together) {
            double *at = z + (size_t)f * (size_t)pixels * (size_t)channels + first, mean = 0, variance = 0;
            for (int p = 0; p < pixels; p++)
                for (int c = 0; c < together; c++) mean += at[p * channels + c] / count;
            for (int p = 0; p < pixels; p++)
                for (int c = 0; c < together; c++) variance += pow(at[p * channels + c] - mean, 2) / count;
            for (int p = 0; p < pixels; p++)
                for (int c = 0; c < together; c++) {
                    double *value = at + p * channels + c;
                    *value = (*value - mean) / sqrt(variance + 1e-5);
                    if (*value < 0) *value *= (double)relu_slope(relu);
                }
        }
}

void conv_case_reference(const op_check *c, double *const *in, double *out, int out_pixels, conv_products products)
{
    const conv_case *k = c->user;
    const size_t values = (size_t)k->frames * (size_t)k->height * (size_t)k->width * (size_t)k->inputs;
    double *x = malloc(values * sizeof *x);
    if (!x) abort();
    memcpy(x, in[0], values * sizeof *x);
    if (k->pending) conv_reference_norm(x, k->frames, k->height * k->width, k->inputs, 1, RELU);
    for (size_t i = 0; i < (size_t)k->frames * (size_t)out_pixels * (size_t)k->outputs; i++)
        out[i] = c->inputs > 2 ? in[2][i % (size_t)k->outputs] : 0;
    products(k, x, in[1], out);
    if (k->normed) conv_reference_norm(out, k->frames, out_pixels, k->outputs, k->outputs, NO_RELU);
    free(x);
}
