/* Checking operations; see check.h. */
#include "net/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "net/internal.h"

enum { INPUTS_MAX = 32, OUTPUTS_MAX = 2 };

/* One case while it is being checked. */
typedef struct bench {
    const op_check *c;
    net *n;
    tensor *in[INPUTS_MAX], *out[OUTPUTS_MAX];
    double *start[INPUTS_MAX]; /* the inputs' values before the pass */
    double *value[INPUTS_MAX]; /* what the reference works on */
    double *wanted[OUTPUTS_MAX];
    double *weight; /* cotangent of out[0] */
} bench;

static size_t input_count(const op_check *c, int i)
{
    size_t count = 1;
    for (int k = 0; k < c->input[i].shape.rank; k++) count *= (size_t)c->input[i].shape.size[k];
    return count;
}

static bool is_differentiable(const op_check *c, int i)
{
    return c->input[i].kind == CHECK_INPUT || c->input[i].kind == CHECK_PARAMETER;
}

void check_fill_positive(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    const random_key key = random_stream(CHECK_SEED, RANDOM_SYNTHETIC, stream);
    for (size_t i = 0; i < count; i++) values[i] = 0.5 + random_uniform(key, i);
}

static void fill_normal(size_t count, uint64_t stream, double *values)
{
    const random_key key = random_stream(CHECK_SEED, RANDOM_SYNTHETIC, stream);
    for (size_t i = 0; i < count; i++) values[i] = random_normal(key, i);
}

/* ---- setting up ------------------------------------------------------------------------------------------------- */

/* Values that a float holds exactly, so that device and reference start from the same numbers. */
static int inputs_fill(bench *b)
{
    for (int i = 0; i < b->c->inputs; i++) {
        const check_input *input = b->c->input + i;
        size_t count = input_count(b->c, i);
        b->start[i] = memory_new(count, sizeof(double));
        b->value[i] = memory_new(count, sizeof(double));
        if (!b->start[i] || !b->value[i]) return FAILED;
        if (input->fill)
            input->fill(b->c->user, count, (uint64_t)i + 1, b->start[i]);
        else
            fill_normal(count, (uint64_t)i + 1, b->start[i]);
        for (size_t k = 0; k < count; k++) b->start[i][k] = (double)(float)b->start[i][k];
    }
    return OK;
}

static tensor *input_record(bench *b, int i)
{
    const check_input *input = b->c->input + i;
    switch (input->kind) {
    case CHECK_INPUT: return net_input(b->n, input->name, ELEMENT_FLOAT, input->shape, true);
    case CHECK_CONSTANT: return net_input(b->n, input->name, ELEMENT_FLOAT, input->shape, false);
    case CHECK_INTEGER: return net_input(b->n, input->name, ELEMENT_INT, input->shape, false);
    case CHECK_PARAMETER: return net_parameter(b->n, input->name, input->shape, PARAMETER_TRAINED, INITIAL_ZERO, 0);
    case CHECK_STATISTIC: return net_parameter(b->n, input->name, input->shape, PARAMETER_STATISTIC, INITIAL_ZERO, 0);
    }
    return NULL;
}

static int input_upload(bench *b, int i)
{
    int rc = OK;
    size_t count = input_count(b->c, i);
    enum check_input_kind kind = b->c->input[i].kind;
    float *values = memory_new(count, sizeof *values);
    if (!values) return FAILED;
    for (size_t k = 0; k < count; k++) {
        values[k] = (float)b->start[i][k];
        if (kind == CHECK_INTEGER) {
            int32_t whole = (int32_t)b->start[i][k];
            memcpy(values + k, &whole, sizeof whole);
        }
    }
    if (kind == CHECK_PARAMETER || kind == CHECK_STATISTIC)
        rc = net_parameter_write(b->n, b->in[i], values);
    else
        rc = net_input_write(b->n, b->in[i], values);
    free(values);
    return rc;
}

static int record(bench *b, bool training)
{
    int rc = OK;
    net_begin(b->n, training);
    for (int i = 0; i < b->c->inputs; i++) b->in[i] = input_record(b, i);
    TRY(b->c->build(b->c, b->n, b->in, b->out));
    for (int j = 0; j < b->c->outputs; j++)
        if (b->out[j]) net_keep(b->n, b->out[j]);
    TRY(net_plan(b->n, NULL));
    TRY(net_poison(b->n));
    for (int i = 0; i < b->c->inputs; i++) TRY(input_upload(b, i));
done:
    return rc;
}

static void reference_run(bench *b, bool training)
{
    b->c->reference(b->c, training, b->value, b->wanted);
}

static void values_restore(bench *b)
{
    for (int i = 0; i < b->c->inputs; i++) memcpy(b->value[i], b->start[i], input_count(b->c, i) * sizeof(double));
}

/* ---- comparing -------------------------------------------------------------------------------------------------- */

static int compare(const char *test, const char *name, const float *got, const double *wanted, size_t count,
                   double tolerance)
{
    double largest = 1;
    for (size_t i = 0; i < count; i++)
        if (fabs(wanted[i]) > largest) largest = fabs(wanted[i]);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - wanted[i]) <= tolerance * largest))
            return fail(FAILED, "%s: %s[%zu] is %.9g, wanted %.9g (limit %.2g)", test, name, i, (double)got[i],
                        wanted[i], tolerance * largest);
    return OK;
}

static int forward_compare(bench *b, bool training)
{
    int rc = OK;
    double tolerance = b->c->tolerance > 0 ? b->c->tolerance : 2e-5;
    float *got = NULL;
    char name[32];
    for (int j = 0; j < b->c->outputs; j++) {
        size_t count = tensor_count(b->out[j]);
        free(got);
        TRY_NEW(got = memory_new(count, sizeof *got));
        TRY(net_read(b->n, b->out[j], got));
        snprintf(name, sizeof name, "%s output %d", training ? "training" : "evaluating", j);
        TRY(compare(b->c->name, name, got, b->wanted[j], count, tolerance));
    }
    for (int i = 0; i < b->c->inputs; i++) {
        if (b->c->input[i].kind != CHECK_STATISTIC) continue;
        size_t count = input_count(b->c, i);
        free(got);
        TRY_NEW(got = memory_new(count, sizeof *got));
        TRY(net_parameter_read(b->n, b->in[i], got));
        TRY(compare(b->c->name, b->c->input[i].name, got, b->value[i], count, tolerance));
    }
done:
    free(got);
    return rc;
}

static int pass(bench *b, bool training)
{
    int rc = OK;
    TRY(record(b, training));
    for (int j = 0; j < b->c->outputs; j++) {
        free(b->wanted[j]);
        TRY_NEW(b->wanted[j] = memory_new(tensor_count(b->out[j]), sizeof(double)));
    }
    values_restore(b);
    reference_run(b, training);
    TRY(net_forward(b->n, CHECK_STEP));
    TRY(forward_compare(b, training));
done:
    return rc;
}

/* ---- gradients -------------------------------------------------------------------------------------------------- */

/* sum of weight x out[0] at start + step x direction in input i (training form) */
static double objective(bench *b, int i, const double *direction, double step)
{
    double sum = 0;
    values_restore(b);
    for (size_t k = 0; k < input_count(b->c, i); k++) b->value[i][k] += step * direction[k];
    reference_run(b, true);
    for (size_t k = 0; k < tensor_count(b->out[0]); k++) sum += b->weight[k] * b->wanted[0][k];
    return sum;
}

static double slope(bench *b, int i, const double *direction)
{
    const double step = 1e-5;
    return (objective(b, i, direction, step) - objective(b, i, direction, -step)) / (2 * step);
}

/* Every element's slope against the gradient: norm of the difference to norm. */
static int gradient_compare_each(bench *b, int i, const float *got, double *direction, double tolerance)
{
    double difference = 0, norm = 0, worst = 0;
    size_t count = input_count(b->c, i), at = 0;
    for (size_t k = 0; k < count; k++) {
        direction[k] = 1;
        double wanted = slope(b, i, direction), error = fabs(wanted - (double)got[k]);
        direction[k] = 0;
        if (!(error <= worst)) {
            worst = error;
            at = k;
        }
        difference += error * error;
        norm += wanted * wanted;
    }
    if (sqrt(difference) <= tolerance * sqrt(norm) + 1e-5 * sqrt((double)count)) return OK;
    return fail(FAILED, "%s: gradient of %s is off by %.3g of norm %.3g, most at element %zu (got %.7g)", b->c->name,
                b->c->input[i].name, sqrt(difference), sqrt(norm), at, (double)got[at]);
}

/* Random directions: the slope must be the gradient's share along each. */
static int gradient_compare_directions(bench *b, int i, const float *got, double *direction, double tolerance)
{
    size_t count = input_count(b->c, i);
    for (uint64_t trial = 0; trial < 3; trial++) {
        double along = 0, norm = 0;
        fill_normal(count, 1000 + trial, direction);
        for (size_t k = 0; k < count; k++) {
            along += direction[k] * (double)got[k];
            norm += (double)got[k] * (double)got[k];
        }
        double wanted = slope(b, i, direction);
        if (!(fabs(along - wanted) <= tolerance * sqrt(norm) + 1e-5 * sqrt((double)count)))
            return fail(FAILED, "%s: gradient of %s along a random direction is %.7g, wanted %.7g", b->c->name,
                        b->c->input[i].name, along, wanted);
    }
    return OK;
}

static int gradients_compare(bench *b, bool thorough)
{
    int rc = OK;
    double tolerance = b->c->gradient_tolerance > 0 ? b->c->gradient_tolerance : 2e-3;
    float *got = NULL;
    double *direction = NULL;
    for (int i = 0; i < b->c->inputs; i++) {
        if (!is_differentiable(b->c, i) || !b->in[i]->gradient) continue;
        size_t count = input_count(b->c, i);
        free(got);
        free(direction);
        TRY_NEW(got = memory_new(count, sizeof *got));
        TRY_NEW(direction = memory_new(count, sizeof *direction));
        TRY(net_read_gradient(b->n, b->in[i], got));
        if (thorough && count <= 2000)
            TRY(gradient_compare_each(b, i, got, direction, tolerance));
        else
            TRY(gradient_compare_directions(b, i, got, direction, tolerance));
    }
done:
    free(got);
    free(direction);
    return rc;
}

/* A second pass whose gradients are added to the first one's: all must double. Only where the case is one node, since
 * gradients between nodes are not ours to add to. */
static int accumulation_check(bench *b, const float *gradient)
{
    int rc = OK;
    float *once[INPUTS_MAX] = {0}, *twice = NULL;
    if (b->n->nodes.count != 1) return OK;
    node *only = b->n->nodes.item[0];
    for (int i = 0; i < b->c->inputs; i++) {
        if (!is_differentiable(b->c, i) || !b->in[i]->gradient) continue;
        TRY_NEW(once[i] = memory_new(input_count(b->c, i), sizeof(float)));
        TRY(net_read_gradient(b->n, b->in[i], once[i]));
    }
    for (int k = 0; k < only->inputs; k++) only->accumulate[k] = true;
    TRY(net_forward(b->n, CHECK_STEP));
    TRY(net_backward_from(b->n, b->out[0], gradient, CHECK_STEP));
    for (int i = 0; i < b->c->inputs; i++) {
        if (!once[i]) continue;
        size_t count = input_count(b->c, i);
        free(twice);
        TRY_NEW(twice = memory_new(count, sizeof *twice));
        TRY(net_read_gradient(b->n, b->in[i], twice));
        for (size_t k = 0; k < count; k++)
            if (!(fabs((double)twice[k] - 2 * (double)once[i][k]) <= 1e-5 * (1 + fabs((double)once[i][k])))) {
                rc = fail(FAILED, "%s: added gradient of %s[%zu] is %.7g, wanted twice %.7g", b->c->name,
                          b->c->input[i].name, k, (double)twice[k], (double)once[i][k]);
                goto done;
            }
    }
done:
    for (int i = 0; i < INPUTS_MAX; i++) free(once[i]);
    free(twice);
    return rc;
}

static int backward_check(bench *b, bool thorough)
{
    int rc = OK;
    size_t count = tensor_count(b->out[0]);
    float *gradient = NULL;
    TRY_NEW(gradient = memory_new(count, sizeof *gradient));
    TRY_NEW(b->weight = memory_new(count, sizeof *b->weight));
    fill_normal(count, 99, b->weight);
    for (size_t k = 0; k < count; k++) {
        gradient[k] = (float)b->weight[k];
        b->weight[k] = (double)gradient[k];
    }
    TRY(net_backward_from(b->n, b->out[0], gradient, CHECK_STEP));
    TRY(gradients_compare(b, thorough));
    TRY(accumulation_check(b, gradient));
done:
    free(gradient);
    return rc;
}

int check_operation(device *d, const op_check *c, bool thorough)
{
    int rc = OK;
    bench b = {.c = c};
    if (c->inputs > INPUTS_MAX || c->outputs > OUTPUTS_MAX) panic("check %s: too many inputs or outputs", c->name);
    TRY(net_new(d, CHECK_SEED, &b.n));
    net_guard(b.n);
    TRY(inputs_fill(&b));
    if (!c->skip_eval) {
        TRY(pass(&b, false));
        TRY(net_canaries_intact(b.n));
    }
    TRY(pass(&b, true));
    if (!c->skip_gradient) TRY(backward_check(&b, thorough));
    TRY(net_canaries_intact(b.n));
done:
    if (rc) fail_within(rc, "check of %s", c->name);
    for (int i = 0; i < c->inputs; i++) {
        free(b.start[i]);
        free(b.value[i]);
    }
    for (int j = 0; j < c->outputs; j++) free(b.wanted[j]);
    free(b.weight);
    net_free(b.n);
    return rc;
}
