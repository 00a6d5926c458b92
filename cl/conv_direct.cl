/* Convolution in the direct form: any kernel, stride, size and number of channels; see conv_direct.clh.
 *
 * check: -DVW=4 -DPX=4 -DOB=1 -DLANES=128 -DCHANNEL_LANES=16 -DPENDING=1 -DPENDING_RELU=1
 * check: -DVW=4 -DPX=4 -DOB=1 -DLANES=64 -DCHANNEL_LANES=8 -DPENDING=0 -DPENDING_RELU=0
 * check: -DVW=4 -DPX=2 -DOB=1 -DLANES=128 -DCHANNEL_LANES=16 -DPENDING=1 -DPENDING_RELU=1 -DEXACT=1
 * check-cpu: -DVW=16 -DPX=8 -DOB=2 -DPENDING=1 -DPENDING_RELU=1
 * check-cpu: -DVW=16 -DPX=8 -DOB=2 -DPENDING=1 -DPENDING_RELU=0 -DEXACT=1
 * check-cpu: -DVW=8 -DPX=4 -DOB=3 -DPENDING=0 -DPENDING_RELU=0 */
#include "conv_direct.clh"

/* Weights as the kernel below reads them: [block of OUTPUT_BLOCK outputs][taps, by their residue modulo dilation along y,
 * then x][inputs of all taps along the dates][output of the block], zeros for outputs that are not there.
 * weight [outputs x inputs x dates x side x side], or, transposed, [inputs x outputs x ..] with the taps of the side
 * reversed; tap i along the dates is that of number date_first + i date_step.
 * A group writes one block's column of one input; it reads and writes each weight once. */
__kernel GROUP_OF(LANES) void conv_pack(__global const float *restrict weight, __global float *restrict packed,
                                        int inputs, int outputs, int side, int dilation, int transposed, int dates,
                                        int date_first, int date_step)
{
    const int row = (int)get_group_id(0), rows = (int)get_num_groups(0), block = (int)get_group_id(1);
    const int area = side * side, date = row / inputs, input = row - date * inputs;
    for (int lane = (int)get_local_id(0); lane < OUTPUT_BLOCK; lane += LANES) {
        const int output = block * OUTPUT_BLOCK + lane;
        const size_t pair = transposed ? (size_t)input * outputs + output : (size_t)output * inputs + input;
        __global const float *from = weight + (pair * dates + date_first + date * date_step) * area;
        __global float *to = packed + ((size_t)block * area * rows + row) * OUTPUT_BLOCK + lane;
        for (int ry = 0; ry < dilation; ry++)
            for (int rx = 0; rx < dilation; rx++)
                for (int ky = ry; ky < side; ky += dilation)
                    for (int kx = rx; kx < side; kx += dilation) {
                        const int tap = ky * side + kx;
                        *to = output < outputs ? from[transposed ? area - 1 - tap : tap] : 0.0f;
                        to += (size_t)rows * OUTPUT_BLOCK;
                    }
    }
}

/* The tile's moments of one block of outputs, from the sums of the group's items, into the tile's record (image.h) of
 * which `left` channels from the item's first on are there. Items of other pixels are merged in their order, by those of
 * the first pixels; shared: PIXEL_LANES x (2 OUTPUT_BLOCK + 1) floats, used from barrier to barrier. */
static inline void record_moments(const tally *t, __local float *shared, __global float *record, int channel, int left,
                                  int outputs)
{
    vec mean[OB], m2[OB];
    float count = (float)t->count;
    UNROLL for (int o = 0; o < OB; o++) tally_moments(t, o, &mean[o], &m2[o]);
#if LANES > 1
    const int channel_lane = (int)get_local_id(0) % CHANNEL_LANES, pixel_lane = (int)get_local_id(0) / CHANNEL_LANES;
    __local float *mine = shared + pixel_lane * (2 * OUTPUT_BLOCK + 1);
    UNROLL for (int o = 0; o < OB; o++) {
        VSTORE(mean[o], o * CHANNEL_LANES + channel_lane, mine);
        VSTORE(m2[o], o * CHANNEL_LANES + channel_lane, mine + OUTPUT_BLOCK);
    }
    if (channel_lane == 0) mine[2 * OUTPUT_BLOCK] = count;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (pixel_lane > 0) return;
    UNROLL for (int o = 0; o < OB; o++) {
        count = 0.0f;
        mean[o] = m2[o] = (vec)0.0f;
        NOUNROLL for (int lane = 0; lane < PIXEL_LANES; lane++) {
            __local const float *other = shared + lane * (2 * OUTPUT_BLOCK + 1);
            const int at = o * CHANNEL_LANES + channel_lane;
            if (other[2 * OUTPUT_BLOCK] > 0.0f)
                merge_moments(&count, &mean[o], &m2[o], other[2 * OUTPUT_BLOCK], VLOAD(at, other),
                              VLOAD(at, other + OUTPUT_BLOCK));
        }
    }
#endif
    UNROLL for (int o = 0; o < OB; o++) {
        const int offset = o * CHANNEL_LANES * VW;
        store_tail(mean[o], record + channel + offset, left - offset);
        store_tail(m2[o], record + outputs + channel + offset, left - offset);
    }
    if (channel == 0) record[2 * outputs] = count;
}

/* y (+)= sum over taps and inputs of weight x + bias, on a window of the output: [out_height x out_width] outputs a
 * frame; output (i, j) of frame f lies at pixel f y_frame + y_origin + i y_row + j y_column of y [.. x outputs] (the
 * steps may be negative). Taps: first_y .. end_y - 1 by first_x .. end_x - 1 of side x side. x [frames x height x width x
 * channels] under its pending norm, zeros or its reflection outside. The inputs are the channels of the frames that one
 * of the outputs meets, x_dates to date_first (frames_met_by); frame f's outputs go to frame f frame_step + frame_first.
 *
 * A group owns tile_height x tile_width outputs of each phase of a frame (group_id 0: tile, 1: frame). It reads what
 * they need of x once: rows from top + tile_y stride on, span_y more than the stride alone would read; `chunk` channels
 * at a time, `step` floats a pixel in `tile`. The weights are read once per PIXEL_LANES PX pixels, y is written once (and
 * read and written again for each further chunk). moments (or NULL): the record of image.h for each tile; its scratch is
 * `shared`. FLOPs: 2 taps x inputs x outputs an output. */
__kernel GROUP_OF(LANES) void conv_direct(
    __global const float *restrict x, __global const float *restrict scale_shift, int scale_stride, int height,
    int width, int channels, int inputs, int x_dates, int y_dates, int date_step, int date_first, int frame_step,
    int frame_first, __global const float *restrict packed, __global const float *restrict bias,
    __global float *restrict y, int out_height, int out_width, int outputs, int y_frame, int y_origin, int y_row,
    int y_column, int side, int stride, int dilation, int padding_y, int padding_x, int first_y, int end_y,
    int first_x, int end_x, int reflect, int top, int left, int span_y, int span_x, int tile_height, int tile_width,
    int tiles_across, int chunk, int step, int accumulate, __global float *restrict moments, __local float *tile,
    __local float *shared)
{
    const int channel_lane = (int)get_local_id(0) % CHANNEL_LANES, pixel_lane = (int)get_local_id(0) / CHANNEL_LANES;
    const int number = (int)get_group_id(0), frame = (int)get_group_id(1);
    const int tile_y = number / tiles_across * tile_height, tile_x = number % tiles_across * tile_width;
    const int rows = min(tile_height, (out_height + dilation - 1) / dilation - tile_y);
    const int columns = min(tile_width, (out_width + dilation - 1) / dilation - tile_x);
    const size_t taps_all = (size_t)side * side;
    patch staged = {.top = tile_y * stride + top,
                    .left = tile_x * stride + left,
                    .rows = (rows - 1) * stride + span_y,
                    .columns = (columns - 1) * stride + span_x,
                    .height = height,
                    .width = width,
                    .inputs = channels,
                    .step = step,
                    .reflect = reflect};
    const frames_met met = frames_met_by(frame, x_dates, y_dates, date_step, date_first);
    const int y_at = frame * frame_step + frame_first;

    NOUNROLL for (int c = 0; c < inputs; c += chunk) {
        const int depth = min(chunk, inputs - c), last = c + chunk >= inputs;
        /* Taps of a line lie side by side in the tile as in the weights, when no channel is left out between. */
        const int merged = depth == inputs && step == inputs;
        if (c) barrier(CLK_LOCAL_MEM_FENCE);
        staged.first = c;
        staged.channels = depth;
        stage_frames(tile, x, scale_shift, scale_stride, met, staged);
        barrier(CLK_LOCAL_MEM_FENCE);

        NOUNROLL for (int block = 0; block < (outputs + OUTPUT_BLOCK - 1) / OUTPUT_BLOCK; block++) {
            const int channel = block * OUTPUT_BLOCK + channel_lane * VW, there = outputs - channel;
            vec start[OB];
            tally t = {.count = 0};
            UNROLL for (int o = 0; o < OB; o++) {
                const int offset = o * CHANNEL_LANES * VW;
                start[o] = bias && c == 0 ? load_tail(bias + channel + offset, there - offset) : (vec)0.0f;
                t.origin[o] = t.sum[o] = t.square[o] = (vec)0.0f;
            }
            NOUNROLL for (int phase = 0; phase < dilation * dilation; phase++) {
                const int phase_y = phase / dilation, phase_x = phase - phase_y * dilation;
                const taps ty = taps_of(phase_y, padding_y, dilation, first_y, end_y, side);
                const taps tx = taps_of(phase_x, padding_x, dilation, first_x, end_x, side);
                const int down = min(rows, (out_height - phase_y + dilation - 1) / dilation - tile_y);
                const int across = min(columns, (out_width - phase_x + dilation - 1) / dilation - tile_x);
                const int pixels = max(down, 0) * max(across, 0);
                const int runs = merged ? 1 : tx.count, terms = merged ? tx.count * inputs : depth;
                const int pieces = IN_PARTS ? max((terms + SPAN - 1) / SPAN, 1) : 1, each = (terms + pieces - 1) / pieces;
                __local const float *corner = tile + ((ty.offset - top) * staged.columns + tx.offset - left) * step;
                __global const float *w =
                    packed + ((block * taps_all + side * ty.start + ty.all * tx.start + ty.skipped * tx.all + tx.skipped) *
                                  inputs + c) * OUTPUT_BLOCK + channel_lane * VW;

                NOUNROLL for (int pixel = pixel_lane * PX; pixel < pixels; pixel += PIXEL_LANES * PX) {
                    int at[PX];
                    long to[PX];
                    vec sum[PX][OB];
                    const int row = pixel / across, column = pixel - row * across;
                    place in = {row, column};
                    UNROLL for (int p = 0; p < PX; p++) {
                        at[p] = (in.row * staged.columns + in.column) * stride * step;
                        UNROLL for (int o = 0; o < OB; o++) sum[p][o] = start[o];
                        in = place_after(in, pixel + p, pixels, across);
                    }
#if IN_PARTS /* here, and not in a function, where PoCL would take it out of registers */
                    vec part[PX][OB], lost[PX][OB];
                    UNROLL for (int p = 0; p < PX; p++)
                        UNROLL for (int o = 0; o < OB; o++) part[p][o] = lost[p][o] = (vec)0.0f;
#else
                    vec(*const part)[OB] = sum, (*const lost)[OB] = sum;
#endif
                    int summed = 0; /* in part */
                    NOUNROLL for (int j = 0; j < ty.count; j++)
                        NOUNROLL for (int i = 0; i < runs; i++)
                            NOUNROLL for (int k = 0; k < terms; k += each) {
                                const int more = min(each, terms - k);
                                if (IN_PARTS && summed + more > SPAN) {
                                    tile_add(part, sum, lost);
                                    summed = 0;
                                }
                                tile_multiply(corner + (j * staged.columns + i) * step + k, at,
                                              w + ((size_t)(j * tx.all + i) * inputs + k) * OUTPUT_BLOCK, more, part);
                                summed += more;
                            }
                    if (IN_PARTS) tile_add(part, sum, lost);
#if IN_PARTS && EXACT
                    UNROLL for (int p = 0; p < PX; p++)
                        UNROLL for (int o = 0; o < OB; o++) sum[p][o] += lost[p][o];
#endif
                    place out = {row, column}; /* only now: registers are scarce while summing */
                    UNROLL for (int p = 0; p < PX; p++) {
                        const int i = (tile_y + out.row) * dilation + phase_y;
                        const int j = (tile_x + out.column) * dilation + phase_x;
                        to[p] = ((long)y_at * y_frame + y_origin + i * y_row + j * y_column) * outputs + channel;
                        out = place_after(out, pixel + p, pixels, across);
                    }
                    tile_store(sum, y, to, pixels - pixel, there, accumulate || c);
                    if (moments && last) tally_add(&t, sum, pixels - pixel);
                }
            }
            if (moments && last) {
#if LANES > 1
                if (block) barrier(CLK_LOCAL_MEM_FENCE); /* the block before has been read */
#endif
                record_moments(&t, shared, moments + (y_at * get_num_groups(0) + number) * (2 * (size_t)outputs + 1),
                               channel, there, outputs);
            }
        }
    }
}
