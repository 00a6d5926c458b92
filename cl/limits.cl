/* Two kernels that tell whether a driver reports sensible limits of kernels (src/rt/limits.c). Nobody launches them. */
// check: -DVW=1

/* Uses no register and no local memory. */
__kernel void empty(void)
{
}

/* 1024 bytes of local memory, which no compiler can take away. */
__kernel void local_array(__global int *x)
{
    __local int a[256];
    a[get_local_id(0) & 255] = x[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    x[1] = a[x[0] & 255];
}
