/* PyTorch's checkpoints, in the zip format and as the older stream, and what they say of themselves. */
#include "tests/fuzz/fuzz_tensors.h"

#include "weights/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char name[] = "a.pth.tar";
    cJSON *config = NULL, *state = NULL;
    tensor_file *f = fuzz_tensors(name, bytes, length);
    if (f) checkpoint_peek(tensor_file_path(f), &config, &state);
    cJSON_Delete(config);
    cJSON_Delete(state);
    tensor_file_close(f);
    return 0;
}
