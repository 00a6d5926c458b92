/* The weights of Winograd's convolutions, transformed: see conv_winograd.clh. For CPUs.
 *
 * check-cpu: -DVW=16 -DTAPS=3 -DSTEP_IN=1 -DSTEP_OUT=1
 * check-cpu: -DVW=8 -DTAPS=2 -DSTEP_IN=2 -DSTEP_OUT=1
 * check-cpu: -DVW=8 -DTAPS=2 -DSTEP_IN=1 -DSTEP_OUT=2 */
#include "conv_winograd.clh"

/* G w G^T of all weights: weight [outputs x inputs x dates x taps] or, `transposed`, [inputs x outputs x dates x taps
 * reversed] -> packed [PHASES_OUT][outputs / width][FREQUENCIES][PHASES_IN][inputs of all taps along the dates][width],
 * each element once; tap i along the dates is that of number date_first + i date_step.
 * Item (vector of outputs, input of a tap, phase). About 10 POINTS FLOPs an element of `weight`. */
__kernel ONE_ITEM void conv_winograd_weights(__global const float *restrict weight, __global float *restrict packed,
                                             int inputs, int outputs, int width, int transposed, int dates,
                                             int date_first, int date_step)
{
    const int out = (int)get_global_id(0) * VW, row = (int)get_global_id(1), phase = (int)get_global_id(2);
    const int rows = (int)get_global_size(1), date = row / inputs, in = row - date * inputs;
    const int py = phase / KERNEL_STEP, px = phase % KERNEL_STEP, taps = KERNEL_SIDE * KERNEL_SIDE;
    vec g[TAPS * TAPS], partly[POINTS * TAPS], u[FREQUENCIES];
    for (int a = 0; a < TAPS; a++)
        for (int b = 0; b < TAPS; b++) {
            const int tap = (py + a * KERNEL_STEP) * KERNEL_SIDE + px + b * KERNEL_STEP;
            float lane[VW];
            for (int i = 0; i < VW; i++) {
                const size_t pair = transposed ? (size_t)in * outputs + out + i : (size_t)(out + i) * inputs + in;
                lane[i] = weight[(pair * dates + date_first + date * date_step) * taps +
                                 (transposed ? taps - 1 - tap : tap)];
            }
            g[a * TAPS + b] = VLOAD(0, lane);
        }
    for (int b = 0; b < TAPS; b++) transform_weight(g + b, TAPS, partly + b, TAPS);
    for (int i = 0; i < POINTS; i++) transform_weight(partly + i * TAPS, 1, u + i * POINTS, 1);
    const int depth = PHASES_IN * rows, line = PHASES_IN > 1 ? phase * rows + row : row;
    const int block = (PHASES_IN > 1 ? 0 : phase) * (outputs / width) + out / width;
    for (int f = 0; f < FREQUENCIES; f++)
        VSTORE(u[f], 0, packed + (((size_t)block * FREQUENCIES + f) * depth + line) * width + out % width);
}
