/* Matrix products by CLBlast: the only room that knows it. */
#include "rt/internal.h"

#include <clblast_c.h>

#include "base/memory.h"

/* Bytes of a rows x columns matrix fit the buffer. */
static int check_matrix(const buffer *b, int rows, int columns, const char *name)
{
    size_t bytes;
    if (size_multiply((size_t)rows, (size_t)columns, &bytes) && size_multiply(bytes, sizeof(float), &bytes) &&
        bytes <= b->size)
        return OK;
    return fail(FAILED, "blas_gemm: %s is %d x %d floats, its buffer has %zu bytes", name, rows, columns, b->size);
}

static int check_all(int m, int n, int k, const buffer *a, const buffer *b, const buffer *c)
{
    int rc = OK;
    if (m < 0 || n < 0 || k < 0) return fail(FAILED, "blas_gemm: %d x %d x %d is no size", m, n, k);
    TRY(check_matrix(a, m, k, "A"));
    TRY(check_matrix(b, k, n, "B"));
    TRY(check_matrix(c, m, n, "C"));
done:
    return rc;
}

/* Profile's view of the product: CLBlast may queue several kernels, the event is the last one's. */
static int account(device *d, cl_event event, cost c)
{
    d->flops += c.flops;
    device_queued(d);
    if (!d->profile) return OK;
    int row;
    int rc = profile_row(d->profile, "CLBlastSgemm", "", &row);
    if (rc) {
        clReleaseEvent(event);
        return rc;
    }
    return profile_add(d->profile, row, event, c);
}

bool blas_allowed(const device *d)
{
    return !d->binaries && !d->collecting;
}

int blas_gemm(device *d, bool transpose_a, bool transpose_b, int m, int n, int k, buffer *a, buffer *b, buffer *c,
              bool accumulate)
{
    cl_event event = NULL;
    int rc = check_all(m, n, k, a, b, c);
    if (rc || !m || !n) return rc;
    size_t rows = (size_t)m, columns = (size_t)n, depth = (size_t)k;
    if (!k) return accumulate ? OK : buffer_fill(c, 0, 0, rows * columns * sizeof(float));

    d->blas_used = true;
    CLBlastStatusCode status =
        CLBlastSgemm(CLBlastLayoutRowMajor, transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo,
                     transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo, rows, columns, depth, 1.0f, a->id, 0,
                     transpose_a ? rows : depth, b->id, 0, transpose_b ? depth : columns, accumulate ? 1.0f : 0.0f,
                     c->id, 0, columns, &d->queue, d->profile ? &event : NULL);
    if (status != CLBlastSuccess)
        return fail(FAILED, "CLBlast: a product of %d x %d x %d on %s: status %d", m, n, k, d->about.name, (int)status);
    cost c_total = {2.0 * m * n * k, 4.0 * ((double)m * k + (double)k * n + (double)m * n)};
    rc = account(d, event, c_total);
    return rc || !d->sync ? rc : device_finish(d);
}

/* CLBlast keeps its programs, and so the context, until it is told. */
void blas_close(device *d)
{
    if (d->blas_used) CLBlastClearCache();
}
