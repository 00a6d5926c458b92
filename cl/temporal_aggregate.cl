/* U-TAE's temporal aggregation (Garnot and Landrieu 2021): sums over the dates of each patch, weighted by an attention
 * map that is resampled bilinearly to the image. Layouts and formulas in src/op/temporal_aggregate.c.
 *
 *   part [part_frames x height x width x channels], the batch's frames from part_first on
 *   y, dy [patches x height x width x channels]
 *   map [rows x HEADS] in sequence order: patch b, cell p, date t in row offsets[b] cells + p dates + t; channel c has
 *   head c / HEAD_CHANNELS. MAPPED 0: no map, weights are 1 / dates.
 *
 * A launch works on one part, a group on rows of pixels of one patch, for those of the patch's dates that are in the
 * part. The rows of y or dy stay in cache while the dates go by: a part is read, or written, once.
 *
 * check: -DVW=4 -DLANES=64 -DTAIL=0 -DHEADS=16 -DHEAD_CHANNELS=4 -DMAPPED=1 -DPENDING=1 -DPENDING_RELU=1
 * check: -DVW=1 -DLANES=64 -DTAIL=0 -DHEADS=16 -DHEAD_CHANNELS=4 -DMAPPED=1 -DPENDING=1 -DPENDING_RELU=1
 * check: -DVW=4 -DLANES=64 -DTAIL=0 -DHEADS=1 -DHEAD_CHANNELS=64 -DMAPPED=0 -DPENDING=0
 * check-cpu: -DVW=16 -DLANES=1 -DTAIL=0 -DHELD=4 -DHEADS=16 -DHEAD_CHANNELS=4 -DMAPPED=1 -DPENDING=1
 */
#include "pending.clh"
#include "team.clh"

#ifndef HELD
#define HELD 1 /* vectors of channels of a pixel that an item holds; with TAIL 0 that many times VW divides channels */
#endif
#define STEP (HELD * VW * LANES)

/* PoCL leaves large functions that are called often out of line, which takes half of the time here. Not for functions
 * that return structures: Oclgrind cannot run what they become. */
#define INLINE static inline __attribute__((always_inline))

/* ---- resampling ------------------------------------------------------------------------------------------------- */

/* Where position `at` of the image lies between two cells of the map (torch.nn.Upsample, align_corners false): their
 * numbers, the same one at the edges, and the share of the second. ratio: cells / positions. */
typedef struct cell_pair {
    int cell, next;
    float share;
} cell_pair;

static inline cell_pair cells_of(int at, float ratio, int cells)
{
    const float from = fmax(ratio * ((float)at + 0.5f) - 0.5f, 0.0f);
    const int cell = min((int)from, cells - 1);
    return (cell_pair){cell, min(cell + 1, cells - 1), from - (float)cell};
}

/* The first position from `at` on that lies behind `cell`. */
static inline int cell_end(int at, int cell, float ratio, int cells, int width)
{
    while (at < width && cells_of(at, ratio, cells).cell <= cell) at++;
    return at;
}

/* One date of the map along a row of the image: between two lines of cells, whose heads are `step` floats apart. */
typedef struct map_line {
    __global const float *low, *high;
    size_t step;
    float share; /* of high; MAPPED 0: the weight itself */
} map_line;

static inline map_line line_of(__global const float *map, cell_pair row, int first, int dates, int t, int cells,
                               int map_width)
{
#if MAPPED
    const size_t step = (size_t)dates * HEADS, start = ((size_t)first * cells + t) * HEADS;
    __global const float *low = map + start + (size_t)row.cell * map_width * step;
    return (map_line){low, map + start + (size_t)row.next * map_width * step, step, row.share};
#else
    return (map_line){map, map, 0, 1.0f / (float)dates};
#endif
}

INLINE float head_weight(map_line m, size_t cell, int head)
{
    const float low = m.low[cell + head];
    return MULTIPLY_ADD(m.share, m.high[cell + head] - low, low);
}

/* The weights of channels c .. c + VW - 1 at a cell of the line. */
INLINE vec weights_at(map_line m, int cell, int c)
{
#if !MAPPED
    return (vec)m.share;
#elif VW == 1 || HEAD_CHANNELS % VW == 0
    return (vec)head_weight(m, cell * m.step, min(c / HEAD_CHANNELS, HEADS - 1));
#else
    float lane[VW];
#if VW % HEAD_CHANNELS == 0
    float head[VW / HEAD_CHANNELS];
    const int first = c / HEAD_CHANNELS;
    UNROLL for (int i = 0; i < VW / HEAD_CHANNELS; i++)
        head[i] = head_weight(m, cell * m.step, TAIL ? min(first + i, HEADS - 1) : first + i);
    UNROLL for (int i = 0; i < VW; i++) lane[i] = head[i / HEAD_CHANNELS];
#else
    UNROLL for (int i = 0; i < VW; i++)
        lane[i] = head_weight(m, cell * m.step, min((c + i) / HEAD_CHANNELS, HEADS - 1));
#endif
    return VLOAD(0, lane);
#endif
}

#define COLUMN(i) (c0 + (i) * VW * LANES)

/* The dates of a patch that are in a part: frames begin .. end - 1 of the batch. */
typedef struct stretch {
    int first, dates, begin, end;
} stretch;

static inline stretch stretch_of(__global const int *offsets, int b, int part_first, int part_frames)
{
    const int first = offsets[b], last = offsets[b + 1];
    return (stretch){first, last - first, max(first, part_first), min(last, part_first + part_frames)};
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

/* to += weight x value along one row of pixels of one date, between two cells of the map at a time. */
INLINE void weigh_row(__global const float *from, __global const float *norm, map_line m, __global float *to,
                             int width, int channels, int map_width, float ratio)
{
    for (int c0 = 0; c0 < channels; c0 += STEP) {
        vec start[HELD], rise[HELD], next[HELD];
        UNROLL for (int i = 0; i < HELD; i++) next[i] = weights_at(m, 0, COLUMN(i));
        for (int cell = 0, at = 0; at < width; cell++) {
            const int stop = cell_end(at, cell, ratio, map_width, width);
            UNROLL for (int i = 0; i < HELD; i++) {
                start[i] = next[i];
                next[i] = weights_at(m, min(cell + 1, map_width - 1), COLUMN(i));
                rise[i] = next[i] - start[i];
            }
            for (; at < stop; at++) {
                const vec share = (vec)cells_of(at, ratio, map_width).share;
                UNROLL for (int i = 0; i < HELD; i++) {
                    const int c = COLUMN(i), left = channels - c;
                    const size_t place = (size_t)at * channels + c;
                    const vec v = pending_apply(ROW_LOAD(from + place, left), norm, channels, c, left);
                    const vec w = MULTIPLY_ADD(share, rise[i], start[i]);
                    ROW_STORE(MULTIPLY_ADD(w, v, ROW_LOAD(to + place, left)), to + place, left);
                }
            }
        }
    }
}

/* y (+)= sum over the part's dates of weight x: added where an earlier part had dates of the patch. Group (patch x
 * block of `rows` rows of pixels, piece of the row). An item of a CPU form walks along the rows, date by date; one of a
 * GPU form (rows 1) owns one vector of y and goes through the dates. A patch without any date gets zeros from the first
 * part. 2 FLOPs a value, 2 more for its weight. */
__kernel GROUP_OF(LANES) void aggregate(__global const float *restrict part, __global const float *restrict scale_shift,
                                        int scale_step, __global const int *restrict offsets,
                                        __global const float *restrict map, __global float *restrict y, int part_first,
                                        int part_frames, int height, int width, int channels, int map_height,
                                        int map_width, float row_ratio, float ratio, int rows)
{
    const int blocks = (height + rows - 1) / rows, b = (int)get_group_id(0) / blocks;
    const int row = (int)get_group_id(0) % blocks * rows;
    const stretch s = stretch_of(offsets, b, part_first, part_frames);
    const bool opens = s.begin == s.first && (s.begin < s.end || (s.dates == 0 && part_first == 0));
    if (s.begin >= s.end && !opens) return;
    const size_t line = (size_t)width * channels;
    __global float *to = y + ((size_t)b * height + row) * line;
    __global const float *from = part + ((size_t)(s.begin - part_first) * height + row) * line;
    __global const float *norm = scale_shift + (size_t)(s.begin - part_first) * scale_step;
#if LANES == 1
    const int count = min(rows, height - row);
    for (size_t i = 0; opens && i < count * line; i++) to[i] = 0.0f;
    for (int f = s.begin; f < s.end; f++) {
        for (int k = 0; k < count; k++) {
            const map_line m = line_of(map, cells_of(row + k, row_ratio, map_height), s.first, s.dates, f - s.first,
                                       map_height * map_width, map_width);
            weigh_row(from + k * line, norm, m, to + k * line, width, channels, map_width, ratio);
        }
        from += (size_t)height * line;
        norm += scale_step;
    }
#else
    const cell_pair along = cells_of(row, row_ratio, map_height);
    const int vectors = (channels + VW - 1) / VW, i = (int)(get_group_id(1) * LANES + get_local_id(0));
    const int at = i / vectors, c = i % vectors * VW, left = channels - c;
    if (at >= width) return;
    const cell_pair across = cells_of(at, ratio, map_width);
    const size_t place = (size_t)at * channels + c;
    vec sum = opens ? (vec)0.0f : ROW_LOAD(to + place, left);
    for (int f = s.begin; f < s.end; f++) {
        const map_line m = line_of(map, along, s.first, s.dates, f - s.first, map_height * map_width, map_width);
        const vec start = weights_at(m, across.cell, c), rise = weights_at(m, across.next, c) - start;
        const vec v = pending_apply(ROW_LOAD(from + place, left), norm, channels, c, left);
        sum = MULTIPLY_ADD(MULTIPLY_ADD((vec)across.share, rise, start), v, sum);
        from += (size_t)height * line;
        norm += scale_step;
    }
    ROW_STORE(sum, to + place, left);
#endif
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

/* to (+)= weight x from, along one row of pixels of one date as weigh_row does. */
INLINE void spread_row(__global const float *from, map_line m, __global float *to, int width, int channels,
                       int map_width, float ratio, int accumulate)
{
    for (int c0 = 0; c0 < channels; c0 += STEP) {
        vec start[HELD], rise[HELD], next[HELD];
        UNROLL for (int i = 0; i < HELD; i++) next[i] = weights_at(m, 0, COLUMN(i));
        for (int cell = 0, at = 0; at < width; cell++) {
            const int stop = cell_end(at, cell, ratio, map_width, width);
            UNROLL for (int i = 0; i < HELD; i++) {
                start[i] = next[i];
                next[i] = weights_at(m, min(cell + 1, map_width - 1), COLUMN(i));
                rise[i] = next[i] - start[i];
            }
            for (; at < stop; at++) {
                const vec share = (vec)cells_of(at, ratio, map_width).share;
                UNROLL for (int i = 0; i < HELD; i++) {
                    const int c = COLUMN(i), left = channels - c;
                    const size_t place = (size_t)at * channels + c;
                    const vec d = ROW_LOAD(from + place, left) * MULTIPLY_ADD(share, rise[i], start[i]);
                    ROW_STORE(accumulate ? d + ROW_LOAD(to + place, left) : d, to + place, left);
                }
            }
        }
    }
}

/* gradient of the part (+)= weight dy. Group (patch x row, piece of the row, slice of the dates); items as in
 * aggregate, for one date after the other. Every value is written once; 4 FLOPs each. */
__kernel GROUP_OF(LANES) void aggregate_late(__global const float *restrict dy, __global const int *restrict offsets,
                                             __global const float *restrict map, __global float *restrict gradient,
                                             int part_first, int part_frames, int height, int width, int channels,
                                             int map_height, int map_width, float row_ratio, float ratio,
                                             int accumulate)
{
    const int b = (int)get_group_id(0) / height, row = (int)get_group_id(0) % height;
    const stretch s = stretch_of(offsets, b, part_first, part_frames);
    const cell_pair along = cells_of(row, row_ratio, map_height);
    const size_t line = (size_t)width * channels;
    __global const float *from = dy + (size_t)get_group_id(0) * line;
    for (int f = s.begin + (int)get_group_id(2); f < s.end; f += (int)get_num_groups(2)) {
        const map_line m = line_of(map, along, s.first, s.dates, f - s.first, map_height * map_width, map_width);
        __global float *to = gradient + ((size_t)(f - part_first) * height + row) * line;
#if LANES == 1
        spread_row(from, m, to, width, channels, map_width, ratio, accumulate);
#else
        const int vectors = (channels + VW - 1) / VW, i = (int)(get_group_id(1) * LANES + get_local_id(0));
        const int at = i / vectors, c = i % vectors * VW, left = channels - c;
        if (at >= width) return;
        const cell_pair across = cells_of(at, ratio, map_width);
        const size_t place = (size_t)at * channels + c;
        const vec start = weights_at(m, across.cell, c), rise = weights_at(m, across.next, c) - start;
        const vec d = ROW_LOAD(from + place, left) * MULTIPLY_ADD((vec)across.share, rise, start);
        ROW_STORE(accumulate ? d + ROW_LOAD(to + place, left) : d, to + place, left);
#endif
    }
}

/* The transposed resampling along rows: lines [frames x height x map_width x HEADS] = sum over the row's pixels of the
 * share of each cell times the sum over the head's channels of dy x. Group (patch x row, slice of the dates); an item
 * owns vectors of channels and walks along the row, cell by cell: what a pixel gives to the next cell is carried over.
 * scratch: 2 channels, rounded up to whole steps of the group. A part is read once, dy once a date (from cache); 6
 * FLOPs a value. */
__kernel GROUP_OF(LANES) void aggregate_lines(__global const float *restrict part,
                                              __global const float *restrict scale_shift, int scale_step,
                                              __global const int *restrict offsets, __global const float *restrict dy,
                                              __global float *restrict lines, int part_first, int part_frames,
                                              int height, int width, int channels, int map_width, float ratio,
                                              __local float *scratch)
{
    const int b = (int)get_group_id(0) / height, row = (int)get_group_id(0) % height, lane = (int)get_local_id(0);
    const stretch s = stretch_of(offsets, b, part_first, part_frames);
    const size_t line = (size_t)width * channels;
    __global const float *back = dy + (size_t)get_group_id(0) * line;
    __local float *total = scratch, *carried = scratch + (channels + STEP - 1) / STEP * STEP;
    NOUNROLL for (int f = s.begin + (int)get_group_id(1); f < s.end; f += (int)get_num_groups(1)) {
        __global const float *from = part + ((size_t)(f - part_first) * height + row) * line;
        __global const float *norm = scale_shift + (size_t)(f - part_first) * scale_step;
        __global float *out = lines + ((size_t)f * height + row) * map_width * HEADS;
        int at = 0;
        NOUNROLL for (int cell = 0; cell < map_width; cell++) {
            const int stop = cell_end(at, cell, ratio, map_width, width);
            for (int c0 = VW * lane; c0 < channels; c0 += STEP) {
                vec here[HELD], next[HELD];
                UNROLL for (int i = 0; i < HELD; i++) {
                    here[i] = cell > 0 ? VLOAD(0, carried + COLUMN(i)) : (vec)0.0f;
                    next[i] = (vec)0.0f;
                }
                for (int x = at; x < stop; x++) {
                    const float share = cells_of(x, ratio, map_width).share;
                    UNROLL for (int i = 0; i < HELD; i++) {
                        const int c = COLUMN(i), left = channels - c;
                        const size_t place = (size_t)x * channels + c;
                        const vec v = pending_apply(ROW_LOAD(from + place, left), norm, channels, c, left);
                        const vec product = ROW_LOAD(back + place, left) * v;
                        here[i] = MULTIPLY_ADD((vec)(1.0f - share), product, here[i]);
                        next[i] = MULTIPLY_ADD((vec)share, product, next[i]);
                    }
                }
                UNROLL for (int i = 0; i < HELD; i++) {
                    VSTORE(cell == map_width - 1 ? here[i] + next[i] : here[i], 0, total + COLUMN(i));
                    VSTORE(next[i], 0, carried + COLUMN(i));
                }
            }
            local_wait();
            for (int h = lane; h < HEADS; h += LANES) {
                float sum = 0.0f;
                for (int i = 0; i < HEAD_CHANNELS; i++) sum += total[h * HEAD_CHANNELS + i];
                out[cell * HEADS + h] = sum;
            }
            local_wait();
            at = stop;
        }
    }
}

/* And along columns: dmap (+)= sum over the rows of the image, in order, of the share of the cell's row times `lines`.
 * Group (patch x row of cells, slice of the dates); an item owns vectors of cells x heads. */
__kernel GROUP_OF(LANES) void aggregate_columns(__global const float *restrict lines,
                                                __global const int *restrict offsets, __global float *restrict dmap,
                                                int height, int map_height, int map_width, float row_ratio,
                                                int accumulate)
{
    const int b = (int)get_group_id(0) / map_height, cell = (int)get_group_id(0) % map_height;
    const int first = offsets[b], dates = offsets[b + 1] - first, count = map_width * HEADS;
    const int begin = max((int)(((float)cell - 0.5f) / row_ratio - 0.5f) - 1, 0);
    for (int t = (int)get_group_id(1); t < dates; t += (int)get_num_groups(1)) {
        __global const float *from = lines + (size_t)(first + t) * height * count;
        __global float *to = dmap + ((size_t)first * map_height * map_width + t) * HEADS;
        for (int i = VW * (int)get_local_id(0); i < count; i += VW * LANES) {
            vec sum = (vec)0.0f;
            for (int row = begin; row < height; row++) {
                const cell_pair p = cells_of(row, row_ratio, map_height);
                if (p.cell > cell) break;
                const float share = (p.cell == cell ? 1.0f - p.share : 0.0f) + (p.next == cell ? p.share : 0.0f);
                sum = MULTIPLY_ADD((vec)share, load_tail(from + (size_t)row * count + i, count - i), sum);
            }
            float lane[VW];
            VSTORE(sum, 0, lane);
            UNROLL for (int k = 0; k < VW; k++) {
                if (i + k >= count) continue;
                const size_t column = (size_t)cell * map_width + (i + k) / HEADS;
                __global float *place = to + column * dates * HEADS + (i + k) % HEADS;
                *place = accumulate ? *place + lane[k] : lane[k];
            }
        }
    }
}
