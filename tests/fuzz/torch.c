/* PyTorch's checkpoints, in the zip format and as the older stream. */
#include "tests/fuzz/fuzz_tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    tensor_file_close(fuzz_tensors("a.pth.tar", bytes, length));
    return 0;
}
