/* furrow_verify: opens each file, looks at its kind, and hands over. */
#include "verify/verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/self_test.h"

void verify_tell(verify_report *r, const char *name, double error, double limit)
{
    bool passed = error <= limit;
    if (passed)
        r->passed++;
    else
        r->failed++;
    if (r->line) r->line(r->user, &(furrow_check){r->file, name, error, limit, passed});
}

static int verify_file(const char *path, device *d, verify_report *r)
{
    int rc = OK;
    h5 *file = NULL;
    char *kind = NULL;
    bool reference;
    TRY(h5_open(path, &file));
    TRY(h5_has_attribute(file, "/", "kind", &reference));
    if (!reference) {
        rc = fail(FAILED, "%s holds no reference results: it has no attribute \"kind\"", path);
        goto done;
    }
    TRY(h5_get_text(file, "/", "kind", &kind));
    if (strcmp(kind, "parcel") == 0 || strcmp(kind, "dense") == 0 || strcmp(kind, "panoptic") == 0)
        TRY(verify_network(file, d, r));
    else if (strcmp(kind, "checkpoint") == 0)
        TRY(verify_checkpoint(file, d, r));
    else if (strcmp(kind, "panoptic_metrics") == 0)
        TRY(verify_panoptic_metrics(file, r));
    else
        rc = fail(FAILED,
                  "%s: kind \"%s\" is not known to this version; wanted \"parcel\", \"dense\", \"panoptic\", "
                  "\"panoptic_metrics\" or \"checkpoint\"",
                  path, kind);
done:
    free(kind);
    h5_close(file);
    return rc;
}

int furrow_verify(const char *const *files, int count, const char *selector,
                  void (*line)(void *user, const furrow_check *check), void *user, int *passed, int *failed)
{
    int rc = OK;
    device *d = NULL;
    verify_report r = {.line = line, .user = user};
    char *first_error = NULL;
    TRY(self_test_open(selector, SELF_TEST_COMMON, &d)); /* the files check the rest, and more strictly */
    for (int i = 0; i < count; i++) {
        if (interrupt_requested()) {
            rc = fail(INTERRUPTED, "interrupted");
            goto done;
        }
        r.file = files[i];
        /* A file that cannot be read is a failure of its own; the others still run. */
        if (verify_file(files[i], d, &r)) {
            if (!strstr(error_message(), files[i])) (void)fail_within(FAILED, "%s", files[i]);
            if (count > 1) log_warning("%s", error_message());
            if (!first_error) first_error = text_copy(error_message());
            r.failed++;
        }
    }
    if (first_error)
        rc = fail(FAILED, "%s", first_error);
    else if (r.failed)
        rc = fail(FAILED, "%d of %d tensors are not within their limits", r.failed, r.passed + r.failed);
done:
    free(first_error);
    device_close(d);
    *passed = r.passed;
    *failed = r.failed;
    return rc;
}
