/* Trains a network on a pack of parcels, then classifies parcels that are in memory.
 *
 *     cc classify.c -o classify $(pkg-config --cflags --libs furrow)
 *     ./classify run.json parcels.h5 parcels/DATA/17.npy ...
 *
 * run.json: a network for parcels that takes no extra features and looks at the dates' order (docs/library.md). */
#include <furrow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int code)
{
    if (!code) return;
    fprintf(stderr, "classify: %s\n", furrow_error_message());
    exit(code);
}

/* False would end the training after its step. */
static bool progress(void *user, const char *task, size_t done, size_t total, const char *metric)
{
    if (done == total) fprintf(user, "%s: %zu parcels, %s\n", task, done, metric);
    return true;
}

/* A .npy file of numpy's uint16, dates x bands x pixels, as `furrow synth` writes them; real ones need more care. */
static furrow_parcel parcel_read(const char *path)
{
    unsigned char head[10];
    char text[65536] = "", *shape;
    int dates, bands, pixels;
    FILE *file = fopen(path, "rb");
    if (!file || fread(head, 1, 10, file) != 10 || fread(text, 1, head[8] + 256u * head[9], file) == 0 ||
        !(shape = strstr(text, "'shape': (")) || sscanf(shape, "'shape': (%d, %d, %d)", &dates, &bands, &pixels) != 3) {
        fprintf(stderr, "classify: %s is no parcel\n", path);
        exit(FURROW_FAILED);
    }
    const size_t count = (size_t)dates * (size_t)bands * (size_t)pixels;
    float *values = calloc(count + 1, sizeof *values);
    for (size_t i = 0; i < count && fread(head, 1, 2, file) == 2; i++) values[i] = (float)(head[0] + 256u * head[1]);
    fclose(file);
    return (furrow_parcel){.values = values, .dates = dates, .pixels = pixels};
}

int main(int argc, char **argv)
{
    char *json, id[64];
    furrow_device *device;
    furrow_model *model;
    furrow_model_info about;
    if (argc < 4) return FURROW_USAGE;

    const char *set[] = {"train.res_dir=classify-run"};
    check(furrow_train(
        &(furrow_run_options){.config = argv[1], .set = set, .sets = 1, .progress = progress, .user = stderr}, &json));
    furrow_free(json);

    check(furrow_device_open(NULL, &device));
    check(furrow_model_load(device, &(furrow_model_options){.weights = "classify-run", .normalisation = argv[2]},
                            &model));
    furrow_model_about(model, &about);
    float *probabilities = calloc((size_t)about.classes, sizeof *probabilities);
    for (int i = 3; i < argc; i++) {
        const char *slash = strrchr(argv[i], '/');
        furrow_parcel parcel = parcel_read(argv[i]);
        sscanf(slash ? slash + 1 : argv[i], "%63[^.]", id);
        parcel.id = id;
        check(furrow_classify_parcels(model, &parcel, 1, probabilities));
        printf("%s", id);
        for (int k = 0; k < about.classes; k++) printf(",%.6f", (double)probabilities[k]);
        printf("\n");
        free((void *)parcel.values);
    }
    free(probabilities);
    furrow_model_free(model);
    furrow_device_close(device);
    return FURROW_OK;
}
