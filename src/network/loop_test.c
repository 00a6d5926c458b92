#include "network/loop_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

enum { PASSES = 1 << 20 }; /* a few milliseconds of one work-item */

static int count_passes(device *d, int *passes)
{
    int rc = OK;
    kernel *k = NULL;
    buffer *out = NULL;
    int32_t counted = 0;
    TRY(kernel_get(d, "loops", "", "count_passes", &k));
    TRY(buffer_new(d, sizeof counted, &out));
    TRY(LAUNCH(k, 1, 1, 1, 1, ((cost){0}), arg_buffer(out), arg_int(PASSES), arg_uint(1)));
    TRY(buffer_read(out, 0, &counted, sizeof counted));
    *passes = counted;
done:
    buffer_free(out);
    return rc;
}

int loop_test_want(device *d)
{
    return binaries_want(d, "loops", "", "count_passes");
}

int loop_test(device *d)
{
    int rc = OK, passes = 0;
    char text[16];
    if (memo_get(d, "loops", text, sizeof text)) {
        TRY(count_passes(d, &passes));
        snprintf(text, sizeof text, "%d", passes);
        TRY(memo_set(d, "loops", text));
    }
    passes = atoi(text);
    if (passes != PASSES)
        rc = fail(NO_DEVICE,
                  "%s ends a work-item's loops after %d passes: batches of real size would come out wrong, so it is "
                  "not used (choose another with --device)",
                  device_about(d)->name, passes);
done:
    return rc;
}
