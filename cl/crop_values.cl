/* What crops start from: a shape resampled to its box, and the saliency below it (PaPs, Sainte Fare Garnot and Landrieu
 * 2021). Layouts and formulas in src/op/crop_values.c.
 *
 * -DGATE=1: sigmoid(shape) sigmoid(saliency), else shape + saliency.  -DBLOCK=b: an item of the saliency's gradient owns
 * b x b pixels.
 *
 * check: -DVW=1 -DLANES=64 -DGATE=0 -DBLOCK=1
 * check: -DVW=1 -DLANES=64 -DGATE=1 -DBLOCK=1
 * check-cpu: -DVW=16 -DLANES=1 -DGATE=1 -DBLOCK=16 */
#include "common.clh"
#include "crop.clh"

/* ---- bilinear resampling along one axis: `side` cells are spread over `length` places ----------------------------- */

/* Where place i of a box falls among the cells (align_corners false), 0 .. side - 1. */
static inline float cell_of(int i, int length, int side)
{
    return clamp(MULTIPLY_ADD(i + 0.5f, (float)side / length, -0.5f), 0.0f, (float)(side - 1));
}

/* The places that cells first .. last weigh in: none before *begin, none from *end on; *begin and *end are narrowed. */
static inline void places_of(int first, int last, int length, int side, int *begin, int *end)
{
    const float step = (float)length / side;
    if (first > 0) *begin = max(*begin, (int)floor((first - 0.5f) * step - 0.5f) - 1);
    if (last < side - 1) *end = min(*end, (int)ceil((last + 1.5f) * step - 0.5f) + 2);
}

/* What a cell weighs at a place: 1 where they meet, 0 from one cell away on. */
static inline float cell_weight(float place, int cell)
{
    return fmax(1.0f - fabs(place - cell), 0.0f);
}

#if VW == 1
#define LANE_PLACES 0.0f
#else
#define LANE_PLACES PASTE(convert_float, VW)(LANE_NUMBERS)
#endif

/* The shape at row y, column x of its box: 4 reads. */
static inline float shape_at(__global const float *shape, int side, crop c, int y, int x)
{
    const float row = cell_of(y, c.box_height, side), column = cell_of(x, c.box_width, side);
    const int i = (int)row, j = (int)column, below = min(i + 1, side - 1) * side, right = min(j + 1, side - 1);
    const float down = row - i, along = column - j;
    const float upper = MULTIPLY_ADD(along, shape[i * side + right] - shape[i * side + j], shape[i * side + j]);
    const float lower = MULTIPLY_ADD(along, shape[below + right] - shape[below + j], shape[below + j]);
    return MULTIPLY_ADD(down, lower - upper, upper);
}

/* ---- kernels ------------------------------------------------------------------------------------------------------ */

/* y [values of all crops] from shapes [crops x side side] and saliency [patches x height x width]. A group owns a crop,
 * an item every LANES-th of its pixels; about 25 FLOPs a value, and 2 exponentials with GATE. */
__kernel GROUP_OF(LANES) void crop_values(__global const float *restrict shapes,
                                          __global const float *restrict saliency, __global const crop *restrict crops,
                                          __global float *restrict y, int side, int height, int width)
{
    const int i = (int)get_group_id(0);
    const crop c = crops[i];
    shapes += (size_t)i * side * side;
    saliency += ((size_t)c.patch * height + c.top) * width + c.left;
    for (int p = (int)get_local_id(0); p < c.height * c.width; p += LANES) {
        const int row = p / c.width, column = p - row * c.width;
        const float s = shape_at(shapes, side, c, row + c.top - c.box_top, column + c.left - c.box_left);
        const float q = saliency[row * width + column];
        y[c.first + p] = GATE ? sigmoid(s) * sigmoid(q) : s + q;
    }
}

/* GATE: the gradients of the resampled shape and of the saliency at each value, from that of y. As crop_values. */
__kernel GROUP_OF(LANES) void crop_slopes(__global const float *restrict shapes,
                                          __global const float *restrict saliency, __global const crop *restrict crops,
                                          __global const float *restrict dy, __global float *restrict to_shape,
                                          __global float *restrict to_saliency, int side, int height, int width)
{
    const int i = (int)get_group_id(0);
    const crop c = crops[i];
    shapes += (size_t)i * side * side;
    saliency += ((size_t)c.patch * height + c.top) * width + c.left;
    for (int p = (int)get_local_id(0); p < c.height * c.width; p += LANES) {
        const int row = p / c.width, column = p - row * c.width;
        const float a = sigmoid(shape_at(shapes, side, c, row + c.top - c.box_top, column + c.left - c.box_left));
        const float b = sigmoid(saliency[row * width + column]), d = dy[c.first + p] * a * b;
        to_shape[c.first + p] = d * (1.0f - a);
        to_saliency[c.first + p] = d * (1.0f - b);
    }
}

/* dshapes [crops x side side] (+)= the values' gradients d, each to the cells that it was made of. A group owns a crop,
 * an item vectors of VW neighbouring cells, for which it reads the rows and columns around them, in order: each value is
 * read by 4 cells or vectors. 4 FLOPs each. */
__kernel GROUP_OF(LANES) void crop_shape_gradient(__global const crop *restrict crops, __global const float *restrict d,
                                                  __global float *restrict dshapes, int side, int accumulate)
{
    const int i = (int)get_group_id(0), across = (side + VW - 1) / VW;
    const crop c = crops[i];
    const int down = c.top - c.box_top, along = c.left - c.box_left; /* of the crop in its box */
    d += c.first;
    for (int u = (int)get_local_id(0); u < side * across; u += LANES) {
        const int cell = u / across, first = u % across * VW, left = side - first;
        __global float *to = dshapes + (size_t)i * side * side + cell * side + first;
        const vec cells = LANE_PLACES + (float)first;
        int top = down, bottom = down + c.height, begin = along, end = along + c.width;
        places_of(cell, cell, c.box_height, side, &top, &bottom);
        places_of(first, first + VW - 1, c.box_width, side, &begin, &end);
        vec sum = (vec)0.0f;
        for (int y = top; y < bottom; y++) {
            __global const float *line = d + (y - down) * c.width - along;
            vec row = (vec)0.0f;
            for (int x = begin; x < end; x++) {
                const vec weight = fmax(1.0f - fabs(cell_of(x, c.box_width, side) - cells), (vec)0.0f);
                row = MULTIPLY_ADD(weight, (vec)line[x], row);
            }
            sum = MULTIPLY_ADD((vec)cell_weight(cell_of(y, c.box_height, side), cell), row, sum);
        }
        if (accumulate) sum += load_tail(to, left);
        store_tail(sum, to, left);
    }
}

/* The first of the crops, sorted by patch, that belongs to `patch` or a later one. */
static inline int first_of_patch(__global const crop *crops, int count, int patch)
{
    int begin = 0, end = count;
    while (begin < end) {
        const int middle = (begin + end) / 2;
        if (crops[middle].patch < patch)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/* dsaliency [patches x height x width] (+)= d of the crops that cover a pixel, in their order. Groups cover the image
 * (dimension 0) of a patch (dimension 1); an item owns BLOCK x BLOCK pixels and asks every crop of the patch whether it
 * meets them. A FLOP for each value and crop. */
__kernel GROUP_OF(LANES) void crop_saliency_gradient(__global const crop *restrict crops, int count,
                                                     __global const float *restrict d,
                                                     __global float *restrict dsaliency, int height, int width,
                                                     int accumulate)
{
    const int patch = (int)get_group_id(1), across = (width + BLOCK - 1) / BLOCK, item = (int)get_global_id(0);
    const int top = item / across * BLOCK, left = item % across * BLOCK;
    const int bottom = min(top + BLOCK, height), right = min(left + BLOCK, width);
    if (top >= height) return;
    dsaliency += (size_t)patch * height * width;
    for (int y = top; y < bottom && !accumulate; y++)
        for (int x = left; x < right; x++) dsaliency[y * width + x] = 0.0f;
    for (int i = first_of_patch(crops, count, patch); i < count && crops[i].patch == patch; i++) {
        const crop c = crops[i];
        const int begin = max(left, c.left), end = min(right, c.left + c.width);
        if (begin >= end) continue;
        for (int y = max(top, c.top); y < min(bottom, c.top + c.height); y++) {
            __global const float *from = d + c.first + (y - c.top) * c.width - c.left;
            for (int x = begin; x < end; x++) dsaliency[y * width + x] += from[x];
        }
    }
}
