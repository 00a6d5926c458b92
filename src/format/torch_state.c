/* What a checkpoint's objects say: the state_dict, and beside it the epoch and Adam's state. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/torch_internal.h"

enum { STATE_KEYS_MAX = 64 };

/* ---- the state_dict ------------------------------------------------------------------------------------------------ */

static bool is_text(const pickle_value *v)
{
    return v->kind == PICKLE_TEXT || v->kind == PICKLE_BYTES;
}

static size_t tensors_in(const pickle_value *dict)
{
    size_t count = 0;
    for (size_t i = 1; i < dict->count; i += 2) count += dict->items[i]->kind == PICKLE_TENSOR;
    return count;
}

/* The published scripts say state_dict; the others are what is met elsewhere. A bare state_dict is one too. */
static const pickle_value *state_dict_find(const pickle_value *root)
{
    static const char *const names[] = {"state_dict", "model_state_dict", "model_state", "model", "net", "weights"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const pickle_value *v = pickle_member(root, names[i]);
        if (v && v->kind == PICKLE_DICT) return v;
    }
    return root->kind == PICKLE_DICT && tensors_in(root) ? root : NULL;
}

static int add(tensor_file *f, enum tensor_group g, const char *name, size_t length, const pickle_value *tensor)
{
    tensor_entry e = {
        .type = tensor->storage->element, .truth = tensor->storage->truth, .rank = tensor->dimensions, .own = tensor};
    for (int i = 0; i < tensor->dimensions; i++) e.shape[i] = tensor->sizes[i];
    return tensor_file_add(f, g, name, length, &e);
}

static int weights_add(tensor_file *f, const pickle_value *dict)
{
    for (size_t i = 0; i + 1 < dict->count; i += 2) {
        const pickle_value *key = dict->items[i], *value = dict->items[i + 1];
        if (!is_text(key))
            return fail(FAILED, "%s: a weight's name is %s, wanted text", reader_path(f->file),
                        pickle_kind_name(key->kind));
        if (value->kind != PICKLE_TENSOR)
            return fail(FAILED, "%s: its state_dict has %s under \"%.*s\": wanted tensors alone", reader_path(f->file),
                        pickle_kind_name(value->kind), (int)(key->length < 100 ? key->length : 100), key->bytes);
        int rc = add(f, TENSOR_WEIGHTS, key->bytes, key->length, value);
        if (rc) return rc;
    }
    return OK;
}

/* ---- the optimiser ------------------------------------------------------------------------------------------------- */

/* A reason not to take the state over; weights do not suffer from it. */
static int leave(tensor_file *f, const char *why)
{
    f->note = text_copy(why);
    return f->note ? OK : FAILED;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* Buffers are in a state_dict, but no optimiser's. */
static bool is_buffer(const char *name)
{
    return ends_with(name, "running_mean") || ends_with(name, "running_var") ||
           ends_with(name, "num_batches_tracked") || ends_with(name, "min_confidence");
}

static bool is_frozen(const char *name)
{
    return ends_with(name, "position_enc.weight");
}

/* The parameters in the order of their numbers; frozen ones count where the optimiser was given all. NULL (with the
 * message): out of memory. */
static const tensor_entry **parameters_of(const tensor_file *f, bool frozen, size_t *count)
{
    const tensor_list *list = &f->group[TENSOR_WEIGHTS];
    const tensor_entry **out = memory_new(list->count, sizeof *out);
    *count = 0;
    for (size_t i = 0; out && i < list->count; i++)
        if (!is_buffer(list->entry[i].name) && (frozen || !is_frozen(list->entry[i].name)))
            out[(*count)++] = &list->entry[i];
    return out;
}

/* The parameters' ids, of the one group there is; NULL: not so. */
static const pickle_value *ids_of(const pickle_value *optimiser)
{
    const pickle_value *groups = pickle_member(optimiser, "param_groups");
    if (!groups || groups->kind != PICKLE_LIST || groups->count != 1) return NULL;
    const pickle_value *ids = pickle_member(groups->items[0], "params");
    return ids && ids->kind == PICKLE_LIST ? ids : NULL;
}

typedef struct numbered {
    int64_t id;
    const pickle_value *state;
} numbered;

static int by_id(const void *a, const void *b)
{
    const int64_t x = ((const numbered *)a)->id, y = ((const numbered *)b)->id;
    return (x > y) - (x < y);
}

/* {id: state} sorted by id; what has no number for its key is no parameter's. NULL: out of memory. */
static numbered *states_sort(const pickle_value *states, size_t *count)
{
    numbered *out = memory_new(states->count / 2, sizeof *out);
    *count = 0;
    for (size_t i = 0; out && i + 1 < states->count; i += 2)
        if (states->items[i]->kind == PICKLE_INT)
            out[(*count)++] = (numbered){states->items[i]->integer, states->items[i + 1]};
    if (out && *count) qsort(out, *count, sizeof *out, by_id);
    return out;
}

/* A whole number, plain or in a tensor of one element (as PyTorch counts since 1.12). */
static int step_read(tensor_file *f, torch_file *t, const pickle_value *v, int64_t *out)
{
    unsigned char bytes[8];
    double value = -1;
    if (v->kind == PICKLE_INT)
        value = (double)v->integer;
    else if (v->kind == PICKLE_REAL)
        value = v->real;
    else if (v->kind == PICKLE_TENSOR && v->total == 1) {
        int rc = torch_read(f, t, v, bytes);
        if (rc) return rc;
        value = number_get(v->storage->element, bytes, 0);
    }
    *out = value >= 0 && value < 0x1p53 && value == (double)(int64_t)value ? (int64_t)value : -1;
    return OK;
}

static bool same_shape(const tensor_entry *e, const pickle_value *tensor)
{
    if (tensor->kind != PICKLE_TENSOR || tensor->dimensions != e->rank) return false;
    for (int i = 0; i < e->rank; i++)
        if (tensor->sizes[i] != e->shape[i]) return false;
    return true;
}

/* One parameter's state: its moments become entries. *why: a reason to leave all of it. */
static int moments_add(tensor_file *f, torch_file *t, const tensor_entry *parameter, const pickle_value *state,
                       const char **why)
{
    int64_t step;
    if (state->kind != PICKLE_DICT || state->count > 2 * STATE_KEYS_MAX) {
        *why = "it is not Adam's (exp_avg, exp_avg_sq, step)";
        return OK;
    }
    const pickle_value *average = pickle_member(state, "exp_avg"), *square = pickle_member(state, "exp_avg_sq");
    const pickle_value *steps = pickle_member(state, "step");
    if (!average || !square || !steps)
        *why = "it is not Adam's (exp_avg, exp_avg_sq, step)";
    else if (pickle_member(state, "max_exp_avg_sq"))
        *why = "it is AMSGrad's, wanted Adam's";
    else if (!same_shape(parameter, average) || !same_shape(parameter, square))
        *why = "its shapes are not those of the weights in their order";
    if (*why) return OK;
    int rc = step_read(f, t, steps, &step);
    if (rc) return rc;
    if (step < 0 || (f->has_step && step != f->step)) {
        *why = "its parameters have taken different numbers of steps";
        return OK;
    }
    f->has_step = true;
    f->step = step;
    const size_t length = strlen(parameter->name);
    if ((rc = add(f, TENSOR_EXP_AVG, parameter->name, length, average))) return rc;
    return add(f, TENSOR_EXP_AVG_SQ, parameter->name, length, square);
}

static void moments_forget(tensor_file *f)
{
    for (int g = TENSOR_EXP_AVG; g < TENSOR_GROUPS; g++) {
        tensor_list *list = &f->group[g];
        while (list->count) free((char *)(uintptr_t)list->entry[--list->count].name);
    }
    f->has_step = false;
}

static int optimiser_add(tensor_file *f, torch_file *t, const pickle_value *optimiser)
{
    int rc = OK;
    size_t count = 0;
    const char *why = NULL;
    const tensor_entry **parameters = NULL;
    numbered *sorted = NULL;
    size_t states_count = 0;
    const pickle_value *ids = ids_of(optimiser), *states = pickle_member(optimiser, "state");
    if (!ids || !states || states->kind != PICKLE_DICT)
        return leave(f, "it has no state, or not one group of parameters");
    TRY_NEW(parameters = parameters_of(f, true, &count));
    if (count != ids->count) {
        free(parameters);
        TRY_NEW(parameters = parameters_of(f, false, &count));
    }
    TRY_NEW(sorted = states_sort(states, &states_count));
    if (count != ids->count) why = "it numbers other parameters than the weights have";
    for (size_t k = 0; !why && k < count; k++) {
        const numbered wanted = {ids->items[k]->kind == PICKLE_INT ? ids->items[k]->integer : -1, NULL};
        const numbered *found = states_count ? bsearch(&wanted, sorted, states_count, sizeof *sorted, by_id) : NULL;
        if (found) TRY(moments_add(f, t, parameters[k], found->state, &why)); /* what was never trained has none */
    }
    if (!why && !f->has_step) why = "no parameter has taken a step";
    if (why) {
        moments_forget(f);
        rc = leave(f, why);
    }
done:
    free(parameters);
    free(sorted);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

int torch_state_read(tensor_file *f, torch_file *t)
{
    const pickle_value *root = pickle_root(t->objects), *weights = state_dict_find(root);
    if (!weights)
        return fail(FAILED,
                    "%s holds %s without a state_dict: wanted a dictionary of tensors, or one with a state_dict",
                    reader_path(f->file), pickle_kind_name(root->kind));
    int rc = weights_add(f, weights);
    if (rc || weights == root) return rc;
    const pickle_value *epoch = pickle_member(root, "epoch"), *optimiser = pickle_member(root, "optimizer");
    if (epoch && epoch->kind == PICKLE_INT && epoch->integer >= 0) {
        f->has_epoch = true;
        f->epoch = epoch->integer;
    }
    if (!optimiser) optimiser = pickle_member(root, "optimizer_state_dict");
    return optimiser ? optimiser_add(f, t, optimiser) : OK;
}
