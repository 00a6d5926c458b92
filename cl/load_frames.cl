/* Raw frames to what the networks read: normalised, channels last, flipped and turned; see op/image.h.
 *
 * Macros: BANDS; VALUE, the raw type, or HALF instead: 16-bit floats, which vload_half reads without any extension.
 *
 * check: -DLANES=64 -DBANDS=10 -DVALUE=short
 * check: -DLANES=128 -DBANDS=33 -DHALF
 * check-cpu: -DVW=16 -DBANDS=10 -DVALUE=short
 * check-cpu: -DVW=16 -DBANDS=3 -DHALF */
#include "common.clh"
#include "turn.clh"

#ifndef LANES
#define LANES 1
#endif

#ifdef HALF
#define VALUE half
#define LOAD(p, i) vload_half((size_t)(i), (p))
#else
#define LOAD(p, i) ((float)(p)[i])
#endif
#if VW == 1
#define LOAD_VECTOR(p) LOAD((p), 0)
#elif defined HALF
#define LOAD_VECTOR(p) PASTE(vload_half, VW)((size_t)0, (p))
#else
#define LOAD_VECTOR(p) PASTE(convert_float, VW)(VLOAD(0, (p)))
#endif

#if LANES == 1

#define BLOCK (BANDS < VW ? BANDS : VW) /* bands at a time */

/* VW pixels of BLOCK bands: the next ones are `along` apart. */
static inline void load_lines(__global const VALUE *from, size_t plane, int along, vec line[VW])
{
    float lane[VW];
    if (along == 1) {
        UNROLL for (int k = 0; k < BLOCK; k++) line[k] = LOAD_VECTOR(from + k * plane);
    } else if (along == -1) {
        UNROLL for (int k = 0; k < BLOCK; k++) {
            VSTORE(LOAD_VECTOR(from + k * plane - (VW - 1)), 0, lane);
            UNROLL for (int i = 0; i < VW / 2; i++) {
                const float other = lane[i];
                lane[i] = lane[VW - 1 - i];
                lane[VW - 1 - i] = other;
            }
            line[k] = VLOAD(0, lane);
        }
    } else {
        NOUNROLL for (int k = 0; k < BLOCK; k++) {
            UNROLL for (int i = 0; i < VW; i++) lane[i] = LOAD(from + k * plane, i * along);
            line[k] = VLOAD(0, lane);
        }
    }
}

/* A square of vectors, transposed by perfect shuffles: each turns the (row, lane) bits of a value's place by one. */
static inline void transpose(vec line[VW])
{
#if VW > 1
    vec other[VW];
    UNROLL for (int step = 1; step < VW; step *= 2) {
        UNROLL for (int i = 0; i < VW / 2; i++) {
            other[2 * i].even = line[i].lo;
            other[2 * i].odd = line[i + VW / 2].lo;
            other[2 * i + 1].even = line[i].hi;
            other[2 * i + 1].odd = line[i + VW / 2].hi;
        }
        UNROLL for (int i = 0; i < VW; i++) line[i] = other[i];
    }
#endif
}

/* BLOCK bands of VW pixels, of which x holds `left` floats from here on. Where a pixel has fewer bands than a vector,
 * what is written behind them is the next pixel's, which comes after. */
static inline void load_block(__global const VALUE *from, size_t plane, int along, __global const float *mean,
                              __global const float *std, __global float *to, int left)
{
    vec line[VW];
    load_lines(from, plane, along, line);
    UNROLL for (int k = 0; k < BLOCK; k++) line[k] = (line[k] - mean[k]) / std[k];
    UNROLL for (int k = BLOCK; k < VW; k++) line[k] = 0.0f;
    transpose(line);
    UNROLL for (int i = 0; i < VW; i++) {
        if (BLOCK == VW || left - i * BANDS >= VW)
            VSTORE(line[i], 0, to + i * BANDS);
        else
            store_tail(line[i], to + i * BANDS, left - i * BANDS);
    }
}

/* x [frames x height x width x BANDS] from raw [frames x BANDS x height x width], (value - mean) / std; width is VW or
 * more. An item owns VW rows of a frame, so that the lines of cache that a turned frame is read by are used whole;
 * each value is read and written once, but for the last vectors of a row and of the bands, which slide back. 2 FLOPs a
 * value. */
__kernel ONE_ITEM void load_frames(__global const VALUE *restrict raw, __global const int *restrict frame_patch,
                                   __global const int *restrict turn, __global const float *restrict mean,
                                   __global const float *restrict std, int height, int width, __global float *restrict x)
{
    const size_t frame = get_group_id(1), plane = (size_t)height * width;
    const path p = path_of(turn[frame_patch[frame]], height, width);
    const int first = (int)get_group_id(0) * VW, last = min(first + VW, height);
    raw += frame * BANDS * plane + p.start;
    x += frame * BANDS * plane;
    for (int i = 0; i < width; i += VW) {
        const int column = min(i, width - VW);
        for (int row = first; row < last; row++)
            for (int k = 0; k < BANDS; k += BLOCK) {
                const int band = min(k, BANDS - BLOCK);
                load_block(raw + band * plane + row * p.down + column * p.along, plane, p.along, mean + band, std + band,
                           x + ((size_t)row * width + column) * BANDS + band, (width - column) * BANDS);
            }
    }
}

#else

#define TILE 16
#define BLOCK (BANDS < 12 ? BANDS : 12) /* bands at a time: 13 KB of local memory at most */
#define STRIDE (BLOCK | 1)              /* odd: neighbours lie in different banks of local memory */

/* The same, a group a square of TILE x TILE pixels of a frame: read along the stored rows, whichever way they turn,
 * written along the channels; local memory in between. Each value is read once and written once. */
__kernel GROUP_OF(LANES) void load_frames(__global const VALUE *restrict raw, __global const int *restrict frame_patch,
                                          __global const int *restrict turn, __global const float *restrict mean,
                                          __global const float *restrict std, int height, int width,
                                          __global float *restrict x)
{
    __local float tile[TILE * TILE * STRIDE];
    const size_t frame = get_group_id(1), plane = (size_t)height * width;
    const int across = (width + TILE - 1) / TILE, item = (int)get_local_id(0);
    const int first_row = (int)get_group_id(0) / across * TILE, first_column = (int)get_group_id(0) % across * TILE;
    const path p = path_of(turn[frame_patch[frame]], height, width);
    raw += frame * BANDS * plane;
    x += frame * BANDS * plane;
    for (int first = 0; first < BANDS; first += BLOCK) {
        for (int i = item; i < TILE * TILE * BLOCK; i += LANES) {
            const int band = first + i / (TILE * TILE), slow = i / TILE % TILE, fast = i % TILE;
            const int down = p.flat ? slow : fast, along = p.flat ? fast : slow;
            const int row = first_row + down, column = first_column + along;
            if (band < BANDS && row < height && column < width) {
                const float value = LOAD(raw, band * plane + (p.start + row * p.down + column * p.along));
                tile[(down * TILE + along) * STRIDE + band - first] = (value - mean[band]) / std[band];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = item; i < TILE * TILE * BLOCK; i += LANES) {
            const int band = first + i % BLOCK, pixel = i / BLOCK;
            const int row = first_row + pixel / TILE, column = first_column + pixel % TILE;
            if (band < BANDS && row < height && column < width)
                x[((size_t)row * width + column) * BANDS + band] = tile[pixel * STRIDE + band - first];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

#endif
