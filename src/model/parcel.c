#include "model/parcel.h"

#include <string.h>

#include "base/error.h"
#include "layer/mlp.h"

/* ---- settings --------------------------------------------------------------------------------------------------- */

static int first(const int_list *l)
{
    return l->value[0];
}

static int last(const int_list *l)
{
    return l->value[l->count - 1];
}

static int widths_meet(const char *where, const char *key, int got, const char *what, int wanted)
{
    if (got == wanted) return OK;
    return fail(USAGE, "%s.%s is %d, wanted %d: %s", where, key, got, wanted, what);
}

static int list_long_enough(const char *where, const char *key, const int_list *l, int wanted)
{
    if (l->count >= wanted) return OK;
    return fail(USAGE, "%s.%s has %d widths, wanted %d or more", where, key, l->count < 0 ? 0 : l->count, wanted);
}

static int extra_size(const parcel_config *c)
{
    return c->with_extra && c->extra_size.present ? c->extra_size.value : 0;
}

static int list_check(const parcel_config *c, const char *where)
{
    int rc = OK;
    pooling_list pools;
    TRY(list_long_enough(where, "mlp1", &c->mlp1, 2));
    TRY(list_long_enough(where, "mlp2", &c->mlp2, 2));
    TRY(pooling_parse(c->pooling, where, &pools));
    TRY(widths_meet(where, "mlp1[0]", first(&c->mlp1), "input_dim", c->input_dim));
    TRY(widths_meet(where, "mlp2[0]", first(&c->mlp2), "poolings x last of mlp1 + extra_size",
                    pools.count * last(&c->mlp1) + extra_size(c)));
done:
    return rc;
}

int parcel_width(const parcel_config *c)
{
    if (!c->spatial) return c->input_dim + extra_size(c);
    return c->mlp2.count > 0 ? last(&c->mlp2) : 0;
}

int parcel_config_check(const parcel_config *c, const char *where, int embedding, const char *from)
{
    int rc = OK;
    if (c->spatial && strcmp(c->spatial, "pse") != 0)
        return fail(USAGE, "%s.spatial is \"%s\", wanted \"pse\" or null", where, c->spatial);
    if (c->with_extra && !c->extra_size.present)
        return fail(USAGE, "%s.extra_size is null, wanted a number since with_extra is true", where);
    if (c->spatial) TRY(list_check(c, where));
    TRY(list_long_enough(where, "mlp4", &c->mlp4, 2));
    TRY(widths_meet(where, "mlp4[0]", first(&c->mlp4), from, embedding));
done:
    return rc;
}

int parcel_attention_check(const parcel_config *c, const char *where, int head_width)
{
    int rc = OK;
    TRY(list_long_enough(where, "mlp3", &c->mlp3, 1)); /* one width: no layer, as in the smallest published L-TAE */
    TRY(parcel_config_check(c, where, last(&c->mlp3), "last of mlp3"));
    TRY(widths_meet(where, "mlp3[0]", first(&c->mlp3), "the width of the heads' outputs", head_width));
done:
    return rc;
}

/* ---- building --------------------------------------------------------------------------------------------------- */

static int inputs_fit(const parcel_inputs *in, const parcel_config *c)
{
    enum { LINES_MAX = 40000 }; /* a century of days: beyond that a date is wrong */
    int bands = tensor_channels(in->x), extras = in->extra ? tensor_channels(in->extra) : 0;
    if (bands != c->input_dim)
        return fail(FAILED, "the data have %d bands, model.input_dim is %d", bands, c->input_dim);
    if (extras != extra_size(c))
        return fail(FAILED,
                    "the data give %d extra features, the model wants %d (model.with_extra, extra_size; "
                    "data.extra_feature)",
                    extras, extra_size(c));
    if (!c->spatial && in->x->shape.size[1] != 1)
        return fail(FAILED,
                    "a date has %d pixels (data.npixel), wanted 1: without a spatial encoder (model.spatial) it is one "
                    "vector",
                    in->x->shape.size[1]);
    if (in->position_lines > LINES_MAX)
        return fail(FAILED, "positions span %d days, wanted at most %d: check the dates and data.ref_date",
                    in->position_lines, LINES_MAX);
    if (c->d_model.present && c->elementwise_affine && c->len_max_seq.present && in->longest > c->len_max_seq.value)
        return fail(FAILED, "a series has %d dates, model.len_max_seq allows %d: its norm has weights per date",
                    in->longest, c->len_max_seq.value);
    if (c->seq_len.present && in->longest > c->seq_len.value)
        return fail(FAILED,
                    "a series has %d dates, model.seq_len allows %d: its first linear layer has weights per date",
                    in->longest, c->seq_len.value);
    return OK;
}

static temporal_config temporal_settings(const parcel_inputs *in, const parcel_config *c)
{
    return (temporal_config){
        .heads = c->n_head,
        .d_k = c->d_k,
        .d_model = c->d_model,
        .mlp3 = c->mlp3,
        .dropout = c->dropout,
        .attention_dropout = c->attention_dropout,
        .period = c->T,
        .longest = c->len_max_seq.present ? c->len_max_seq.value : in->longest,
        .projection_weights = c->elementwise_affine,
        .most_dates = in->longest,
        .placed = strcmp(c->positions, "dates") == 0,
        .hidden = c->hidden_dim,
        .kernels = c->nker,
        .dates = c->seq_len.present ? c->seq_len.value : in->longest,
    };
}

/* Each date as a vector, without an encoder of its pixels: its one pixel, and the extra features behind it. */
static tensor *vectors(net *n, const parcel_inputs *in)
{
    tensor *x = reshape(n, in->x, SHAPE(in->x->shape.size[0], tensor_channels(in->x)));
    return in->extra ? concat(n, x, in->extra) : x;
}

static tensor *spatial(net *n, const parcel_inputs *in, const parcel_config *c)
{
    pixel_set_config pixels = {.mlp1 = c->mlp1, .mlp2 = c->mlp2};
    if (!c->spatial) return vectors(n, in);
    int rc = pooling_parse(c->pooling, "model", &pixels.pools);
    if (rc) net_refuse(n, rc);
    return rc ? NULL : pixel_set(n, "spatial_encoder", in->x, in->mask, in->extra, &pixels);
}

parcel_outputs parcel_build(net *n, const parcel_inputs *in, const parcel_config *c, temporal_encoder temporal)
{
    parcel_outputs out = {0};
    if (!in->x || !in->mask || !in->offsets || !in->positions) return out; /* the net knows why */
    int rc = inputs_fit(in, c);
    if (rc) {
        net_refuse(n, rc);
        return out;
    }
    temporal_config settings = temporal_settings(in, c);
    position_range positions = {in->positions, in->first_position, in->position_lines, in->position_table};
    out.spatial = spatial(n, in, c);
    tensor *embedding = temporal(n, "temporal_encoder", out.spatial, in->offsets, positions, &settings, &out.attention);
    out.logits = decoder(n, "decoder", embedding, &c->mlp4);
    return out;
}
