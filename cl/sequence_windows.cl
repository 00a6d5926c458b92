/* Windows of dates laid side by side, and their gradient (src/op/sequence_windows.c).
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=64 */
#include "team.clh"

/* Of the sequence that owns frames first .. end - 1: which frame stands at place k of the window of row `row`. */
static inline int frame_at(int row, int k, int width, int first, int every_date)
{
    return every_date ? row + k - width / 2 : first + k;
}

/* y [rows x channels width], y[row, c width + k] = x[frame at k, c], zero where the sequence has no such frame. Rows are
 * the sequences, or, with every_date, the frames. A group owns a sequence, an item channels of all its rows; each value
 * is read `width` times (from cache) with every_date, else once, and written once. */
__kernel GROUP_OF(LANES) void sequence_windows(__global const float *restrict x, __global const int *restrict offsets,
                                               __global float *restrict y, int channels, int width, int every_date)
{
    const int s = (int)get_group_id(0), first = offsets[s], end = offsets[s + 1];
    const int from = every_date ? first : s, to = every_date ? end : s + 1;
    for (int row = from; row < to; row++)
        for (int c = (int)get_local_id(0); c < channels; c += LANES) {
            __global float *window = y + ((size_t)row * channels + c) * width;
            for (int k = 0; k < width; k++) {
                const int frame = frame_at(row, k, width, first, every_date);
                window[k] = frame >= first && frame < end ? x[(size_t)frame * channels + c] : 0.0f;
            }
        }
}

/* dx[frame, c] (+)= the sum of dy over the places where x[frame, c] stands, in the order of the places. */
__kernel GROUP_OF(LANES) void sequence_windows_backward(__global const float *restrict dy,
                                                        __global const int *restrict offsets,
                                                        __global float *restrict dx, int channels, int width,
                                                        int every_date, int accumulate)
{
    const int s = (int)get_group_id(0), first = offsets[s], end = offsets[s + 1];
    for (int frame = first; frame < end; frame++)
        for (int c = (int)get_local_id(0); c < channels; c += LANES) {
            __global float *to = dx + (size_t)frame * channels + c;
            float sum = accumulate ? *to : 0.0f;
            if (every_date) {
                for (int k = 0; k < width; k++) {
                    const int row = frame - k + width / 2;
                    if (row >= first && row < end) sum += dy[((size_t)row * channels + c) * width + k];
                }
            } else if (frame - first < width) {
                sum += dy[((size_t)s * channels + c) * width + frame - first];
            }
            *to = sum;
        }
}
