/* The class of each row; see op.h. One launch. */
#include "base/error.h"
#include "op/op.h"

enum { GPU_LANES = 64 };

int argmax_rows(device *d, buffer *logits, int rows, int channels, buffer *classes)
{
    if (channels < 1) return fail(FAILED, "argmax: rows of %d channels, wanted 1 or more", channels);
    const bool lanes = device_tiles(d) == TILE_GPU && device_about(d)->work_group_limit >= GPU_LANES;
    const size_t group = lanes ? GPU_LANES : 1;
    const cost work = {(double)rows * channels, 4 * (double)rows * (channels + 1)};
    kernel *k = NULL;
    int rc = kernel_get(d, "argmax", lanes ? "-DLANES=64" : "-DLANES=1", "argmax_rows", &k);
    return rc ? rc
              : LAUNCH(k, ((size_t)rows + group - 1) / group, 1, 1, group, work, arg_buffer(logits), arg_int(rows),
                       arg_int(channels), arg_buffer(classes));
}
