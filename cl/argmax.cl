/* The class of each row of logits.
 *
 * check: -DLANES=64 */
#ifndef LANES
#define LANES 1
#endif

/* classes[row] = the first channel that holds the row's largest value (NaN is never larger). An item reads one row. */
__kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void
argmax_rows(__global const float *restrict logits, int rows, int channels, __global int *restrict classes)
{
    const int row = (int)get_global_id(0);
    if (row >= rows) return;
    logits += (size_t)row * channels;
    int best = 0;
    for (int channel = 1; channel < channels; channel++)
        if (logits[channel] > logits[best]) best = channel;
    classes[row] = best;
}
