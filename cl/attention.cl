/* Attention of one query a sequence and head over the sequence's dates: TAE (Garnot et al. 2020) and, built with
 * -DSHARED_QUERY=1, L-TAE (Garnot and Landrieu 2020).
 *
 * The score (Wk_h x + bk_h) . q_h / sqrt(d_k) is x . u_h plus what all dates share, with the pushed query u_h = Wk_h^T
 * q_h / sqrt(d_k): so no product of frames with Wk exists, forward or backward.
 *   x [frames x C]; sequence s owns the frames offsets[s] .. offsets[s + 1] - 1, T of them.
 *   u [queries x H x C]: one query a sequence (TAE) or one in all (L-TAE).
 *   Per date and head (scores, softmax, gradients): [sequences] blocks of [H x T] one after the other, that of sequence
 *   s from offsets[s] H on; so any T, and a head's dates lie side by side. Dropout's draws are numbered that way too.
 *   Values: TAE: all of x for every head, y [sequences x H x C]; L-TAE: each head its C / H channels (VW divides them),
 *   y [sequences x C].
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=16 -DSHARED_QUERY=0
 * check: -DVW=1 -DLANES=64 -DTEAM=16 -DSHARED_QUERY=1 -DHEADS_HELD=16
 * check: -DVW=1 -DLANES=16 -DTEAM=16 -DSHARED_QUERY=0 */
#include "dropout.clh"

#define EACH 4 /* heads, dates or queries whose sums an item holds at once */
#ifndef HEADS_HELD
#define HEADS_HELD 4 /* likewise in sum_queries: the more, the less often x is read */
#endif
#define DATES (LANES == 1 ? 2 : 1) /* whose scores it holds at once */

/* ---- the parts -------------------------------------------------------------------------------------------------- */

/* out[h T + t] = x[t, h slice ..] . vectors[h, ..] over `length` channels, for all dates and heads of a sequence. A
 * team takes DATES dates and EACH heads at a time. 2 T heads length FLOPs. */
static inline void all_dots(__global const float *x, int dates, int channels, __global const float *vectors, int length,
                            int slice, int heads, __global float *out, __local float *box)
{
    const int team = (int)get_local_id(0) / TEAM, member = (int)get_local_id(0) % TEAM;
    for (int first = 0; first < dates; first += TEAMS * DATES) {
        const int t0 = first + team * DATES;
        for (int h0 = 0; h0 < heads; h0 += EACH) {
            vec sum[DATES][EACH];
            UNROLL for (int j = 0; j < DATES; j++)
                UNROLL for (int i = 0; i < EACH; i++) sum[j][i] = (vec)0.0f;
            for (int c = VW * member; c < length; c += VW * TEAM) {
                const int left = length - c;
                UNROLL for (int i = 0; i < EACH; i++) {
                    const int h = min(h0 + i, heads - 1);
                    const vec along = ROW_LOAD(vectors + (size_t)h * length + c, left);
                    UNROLL for (int j = 0; j < DATES; j++) {
                        const int t = min(t0 + j, dates - 1);
                        sum[j][i] =
                            MULTIPLY_ADD(ROW_LOAD(x + (size_t)t * channels + h * slice + c, left), along, sum[j][i]);
                    }
                }
            }
            /* One loop around the barriers in team_sum: of two nested ones PoCL 3.1 makes something else. */
            UNROLL for (int k = 0; k < DATES * EACH; k++) {
                const int t = t0 + k / EACH, h = h0 + k % EACH;
                const float total = team_sum(sum_lanes(sum[k / EACH][k % EACH]), box);
                if (member == 0 && t < dates && h < heads) out[(size_t)h * dates + t] = total;
            }
        }
    }
}

/* out[h, ..] = sum over t of weights[h T + t] x[t, ..], all heads of one sequence. An item owns vectors of channels.
 * 2 T H C FLOPs, 2 T C where heads have channels of their own. */
static inline void weigh_values(__global const float *weights, __global const float *x, int dates, int channels,
                                int heads, __global float *out)
{
    const int start = VW * (int)get_local_id(0);
#if SHARED_QUERY
    const int length = channels / heads;
    for (int c = start; c < channels; c += VW * LANES) {
        __global const float *mine = weights + (size_t)(c / length) * dates;
        vec sum = (vec)0.0f;
        for (int t = 0; t < dates; t++) sum = MULTIPLY_ADD((vec)mine[t], VLOAD(0, x + (size_t)t * channels + c), sum);
        VSTORE(sum, 0, out + c);
    }
#else
    for (int h0 = 0; h0 < heads; h0 += EACH)
        for (int c = start; c < channels; c += VW * LANES) {
            const int left = channels - c;
            vec sum[EACH];
            UNROLL for (int i = 0; i < EACH; i++) sum[i] = (vec)0.0f;
            for (int t = 0; t < dates; t++) {
                const vec v = ROW_LOAD(x + (size_t)t * channels + c, left);
                UNROLL for (int i = 0; i < EACH; i++)
                    sum[i] = MULTIPLY_ADD((vec)weights[(size_t)min(h0 + i, heads - 1) * dates + t], v, sum[i]);
            }
            UNROLL for (int i = 0; i < EACH; i++)
                if (h0 + i < heads) ROW_STORE(sum[i], out + (size_t)(h0 + i) * channels + c, left);
        }
#endif
}

/* Softmax over the dates of each head, in place. A team takes a head; its members read back only what they wrote. */
static inline void softmax_dates(__global float *scores, int heads, int dates, __local float *box)
{
    const int team = (int)get_local_id(0) / TEAM, start = VW * ((int)get_local_id(0) % TEAM);
    for (int h0 = 0; h0 < heads; h0 += TEAMS) {
        const int mine = h0 + team < heads ? dates : 0;
        __global float *row = scores + (size_t)min(h0 + team, heads - 1) * dates;
        vec largest = (vec)-INFINITY, sum = (vec)0.0f;
        for (int t = start; t < mine; t += VW * TEAM)
            largest = fmax(largest, tail_or(load_tail(row + t, mine - t), mine - t, -INFINITY));
        const float top = team_max(max_lanes(largest), box);
        for (int t = start; t < mine; t += VW * TEAM) {
            const vec e = exp(load_tail(row + t, mine - t) - top);
            sum += tail_or(e, mine - t, 0.0f);
            store_tail(e, row + t, mine - t);
        }
        const float share = 1.0f / team_sum(sum_lanes(sum), box);
        for (int t = start; t < mine; t += VW * TEAM)
            store_tail(load_tail(row + t, mine - t) * share, row + t, mine - t);
    }
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

/* u [queries x H x C] = scale Wk^T q a head; query [queries x H d_k], key_weight [H d_k x C]. Group (block of EACH
 * queries, head, channels): an item owns one vector of channels for its queries, and reads Wk_h once. 2 queries H d_k C
 * FLOPs. */
__kernel GROUP_OF(LANES) void push_queries(__global const float *restrict query,
                                           __global const float *restrict key_weight, __global float *restrict u,
                                           int queries, int d_k, int channels, float scale)
{
    const int h = (int)get_group_id(1), heads = (int)get_num_groups(1), s0 = EACH * (int)get_group_id(0);
    const int c = VW * (int)(get_group_id(2) * LANES + get_local_id(0)), left = channels - c;
    if (left <= 0) return;
    vec sum[EACH];
    UNROLL for (int i = 0; i < EACH; i++) sum[i] = (vec)0.0f;
    for (int k = 0; k < d_k; k++) {
        const vec w = ROW_LOAD(key_weight + ((size_t)h * d_k + k) * channels + c, left);
        UNROLL for (int i = 0; i < EACH; i++) {
            const int s = min(s0 + i, queries - 1);
            sum[i] = MULTIPLY_ADD((vec)query[((size_t)s * heads + h) * d_k + k], w, sum[i]);
        }
    }
    UNROLL for (int i = 0; i < EACH; i++)
        if (s0 + i < queries) ROW_STORE(sum[i] * scale, u + ((size_t)(s0 + i) * heads + h) * channels + c, left);
}

/* A group owns a sequence: scores, softmax (into `softmax`), dropout (into `dropped`, unless limit is 0), y. map
 * [frames x H] may be NULL. x is read twice, the second time from cache; about 4 T H C FLOPs. */
__kernel GROUP_OF(LANES) void attend(__global const float *restrict x, __global const int *restrict offsets,
                                     __global const float *restrict u, __global float *softmax, __global float *dropped,
                                     __global float *restrict y, __global float *restrict map, int channels, int heads,
                                     uint key_low, uint key_high, uint limit, float scale)
{
    TEAM_BOX;
    const int s = (int)get_group_id(0), first = offsets[s], dates = offsets[s + 1] - first;
    const drop d = {(uint2)(key_low, key_high), limit, scale};
    __global const float *from = x + (size_t)first * channels;
    __global float *scores = softmax + (size_t)first * heads, *weights = scores;
    all_dots(from, dates, channels, SHARED_QUERY ? u : u + (size_t)s * heads * channels, channels, 0, heads, scores,
             box);
    group_wait();
    softmax_dates(scores, heads, dates, box);
    group_wait();
    if (limit) {
        weights = dropped + (size_t)first * heads;
        drop_values(d, (uint)(first * heads), scores, weights, heads * dates, 0);
        group_wait();
    }
    weigh_values(weights, from, dates, channels, heads, y + (size_t)s * channels * (SHARED_QUERY ? 1 : heads));
    for (int i = (int)get_local_id(0); map && i < heads * dates; i += LANES)
        map[(size_t)first * heads + i] = weights[(size_t)(i % heads) * dates + i / heads];
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

/* In place, per head: gradient of the weights -> gradient of the scores: a (g - sum over dates of a g). */
static inline void softmax_gradient(__global const float *softmax, __global float *gradient, int heads, int dates,
                                    __local float *box)
{
    const int team = (int)get_local_id(0) / TEAM, start = VW * ((int)get_local_id(0) % TEAM);
    for (int h0 = 0; h0 < heads; h0 += TEAMS) {
        const int mine = h0 + team < heads ? dates : 0;
        const size_t row = (size_t)min(h0 + team, heads - 1) * dates;
        vec sum = (vec)0.0f;
        for (int t = start; t < mine; t += VW * TEAM)
            sum = MULTIPLY_ADD(load_tail(softmax + row + t, mine - t), load_tail(gradient + row + t, mine - t), sum);
        const float along = team_sum(sum_lanes(sum), box);
        for (int t = start; t < mine; t += VW * TEAM) {
            const vec g = load_tail(gradient + row + t, mine - t) - along;
            store_tail(load_tail(softmax + row + t, mine - t) * g, gradient + row + t, mine - t);
        }
    }
}

/* gradient[h T + t] += that of the map [T x H], which is of the weights after dropout. */
static inline void add_map_gradient(__global const float *map, __global float *gradient, int heads, int dates)
{
    for (int i = (int)get_local_id(0); i < heads * dates; i += LANES)
        gradient[i] += map[(size_t)(i % dates) * heads + i / dates];
}

/* dx[t, c] (+)= sum over h of scores'[h, t] u[h, c] + weights[h, t] dy[h, c] (L-TAE: the c's own head's dy alone). An
 * item owns vectors of channels, EACH dates at a time. 4 T H C FLOPs. */
static inline void spread(__global const float *score_gradient, __global const float *u,
                          __global const float *weights, __global const float *dy, int dates, int channels, int heads,
                          __global float *dx, int accumulate)
{
    for (int c = VW * (int)get_local_id(0); c < channels; c += VW * LANES)
        for (int t0 = 0; t0 < dates; t0 += EACH) {
            const int left = channels - c;
            vec sum[EACH];
            UNROLL for (int i = 0; i < EACH; i++) sum[i] = (vec)0.0f;
            for (int h = 0; h < heads; h++) {
                const vec along = ROW_LOAD(u + (size_t)h * channels + c, left);
                __global const float *line = score_gradient + (size_t)h * dates;
                UNROLL for (int i = 0; i < EACH; i++)
                    sum[i] = MULTIPLY_ADD((vec)line[min(t0 + i, dates - 1)], along, sum[i]);
#if !SHARED_QUERY
                const vec back = ROW_LOAD(dy + (size_t)h * channels + c, left);
                line = weights + (size_t)h * dates;
                UNROLL for (int i = 0; i < EACH; i++)
                    sum[i] = MULTIPLY_ADD((vec)line[min(t0 + i, dates - 1)], back, sum[i]);
#endif
            }
#if SHARED_QUERY
            __global const float *line = weights + (size_t)(c / (channels / heads)) * dates;
            const vec back = VLOAD(0, dy + c);
            UNROLL for (int i = 0; i < EACH; i++)
                sum[i] = MULTIPLY_ADD((vec)line[min(t0 + i, dates - 1)], back, sum[i]);
#endif
            UNROLL for (int i = 0; i < EACH; i++) {
                if (t0 + i >= dates) continue;
                __global float *to = dx + (size_t)(t0 + i) * channels + c;
                ROW_STORE(accumulate ? sum[i] + ROW_LOAD(to, left) : sum[i], to, left);
            }
        }
}

/* A group owns a sequence: the scores' gradient (into score_gradient, laid out as softmax) and dx [frames x C] (NULL:
 * not wanted). dmap [frames x H]: the map's gradient, NULL where it has none. dropped: room for the weights after
 * dropout, drawn again; unused when limit is 0. x is read once, dx written once; about 6 T H C FLOPs. */
__kernel GROUP_OF(LANES) void attend_backward(__global const float *restrict x, __global const int *restrict offsets,
                                              __global const float *restrict u, __global const float *softmax,
                                              __global const float *restrict dy, __global const float *restrict dmap,
                                              __global float *restrict dx, __global float *score_gradient,
                                              __global float *dropped, int channels, int heads, uint key_low,
                                              uint key_high, uint limit, float scale, int accumulate)
{
    TEAM_BOX;
    const int s = (int)get_group_id(0), first = offsets[s], dates = offsets[s + 1] - first;
    const drop d = {(uint2)(key_low, key_high), limit, scale};
    __global const float *after = softmax + (size_t)first * heads, *weights = after;
    __global const float *back = dy + (size_t)s * channels * (SHARED_QUERY ? 1 : heads);
    __global float *gradient = score_gradient + (size_t)first * heads;
    const int length = SHARED_QUERY ? channels / heads : channels;
    all_dots(x + (size_t)first * channels, dates, channels, back, length, SHARED_QUERY ? length : 0, heads, gradient,
             box);
    group_wait();
    if (dmap) {
        add_map_gradient(dmap + (size_t)first * heads, gradient, heads, dates);
        group_wait();
    }
    if (limit) {
        drop_values(d, (uint)(first * heads), gradient, gradient, heads * dates, 0);
        drop_values(d, (uint)(first * heads), after, dropped + (size_t)first * heads, heads * dates, 0);
        group_wait();
        weights = dropped + (size_t)first * heads;
    }
    softmax_gradient(after, gradient, heads, dates, box);
    group_wait();
    if (dx)
        spread(gradient, SHARED_QUERY ? u : u + (size_t)s * heads * channels, weights, back, dates, channels, heads,
               dx + (size_t)first * channels, accumulate);
}

/* du [parts x H x C], part j = get_group_id(0): sum over `each` sequences from j each on, in order, and over their
 * dates of score_gradient[h, t] x[t, c]. TAE: each 1, a part is a sequence. L-TAE: parts to be added in order. Group
 * (part, block of HEADS_HELD heads, channels): an item owns one vector of channels. 2 T H C FLOPs a sequence. */
__kernel GROUP_OF(LANES) void sum_queries(__global const float *restrict x, __global const int *restrict offsets,
                                          __global const float *restrict score_gradient, __global float *restrict du,
                                          int sequences, int channels, int heads, int each)
{
    const int part = (int)get_group_id(0), h0 = HEADS_HELD * (int)get_group_id(1);
    const int c = VW * (int)(get_group_id(2) * LANES + get_local_id(0)), left = channels - c;
    if (left <= 0) return;
    vec sum[HEADS_HELD];
    UNROLL for (int i = 0; i < HEADS_HELD; i++) sum[i] = (vec)0.0f;
    for (int s = part * each; s < min((part + 1) * each, sequences); s++) {
        const int first = offsets[s], dates = offsets[s + 1] - first;
        __global const float *from = x + (size_t)first * channels + c;
        __global const float *gradient = score_gradient + (size_t)first * heads;
        for (int t = 0; t < dates; t++) {
            const vec v = ROW_LOAD(from + (size_t)t * channels, left);
            UNROLL for (int i = 0; i < HEADS_HELD; i++)
                sum[i] = MULTIPLY_ADD((vec)gradient[(size_t)min(h0 + i, heads - 1) * dates + t], v, sum[i]);
        }
    }
    UNROLL for (int i = 0; i < HEADS_HELD; i++)
        if (h0 + i < heads) ROW_STORE(sum[i], du + ((size_t)part * heads + h0 + i) * channels + c, left);
}

/* dquery [queries x H d_k] (+)= scale Wk_h . du_h. Group (block of EACH queries, head): a team takes a row of Wk_h at a
 * time, for all its queries. 2 queries H d_k C FLOPs. */
__kernel GROUP_OF(LANES) void query_gradient(__global const float *restrict du,
                                             __global const float *restrict key_weight,
                                             __global float *restrict dquery, int queries, int d_k, int channels,
                                             float scale, int accumulate)
{
    TEAM_BOX;
    const int h = (int)get_group_id(1), heads = (int)get_num_groups(1), s0 = EACH * (int)get_group_id(0);
    const int lane = (int)get_local_id(0), member = lane % TEAM;
    for (int k0 = 0; k0 < d_k; k0 += TEAMS) {
        const int k = min(k0 + lane / TEAM, d_k - 1);
        const bool mine = member == 0 && k0 + lane / TEAM < d_k;
        vec sum[EACH];
        UNROLL for (int i = 0; i < EACH; i++) sum[i] = (vec)0.0f;
        for (int c = VW * member; c < channels; c += VW * TEAM) {
            const vec w = ROW_LOAD(key_weight + ((size_t)h * d_k + k) * channels + c, channels - c);
            UNROLL for (int i = 0; i < EACH; i++) {
                const size_t row = (size_t)min(s0 + i, queries - 1) * heads + h;
                sum[i] = MULTIPLY_ADD(w, ROW_LOAD(du + row * channels + c, channels - c), sum[i]);
            }
        }
        UNROLL for (int i = 0; i < EACH; i++) {
            const float total = team_sum(sum_lanes(sum[i]), box) * scale;
            __global float *to = dquery + ((size_t)min(s0 + i, queries - 1) * heads + h) * d_k + k;
            if (mine && s0 + i < queries) *to = accumulate ? *to + total : total;
        }
    }
}

/* dkey_weight [H d_k x C] (+)= scale sum over queries, in order, of q du. Group (head, block of EACH of its rows,
 * channels): an item owns one vector of channels of those rows, and reads du once. 2 queries H d_k C FLOPs. */
__kernel GROUP_OF(LANES) void key_gradient(__global const float *restrict query, __global const float *restrict du,
                                           __global float *restrict dkey_weight, int queries, int d_k, int channels,
                                           float scale, int accumulate)
{
    const int h = (int)get_group_id(0), heads = (int)get_num_groups(0), k0 = EACH * (int)get_group_id(1);
    const int c = VW * (int)(get_group_id(2) * LANES + get_local_id(0)), left = channels - c;
    if (left <= 0) return;
    vec sum[EACH];
    UNROLL for (int i = 0; i < EACH; i++) sum[i] = (vec)0.0f;
    for (int s = 0; s < queries; s++) {
        const vec d = ROW_LOAD(du + ((size_t)s * heads + h) * channels + c, left);
        UNROLL for (int i = 0; i < EACH; i++)
            sum[i] = MULTIPLY_ADD((vec)query[((size_t)s * heads + h) * d_k + min(k0 + i, d_k - 1)], d, sum[i]);
    }
    UNROLL for (int i = 0; i < EACH; i++) {
        if (k0 + i >= d_k) continue;
        __global float *to = dkey_weight + ((size_t)h * d_k + k0 + i) * channels + c;
        ROW_STORE(accumulate ? MULTIPLY_ADD(sum[i], (vec)scale, ROW_LOAD(to, left)) : sum[i] * scale, to, left);
    }
}
