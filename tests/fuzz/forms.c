/* What says which kernels to use: the forms that a run recorded, and the index of a folder of binaries. */
#include "tests/fuzz/fuzz_device.h"

#include "rt/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char *const keys[] = {"linear", "linear 64x32"};
    device *d = fuzz_device();
    char name[] = "linear", options[] = "-DN=32";
    const program p = {.device = d, .name = name, .options = options, .text_hash = 1};
    unsigned char *binary;
    size_t size;
    char *text = malloc(length + 1);
    if (!text) return 0;
    if (length) memcpy(text, bytes, length);
    text[length] = 0;
    tune_import(d, text);
    tuning_free(d);
    free(text);
    fuzz_file("programs.json", bytes, length);
    if (binaries_open(d, fuzz_folder())) return 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        binaries_form(d->binaries, keys[i]), binaries_fact(d->binaries, keys[i]);
    if (!binaries_read(&p, &binary, &size)) free(binary);
    binaries_close(d->binaries);
    d->binaries = NULL;
    return 0;
}
