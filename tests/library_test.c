#include "tests/library_test.h"

#include "base/file.h"
#include "base/memory.h"
#include "data-tools/pack_pastis.h"
#include "data-tools/pack_pixelset.h"
#include "data-tools/synth_pastis.h"
#include "data-tools/synth_pixelset.h"

furrow_device *device;

const char *in_folder(const char *name)
{
    return in_scratch(name);
}

/* A run of one epoch; `data` and `train` are further members. */
static int config_write(const char *name, const char *pack, const char *data, const char *model, const char *run,
                        const char *train)
{
    char *text = text_format("{\"data\": {\"pack\": \"%s/%s\"%s}, \"model\": {%s}, \"train\": {\"res_dir\": \"%s/%s\", "
                             "\"epochs\": 1, \"batch_size\": 4, %s}}",
                             scratch, pack, data, model, scratch, run, train);
    int rc = text ? file_write(in_scratch(name), text, strlen(text)) : FAILED;
    free(text);
    return rc;
}

static int begin(void **state)
{
    int rc = scratch_make(state);
    return rc ? rc : furrow_device_open(NULL, &device);
}

int library_parcels(void **state)
{
    int rc = OK;
    synth_options o = synth_defaults();
    o = (synth_options){PARCELS, CROPS, DATES, BANDS, 3, 20, o.seed, 0};
    TRY(begin(state));
    TRY(synth_pixelset(in_scratch("parcels"), &o));
    TRY(pack_pixelset(in_scratch("parcels"), in_scratch("parcels.h5"), &(pack_options){0}, NULL));
    TRY(config_write("parcels.json", "parcels.h5", ", \"npixel\": 8, \"extra_feature\": \"geomfeat\"",
                     "\"arch\": \"psetae\", \"mlp1\": [4, 16, 32], \"n_head\": 2, \"d_k\": 8, \"mlp2\": [68, 32], "
                     "\"mlp3\": [64, 32], \"mlp4\": [32, 3]",
                     "run", "\"kfold\": 3"));
done:
    if (rc) print_error("%s\n", error_message());
    return rc;
}

#define UTAE                                                                                                           \
    "\"arch\": \"utae\", \"encoder_widths\": [8, 8], \"decoder_widths\": [8, 8], \"out_conv\": [8, 5], "               \
    "\"n_head\": 2, \"d_model\": 8"

int library_patches(void **state)
{
    int rc = OK;
    synth_pastis_options o = synth_pastis_defaults();
    o = (synth_pastis_options){PATCHES, SIDE, 2, 4, BANDS, LABELS, o.seed, NULL};
    TRY(begin(state));
    TRY(synth_pastis(in_scratch("patches"), &o));
    TRY(pack_pastis(in_scratch("patches"), in_scratch("patches.h5"), &(pack_pastis_options){0}, NULL));
    TRY(config_write("patches.json", "patches.h5", "", UTAE, "maps", "\"kfold\": 5"));
    TRY(config_write("found.json", "patches.h5", "",
                     UTAE ", \"head\": {\"arch\": \"paps\", \"num_classes\": 5, \"shape_size\": 8, "
                          "\"min_confidence\": 0, \"mask_threshold\": 0.05}",
                     "found", "\"kfold\": 5, \"warmup\": 0, \"autotune\": false"));
done:
    if (rc) print_error("%s\n", error_message());
    return rc;
}

int library_end(void **state)
{
    furrow_device_close(device);
    return scratch_remove(state);
}

void library_train(const char *config, int fold)
{
    char *json = NULL;
    assert_ok(furrow_train(&(furrow_run_options){.config = in_scratch(config), .fold = fold}, &json));
    assert_non_null(strstr(json, "overall"));
    furrow_free(json);
}

void library_predict(const char *config, const char *weights, const char *out)
{
    char *json = NULL;
    const furrow_run_options o = {.config = in_scratch(config), .weights = in_scratch(weights), .out = in_scratch(out)};
    assert_ok(furrow_predict(&o, &json));
    furrow_free(json);
}

furrow_model *library_load(const furrow_model_options *o)
{
    furrow_model *m = NULL;
    assert_ok(furrow_model_load(device, o, &m));
    return m;
}
