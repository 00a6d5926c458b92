/* With --coverage a process writes its counts as it exits. The child that looks at HDF5 files (src/format/h5_guard.c)
 * ends by _exit(), which `make coverage` wraps by this. */
void __gcov_dump(void);
void __real__exit(int code);
void __wrap__exit(int code);

void __wrap__exit(int code)
{
    __gcov_dump();
    __real__exit(code);
}
