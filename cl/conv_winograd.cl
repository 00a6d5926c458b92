/* Convolutions by Winograd's minimal filtering, fused: a group transforms the inputs of its tiles into local memory,
 * multiplies them with the transformed weights, one small matrix product a frequency, and transforms the products back.
 * For CPUs, whose local memory is a cache and large: one item a group.
 *
 * PT tiles x OB vectors of outputs are what the registers hold in a product. VW divides the inputs, VW OB the outputs.
 *
 * check-cpu: -DVW=16 -DPT=8 -DOB=2 -DTAPS=3 -DSTEP_IN=1 -DSTEP_OUT=1 -DPENDING=1 -DPENDING_RELU=1
 * check-cpu: -DVW=8 -DPT=6 -DOB=2 -DTAPS=2 -DSTEP_IN=2 -DSTEP_OUT=1
 * check-cpu: -DVW=8 -DPT=4 -DOB=2 -DTAPS=2 -DSTEP_IN=1 -DSTEP_OUT=2 */
#include "conv_winograd.clh"
#include "frames_met.clh"
#include "pending.clh"

#define BLOCK (OB * VW) /* outputs that are worked on at a time */

/* A tile's series and date, and its row and column among the frame's tiles. */
typedef struct tile_place {
    int series, date, row, column;
} tile_place;

/* Of a group's tile number t: neighbours of a frame (behind the last, that one) or, `along`, at successive dates. */
static inline tile_place place_of(int t, int tiles, int all_tiles, int tile_rows, int tile_columns, int dates, int along)
{
    tile_place p;
    const int group = (int)get_group_id(0), frame_tiles = tile_rows * tile_columns;
    const int runs = (dates + tiles - 1) / tiles, number = min(group * tiles + t, all_tiles - 1);
    const int frame = number / frame_tiles, cell = along ? group / runs % frame_tiles : number % frame_tiles;
    p.series = along ? group / runs / frame_tiles : frame / dates;
    p.date = along ? group % runs * tiles + t : frame % dates;
    p.row = cell / tile_columns;
    p.column = cell % tile_columns;
    return p;
}

/* The pixel that stands at i of a line of `size`: mirrored, or (zeros are put there later) any. */
static inline int inside(int i, int size, int reflect)
{
    if (!reflect) return clamp(i, 0, size - 1);
    return i < 0 ? -i : i >= size ? 2 * size - 2 - i : i;
}

/* B^T x B of the inputs from (top, left) on, STEP_IN apart, of one frame: for each vector of channels, frequency f to
 * v + f v_stride; vectors of channels lie `tiles` vectors apart. 13 POINTS VW FLOPs or so a vector of channels. */
static inline void gather_tile(__global const float *x, __global const float *scale_shift, __local float *v, int top,
                               int left, int height, int width, int channels, int reflect, int tiles, int v_stride)
{
    int row[POINTS], column[POINTS], no_row[POINTS], no_column[POINTS];
    for (int i = 0; i < POINTS; i++) {
        const int r = top + i * STEP_IN, c = left + i * STEP_IN;
        row[i] = inside(r, height, reflect) * width * channels;
        column[i] = inside(c, width, reflect) * channels;
        no_row[i] = !reflect && (r < 0 || r >= height);
        no_column[i] = !reflect && (c < 0 || c >= width);
    }
    const int whole = !(no_row[0] | no_column[0] | no_row[POINTS - 1] | no_column[POINTS - 1]);
    for (int c = 0; c < channels; c += VW, v += tiles * VW) {
        vec partly[FREQUENCIES];
        UNROLL for (int i = 0; i < POINTS; i++) {
            vec d[POINTS];
            UNROLL for (int j = 0; j < POINTS; j++) {
                d[j] = pending_apply(VLOAD(0, x + row[i] + column[j] + c), scale_shift, channels, c, VW);
                if (!whole && (no_row[i] | no_column[j])) d[j] = (vec)0.0f;
            }
            transform_input(d, 1, partly + i * POINTS, 1);
        }
        UNROLL for (int j = 0; j < POINTS; j++) {
            vec r[POINTS];
            transform_input(partly + j, POINTS, r, 1);
            UNROLL for (int i = 0; i < POINTS; i++) VSTORE(r[i], 0, v + (i * POINTS + j) * v_stride);
        }
    }
}

/* The same of a frame that is not there. */
static inline void gather_zeros(__local float *v, int channels, int tiles, int v_stride)
{
    for (int c = 0; c < channels; c += VW, v += tiles * VW)
        for (int f = 0; f < FREQUENCIES; f++) VSTORE((vec)0.0f, 0, v + f * v_stride);
}

/* One frequency's product: v [depth / VW][slots][VW] times u [depth x BLOCK] -> m [tiles x BLOCK]; and of `shifts` such v,
 * each a slot behind the one before, times as many u, their sum. Reads u once for every PT tiles. 2 tiles shifts depth
 * BLOCK FLOPs. PT divides the tiles. */
static inline void multiply(__local const float *v, __global const float *u, __local float *m, int tiles, int slots,
                            int depth, int shifts)
{
    for (int tile = 0; tile < tiles; tile += PT) {
        vec sum[PT][OB];
        UNROLL for (int p = 0; p < PT; p++)
            UNROLL for (int o = 0; o < OB; o++) sum[p][o] = (vec)0.0f;
        __global const float *line = u;
        for (int i = 0; i < depth * shifts; i += VW) {
            const int shift = i / depth, c = i - shift * depth;
            __local const float *here = v + c * slots + (tile + shift) * VW;
            NOUNROLL for (int lane = 0; lane < VW; lane++, line += BLOCK) {
                vec w[OB];
                UNROLL for (int o = 0; o < OB; o++) w[o] = VLOAD(o, line);
                UNROLL for (int p = 0; p < PT; p++)
                    UNROLL for (int o = 0; o < OB; o++)
                        sum[p][o] = MULTIPLY_ADD((vec)here[p * VW + lane], w[o], sum[p][o]);
            }
        }
        UNROLL for (int p = 0; p < PT; p++)
            UNROLL for (int o = 0; o < OB; o++) VSTORE(sum[p][o], o, m + (tile + p) * BLOCK);
    }
}

/* A^T m A + bias of one tile and one vector of outputs: frequency f is at m + f m_stride. */
static inline void finish_tile(__local const float *m, int m_stride, vec shift, vec *result)
{
    vec partly[POINTS * SIDE];
    UNROLL for (int i = 0; i < POINTS; i++) {
        vec d[POINTS];
        UNROLL for (int j = 0; j < POINTS; j++) d[j] = VLOAD(0, m + (i * POINTS + j) * m_stride);
        transform_output(d, 1, partly + i * SIDE, 1);
    }
    UNROLL for (int j = 0; j < SIDE; j++) transform_output(partly + j, SIDE, result + j, SIDE);
    UNROLL for (int i = 0; i < SIDE * SIDE; i++) result[i] += shift;
}

/* Stores the results, or adds them to what is there; `result` holds the sums then. */
static inline void write_tile(vec *result, __global float *y, int out_width, int outputs, int add)
{
    UNROLL for (int i = 0; i < SIDE * SIDE; i++) {
        __global float *pixel = y + (size_t)(i / SIDE * out_width + i % SIDE) * STEP_OUT * outputs;
        if (add) result[i] += VLOAD(0, pixel);
        VSTORE(result[i], 0, pixel);
    }
}

/* Mean and M2 of a tile's pixels, in two passes, merged into those of `count` pixels before it. */
static inline void tile_moments(const vec *result, float count, vec *mean, vec *m2)
{
    vec middle = (vec)0.0f, spread = (vec)0.0f;
    UNROLL for (int i = 0; i < SIDE * SIDE; i++) middle += result[i];
    middle *= 1.0f / (SIDE * SIDE);
    UNROLL for (int i = 0; i < SIDE * SIDE; i++) spread = MULTIPLY_ADD(result[i] - middle, result[i] - middle, spread);
    merge_moments(&count, mean, m2, SIDE * SIDE, middle, spread);
}

static inline void write_record(vec mean, vec m2, __global float *record, int channel, int outputs, float pixels)
{
    VSTORE(mean, 0, record + channel);
    VSTORE(m2, 0, record + outputs + channel);
    if (!channel) record[2 * outputs] = pixels;
}

/* x [frames x height x width x channels], packed weights, bias [outputs] or NULL, scale_shift (PENDING) with frames
 * scale_stride apart -> y [frames x 4 STEP_OUT tile_rows x 4 STEP_OUT tile_columns x outputs], overwritten or, `add`,
 * added to; and, unless NULL, moments: a record for each phase of each record_tiles tiles, [frames x tiles of a frame /
 * record_tiles x PHASES_OUT x (2 outputs + 1)].
 *
 * The inputs are the channels of the `taps` frames that one of y meets (frames_met.clh). `along`: a group's tiles are one
 * tile of the frame at successive dates (steps of 1, one phase), whose inputs overlap: each frame is transformed once.
 *
 * A group owns `tiles` neighbouring tiles (the last one fewer), a multiple of PT and of record_tiles, which divides the
 * tiles of a frame; along the dates, record_tiles is 1. Local memory: v of FREQUENCIES v_stride floats, v_stride = tiles
 * PHASES_IN inputs + VW, or (tiles + taps - 1) channels + VW (the VW keep frequencies out of the same cache sets), and m of FREQUENCIES (tiles BLOCK + VW). Reads x about (POINTS / 4)^2 times,
 * PHASES_OUT times that, and the weights once a group. 2 FREQUENCIES PHASES_IN PHASES_OUT inputs outputs FLOPs a tile,
 * and the transforms. */
__kernel ONE_ITEM void conv_winograd(__global const float *restrict x, __global const float *restrict packed,
                                     __global const float *restrict bias, __global const float *restrict scale_shift,
                                     __global float *restrict y, __global float *restrict moments, __local float *v,
                                     __local float *m, int all_tiles, int tile_rows, int tile_columns, int tiles,
                                     int record_tiles, int height, int width, int channels, int outputs,
                                     int taps, int x_dates, int y_dates, int date_step, int date_first,
                                     int along, int scale_stride, int reflect, int add)
{
    const int inputs = taps * channels, depth = PHASES_IN * inputs, slots = along ? tiles + taps - 1 : tiles;
    const int v_stride = slots * (along ? channels : depth) + VW, m_stride = tiles * BLOCK + VW;
    const int first = place_of(0, tiles, all_tiles, tile_rows, tile_columns, y_dates, along).date;
    const int own = min(tiles, along ? y_dates - first : all_tiles - (int)get_group_id(0) * tiles);
    const int worked = along ? (own + PT - 1) / PT * PT : tiles;
    const int out_width = tile_columns * SIDE * STEP_OUT, out_height = tile_rows * SIDE * STEP_OUT;
    const int blocks = outputs / BLOCK, frame_tiles = tile_rows * tile_columns;
    for (int phase_out = 0; phase_out < PHASES_OUT; phase_out++) {
        /* Behind the last tile it is repeated, so that nothing is multiplied that was never written. */
        for (int t = 0; t < tiles; t++) {
            const tile_place at = place_of(t, tiles, all_tiles, tile_rows, tile_columns, y_dates, along);
            const frames_met met = frames_met_at(at.series, at.date, x_dates, date_step, date_first);
            for (int i = 0; i < PHASES_IN * taps; i++) {
                const int phase_in = i / taps, tap = i - phase_in * taps, phase = phase_out + phase_in;
                const int frame = frame_met(met, tap);
                __local float *to = v + (along ? 0 : (phase_in * inputs + tap * channels) * tiles) + t * VW;
                if (along && tap) {
                    if (t + 1 < tiles) continue; /* the next tile's */
                    to += tap * VW;
                }
                if (frame < 0)
                    gather_zeros(to, channels, slots, v_stride);
                else
                    gather_tile(x + (size_t)frame * height * width * channels,
                                scale_shift + (size_t)frame * scale_stride, to,
                                at.row * SIDE * STEP_IN + phase / KERNEL_STEP - 1,
                                at.column * SIDE * STEP_IN + phase % KERNEL_STEP - 1, height, width, channels, reflect,
                                slots, v_stride);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int block = 0; block < blocks; block++) {
            __global const float *u = packed + (size_t)(phase_out * blocks + block) * FREQUENCIES * depth * BLOCK;
            for (int f = 0; f < FREQUENCIES; f++)
                multiply(v + f * v_stride, u + (size_t)f * depth * BLOCK, m + f * m_stride, worked, slots,
                         along ? channels : depth, along ? taps : 1);
            barrier(CLK_LOCAL_MEM_FENCE);
            vec mean[OB], m2[OB];
            for (int t = 0; t < own; t++) {
                const tile_place at = place_of(t, tiles, all_tiles, tile_rows, tile_columns, y_dates, along);
                const int frame = at.series * y_dates + at.date, seen = t % record_tiles;
                const int top = at.row * SIDE * STEP_OUT + phase_out / STEP_OUT;
                const int left = at.column * SIDE * STEP_OUT + phase_out % STEP_OUT;
                const size_t corner = ((size_t)frame * out_height + top) * out_width + left;
                for (int o = 0; o < OB; o++) {
                    const int c = block * BLOCK + o * VW;
                    vec result[SIDE * SIDE];
                    finish_tile(m + t * BLOCK + o * VW, m_stride, bias ? VLOAD(0, bias + c) : (vec)0.0f, result);
                    write_tile(result, y + corner * outputs + c, out_width, outputs, add);
                    if (!moments) continue;
                    if (!seen) mean[o] = m2[o] = (vec)0.0f;
                    tile_moments(result, (float)(seen * SIDE * SIDE), mean + o, m2 + o);
                    if (seen + 1 < record_tiles) continue;
                    const int number = frame * frame_tiles + at.row * tile_columns + at.column;
                    const int record = number / record_tiles * PHASES_OUT + phase_out;
                    write_record(mean[o], m2[o], moments + (size_t)record * (2 * outputs + 1), c, outputs,
                                 (float)(record_tiles * SIDE * SIDE));
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
    }
}
