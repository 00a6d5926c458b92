/* What parameters start as. */
#include <math.h>

#include "base/hash.h"
#include "base/random.h"
#include "net/internal.h"

/* Some lines or columns of a matrix: `count` vectors of `length`. */
typedef struct vectors {
    float *value;
    size_t count, length, between, step; /* from one vector, and from one of its values, to the next */
} vectors;

static double dot(const vectors *v, size_t i, size_t j)
{
    const float *a = v->value + i * v->between, *b = v->value + j * v->between;
    double sum = 0;
    for (size_t k = 0; k < v->length; k++) sum += (double)a[k * v->step] * (double)b[k * v->step];
    return sum;
}

/* Vector i += factor x vector j */
static void add_vector(const vectors *v, size_t i, size_t j, double factor)
{
    float *a = v->value + i * v->between, *b = v->value + j * v->between;
    for (size_t k = 0; k < v->length; k++)
        a[k * v->step] = (float)((double)a[k * v->step] + factor * (double)b[k * v->step]);
}

/* Gram and Schmidt's method, as modified, on normal(0, 1) values [lines x columns]. */
static void orthogonalise(float *values, int lines, int columns)
{
    const size_t n = (size_t)lines, k = (size_t)columns;
    const vectors v = n <= k ? (vectors){values, n, k, k, 1} : (vectors){values, k, n, 1, k};
    for (size_t i = 0; i < v.count; i++) {
        for (size_t j = 0; j < i; j++) add_vector(&v, i, j, -dot(&v, i, j));
        const double norm = sqrt(dot(&v, i, i));
        add_vector(&v, i, i, 1 / norm - 1);
    }
}

void parameter_initialise(const net *n, parameter *p, enum initial initial, double scale)
{
    size_t count = tensor_count(&p->tensor);
    if (initial == INITIAL_ZERO) return;
    if (initial == INITIAL_ORTHOGONAL) scale = 1;
    if (initial == INITIAL_XAVIER_NORMAL) {
        const shape *t = &p->tensor.shape;
        const double outputs = t->size[0], inputs = t->rank > 1 ? t->size[1] : 1;
        scale = sqrt(2.0 / ((outputs + inputs) * ((double)count / (outputs * inputs))));
    }
    random_key key = random_stream(n->seed, RANDOM_INITIAL_WEIGHTS, hash_text(HASH_START, p->tensor.name));
    for (size_t i = 0; i < count; i++)
        p->pending[i] = initial == INITIAL_ONE     ? 1.0f
                        : initial == INITIAL_VALUE ? (float)scale
                                                   : (float)(scale * random_normal(key, i));
    if (initial == INITIAL_ORTHOGONAL) orthogonalise(p->pending, p->tensor.shape.size[0], p->tensor.shape.size[1]);
}
