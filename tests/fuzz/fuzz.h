/* What the fuzz targets share. A target is one file that defines LLVMFuzzerTestOneInput: it hands the bytes to a reader as
 * a stranger's file would come, and frees what comes of it; whatever the reader answers is right, as long as it answers.
 * The kept inputs are in tests/fuzz/corpus/TARGET/.
 *
 * Readers of HDF5 are fuzzed through h5_open, and so through the child process that looks at a file first: what the
 * library does not survive must end there. */
#ifndef FURROW_TESTS_FUZZ_FUZZ_H
#define FURROW_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* The library and the driver lose memory of their own where they meet damage. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5\nleak:libpocl\nleak:libLLVM\nleak:libclang\nleak:libOpenCL\n";
}

/* Our own folder, which goes away with the process. */
static char fuzz_root[64];

static inline void fuzz_folder_remove(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", fuzz_root);
    if (system(command)) fprintf(stderr, "%s stays\n", fuzz_root);
}

static inline const char *fuzz_folder(void)
{
    if (*fuzz_root) return fuzz_root;
    snprintf(fuzz_root, sizeof fuzz_root, "%s/furrow-fuzz-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(fuzz_root)) abort();
    atexit(fuzz_folder_remove);
    return fuzz_root;
}

/* The bytes as a file of that name in our folder. */
static inline const char *fuzz_file(const char *name, const uint8_t *bytes, size_t length)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, length, file) != length || fclose(file)) abort();
    return path;
}

static inline void fuzz_make_folder(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    mkdir(path, 0777);
}

/* An array of that shape, of zeros. */
static inline void fuzz_make_array(const char *name, enum number_type type, int rank, const size_t *shape)
{
    static const char zeros[4096];
    char path[200];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    if (npy_write(path, type, rank, shape, zeros)) abort();
}

#endif
