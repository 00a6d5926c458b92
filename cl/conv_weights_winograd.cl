/* The weight gradient of a 3x3 convolution of stride 1 and padding 1 by Winograd's method: F(3x3,4x4), the counterpart
 * of F(4x4,3x3) (Winograd 1980; Lavin and Gray 2016). For a tile d of 4 x 4 pixels of dy and the 6 x 6 pixels g of x
 * that they meet,
 *   dweight = G^T [sum over tiles of (A d A^T) . (B^T g B)] G
 * where B^T, G and A^T are those of F(4x4,3x3): 36 multiplications for 144, channel by channel. Height and width must
 * divide by 4. For CPUs: the transformed tiles live in local memory, which must be cache.
 *
 * A launch leaves fixed partial sums, one a part of the tiles: [36 x rows x pitch], rows and pitch being inputs and
 * outputs rounded up, then [pitch] bias sums. `finish` adds them in order.
 *
 * (Vectors of 16 take compilers for GPUs, which never build this, minutes.)
 * check-cpu: -DVW=8 -DCB=4 -DOB=2 -DPENDING=1 -DPENDING_RELU=1 -DREFLECT=1
 * check-cpu: -DVW=4 -DCB=8 -DOB=1 -DPENDING=1 -DPENDING_DY=1 */
#include "conv_weights.clh"

#define OC (VW * OB)
enum { SIDE = 6, FREQUENCIES = 36 };

#define TIMES(factor, v, plus) MULTIPLY_ADD((vec)(factor), (v), (plus))

/* B^T applied to 6 vectors, `step` apart. */
INLINED void transform_6(const vec *d, int step, vec *out)
{
    const vec p = TIMES(-4.0f, d[2 * step], d[4 * step]), q = TIMES(-4.0f, d[step], d[3 * step]);
    const vec u = d[4 * step] - d[2 * step], v = 2.0f * (d[3 * step] - d[step]);
    out[0] = TIMES(4.0f, d[0], TIMES(-5.0f, d[2 * step], d[4 * step]));
    out[1] = p + q;
    out[2] = p - q;
    out[3] = u + v;
    out[4] = u - v;
    out[5] = TIMES(4.0f, d[step], TIMES(-5.0f, d[3 * step], d[5 * step]));
}

/* A applied to 4 vectors, `step` apart. */
INLINED void transform_4(const vec *d, int step, vec *out)
{
    const vec p = d[0] + d[2 * step], q = d[step] + d[3 * step];
    const vec u = TIMES(4.0f, d[2 * step], d[0]), v = 2.0f * TIMES(4.0f, d[3 * step], d[step]);
    out[0] = d[0];
    out[1] = p + q;
    out[2] = p - q;
    out[3] = u + v;
    out[4] = u - v;
    out[5] = d[3 * step];
}

/* G^T applied to 6 vectors, `step` apart. */
INLINED void transform_back(const vec *d, int step, vec *out)
{
    const vec p = (d[step] + d[2 * step]) * (1.0f / 6.0f), q = (d[2 * step] - d[step]) * (1.0f / 6.0f);
    const vec u = d[3 * step] + d[4 * step], v = d[3 * step] - d[4 * step];
    out[0] = TIMES(0.25f, d[0], TIMES(1.0f / 24.0f, u, -p));
    out[1] = TIMES(1.0f / 12.0f, v, q);
    out[2] = TIMES(1.0f / 6.0f, u, d[5 * step] - p);
}

/* B^T g B for VW channels (`whole`, or `left` of them there) of the tile whose pixels stand at these rows and columns,
 * in floats from `image` on, negative: zeros. Frequency f to out + f step. */
INLINED void transform_x(__global const float *image, const int *row, const int *column, int whole,
                         int left, const vec norm[2], __local float *out, int step)
{
    vec half_way[FREQUENCIES];
    UNROLL for (int i = 0; i < SIDE; i++) {
        vec d[SIDE];
        UNROLL for (int j = 0; j < SIDE; j++) {
            d[j] = (vec)0.0f;
            if (REFLECT || (row[i] >= 0 && column[j] >= 0))
                d[j] = norm_apply(X_PENDING, load_part(image + row[i] + column[j], whole, left), norm);
        }
        transform_6(d, 1, half_way + i * SIDE);
    }
    UNROLL for (int j = 0; j < SIDE; j++) {
        vec v[SIDE];
        transform_6(half_way + j, SIDE, v);
        UNROLL for (int i = 0; i < SIDE; i++) VSTORE(v[i], 0, out + (i * SIDE + j) * step);
    }
}

/* The same of a frame that is not there. */
static void transform_zeros(int inputs, __local float *out, int step)
{
    for (int c = 0; c < inputs; c += VW)
        for (int f = 0; f < FREQUENCIES; f++) VSTORE((vec)0.0f, 0, out + f * step + c);
}

/* The same for all channels of the tile whose first pixel is (top, left) of the image. */
static void transform_x_tile(__global const float *image, __global const float *scale_shift, int height, int width,
                             int inputs, int top, int left, __local float *out, int step)
{
    int row[SIDE], column[SIDE];
    UNROLL for (int i = 0; i < SIDE; i++) {
        row[i] = source_index(top + i, height) * width * inputs;
        column[i] = source_index(left + i, width) * inputs;
    }
    for (int c = 0; c < inputs; c += VW) {
        const int left = inputs - c;
        vec norm[2];
        norm_load(X_PENDING, scale_shift, inputs, c, left, norm);
        if (left >= VW)
            transform_x(image + c, row, column, 1, left, norm, out + c, step);
        else
            transform_x(image + c, row, column, 0, left, norm, out + c, step);
    }
}

/* A d A^T for VW channels (`whole`, or `left` of them there) of the tile whose first pixel is at dy, with `outputs`
 * channels in all: frequency f to out + f step. Returns the sum over the tile, which is one of the frequencies. */
INLINED vec transform_dy(__global const float *dy, int width, int outputs, int whole, int left, const vec norm[2],
                         __local float *out, int step)
{
    vec half_way[4 * SIDE], sum = (vec)0.0f;
    UNROLL for (int i = 0; i < 4; i++) {
        vec d[4];
        UNROLL for (int j = 0; j < 4; j++)
            d[j] = norm_apply(DY_PENDING, load_part(dy + (i * width + j) * outputs, whole, left), norm);
        transform_4(d, 1, half_way + i * SIDE);
    }
    UNROLL for (int j = 0; j < SIDE; j++) {
        vec e[SIDE];
        transform_4(half_way + j, SIDE, e);
        UNROLL for (int i = 0; i < SIDE; i++) VSTORE(e[i], 0, out + (i * SIDE + j) * step);
        if (j == 1) sum = e[1];
    }
    return sum;
}

/* The same for OC channels from `channel` on, zeros behind the last. The sums over the tile are added to bias. */
static void transform_dy_tile(__global const float *dy, __global const float *scale_shift, int width, int outputs,
                              int channel, __local float *out, int step, vec bias[OB])
{
    NOUNROLL for (int o = 0; o < OB; o++) { /* a long body */
        const int at = channel + o * VW, left = outputs - at;
        vec norm[2];
        norm_load(DY_PENDING && left > 0, scale_shift, outputs, at, left, norm);
        if (left >= VW)
            bias[o] += transform_dy(dy + at, width, outputs, 1, VW, norm, out + o * VW, step);
        else if (left > 0)
            bias[o] += transform_dy(dy + at, width, outputs, 0, left, norm, out + o * VW, step);
        else
            for (int f = 0; f < FREQUENCIES; f++) VSTORE((vec)0.0f, o, out + f * step);
    }
}

/* sums [CB rows x OC], pitch apart, (+)= the products over `count` tiles: x [count x rows], dy [count x OC]. */
INLINED void multiply(__local const float *x, int rows, __local const float *dy, int count, int add,
                            __global float *sums, int pitch)
{
    vec sum[CB][OB];
    UNROLL for (int p = 0; p < CB; p++)
        UNROLL for (int o = 0; o < OB; o++) sum[p][o] = (vec)0.0f;
    NOUNROLL for (int t = 0; t < count; t++) {
        vec line[OB];
        UNROLL for (int o = 0; o < OB; o++) line[o] = VLOAD(o, dy);
        UNROLL for (int p = 0; p < CB; p++)
            UNROLL for (int o = 0; o < OB; o++) sum[p][o] = MULTIPLY_ADD((vec)(x[p]), line[o], sum[p][o]);
        x += rows;
        dy += OC;
    }
    UNROLL for (int p = 0; p < CB; p++)
        UNROLL for (int o = 0; o < OB; o++) {
            if (add) sum[p][o] += VLOAD(o, sums + p * pitch);
            VSTORE(sum[p][o], o, sums + p * pitch);
        }
}

/* An item owns OC outputs (get_group_id(0)) of one part (get_group_id(1)), and takes `batch` tiles at a time:
 * transforms them into `local_tiles`, then multiplies, a frequency after the other. x is read 2.25 times for each OC
 * outputs, dy once. 72 / 16 frames height width inputs outputs FLOPs, and the transforms. */
__kernel ONE_ITEM void winograd(__global const float *restrict x, __global const float *restrict dy,
                                __global const float *restrict scale_shift, int scale_stride,
                                __global float *restrict partial, int frames, int height, int width, int channels,
                                int outputs, int rows, int pitch, int taps, int x_dates, int y_dates, int date_step,
                                int date_first, int batch, __local float *local_tiles)
{
    const int part = (int)get_group_id(1), parts = (int)get_num_groups(1), channel = (int)get_group_id(0) * OC;
    const int across = width / 4, down = height / 4, tiles = frames * across * down;
    const int first = (int)((long)tiles * part / parts), end = (int)((long)tiles * (part + 1) / parts);
    /* a vector between the frequencies: else all of them would fall into the same lines of the cache */
    const int dy_step = batch * OC + VW, x_step = batch * rows + VW;
    __local float *dy_tiles = local_tiles, *x_tiles = local_tiles + FREQUENCIES * dy_step;
    __global float *own = partial + part * ((size_t)FREQUENCIES * rows + 1) * pitch + channel;
    vec bias[OB];
    UNROLL for (int o = 0; o < OB; o++) bias[o] = (vec)0.0f;
    for (int start = first; start < end; start += batch) {
        const int count = min(batch, end - start);
        vec batch_bias[OB];
        UNROLL for (int o = 0; o < OB; o++) batch_bias[o] = (vec)0.0f;
        for (int i = 0; i < count; i++) {
            const int t = start + i, frame = t / (across * down), top = t / across % down * 4, left = t % across * 4;
            const frames_met met = frames_met_by(frame, x_dates, y_dates, date_step, date_first);
            for (int tap = 0; tap < taps; tap++) {
                const int seen = frame_met(met, tap);
                __local float *to = x_tiles + i * rows + tap * channels;
                if (seen < 0)
                    transform_zeros(channels, to, x_step);
                else
                    transform_x_tile(x + (size_t)seen * height * width * channels,
                                     scale_shift + (size_t)seen * scale_stride, height, width, channels, top - 1,
                                     left - 1, to, x_step);
            }
            transform_dy_tile(dy + (((size_t)frame * height + top) * width + left) * outputs,
                              scale_shift + (size_t)frame * scale_stride, width, outputs, channel,
                              dy_tiles + i * OC, dy_step, batch_bias);
        }
        UNROLL for (int o = 0; o < OB; o++) bias[o] += batch_bias[o];
        for (int f = 0; f < FREQUENCIES; f++)
            for (int row = 0; row < rows; row += CB)
                multiply(x_tiles + f * x_step + row, rows, dy_tiles + f * dy_step, count, start > first,
                         own + ((size_t)f * rows + row) * pitch, pitch);
    }
    UNROLL for (int o = 0; o < OB; o++) VSTORE(bias[o], o, own + (size_t)FREQUENCIES * rows * pitch);
}

/* dweight [outputs x channels x taps x 3 x 3], with `swap` [channels x outputs x ..], and dbias [outputs] (NULL: not
 * wanted): = what the parts' sums come to, or += it. An item owns VW outputs of one input, or of the bias: it reads each part once
 * and writes each number once. 36 parts inputs outputs FLOPs and 7 more for each number written. */
__kernel ONE_ITEM void finish(__global const float *restrict partial, int parts, int rows, int pitch, int channels,
                              int inputs, int outputs, int size, int swap, __global float *restrict dweight,
                              int add_weight, __global float *restrict dbias, int add_bias)
{
    const int vectors = (outputs + VW - 1) / VW, channel = (int)get_global_id(0) / vectors;
    const int output = (int)get_global_id(0) % vectors * VW, left = outputs - output;
    const size_t step = ((size_t)FREQUENCIES * rows + 1) * pitch;
    partial += output;
    if (channel == inputs) {
        if (!dbias) return;
        vec sum = (vec)0.0f;
        for (int p = 0; p < parts; p++) sum += VLOAD(0, partial + p * step + FREQUENCIES * (size_t)rows * pitch);
        if (add_bias) sum += load_tail(dbias + output, left);
        store_tail(sum, dbias + output, left);
        return;
    }
    vec sum[FREQUENCIES], half_way[3 * SIDE], result[9];
    for (int f = 0; f < FREQUENCIES; f++) {
        __global const float *from = partial + ((size_t)f * rows + channel) * pitch;
        sum[f] = (vec)0.0f;
        for (int p = 0; p < parts; p++) sum[f] += VLOAD(0, from + p * step);
    }
    UNROLL for (int j = 0; j < SIDE; j++) {
        vec column[3];
        transform_back(sum + j, SIDE, column);
        UNROLL for (int i = 0; i < 3; i++) half_way[i * SIDE + j] = column[i];
    }
    UNROLL for (int i = 0; i < 3; i++) transform_back(half_way + i * SIDE, 1, result + i * 3);

    const int taps = size * size;                         /* 9 */
    const int date = channel / channels, dates = inputs / channels, c = channel - date * channels;
    const size_t next = (swap ? 1 : (size_t)channels) * dates * taps; /* from an output to the next one */
    dweight += ((swap ? (size_t)c * outputs + output : (size_t)output * channels + c) * dates + date) * taps;
    for (int tap = 0; tap < taps; tap++) {
        float lane[VW];
        VSTORE(result[tap], 0, lane);
        for (int o = 0; o < min(left, VW); o++)
            dweight[o * next + tap] = add_weight ? dweight[o * next + tap] + lane[o] : lane[o];
    }
}
