/* Configurations of runs, published and our own, and the models in them. */
#include "tests/fuzz/fuzz.h"

#include "model/model.h"
#include "network/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    run_config c;
    cJSON *resolved = NULL;
    model *m = NULL;
    const data_sizes sizes = {.bands = 10, .classes = 20, .longest = 24};
    const char *const set[] = {"data.pack=a.h5"}; /* published ones have none */
    if (config_read(fuzz_file("run.json", bytes, length), set, 1, &c)) return 0;
    if (!config_complete_model(c.model, "fuzz", c.kind, sizes) && !model_new(c.model, "fuzz", &m)) {
        cJSON *network = model_config(m);
        if (network && !config_resolved(&c, network, &resolved)) cJSON_Delete(resolved);
        cJSON_Delete(network);
    }
    model_free(m);
    config_free(&c);
    return 0;
}
