/* furrow's public interface: everything that the command line does, for a program of your own.
 *
 * Errors: every function that can fail returns one of the codes below; furrow_error() then says what, where and what
 * was wanted. Ownership: options are only read; text handed out through a `char **` is a JSON document of its own
 * memory, released with free(), and NULL when the function failed. Threads: one run at a time in a process;
 * furrow_interrupt() may come from anywhere, a signal handler included; the listener is called from the thread that
 * runs and from the one that reads data, never from two at once. Nothing here prints. */
#ifndef FURROW_H
#define FURROW_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FURROW_VERSION "0.1.0"

enum {
    FURROW_OK = 0,
    FURROW_FAILED = 1,        /* the work failed: bad data, a check that does not hold, a full disk */
    FURROW_USAGE = 2,         /* wrong usage or configuration */
    FURROW_NO_DEVICE = 3,     /* no usable OpenCL device */
    FURROW_INTERRUPTED = 130, /* furrow_interrupt() was called */
};

const char *furrow_error(void); /* this thread's last message; valid until its next failure */
void furrow_interrupt(void);    /* the work under way stops after its step, keeps what is whole, and returns */

typedef struct furrow_listener {
    void *user;
    void (*note)(void *user, const char *text);
    void (*warning)(void *user, const char *text);
    /* done of total units (total 0: unknown); `metric` may be "". Called often. */
    void (*progress)(void *user, const char *task, size_t done, size_t total, const char *metric);
} furrow_listener;

void furrow_listen(const furrow_listener *listener); /* copied; NULL: silence. Not while a run is under way */

/* ---- runs -------------------------------------------------------------------------------------------------------- */

typedef struct furrow_run_options {
    const char *config;     /* the run's JSON file: furrow's own form or a published conf.json */
    const char *const *set; /* "a.b=c" overrides, applied in order */
    int sets;
    const char *device;  /* selector; NULL: the config's, else FURROW_DEVICE, else auto */
    const char *weights; /* a checkpoint, or a run folder with Fold_k/model.h5; train: may be NULL */
    const char *out;     /* predict: the folder to write into */
    bool attention;      /* predict: what each date weighed, too */
    double tolerance;    /* predict, with a head: pixels by which outlines may be simplified; 0: exact */
    int fold;            /* 1 ..; 0: as configured, else all */
    bool resume;         /* train: go on where the run folder stopped */
    bool plan;           /* train: only say how a step is laid out in memory */
} furrow_run_options;

/* Documents say what their samples are, "samples_are": "parcels" or "patches", and where something is counted, what:
 * "counted": "parcels" or "pixels". Accuracies are in percent, but for the fraction "Accuracy" of "overall"; as
 * published, so are "val_IoU" and "test_IoU" of patches (of parcels: fractions). Other measures are fractions; an
 * undefined one is null. */

/* Trains the folds and tests each with its best epoch, into the config's train.res_dir. JSON: {"res_dir",
 * "samples_are", "folds": [{"fold", "best_epoch", "val_IoU", "test_accuracy", "test_loss", "test_IoU"}], "overall"}.
 * With `plan`, nothing is trained or written: {"samples_are", "batch_size", "dates", "parts", "recomputed",
 * "tape_bytes", "other_bytes", "peak_bytes", "limit_bytes"} of the largest batch's step. */
int furrow_train(const furrow_run_options *options, char **json);

/* JSON: {"subset", "samples_are", "counted", "folds": [{"fold", "weights", "samples", "test_accuracy", ...}], "samples"
 * (those counted), "accuracy", "mIoU" (a fraction), "overall", "classes", "per_class", "confusion_matrix"} */
int furrow_eval(const furrow_run_options *options, char **json);

/* Writes into options->out: predictions.csv and predictions.json; of patches predictions.json and for each patch
 * ID_classes.npy, ID_scores.npy and ID.png, with a head ID_instances.npy, ID_classes.npy, ID_confidence.npy and ID.png
 * beside parcels.geojson. JSON: {"parcels" or "patches" (how many), "csv" (parcels), "out" (patches),
 * "json", "samples_are", "counted", "networks", "classes": {name: how many are of it}}. With options->attention also
 * attention.svg and attention.csv (parcels) or attention.json and for each patch ID_attention.npy and ID_attention.svg;
 * JSON: "attention", "attention_picture", the paths of the files over all samples. */
int furrow_predict(const furrow_run_options *options, char **json);

/* ---- checks and measurements ------------------------------------------------------------------------------------- */

typedef struct furrow_check {
    const char *file, *name; /* the tensor */
    double error, limit;
    bool passed;
} furrow_check;

/* Runs reference results; `line` (may be NULL) is told each tensor's result. FURROW_FAILED when one does not hold. */
int furrow_verify(const char *const *files, int count, const char *device,
                  void (*line)(void *user, const furrow_check *check), void *user, int *passed, int *failed);

typedef struct furrow_bench_options {
    const char *model;        /* "psetae", "pseltae", "utae" or, with a head, "utae+paps"; NULL: psetae */
    int batch, dates, pixels; /* 0: the published ones. Parcels: 128, 24, 64 pixels each; patches: 1, 45, 128 a side */
    int parcels;              /* with a head: in each patch; 0: 100 */
    double memory_limit;      /* patches: bytes; 0: what the device has */
    bool exact;               /* patches: no Winograd */
    const char *device;
} furrow_bench_options;

/* JSON: {"model", "inference_per_s", "training_per_s", "gflops", "peak_gflops", "peak_bytes", "device", ...} */
int furrow_bench(const furrow_bench_options *options, char **json);

/* JSON: {"devices": [{"index", "name", ..., "self_test", "chosen"}]}. The chosen device runs its self-test if it has
 * not yet; `tune`: and every kernel form is measured again. */
int furrow_devices(const char *device, bool tune, char **json);

/* What a pack, a checkpoint or a file of reference results holds. JSON: {"file", "kind", ...} */
int furrow_info(const char *path, char **json);

/* The keys of a run's configuration, as text for people; a new string, NULL when out of memory. */
char *furrow_config_help(void);

#ifdef __cplusplus
}
#endif

#endif
