/* Members and numbers out of a parsed pickle. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/pickle.h"

bool pickle_is_text(const pickle_value *v, const char *text)
{
    return (v->kind == PICKLE_TEXT || v->kind == PICKLE_BYTES) && v->length == strlen(text) &&
           !memcmp(v->bytes, text, v->length);
}

const pickle_value *pickle_member(const pickle_value *v, const char *key)
{
    const pickle_value *found = NULL;
    if (v->kind != PICKLE_DICT) return NULL;
    for (size_t i = 0; i + 1 < v->count; i += 2)
        if (pickle_is_text(v->items[i], key)) found = v->items[i + 1];
    return found;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------- */

static double element(const pickle_value *array, size_t index)
{
    char bytes[8];
    size_t size = number_size(array->type);
    memcpy(bytes, array->data + index * size, size);
    if (array->swapped) number_swap(array->type, bytes, 1);
    return number_get(array->type, bytes, 0);
}

static int array_numbers(const pickle_value *v, const char *where, const char *what, int *rank, size_t shape[2],
                         double **values)
{
    size_t count = 1;
    if (!v->data || v->rank > 2)
        return fail(FAILED, "%s: %s is an array %s, wanted at most 2 dimensions", where, what,
                    v->data ? "of more dimensions" : "that was never filled");
    for (int i = 0; i < v->rank; i++) count *= shape[i] = v->shape[i];
    *rank = v->rank;
    if (!(*values = memory_new(count, sizeof **values))) return FAILED;
    for (size_t i = 0; i < count; i++) {
        bool transposed = v->fortran && v->rank == 2;
        (*values)[i] = element(v, transposed ? i % shape[1] * shape[0] + i / shape[1] : i);
    }
    return OK;
}

/* A plain number, or a numpy scalar. */
static bool number_of(const pickle_value *v, double *out)
{
    if (v->kind == PICKLE_REAL)
        *out = v->real;
    else if (v->kind == PICKLE_INT || v->kind == PICKLE_BOOL)
        *out = (double)v->integer;
    else if (v->kind == PICKLE_ARRAY && v->data && v->rank == 0)
        *out = element(v, 0);
    else
        return false;
    return true;
}

static bool is_list(const pickle_value *v)
{
    return v->kind == PICKLE_LIST || v->kind == PICKLE_TUPLE;
}

static int list_numbers(const pickle_value *v, const char *where, const char *what, int *rank, size_t shape[2],
                        double **values)
{
    bool nested = v->count && is_list(v->items[0]);
    size_t rows = v->count, columns = nested ? v->items[0]->count : 1, count;
    *rank = nested ? 2 : 1;
    shape[0] = rows;
    shape[1] = columns;
    /* A list can hold one and the same long list many times. */
    if (!size_multiply(rows, columns, &count) || count > (1u << 24))
        return fail(FAILED, "%s: %s has too many numbers", where, what);
    if (!(*values = memory_new(count, sizeof **values))) return FAILED;
    for (size_t i = 0; i < rows; i++) {
        const pickle_value *row = v->items[i];
        if (nested && (!is_list(row) || row->count != columns))
            return fail(FAILED, "%s: %s: row %zu is not a list of %zu numbers", where, what, i, columns);
        for (size_t j = 0; j < columns; j++)
            if (!number_of(nested ? row->items[j] : row, *values + i * columns + j))
                return fail(FAILED, "%s: %s holds %s, wanted numbers", where, what,
                            pickle_kind_name((nested ? row->items[j] : row)->kind));
    }
    return OK;
}

int pickle_numbers(const pickle_value *v, const char *where, const char *what, int *rank, size_t shape[2],
                   double **values)
{
    int rc = OK;
    *values = NULL;
    *rank = 0;
    shape[0] = shape[1] = 1;
    if (v->kind == PICKLE_ARRAY) {
        TRY(array_numbers(v, where, what, rank, shape, values));
    } else if (is_list(v)) {
        TRY(list_numbers(v, where, what, rank, shape, values));
    } else {
        TRY_NEW(*values = memory_new(1, sizeof **values));
        if (!number_of(v, *values))
            rc = fail(FAILED, "%s: %s is %s, wanted a number or an array", where, what, pickle_kind_name(v->kind));
    }
done:
    if (rc) {
        free(*values);
        *values = NULL;
    }
    return rc;
}
