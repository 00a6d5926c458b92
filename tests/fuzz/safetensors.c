/* safetensors; what is read is written again. */
#include "tests/fuzz/fuzz_tensors.h"

#include "format/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char again[200];
    tensor_file *f = fuzz_tensors("a.safetensors", bytes, length);
    snprintf(again, sizeof again, "%s/again.safetensors", fuzz_folder());
    if (f) safetensors_write(again, f);
    tensor_file_close(f);
    return 0;
}
