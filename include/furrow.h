/* furrow's public interface: crop-mapping networks for satellite image time series on any OpenCL device, for a program
 * of your own. Two ways to use it: networks on arrays in memory (devices, models), and whole runs on files, a function
 * for each command (runs, checks and measurements). docs/library.md has an example of each.
 *
 * Errors. What can fail returns one of the codes below; furrow_error_message() then says what, where and what was wanted.
 * What a failed function would have given is NULL, or left as it was.
 *
 * Ownership. Arguments are only read, and only until the function returns. Handles are released by their own function.
 * Text handed out through a `char **` is a JSON document of its own memory, released with furrow_free().
 *
 * Threads. A device and all models on it belong to one thread at a time; two devices may be used by two threads. What
 * reads or writes files (furrow_model_load, and all functions below "runs") is called by one thread at a time in a
 * process. furrow_interrupt() may come from anywhere, a signal handler included. The listener is called from the thread
 * that works and from the one that reads data for it, never from two at once.
 *
 * Printing. The library prints nothing: notes, warnings and progress go to the listener. (A bug of its own ends the
 * process, with a line on stderr.)
 *
 * Binary interface. Structs that are passed in are zeroed and then filled by name, as {.config = "run.json"} does. Until
 * version 1.0 a minor version may add members and functions; the shared library's name, libfurrow.so.MAJOR.MINOR, tells
 * which one a program was built for. */
#ifndef FURROW_H
#define FURROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define FURROW_API __attribute__((visibility("default")))
#else
#define FURROW_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define FURROW_VERSION "0.1.0"

FURROW_API const char *furrow_version(void); /* of the library that is linked */

enum {
    FURROW_OK = 0,
    FURROW_FAILED = 1,        /* the work failed: bad data, a check that does not hold, a full disk */
    FURROW_USAGE = 2,         /* wrong usage or configuration */
    FURROW_NO_DEVICE = 3,     /* no usable OpenCL device */
    FURROW_INTERRUPTED = 130, /* furrow_interrupt() was called */
};

FURROW_API const char *furrow_error_message(void); /* this thread's last; valid until its next failure; "" for none */
FURROW_API void furrow_free(void *text);           /* NULL is fine */

/* The work under way stops after its step, keeps what is whole, and returns FURROW_INTERRUPTED; so does all work that is
 * begun later, until furrow_interrupt_clear(). */
FURROW_API void furrow_interrupt(void);
FURROW_API void furrow_interrupt_clear(void);

typedef struct furrow_listener {
    void *user;
    void (*note)(void *user, const char *text);
    void (*warning)(void *user, const char *text);
    /* done of total units (total 0: unknown); `metric` may be "". Called often. */
    void (*progress)(void *user, const char *task, size_t done, size_t total, const char *metric);
} furrow_listener;

/* Copied; NULL: silence, as at the start. Members may be NULL. Not while a run is under way. */
FURROW_API void furrow_listen(const furrow_listener *listener);

/* ---- devices ----------------------------------------------------------------------------------------------------- */

typedef struct furrow_device furrow_device;

typedef struct furrow_device_info {
    int index; /* as `furrow devices` prints it, and a selector takes it */
    char name[128], platform[128], driver[128];
    char kind[16]; /* "cpu", "gpu", "accelerator" or "other" */
    bool usable;   /* available, with a compiler (or FURROW_BINARY_DIR in its place) */
    int compute_units;
    size_t work_group_limit;                                /* work-items */
    uint64_t global_memory, allocation_limit, local_memory; /* bytes: in all, in one buffer, of a work-group */
} furrow_device_info;

/* Fills in at most `room` of them (`list` may be NULL for 0), in the order of their index; *count: how many there are. */
FURROW_API int furrow_device_list(furrow_device_info *list, int room, int *count);

/* selector: "auto", an index, part of a name, "cpu", "gpu" or "accelerator"; NULL: FURROW_DEVICE, else auto. NO_DEVICE
 * when none fits. Models must be freed before their device is closed. */
FURROW_API int furrow_device_open(const char *selector, furrow_device **out);
FURROW_API void furrow_device_close(furrow_device *device); /* NULL is fine */
FURROW_API void furrow_device_about(const furrow_device *device, furrow_device_info *out);

/* ---- models ------------------------------------------------------------------------------------------------------ */

/* A network with its weights, on a device. */
typedef struct furrow_model furrow_model;

typedef struct furrow_model_options {
    /* A run's JSON file, furrow's own form or a published conf.json. NULL: the run folder's own (`weights` is one), else
     * the settings that the checkpoint holds. Where a configuration is silent on the network, the weights fill in. */
    const char *config;
    const char *const *set; /* "a.b=c" overrides, applied in order; with a configuration */
    int sets;
    /* A checkpoint, PyTorch's or a safetensors file, or a folder of a run or of published weights; NULL: initial weights,
     * drawn by `seed`. */
    const char *weights;
    int fold;      /* of a run folder: the weights of this one; 0: all, whose log-probabilities are averaged */
    uint64_t seed; /* initial weights */
    /* How values are normalised, (value - mean) / std a band. The path of a pack: as predictions from that pack are;
     * "none" or NULL: the arrays hold normalised values. */
    const char *normalisation;
} furrow_model_options;

/* The first use of a device tests its kernels, and that of a shape measures and compiles them: seconds, remembered in
 * FURROW_CACHE_DIR. */
FURROW_API int furrow_model_load(furrow_device *device, const furrow_model_options *options, furrow_model **out);
FURROW_API void furrow_model_free(furrow_model *model); /* NULL is fine */

typedef struct furrow_model_info {
    const char *arch;    /* "psetae", "pseltae", "utae", ...; lives as long as the model */
    const char *samples; /* "parcels" or "patches": what it takes */
    bool head;           /* patches: it finds parcels (furrow_find_parcels) */
    bool days;           /* it looks at the dates' days; else at their order alone */
    int bands, classes;
    int extra;         /* parcels: features of each; 0: none */
    int pixels;        /* parcels: drawn from each */
    int longest;       /* most dates of a series; 0: any number */
    int networks;      /* whose results are averaged */
    size_t parameters; /* trained values of one */
} furrow_model_info;

FURROW_API void furrow_model_about(const furrow_model *model, furrow_model_info *out);
/* "0", "1", ... where nobody named the classes; NULL: there is no such class. Lives as long as the model. */
FURROW_API const char *furrow_model_class_name(const furrow_model *model, int class_index);
/* Patches: whether the network's strides divide this size. USAGE with the nearest sizes that work. */
FURROW_API int furrow_model_size_fits(const furrow_model *model, int height, int width);

/* ---- networks on arrays ------------------------------------------------------------------------------------------ */

/* A parcel: a set of pixels over a series of dates. Sets and series may differ from parcel to parcel. */
typedef struct furrow_parcel {
    const float *values; /* dates x bands x pixels; finite */
    int dates, pixels;   /* dates: 1 or more; a parcel without pixels counts as one of zeros */
    /* Days since the reference date that the network was trained with; NULL where furrow_model_info.days is false. */
    const int32_t *days;
    const float *extra; /* [extra] features, standardised as in training; NULL where there are none */
    const char *id;     /* of more pixels than the network takes, which are drawn depends on it; NULL: its index */
} furrow_parcel;

/* probabilities: count x classes; each row sums to 1. Any number of parcels: they are cut into batches. */
FURROW_API int furrow_classify_parcels(furrow_model *model, const furrow_parcel *parcels, int count,
                                       float *probabilities);

/* A patch: images of the same place and size. */
typedef struct furrow_patch {
    const float *values; /* dates x bands x height x width; finite */
    int dates;           /* 1 or more */
    const int32_t *days; /* [dates] days since the reference date */
} furrow_patch;

/* All patches are height x width pixels. probabilities: count x classes x height x width; the classes of a pixel sum
 * to 1. */
FURROW_API int furrow_classify_patches(furrow_model *model, const furrow_patch *patches, int count, int height,
                                       int width, float *probabilities);

/* By a model with a head, the parcels of each patch. All three: count x height x width; classes and confidences may be
 * NULL. instances: 0 where there is no parcel, else the parcel's number in its patch, from 1, by falling confidence
 * (numbers of parcels that nothing is left of are not used); classes: of the pixel's parcel, -1 for none; confidences:
 * likewise, 0 to 1, 0 for none. */
FURROW_API int furrow_find_parcels(furrow_model *model, const furrow_patch *patches, int count, int height, int width,
                                   int32_t *instances, int32_t *classes, float *confidences);

/* ---- runs -------------------------------------------------------------------------------------------------------- */

/* Whole satellite images to predict on: a folder of GeoTIFFs or JPEG 2000 files by date (docs/formats.md). */
typedef struct furrow_scenes {
    const char *folder;
    const char *bands, *mask, *mask_values, *no_data; /* as pack geotiff's options; NULL: as there */
    int tile, margin;  /* pixels; tile 0: the size of the patches that were trained on; margin -1: an eighth of it */
    int shard, shards; /* this process takes tiles shard, shard + shards, ... of those numbered from 1; 0: all */
} furrow_scenes;

typedef struct furrow_run_options {
    const char *config;     /* the run's JSON file: furrow's own form or a published conf.json */
    const char *const *set; /* "a.b=c" overrides, applied in order */
    int sets;
    const char *device;  /* selector; NULL: the config's, else FURROW_DEVICE, else auto */
    const char *weights; /* a file of weights (ours, PyTorch's, safetensors), or a folder with Fold_k/model.h5 or
                          * model.pth.tar; train: may be NULL */
    const char *out;     /* predict, build_programs: the folder to write into */
    bool attention;      /* predict: what each date weighed, too */
    double tolerance;    /* predict, with a head: pixels by which outlines may be simplified; 0: exact */
    const furrow_scenes *scenes; /* predict, networks for images: on these, not on the pack; NULL: on the pack */
    int fold;                    /* 1 ..; 0: as configured, else all */
    bool resume;                 /* train: go on where the run folder stopped */
    bool plan;                   /* train: only say how a step is laid out in memory */
    /* Told what the listener's `progress` is; false: this run ends as by furrow_interrupt(). NULL: none. */
    bool (*progress)(void *user, const char *task, size_t done, size_t total, const char *metric);
    void *user;
} furrow_run_options;

/* Documents say what their samples are, "samples_are": "parcels" or "patches", and where something is counted, what:
 * "counted": "parcels" or "pixels". Accuracies are in percent, but for the fraction "Accuracy" of "overall"; as
 * published, so are "val_IoU" and "test_IoU" of patches (of parcels: fractions). Other measures are fractions; an
 * undefined one is null. */

/* Trains the folds and tests each with its best epoch, into the config's train.res_dir. JSON: {"res_dir",
 * "samples_are", "folds": [{"fold", "best_epoch", "val_IoU", "test_accuracy", "test_loss", "test_IoU"}], "overall"}.
 * With `plan`, nothing is trained or written: {"samples_are", "batch_size", "dates", "parts", "recomputed",
 * "tape_bytes", "other_bytes", "peak_bytes", "limit_bytes"} of the largest batch's step. */
FURROW_API int furrow_train(const furrow_run_options *options, char **json);

/* JSON: {"subset", "samples_are", "counted", "folds": [{"fold", "weights", "samples", "test_accuracy", ...}], "samples"
 * (those counted), "accuracy", "mIoU" (a fraction), "overall", "classes", "per_class", "confusion_matrix"} */
FURROW_API int furrow_eval(const furrow_run_options *options, char **json);

/* Writes into options->out: predictions.csv and predictions.json; of patches predictions.json and for each patch
 * ID_classes.npy, ID_scores.npy and ID.png, with a head ID_instances.npy, ID_classes.npy, ID_confidence.npy and ID.png
 * beside parcels.geojson. JSON: {"parcels" or "patches" (how many), "csv" (parcels), "out" (patches),
 * "json", "samples_are", "counted", "networks", "classes": {name: how many are of it}}. With options->attention also
 * attention.svg and attention.csv (parcels) or attention.json and for each patch ID_attention.npy and ID_attention.svg;
 * JSON: "attention", "attention_picture", the paths of the files over all samples.
 *
 * With options->scenes: tiles of a map into options->out (docs/formats.md), of which `furrow merge` makes images; tiles
 * that are there are kept. The pack gives the normalisation and the reference date. JSON: {"tiles", "made", "kept",
 * "unseen", "out", "samples_are": "tiles", "counted": "pixels" or, with a head, "parcels" (of each tile), "networks",
 * "classes"}. */
FURROW_API int furrow_predict(const furrow_run_options *options, char **json);

/* ---- weights ------------------------------------------------------------------------------------------------------ */

/* A PyTorch checkpoint or safetensors at `from` as a checkpoint of furrow's at `to`; the weights of any of these as
 * safetensors. Bit by bit; `to` appears whole or not at all. JSON: {"file", "format", "out", "tensors", "values",
 * "bytes", and where there are any "epoch", "step" (Adam's), "optimizer_left" (why its state was not taken over)}. */
FURROW_API int furrow_weights_import(const char *from, const char *to, char **json);
FURROW_API int furrow_weights_export(const char *from, const char *to, char **json);

/* A STAC item with the Machine Learning Model extension at `item`, for the file of weights `exported`: what goes into the
 * network and how it is normalised, what comes out, its classes, settings, and the file's hash. options: config (its pack
 * gives normalisation, classes and dates), set, and the weights that were exported. bands: what they are called, "B02,B03,
 * ..."; NULL: 1, 2, ... JSON: the item. Needs no device. */
FURROW_API int furrow_weights_describe(const furrow_run_options *options, const char *bands, const char *exported,
                                       const char *item, char **json);

/* JSON: {"file", "format", "epoch", "step", "optimizer_left", "tensors": [{"name", "type", "shape", "least", "most",
 * "not_finite"}], "values"}; with `config` (else NULL) also what its network makes of them: "arch", "missing" and
 * "unknown" ([{"name", "nearest"}]), "other_shape" ([{"name", "shape", "wanted"}]). */
FURROW_API int furrow_weights_show(const char *path, const char *config, const char *device, char **json);

/* PASTIS's two tables, of run folders on image patches beside the published rows, the best first. JSON: {"semantic":
 * [{"name", "run" (null: published), "published", "parameters", "folds", "OA": {"mean", "deviation"}, "mIoU"}],
 * "panoptic": [{..., "SQ", "RQ", "PQ"}]}; measures in percent, over the folds that were tested. */
FURROW_API int furrow_leaderboard(const char *const *runs, int count, char **json);

typedef struct furrow_report_options {
    const char *const *run; /* run folders */
    int runs;
    const char *const *maps; /* what furrow_predict wrote: of the first run, the second, ...; NULL: no maps of it */
    int maps_count;          /* at most `runs` */
    int samples;             /* the most pictures shown of each; from 1 */
    const char *out;         /* the page */
} furrow_report_options;

/* Writes one HTML page about the runs, whole or not at all. JSON: {"runs": [{"run", "network", "folds"}], "out",
 * "pictures" (how many of maps it shows)}. */
FURROW_API int furrow_report(const furrow_report_options *options, char **json);

/* ---- checks and measurements ------------------------------------------------------------------------------------- */

typedef struct furrow_check {
    const char *file, *name; /* the tensor */
    double error, limit;
    bool passed;
} furrow_check;

/* Runs reference results; `line` (may be NULL) is told each tensor's result. FURROW_FAILED when one does not hold. */
FURROW_API int furrow_verify(const char *const *files, int count, const char *device,
                             void (*line)(void *user, const furrow_check *check), void *user, int *passed, int *failed);

typedef struct furrow_bench_options {
    const char
        *model; /* "psetae", "utae", ..., an "arch" of configurations, or with a head "utae+paps"; NULL: psetae */
    int batch, dates, pixels; /* 0: the published ones. Parcels: 128, 24, 64 pixels each; patches: 1, 45, 128 a side */
    int parcels;              /* with a head: in each patch; 0: 100 */
    double memory_limit;      /* patches: bytes; 0: what the device has */
    bool exact;               /* patches: no Winograd */
    const char *device;
} furrow_bench_options;

/* JSON: {"model", "inference_per_s", "training_per_s", "gflops", "peak_gflops", "peak_bytes", "device", ...} */
FURROW_API int furrow_bench(const furrow_bench_options *options, char **json);

/* JSON: {"devices": [{"index", "name", ..., "self_test", "chosen"}]}. The chosen device runs its self-test if it has
 * not yet; `tune`: and every kernel form is measured again. */
FURROW_API int furrow_devices(const char *device, bool tune, char **json);

/* For devices without a compiler (docs/fpga.md): writes into options->out the binaries of all programs that training,
 * evaluation and prediction with options->config, on its pack, need on the device; FURROW_BINARY_DIR loads them. JSON:
 * {"folder", "device", "programs", "kernels", "bytes", "training": whether the pack has the labels for it} */
FURROW_API int furrow_build_programs(const furrow_run_options *options, char **json);

/* What a pack, a checkpoint, a file of weights or of reference results holds. JSON: {"file", "kind", ...} */
FURROW_API int furrow_info(const char *path, char **json);

/* The run's configuration with its overrides, every key that does not wait for the data; {"data", "model", ...}. */
FURROW_API int furrow_config(const furrow_run_options *options, char **json);

/* The keys of a run's configuration, as text for people, released with furrow_free(); NULL when out of memory. */
FURROW_API char *furrow_config_help(void);

#ifdef __cplusplus
}
#endif

#endif
