/* Reference results: the model, the inputs of each kind, and panoptic metrics, which are computed. */
#include "tests/fuzz/fuzz_device.h"

#include "model/model.h"
#include "verify/reference.h"
#include "verify/reference_truth.h"
#include "verify/verify.h"

static void read_inputs(h5 *file, const char *path)
{
    char *text = NULL;
    cJSON *config = NULL;
    model *m = NULL;
    reference_input r = {.file = file, .device = fuzz_device()};
    reference_truth truth = {0};
    if (!h5_get_text(file, "/", "model", &text) && !json_parse(text, strlen(text), path, &config) &&
        !model_new(config, path, &m)) {
        if (model_kind_of(m) != MODEL_DENSE)
            reference_read_parcels(&r, m);
        else if (!reference_read_images(&r, m, 0) && model_head(m))
            reference_read_truth(&r, model_classes(m), &truth);
    }
    reference_truth_free(&truth);
    reference_free(&r);
    model_free(m);
    cJSON_Delete(config);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    h5 *file;
    verify_report report = {.file = "fuzz"};
    const char *path = fuzz_file("a.h5", bytes, length);
    if (h5_open(path, &file)) return 0;
    read_inputs(file, path);
    verify_panoptic_metrics(file, &report);
    h5_close(file);
    return 0;
}
