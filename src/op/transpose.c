/* The transposed copies of the weights; see op.h. */
#include "base/error.h"
#include "op/op.h"

enum { GPU_LANES = 64, GROUPS = 32 /* a matrix: more than enough for the published sizes, strided beyond */ };

int transpose_parameters(device *d, buffer *values, buffer *transposed, buffer *table, int matrices)
{
    int rc = OK;
    kernel *k = NULL;
    const bool lanes = device_tiles(d) == TILE_GPU && device_about(d)->work_group_limit >= GPU_LANES;
    TRY(kernel_get(d, "transpose", lanes ? "-DLANES=64" : "-DLANES=1", "transpose_parameters", &k));
    const cost work = {0, (double)buffer_size(values) + (double)buffer_size(transposed)};
    TRY(LAUNCH(k, GROUPS, (size_t)matrices, 1, lanes ? GPU_LANES : 1, work, arg_buffer(values), arg_buffer(transposed),
               arg_buffer(table)));
done:
    return rc;
}
