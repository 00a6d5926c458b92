/* Checkpoints, into a network that they are of: to go on, which writes the next one, as weights alone, and for another
 * number of classes. */
#include "tests/fuzz/fuzz_device.h"

#include "weights/checkpoint.h"
#include "weights/resume.h"

static const char config[] =
    "{\"arch\": \"pseltae\", \"input_dim\": 3, \"mlp1\": [3, 4], \"mlp2\": [8, 6], \"with_extra\": false,"
    " \"n_head\": 2, \"d_k\": 2, \"d_model\": 8, \"mlp3\": [8, 6], \"mlp4\": [6, 5, 4], \"len_max_seq\": 5}";

static network *target(void)
{
    static network *w;
    model *m = NULL;
    if (w) return w;
    cJSON *json = cJSON_Parse(config);
    const network_input input = {.npixel = 4, .bands = 3, .position_lines = 9, .longest = 5};
    if (model_new(json, "fuzz", &m) || network_new(fuzz_device(), m, input, 1, &w)) {
        fprintf(stderr, "%s\n", error_message());
        exit(1);
    }
    cJSON_Delete(json);
    return w;
}

static void go_on(network *w)
{
    resumed found;
    if (resume_load(fuzz_folder(), "settings", w, &found)) return;
    cJSON *state = cJSON_CreateObject();
    cJSON_AddNumberToObject(state, "epoch", found.epoch);
    resume_save(fuzz_folder(), w, state);
    cJSON_Delete(state);
    char previous[200]; /* the next input is alone */
    snprintf(previous, sizeof previous, "%s/previous.h5", fuzz_folder());
    remove(previous);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    network *w = target();
    const char *path = fuzz_file("last.h5", bytes, length);
    switch (length % 3) { /* one opening of the file, which takes most of the time */
    case 0: go_on(w); break;
    case 1: checkpoint_load(path, w, CHECKPOINT_RESUME); break;
    default: checkpoint_load(path, w, CHECKPOINT_FINE_TUNE); break;
    }
    return 0;
}
