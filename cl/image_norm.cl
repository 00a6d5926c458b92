/* Norms of images z [frames x pixels x channels] (batch: Ioffe and Szegedy 2015; group: Wu and He 2018), without a pass
 * of their own forward: moments become a scale and a shift that the next reader applies (pending.clh).
 *
 *   n = (z - mean) rstd, rstd = 1 / sqrt(variance + 1e-5), over a frame's pixels and a group's channels, or over all
 *   frames and pixels of a channel;  y = relu?(weight n + bias) = relu?(scale z + shift)
 *   d = dy where y > 0, slope dy elsewhere (slope 1 without ReLU, 0 with it);  dweight = sum d n;  dbias = sum d
 *   dz = rstd (weight d - mean(weight d) - n mean(weight d n)), means over what the statistics are over
 *
 * Lines of vectors per channel, one a frame or one for all: scale_shift [lines x 2 x channels] (scale, shift),
 * statistics (mean, rstd), terms (rstd mean(weight d), rstd^2 mean(weight d n)). weight and bias may be NULL (1 and 0).
 * A record of moments is mean[channels], M2[channels], pixels (image.h).
 *
 * Kernels that read images share them as image_part.clh says; of the others, an item owns EACH vectors of channels of a
 * line, or a norm's group. What those read is a thousandth of the image. Backward works on the frames from `first` on:
 * a few at a time, so that they stay in a CPU's cache from the sums to dz.
 *
 * check: -DVW=4 -DEACH=1 -DLANES=64
 * check: -DVW=1 -DEACH=1 -DLANES=64
 * check: -DVW=2 -DEACH=1 -DLANES=32
 * check-cpu: -DVW=16 -DEACH=4 -DLANES=1 */
#include "image_part.clh"
#include "norm.clh"

#define MY_CHANNEL ((int)get_global_id(0) * EACH * VW)

/* ---- moments ---- */

/* records [frames x parts]: of each part of z. Reads z once from memory, once from cache; 4 FLOPs a value. */
__kernel GROUP_OF(LANES) void part_moments(__global const float *restrict z, __global float *restrict records,
                                           int pixels, int channels, int pixels_each, int team)
{
    TEAMS_BOX;
    const place at = find_place(channels, pixels, pixels_each, team);
    const int count = min(pixels_each, pixels - (int)get_group_id(1) * pixels_each);
    vec mean[EACH], m2[EACH];
    z += (size_t)at.frame * pixels * channels + at.c;
    VECTORS mean[e] = m2[e] = (vec)0.0f;
    for (int p = at.begin; p < at.end; p += at.step) VECTORS mean[e] += VLOAD(e, z + (size_t)p * channels);
    sum_teams(mean, box, team);
    VECTORS mean[e] *= 1.0f / (float)count;
    for (int p = at.begin; p < at.end; p += at.step)
        VECTORS {
            const vec distance = VLOAD(e, z + (size_t)p * channels) - mean[e];
            m2[e] = MULTIPLY_ADD(distance, distance, m2[e]);
        }
    sum_teams(m2, box, team);
    records += ((size_t)at.frame * get_num_groups(1) + get_group_id(1)) * (2 * channels + 1);
    if (!at.leads) return;
    store_channels(mean, records, at.c, 0);
    store_channels(m2, records + channels, at.c, 0);
    if (at.c == 0) records[2 * channels] = (float)count;
}

/* Mean and M2 at channel c of `count` records together, and of how many pixels (Chan, Golub and LeVeque 1983, all parts
 * at once: about their common mean). */
static inline float together(__global const float *records, int count, int channels, int c, vec mean[EACH],
                             vec m2[EACH])
{
    const size_t step = 2 * (size_t)channels + 1;
    float pixels = 0.0f;
    VECTORS mean[e] = m2[e] = (vec)0.0f;
    for (int i = 0; i < count; i++) {
        const float here = records[i * step + 2 * channels];
        pixels += here;
        VECTORS mean[e] = MULTIPLY_ADD((vec)here, VLOAD(e, records + i * step + c), mean[e]);
    }
    VECTORS mean[e] /= pixels;
    for (int i = 0; i < count; i++) {
        const float here = records[i * step + 2 * channels];
        VECTORS {
            const vec distance = VLOAD(e, records + i * step + c) - mean[e];
            m2[e] += MULTIPLY_ADD(distance * distance, (vec)here, VLOAD(e, records + i * step + channels + c));
        }
    }
    return pixels;
}

/* merged [get_global_size(1)]: of each `count` records one. Reads records twice. */
__kernel GROUP_OF(LANES) void merge_records(__global const float *restrict records, __global float *restrict merged,
                                            int count, int channels)
{
    const int c = MY_CHANNEL;
    const size_t step = 2 * (size_t)channels + 1, set = get_global_id(1);
    vec mean[EACH], m2[EACH];
    if (c >= channels) return;
    const float pixels = together(records + set * count * step, count, channels, c, mean, m2);
    merged += set * step;
    store_channels(mean, merged, c, 0);
    store_channels(m2, merged + channels, c, 0);
    if (c == 0) merged[2 * channels] = pixels;
}

/* ---- scale and shift ---- */

static inline void put_scale(int channels, int c, const vec mean[EACH], const vec rstd[EACH],
                             __global const float *weight, __global const float *bias, __global float *scale_shift)
{
    vec scale[EACH], shift[EACH];
    load_channels(weight, c, 1.0f, scale);
    load_channels(bias, c, 0.0f, shift);
    VECTORS {
        scale[e] *= rstd[e];
        shift[e] = MULTIPLY_ADD(-mean[e], scale[e], shift[e]);
    }
    store_channels(scale, scale_shift, c, 0);
    store_channels(shift, scale_shift + channels, c, 0);
}

/* Batch norm, training: from a record a frame. Moves the running statistics. */
__kernel GROUP_OF(LANES) void batch_scale(__global const float *restrict merged, int frames, int channels,
                                          __global const float *restrict weight, __global const float *restrict bias,
                                          __global float *restrict running_mean, __global float *restrict running_var,
                                          __global float *restrict scale_shift, __global float *restrict statistics)
{
    const int c = MY_CHANNEL;
    vec mean[EACH], rstd[EACH];
    if (c >= channels) return;
    const float pixels = together(merged, frames, channels, c, mean, rstd);
    VECTORS rstd[e] = norm_update(pixels, mean[e], rstd[e], running_mean + c + e * VW, running_var + c + e * VW, 0);
    put_scale(channels, c, mean, rstd, weight, bias, scale_shift);
    store_channels(mean, statistics, c, 0);
    store_channels(rstd, statistics + channels, c, 0);
}

/* Batch norm, evaluating. */
__kernel GROUP_OF(LANES) void running_scale(__global const float *restrict running_mean,
                                            __global const float *restrict running_var, int channels,
                                            __global const float *restrict weight,
                                            __global const float *restrict bias, __global float *restrict scale_shift)
{
    const int c = MY_CHANNEL;
    vec mean[EACH], rstd[EACH];
    if (c >= channels) return;
    load_channels(running_mean, c, 0.0f, mean);
    load_channels(running_var, c, 1.0f, rstd);
    VECTORS rstd[e] = norm_rstd(rstd[e]);
    put_scale(channels, c, mean, rstd, weight, bias, scale_shift);
}

/* Group norm, from a record a frame: an item owns a group of a frame. statistics may be NULL (evaluation). */
__kernel GROUP_OF(LANES) void group_scale(__global const float *restrict merged, int frames, int channels, int groups,
                                          __global const float *restrict weight, __global const float *restrict bias,
                                          __global float *restrict scale_shift, __global float *restrict statistics)
{
    const int frame = (int)get_global_id(0) / groups, size = channels / groups;
    const int begin = (int)get_global_id(0) % groups * size, end = begin + size;
    if (frame >= frames) return;
    merged += (size_t)frame * (2 * channels + 1);
    scale_shift += (size_t)frame * 2 * channels;
    const float pixels = merged[2 * channels];
    float mean = 0.0f, m2 = 0.0f;
    for (int c = begin; c < end; c++) mean += merged[c];
    mean /= (float)size;
    for (int c = begin; c < end; c++)
        m2 += MULTIPLY_ADD((merged[c] - mean) * (merged[c] - mean), pixels, merged[channels + c]);
    const float variance = m2 / (pixels * (float)size), rstd = norm_scale(variance, 1.0f);
    for (int c = begin; c < end; c++) {
        const float scale = norm_scale(variance, weight ? weight[c] : 1.0f);
        scale_shift[c] = scale;
        scale_shift[channels + c] = MULTIPLY_ADD(-mean, scale, bias ? bias[c] : 0.0f);
    }
    if (!statistics) return;
    statistics += (size_t)frame * 2 * channels;
    for (int c = begin; c < end; c++) {
        statistics[c] = mean;
        statistics[channels + c] = rstd;
    }
}

/* ---- backward ---- */

/* d of a vector: relu_slope is 1 without a ReLU, 0 with one, between them with a leaky one. */
static inline vec masked(vec dy, vec z, vec scale, vec shift, float relu_slope)
{
    return select(relu_slope * dy, dy, isgreater(MULTIPLY_ADD(z, scale, shift), (vec)0.0f));
}

/* sums [frames x parts x 2 x channels]: of d and of d (z - mean) over each part. line: floats between the lines of
 * scale_shift and of statistics, 0: one for all. Reads dy and z once; 6 FLOPs a value. */
__kernel GROUP_OF(LANES) void part_sums(__global const float *restrict dy, __global const float *restrict z,
                                        __global const float *restrict scale_shift,
                                        __global const float *restrict statistics, int line,
                                        __global float *restrict sums, int first, int pixels, int channels,
                                        int pixels_each, int team, float relu_slope)
{
    TEAMS_BOX;
    const place at = find_place(channels, pixels, pixels_each, team);
    const size_t frame = first + at.frame, start = frame * pixels * channels + at.c;
    vec scale[EACH], shift[EACH], mean[EACH], plain[EACH], along[EACH];
    load_channels(scale_shift + frame * line, at.c, 1.0f, scale);
    load_channels(scale_shift + frame * line + channels, at.c, 0.0f, shift);
    load_channels(statistics + frame * line, at.c, 0.0f, mean);
    VECTORS plain[e] = along[e] = (vec)0.0f;
    for (int p = at.begin; p < at.end; p += at.step) {
        const size_t here = start + (size_t)p * channels;
        VECTORS {
            const vec value = VLOAD(e, z + here);
            const vec d = masked(VLOAD(e, dy + here), value, scale[e], shift[e], relu_slope);
            plain[e] += d;
            along[e] = MULTIPLY_ADD(d, value - mean[e], along[e]);
        }
    }
    sum_teams(plain, box, team);
    sum_teams(along, box, team);
    sums += (frame * get_num_groups(1) + get_group_id(1)) * 2 * channels;
    if (!at.leads) return;
    store_channels(plain, sums, at.c, 0);
    store_channels(along, sums + channels, at.c, 0);
}

/* merged [frames x 2 x channels]: the parts' sums of d and of d n, added up in order. */
__kernel GROUP_OF(LANES) void merge_sums(__global const float *restrict sums, __global const float *restrict statistics,
                                         int line, __global float *restrict merged, int first, int parts,
                                         int channels)
{
    const int c = MY_CHANNEL;
    const size_t frame = first + get_global_id(1), step = 2 * (size_t)channels;
    vec plain[EACH], along[EACH], rstd[EACH];
    if (c >= channels) return;
    VECTORS plain[e] = along[e] = (vec)0.0f;
    sums += frame * parts * step + c;
    for (int part = 0; part < parts; part++)
        VECTORS {
            plain[e] += VLOAD(e, sums + part * step);
            along[e] += VLOAD(e, sums + part * step + channels);
        }
    load_channels(statistics + frame * line + channels, c, 1.0f, rstd);
    VECTORS along[e] *= rstd[e];
    store_channels(plain, merged + frame * step, c, 0);
    store_channels(along, merged + frame * step + channels, c, 0);
}

/* The sums of all frames in order: gradients of weight and bias, each NULL where not wanted, += where told; and, where
 * terms is not NULL, batch norm's terms. values: how many a channel has. */
__kernel GROUP_OF(LANES) void sum_frames(__global const float *restrict merged, int frames, int channels,
                                         __global float *restrict dweight, int add_weight,
                                         __global float *restrict dbias, int add_bias,
                                         __global const float *restrict weight,
                                         __global const float *restrict statistics, __global float *restrict terms,
                                         float values)
{
    const int c = MY_CHANNEL;
    const size_t step = 2 * (size_t)channels;
    vec plain[EACH], along[EACH], gain[EACH], rstd[EACH];
    if (c >= channels) return;
    VECTORS plain[e] = along[e] = (vec)0.0f;
    for (int frame = 0; frame < frames; frame++)
        VECTORS {
            plain[e] += VLOAD(e, merged + frame * step + c);
            along[e] += VLOAD(e, merged + frame * step + channels + c);
        }
    if (dbias) store_channels(plain, dbias, c, add_bias);
    if (dweight) store_channels(along, dweight, c, add_weight);
    if (!terms) return;
    load_channels(weight, c, 1.0f, gain);
    load_channels(statistics + channels, c, 1.0f, rstd);
    VECTORS {
        plain[e] *= gain[e] * rstd[e] / values;
        along[e] *= gain[e] * rstd[e] * rstd[e] / values;
    }
    store_channels(plain, terms, c, 0);
    store_channels(along, terms + channels, c, 0);
}

/* Group norm's terms: an item owns a group of a frame. */
__kernel GROUP_OF(LANES) void group_terms(__global const float *restrict merged, int first, int frames, int channels,
                                          int groups, __global const float *restrict weight,
                                          __global const float *restrict statistics, __global float *restrict terms,
                                          int pixels)
{
    const int frame = first + (int)get_global_id(0) / groups, size = channels / groups;
    const int begin = (int)get_global_id(0) % groups * size, end = begin + size;
    const size_t start = (size_t)frame * 2 * channels;
    if (frame >= first + frames) return;
    float plain = 0.0f, along = 0.0f;
    for (int c = begin; c < end; c++) {
        const float gain = weight ? weight[c] : 1.0f;
        plain = MULTIPLY_ADD(gain, merged[start + c], plain);
        along = MULTIPLY_ADD(gain, merged[start + channels + c], along);
    }
    const float rstd = statistics[start + channels + begin], values = (float)pixels * (float)size;
    plain *= rstd / values;
    along *= rstd * rstd / values;
    for (int c = begin; c < end; c++) {
        terms[start + c] = plain;
        terms[start + channels + c] = along;
    }
}

/* dz (+)= scale d - terms[0] - (z - mean) terms[1]. dz may be dy itself: neither is `restrict`, and an item reads a
 * place before it writes it. Reads dy and z once (and dz where it adds), writes dz once; 7 FLOPs a value. */
__kernel GROUP_OF(LANES) void gradient(__global const float *dy, __global const float *restrict z,
                                       __global const float *restrict scale_shift,
                                       __global const float *restrict statistics, __global const float *restrict terms,
                                       int line, __global float *dz, int first, int pixels, int channels,
                                       int pixels_each, int team, float relu_slope, int add)
{
    const place at = find_place(channels, pixels, pixels_each, team);
    const size_t frame = first + at.frame, start = frame * pixels * channels + at.c;
    vec scale[EACH], shift[EACH], mean[EACH], flat[EACH], slope[EACH];
    load_channels(scale_shift + frame * line, at.c, 1.0f, scale);
    load_channels(scale_shift + frame * line + channels, at.c, 0.0f, shift);
    load_channels(statistics + frame * line, at.c, 0.0f, mean);
    load_channels(terms + frame * line, at.c, 0.0f, flat);
    load_channels(terms + frame * line + channels, at.c, 0.0f, slope);
    for (int p = at.begin; p < at.end; p += at.step) {
        const size_t here = start + (size_t)p * channels;
        vec out[EACH];
        VECTORS {
            const vec value = VLOAD(e, z + here);
            const vec d = masked(VLOAD(e, dy + here), value, scale[e], shift[e], relu_slope);
            out[e] = MULTIPLY_ADD(d, scale[e], MULTIPLY_ADD(mean[e] - value, slope[e], -flat[e]));
        }
        store_channels(out, dz + here, 0, add);
    }
}
