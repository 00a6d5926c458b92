/* The weight gradient of a convolution, direct forms: for any kernel, stride, padding and size,
 *   dweight[o, c, ky, kx] = sum over frames, y, x of dy[frame, y, x, o] x[frame, y stride - padding + ky, ..., c]
 * and dbias[o] = sum of dy[.., o]; x [frames x height x width x channels], dy [frames x out_height x out_width x
 * outputs]. The inputs are the channels of the `taps` frames of x that one of dy meets (frames_met.clh).
 *
 * A launch leaves fixed partial sums, one a part of the pixels; `finish` adds them in order. A part is a matrix of
 * `pitch` columns, the outputs (rounded up): rows (ky, kx, c), those of one ky starting line_rows apart, then one of
 * bias sums.
 *
 * The simd form (CB and OB given), one item a group, for CPUs. The simt form (SIDE given), for GPUs.
 *
 * check: -DVW=4 -DSIDE=64 -DPENDING=1 -DPENDING_RELU=1 -DREFLECT=1
 * check: -DVW=4 -DSIDE=32
 * check: -DVW=4 -DSIDE=16 -DPENDING=1 -DPENDING_DY=1
 * check-cpu: -DVW=16 -DCB=6 -DOB=4 -DPENDING=1 -DPENDING_RELU=1 -DREFLECT=1
 * check-cpu: -DVW=8 -DCB=6 -DOB=2 */
#include "conv_weights.clh"

#ifdef SIDE
#define DEPTH 16
#define EDGE (SIDE / 4) /* items along a side */
#define LANES (EDGE * EDGE)
#else
#define LANES 1
#endif

/* ---- simd ------------------------------------------------------------------------------------------------------- */

#ifdef CB
#define OC (VW * OB)

/* One tile's pixels of dy, OC channels from `channel` on, zeros behind the last: tile [rows x columns x OC]. Their sums
 * are written to, or added to, bias. */
static void stage_dy(__global const float *dy, __global const float *scale_shift, int out_width, int outputs,
                     int channel, int rows, int columns, __local float *tile, int add, __global float *bias)
{
    vec sum[OB];
    vec norm[OB][2];
    UNROLL for (int o = 0; o < OB; o++) {
        const int at = channel + o * VW;
        sum[o] = (vec)0.0f;
        norm_load(DY_PENDING && at < outputs, scale_shift, outputs, at, outputs - at, norm[o]);
    }
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            UNROLL for (int o = 0; o < OB; o++) {
                const int at = channel + o * VW, left = outputs - at;
                vec v = (vec)0.0f;
                if (left > 0)
                    v = norm_apply(DY_PENDING, load_left(dy + ((size_t)r * out_width + c) * outputs + at, left),
                                   norm[o]);
                VSTORE(v, o, tile + (r * columns + c) * OC);
                sum[o] += v;
            }
    UNROLL for (int o = 0; o < OB; o++) {
        if (add) sum[o] += VLOAD(o, bias);
        VSTORE(sum[o], o, bias);
    }
}

/* One row of x, `columns` pixels from column `from` of the padded image on, `step` floats apart; row NULL: zeros. Where
 * that is as many as there are inputs, vectors are stored whole: what they write behind the row is overwritten by the
 * next one. */
static void stage_row(__global const float *row, __global const float *scale_shift, int width, int inputs, int from,
                      int columns, int step, __local float *tile)
{
    int c = 0;
    while (c < columns) {
        const int source = row ? source_index(from + c, width) : -1;
#if !X_PENDING
        if (step == inputs && source >= 0 && source == from + c) { /* to the image's end, numbers lie as in the tile */
            const int pixels = min(columns - c, width - source), count = pixels * inputs;
            for (int i = 0; i < count; i += VW)
                VSTORE(load_left(row + (size_t)source * inputs + i, count - i), 0, tile + c * inputs + i);
            c += pixels;
            continue;
        }
#endif
        for (int at = 0; at < inputs; at += VW) {
            vec v = (vec)0.0f;
            if (source >= 0) {
                vec norm[2];
                norm_load(X_PENDING, scale_shift, inputs, at, inputs - at, norm);
                v = norm_apply(X_PENDING, load_left(row + (size_t)source * inputs + at, inputs - at), norm);
            }
            if (step == inputs || at + VW <= inputs) {
                VSTORE(v, 0, tile + c * step + at);
            } else {
                float lane[VW];
                VSTORE(v, 0, lane);
                for (int i = 0; at + i < inputs; i++) tile[c * step + at + i] = lane[i];
            }
        }
        c++;
    }
}

/* sums [CB rows x OC], pitch apart, (+)= x^T dy over the tile's pixels, which are added up by themselves first: long
 * sums stay accurate. x: the first pixel's CB numbers, the next pixels `step` further, the next rows `row_step`. */
static inline void multiply(__local const float *x, __local const float *dy, int rows, int columns, int row_step,
                            int step, int add, __global float *sums, int pitch)
{
    vec sum[CB][OB];
    UNROLL for (int p = 0; p < CB; p++)
        UNROLL for (int o = 0; o < OB; o++) sum[p][o] = (vec)0.0f;
    for (int r = 0; r < rows; r++) {
        __local const float *pixel = x + r * row_step;
        NOUNROLL for (int c = 0; c < columns; c++) {
            vec line[OB];
            UNROLL for (int o = 0; o < OB; o++) line[o] = VLOAD(o, dy);
            UNROLL for (int p = 0; p < CB; p++)
                UNROLL for (int o = 0; o < OB; o++) sum[p][o] = MULTIPLY_ADD((vec)(pixel[p]), line[o], sum[p][o]);
            pixel += step;
            dy += OC;
        }
    }
    UNROLL for (int p = 0; p < CB; p++)
        UNROLL for (int o = 0; o < OB; o++) {
            if (add) sum[p][o] += VLOAD(o, sums + p * pitch);
            VSTORE(sum[p][o], o, sums + p * pitch);
        }
}

/* An item owns OC outputs (get_group_id(0)) of one part (get_group_id(1)). It copies its tiles, tile_height x
 * tile_width pixels of dy and what of x they meet, into `tile` one after the other, and adds up CB rows of the matrix
 * at a time in registers: with channels last, the numbers of one ky that a pixel meets, kernel x inputs of them, are
 * neighbours.
 * x is read once for each OC outputs, dy once. 2 frames out_height out_width kernel^2 inputs outputs FLOPs. */
__kernel ONE_ITEM void direct(__global const float *restrict x, __global const float *restrict dy,
                              __global const float *restrict scale_shift, int scale_stride,
                              __global float *restrict partial, int frames, int height, int width, int channels,
                              int out_height, int out_width, int outputs, int size, int stride, int padding,
                              int line_rows, int pitch, int taps, int x_dates, int y_dates, int date_step,
                              int date_first, int tile_height, int tile_width, __local float *tile)
{
    const int part = (int)get_group_id(1), parts = (int)get_num_groups(1), channel = (int)get_group_id(0) * OC;
    const int inputs = taps * channels;
    const int across = (out_width + tile_width - 1) / tile_width, down = (out_height + tile_height - 1) / tile_height;
    const int tiles = frames * across * down, first = (int)((long)tiles * part / parts),
              end = (int)((long)tiles * (part + 1) / parts);
    __local float *tile_x = tile + tile_height * tile_width * OC;
    __global float *own = partial + part * ((size_t)size * line_rows + 1) * pitch + channel;
    __global float *bias = own + (size_t)size * line_rows * pitch;
    for (int t = first; t < end; t++) {
        const int frame = t / (across * down), top = t / across % down * tile_height, left = t % across * tile_width;
        const int rows = min(tile_height, out_height - top), columns = min(tile_width, out_width - left);
        const int x_rows = (rows - 1) * stride + size, x_columns = (columns - 1) * stride + size;
        const int x_pitch = x_columns * inputs;
        const frames_met met = frames_met_by(frame, x_dates, y_dates, date_step, date_first);
        stage_dy(dy + (((size_t)frame * out_height + top) * out_width + left) * outputs,
                 scale_shift + (size_t)frame * scale_stride, out_width, outputs,
                 channel, rows, columns, tile, t > first, bias);
        for (int r = 0; r < x_rows; r++) {
            const int source = source_index(top * stride - padding + r, height);
            for (int tap = 0; tap < taps; tap++) {
                const int seen = frame_met(met, tap);
                const size_t there = max(seen, 0);
                __global const float *row = x + (there * height + max(source, 0)) * width * channels;
                stage_row(source < 0 || seen < 0 ? 0 : row, scale_shift + there * scale_stride, width, channels,
                          left * stride - padding, x_columns, inputs, tile_x + r * x_pitch + tap * channels);
            }
        }
        for (int i = 0; i < CB; i++) tile_x[x_rows * x_pitch + i] = 0.0f; /* the last rows of the matrix read them */

        for (int ky = 0; ky < size; ky++)
            for (int row = 0; row < size * inputs; row += CB)
                multiply(tile_x + ky * x_pitch + row, tile, rows, columns, stride * x_pitch, stride * inputs, t > first,
                         own + ((size_t)ky * line_rows + row) * pitch, pitch);
    }
}
#endif

/* ---- simt ------------------------------------------------------------------------------------------------------- */

#ifdef SIDE
/* A group owns SIDE rows (get_group_id(0)) and SIDE columns (get_group_id(1)) of one part (get_group_id(2)), an item
 * 4 x 4 of them. It steps through the part's pixels, DEPTH at a time: each item gathers numbers of one row of the
 * matrix and of one column, so it knows its tap and channels beforehand; each number is then used SIDE times from local
 * memory. x is read outputs / SIDE times, dy kernel^2 inputs / SIDE times, coalesced. FLOPs as above. */
__kernel GROUP_OF(LANES) void direct(__global const float *restrict x, __global const float *restrict dy,
                                     __global const float *restrict scale_shift, int scale_stride,
                                     __global float *restrict partial, int frames, int height, int width, int channels,
                                     int out_height, int out_width, int outputs, int size, int stride, int padding,
                                     int line_rows, int pitch, int taps, int x_dates, int y_dates, int date_step,
                                     int date_first)
{
    __local float lines_x[DEPTH][SIDE + 1], lines_dy[DEPTH][SIDE];
    enum { STEP = LANES / SIDE }; /* pixels that the group gathers at once */
    const int lane = (int)get_local_id(0), part = (int)get_group_id(2), parts = (int)get_num_groups(2);
    const int pixels = frames * out_height * out_width, first = (int)((long)pixels * part / parts),
              end = (int)((long)pixels * (part + 1) / parts);
    const int at = lane % SIDE, row = (int)get_group_id(0) * SIDE + at, output = (int)get_group_id(1) * SIDE + at;
    const int tap = row / (taps * channels), date = row / channels % taps, channel = row % channels;
    const int ky = tap / size - padding, kx = tap % size - padding;
    const int row_there = tap < size * size, output_there = output < outputs;

    int pixel = first + lane / SIDE;
    int frame = pixel / (out_height * out_width), oy = pixel / out_width % out_height, ox = pixel % out_width;
    const int row0 = lane / EDGE * 4, column0 = lane % EDGE * 4;
    vec sum[4];
    UNROLL for (int p = 0; p < 4; p++) sum[p] = (vec)0.0f;
    float bias = 0.0f;
    NOUNROLL for (int start = first; start < end; start += DEPTH) {
        NOUNROLL for (int i = lane / SIDE; i < DEPTH; i += STEP) {
            float value_x = 0.0f, value_dy = 0.0f;
            if (pixel < end) {
                const int seen = frame_met(frames_met_by(frame, x_dates, y_dates, date_step, date_first), date);
                const int iy = source_index(oy * stride + ky, height), ix = source_index(ox * stride + kx, width);
                if (row_there && seen >= 0 && iy >= 0 && ix >= 0)
                    value_x = X_VALUE_ONE(x[(((size_t)seen * height + iy) * width + ix) * channels + channel],
                                          scale_shift + (size_t)seen * scale_stride, channels, channel);
                if (output_there)
                    value_dy = DY_VALUE_ONE(dy[(size_t)pixel * outputs + output],
                                            scale_shift + (size_t)frame * scale_stride, outputs, output);
            }
            lines_x[i][at] = value_x;
            lines_dy[i][at] = value_dy;
            pixel += STEP;
            for (ox += STEP; ox >= out_width; ox -= out_width)
                if (++oy == out_height) {
                    oy = 0;
                    frame++;
                }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        NOUNROLL for (int i = 0; i < DEPTH; i++) {
            const vec line = VLOAD(0, lines_dy[i] + column0);
            UNROLL for (int p = 0; p < 4; p++) sum[p] = MULTIPLY_ADD((vec)(lines_x[i][row0 + p]), line, sum[p]);
        }
        if (get_group_id(0) == 0 && lane < SIDE)
            NOUNROLL for (int i = 0; i < DEPTH; i++) bias += lines_dy[i][lane];
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    partial += part * ((size_t)size * line_rows + 1) * pitch + get_group_id(1) * SIDE;
    const int rows_left = size * line_rows - (int)get_group_id(0) * SIDE;
    UNROLL for (int p = 0; p < 4; p++)
        if (row0 + p < rows_left)
            VSTORE(sum[p], 0, partial + (get_group_id(0) * SIDE + row0 + p) * (size_t)pitch + column0);
    if (get_group_id(0) == 0 && lane < SIDE) partial[(size_t)size * line_rows * pitch + lane] = bias;
}
#endif

/* ---- the sum of the parts --------------------------------------------------------------------------------------- */

/* dweight [outputs x channels x taps x size x size], with `swap` [channels x outputs x ..], and dbias [outputs] (NULL:
 * not wanted): = the parts' sum, or += it. An item owns VW outputs of one input's taps, or of the bias: it reads each
 * part once and writes each number once. parts (size^2 inputs + 1) outputs FLOPs. */
__kernel GROUP_OF(LANES) void finish(__global const float *restrict partial, int parts, int line_rows, int pitch,
                                     int channels, int inputs, int outputs, int size, int swap,
                                     __global float *restrict dweight,
                                     int add_weight, __global float *restrict dbias, int add_bias)
{
    const int vectors = (outputs + VW - 1) / VW, channel = (int)get_global_id(0) / vectors;
    const int output = (int)get_global_id(0) % vectors * VW, left = outputs - output, taps = size * size;
    const size_t step = ((size_t)size * line_rows + 1) * pitch;
    if (channel > inputs || (channel == inputs && !dbias)) return;
    partial += output;
    if (channel == inputs) {
        vec sum = (vec)0.0f;
        for (int p = 0; p < parts; p++) sum += VLOAD(0, partial + p * step + (size_t)size * line_rows * pitch);
        if (add_bias) sum += load_tail(dbias + output, left);
        store_tail(sum, dbias + output, left);
        return;
    }
    const int date = channel / channels, dates = inputs / channels, c = channel - date * channels;
    const size_t next = (swap ? 1 : (size_t)channels) * dates * taps; /* from an output to the next one */
    dweight += ((swap ? (size_t)c * outputs + output : (size_t)output * channels + c) * dates + date) * taps;
    NOUNROLL for (int tap = 0; tap < taps; tap++) {
        __global const float *from =
            partial + ((size_t)(tap / size) * line_rows + tap % size * inputs + channel) * pitch;
        float lane[VW];
        vec sum = (vec)0.0f;
        NOUNROLL for (int p = 0; p < parts; p++) sum += VLOAD(0, from + p * step);
#if VW == 1
        lane[0] = sum;
#else
        VSTORE(sum, 0, lane);
#endif
        UNROLL for (int o = 0; o < VW; o++)
            if (o < left) dweight[o * next + tap] = add_weight ? dweight[o * next + tap] + lane[o] : lane[o];
    }
}
