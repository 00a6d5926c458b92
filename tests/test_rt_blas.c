/* CLBlast's products in all transposes against plain C, at odd sizes, with what lies behind the result left alone. */
#include "rt_test.h"

enum { CANARY = 64 }; /* floats behind the result */

static float value(size_t i, unsigned seed)
{
    return (float)((i * 2654435761u + seed * 97u) >> 8 & 0xffff) / 32768.0f - 1.0f;
}

static buffer *random_matrix(int count, unsigned seed, float **host)
{
    buffer *b = NULL;
    size_t n = (size_t)count;
    *host = memory_new(n, sizeof **host);
    for (size_t i = 0; i < n; i++) (*host)[i] = value(i, seed);
    assert_ok(buffer_new(test_device, n * sizeof **host, &b));
    assert_ok(buffer_write(b, 0, *host, n * sizeof **host));
    return b;
}

static double product(const float *a, const float *b, bool ta, bool tb, int m, int n, int k, int row, int column)
{
    double sum = 0;
    for (int i = 0; i < k; i++)
        sum += (double)(ta ? a[i * m + row] : a[row * k + i]) * (tb ? b[column * k + i] : b[i * n + column]);
    return sum;
}

static void check_product(bool ta, bool tb, int m, int n, int k, bool accumulate)
{
    float *a = NULL, *b = NULL, *before = NULL, *c = memory_new((size_t)(m * n + CANARY), sizeof *c);
    buffer *da = random_matrix(m * k, 1, &a), *db = random_matrix(k * n, 2, &b);
    buffer *dc = random_matrix(m * n + CANARY, 3, &before);
    assert_ok(blas_gemm(test_device, ta, tb, m, n, k, da, db, dc, accumulate));
    assert_ok(buffer_read(dc, 0, c, (size_t)(m * n + CANARY) * sizeof *c));
    for (int i = 0; i < m * n; i++) {
        double want = product(a, b, ta, tb, m, n, k, i / n, i % n) + (accumulate ? before[i] : 0);
        if (!(c[i] - want < 1e-4 && want - c[i] < 1e-4)) {
            print_error("%d x %d x %d, element %d: %g, wanted %g\n", m, n, k, i, (double)c[i], want);
            _fail(__FILE__, __LINE__);
        }
    }
    for (int i = m * n; i < m * n + CANARY; i++) assert_true(c[i] == before[i]);
    buffer_free(da);
    buffer_free(db);
    buffer_free(dc);
    free(a);
    free(b);
    free(before);
    free(c);
}

static void products_agree_in_all_transposes(void **state)
{
    (void)state;
    static const int sizes[][3] = {{1, 1, 1}, {7, 5, 3}, {33, 17, 65}, {1, 20, 129}, {67, 1, 10}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int form = 0; form < 4; form++)
            for (int accumulate = 0; accumulate < 2; accumulate++)
                check_product(form & 1, form & 2, sizes[s][0], sizes[s][1], sizes[s][2], accumulate);
}

/* Larger than the sizes from which CLBlast takes its indirect path, as the networks' products are. */
static void a_large_product_agrees(void **state)
{
    (void)state;
    if (device_about(test_device)->vector_width == 1) skip(); /* slow software devices */
    check_product(false, false, 517, 130, 67, true);
    check_product(true, false, 130, 515, 66, false);
}

static void empty_products_are_defined(void **state)
{
    (void)state;
    check_product(false, false, 5, 3, 0, false);
    check_product(false, false, 5, 3, 0, true);
    check_product(false, true, 0, 3, 4, false);
    check_product(true, false, 5, 0, 4, false);
}

static void small_buffers_are_refused(void **state)
{
    (void)state;
    buffer *small = NULL, *large = NULL;
    assert_ok(buffer_new(test_device, 4 * 4 * 4 - 1, &small));
    assert_ok(buffer_new(test_device, 4 * 4 * 4, &large));
    assert_refused(blas_gemm(test_device, false, false, 4, 4, 4, small, large, large, false), FAILED, "A is 4 x 4");
    assert_refused(blas_gemm(test_device, false, false, 4, 4, 4, large, small, large, false), FAILED, "B is 4 x 4");
    assert_refused(blas_gemm(test_device, false, false, 4, 4, 4, large, large, small, false), FAILED, "C is 4 x 4");
    assert_refused(blas_gemm(test_device, false, false, -1, 4, 4, large, large, large, false), FAILED, "no size");
    buffer_free(small);
    buffer_free(large);
}

/* Views are what the network's tensors are. */
static void views_and_profile_work(void **state)
{
    (void)state;
    setenv("FURROW_DEBUG", "profile", 1);
    reopen();
    size_t align = device_about(test_device)->base_alignment;
    buffer *all = NULL, *a = NULL, *b = NULL, *c = NULL;
    float x[4] = {1, 2, 3, 4}, identity[4] = {0, 1, 1, 0}, y[4] = {0};
    assert_ok(buffer_new(test_device, 3 * align + 16, &all));
    assert_ok(buffer_view(all, align, 16, &a));
    assert_ok(buffer_view(all, 2 * align, 16, &b));
    assert_ok(buffer_view(all, 3 * align, 16, &c));
    assert_ok(buffer_write(a, 0, x, sizeof x));
    assert_ok(buffer_write(b, 0, identity, sizeof identity));
    assert_ok(blas_gemm(test_device, false, false, 2, 2, 2, a, b, c, false));
    assert_ok(blas_gemm(test_device, false, false, 2, 2, 2, a, b, c, true));
    assert_ok(buffer_read(c, 0, y, sizeof y));
    assert_true(y[0] == 4 && y[1] == 2 && y[2] == 8 && y[3] == 6);
    assert_int_equal(device_flops(test_device), 32);
    buffer_free(a);
    buffer_free(b);
    buffer_free(c);
    buffer_free(all);
    device_close(test_device);
    test_device = NULL;
    assert_int_equal(occurrences(notes, "CLBlastSgemm"), 1);
    assert_non_null(strstr(notes, "       2 "));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_start_open, test_end)
    const struct CMUnitTest tests[] = {
        TEST(products_agree_in_all_transposes), TEST(a_large_product_agrees), TEST(empty_products_are_defined),
        TEST(small_buffers_are_refused),        TEST(views_and_profile_work),
    };
    return cmocka_run_group_tests_name("rt blas", tests, group_open, group_close);
}
