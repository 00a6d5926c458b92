/* A batch's input from raw parcels: choose pixels, gather, normalise, jitter; see op.h. Source of the rules: the
 * published dataset.py of PSE+TAE (Garnot et al., CVPR 2020).
 *
 * Macros: BANDS, VALUE (the raw type), NORM_PER_DATE and JITTER (0 or 1). Counters of Philox under the parcel's key:
 * {i, CHOICE} for the choice of pixels, {block, date} for the jitter.
 *
 * check: -DVW=1 -DLANES=64 -DBANDS=10 -DVALUE=ushort -DNORM_PER_DATE=0 -DJITTER=1
 * check: -DVW=1 -DLANES=16 -DBANDS=4 -DVALUE=float -DNORM_PER_DATE=1 -DJITTER=0 */
#include "random.clh"

#ifndef LANES
#define LANES 1
#endif
#define CHOICE 0xFFFFFFFFu

typedef struct sample_parcel { /* op.h's, 32 bytes */
    ulong raw_start;
    uint pixels, dates, first_frame, norm_row;
    uint stream[2];
} sample_parcel;

/* The four words of one block. */
static inline void block_of(uint2 key, uint low, uint high, uint word[4])
{
    uint x[4] = {low, high, 0, 0};
    for (int round = 0; round < 10; round++) {
        const ulong left = (ulong)x[0] * 0xD2511F53ul, right = (ulong)x[2] * 0xCD9E8D57ul;
        x[0] = (uint)(right >> 32) ^ x[1] ^ key.x;
        x[1] = (uint)right;
        x[2] = (uint)(left >> 32) ^ x[3] ^ key.y;
        x[3] = (uint)left;
        key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
    }
    UNROLL for (int i = 0; i < 4; i++) word[i] = x[i];
}

/* chosen [frames x npixel] (the mask's memory): in the line of each parcel's first frame, its pixel of each slot. One
 * work-item a parcel. More pixels than slots: Floyd's sample (Bentley and Floyd 1987), a draw a slot and no pixel
 * twice, npixel^2 / 2 comparisons; else every pixel in order, and then the first. */
__kernel GROUP_OF(LANES) void choose_pixels(__global const sample_parcel *restrict parcels, int count, int npixel,
                                            __global int *restrict chosen)
{
    const int i = (int)get_global_id(0);
    if (i >= count || parcels[i].dates == 0) return;
    const uint pixels = parcels[i].pixels, slots = (uint)npixel;
    const uint2 key = (uint2)(parcels[i].stream[0], parcels[i].stream[1]);
    chosen += (size_t)parcels[i].first_frame * npixel;
    if (pixels <= slots) {
        for (uint slot = 0; slot < slots; slot++) chosen[slot] = slot < pixels ? (int)slot : 0;
        return;
    }
    uint word[4];
    for (uint slot = 0; slot < slots; slot++) {
        if (slot % 2 == 0) block_of(key, slot / 2, CHOICE, word);
        const uint last = pixels - slots + slot;
        const bool odd = slot % 2 != 0;
        const int drawn = (int)random_scale(odd ? word[2] : word[0], odd ? word[3] : word[1], last + 1);
        int found = 0;
        for (uint k = 0; k < slot; k++) found |= chosen[k] == drawn;
        chosen[slot] = found ? (int)last : drawn;
    }
}

/* Adds jitter to a frame's `values` values. Draw number v (slot BANDS + band) is gaussian v / 16 % 4 of Philox block
 * v / 64 * 16 + v % 16: sixteen neighbours come from sixteen blocks drawn side by side. */
static inline void jitter_frame(uint2 key, uint date, float sigma, float clip, int values, __global float *x)
{
    const int across = 16 / VW;
    for (int j = (int)get_local_id(0); j < (values + 63) / 64 * across; j += LANES) {
        const int run = j / across, start = j % across * VW;
        uint_vec word[4];
        vec draw[4];
        philox(key, (uint)(run * 16 + start) + LANE_NUMBERS, date, word);
        gaussian_pair(word[0], word[1], &draw[0], &draw[1]);
        gaussian_pair(word[2], word[3], &draw[2], &draw[3]);
        UNROLL for (int w = 0; w < 4; w++) {
            const int at = run * 64 + w * 16 + start;
            const vec added = clamp(sigma * draw[w], (vec)-clip, (vec)clip);
            if (at < values) store_tail(load_tail(x + at, values - at) + added, x + at, values - at);
        }
    }
}

/* x [frames x npixel x BANDS] from raw, the pixels chosen before, mean and std [BANDS], or [dates x BANDS] per date. A
 * group owns a frame: each value is read once in pieces of BANDS neighbours, written once, and with jitter read and
 * written again from cache. 2 FLOPs a value, and about 30 more with jitter. */
__kernel GROUP_OF(LANES) void gather_pixels(__global const VALUE *restrict raw,
                                            __global const sample_parcel *restrict parcels,
                                            __global const int *restrict frame_parcel,
                                            __global const float *restrict mean, __global const float *restrict std,
                                            int npixel, float sigma, float clip, __global const int *restrict chosen,
                                            __global float *restrict x)
{
    const size_t frame = get_group_id(0);
    __global const sample_parcel *parcel = parcels + frame_parcel[frame];
    const uint pixels = parcel->pixels, date = (uint)frame - parcel->first_frame;
    __global const VALUE *values = raw + parcel->raw_start + (size_t)date * pixels * BANDS;
    x += frame * npixel * BANDS;
    chosen += (size_t)parcel->first_frame * npixel;
    if (NORM_PER_DATE) {
        mean += (size_t)(parcel->norm_row + date) * BANDS;
        std += (size_t)(parcel->norm_row + date) * BANDS;
    }
#if LANES == 1
    for (int slot = 0; slot < npixel; slot++) {
        __global const VALUE *from = values + (size_t)chosen[slot] * BANDS;
        if (pixels > 0)
            for (int c = 0; c < BANDS; c++) x[slot * BANDS + c] = ((float)from[c] - mean[c]) / std[c];
        else
            for (int c = 0; c < BANDS; c++) x[slot * BANDS + c] = -mean[c] / std[c];
    }
#else
    for (int i = (int)get_local_id(0); i < npixel * BANDS; i += LANES) {
        const int c = i % BANDS;
        const float value = pixels > 0 ? (float)values[(size_t)chosen[i / BANDS] * BANDS + c] : 0.0f;
        x[i] = (value - mean[c]) / std[c];
    }
    barrier(CLK_GLOBAL_MEM_FENCE);
#endif
    if (JITTER) jitter_frame((uint2)(parcel->stream[0], parcel->stream[1]), date, sigma, clip, npixel * BANDS, x);
}

/* mask [frames x npixel]: 1 in the slots that hold a pixel of the parcel's own, at least the first. Overwrites
 * `chosen`, which nothing reads any more. */
__kernel GROUP_OF(LANES) void mask_pixels(__global const sample_parcel *restrict parcels,
                                          __global const int *restrict frame_parcel, int npixel,
                                          __global float *restrict mask)
{
    const size_t frame = get_group_id(0);
    const uint pixels = max(parcels[frame_parcel[frame]].pixels, 1u);
    for (int slot = (int)get_local_id(0); slot < npixel; slot += LANES)
        mask[frame * npixel + slot] = (uint)slot < pixels ? 1.0f : 0.0f;
}
