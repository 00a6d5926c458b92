/* What the files of a data set of patches share. Each xxx_find fills its part of a set that has its pack, adds what is
 * wrong to the list of problems, and returns a code only where work cannot go on. */
#ifndef FURROW_DATA_PATCHES_INTERNAL_H
#define FURROW_DATA_PATCHES_INTERNAL_H

#include <pthread.h>

#include "data/patches.h"
#include "data/problems.h"
#include "format/patch_pack.h"

enum { LABELS = 256 /* a label is a byte */ };

struct patches {
    patch_pack *pack;
    pthread_mutex_t reading; /* the pack serves one thread at a time */
    int count, satellite;
    const patch_satellite *about; /* the satellite */
    bool augment;
    bool normalise;     /* false: data.norm is none */
    double *given_norm; /* [2 x bands] mean and std of another pack, for all samples; NULL: the pack's own, by fold */

    /* patches_dates.c: a patch's usable dates are dates[i] of its pack's, from first_date[i] on */
    int32_t *first_date, *dates; /* [count] */
    int max_dates;               /* INT_MAX: any number */
    double date_dropout;
    int32_t reference; /* days since 1970-01-01 */
    int first_position, last_position, longest;

    /* patches_classes.c */
    int classes;
    int32_t class_map[LABELS]; /* -1: void, or no class */
    char **class_name;         /* [classes] */
    uint32_t *class_colour;    /* [classes] */

    /* patches_frames.c: NULL unless preloaded */
    unsigned char *frames;
    size_t *frames_start; /* [count + 1] bytes */
    uint8_t *labels;      /* [count x height x width] */
};

int patch_dates_find(patches *s, const patches_options *o, problems *p);
int patch_classes_find(patches *s, const patches_options *o, bool labels_needed, problems *p);
int patch_normalisation_find(patches *s, const patches_options *o, problems *p);

/* What a pass takes of a sample: usable dates, increasing, into out [dates of the sample]; how many. And its turn, as
 * load_frames takes it. Functions of (seed, epoch, id) and nothing else. */
int patch_dates_draw(const patches *s, int sample, const patch_pass *pass, int *out);
int32_t patch_turn_draw(const patches *s, int sample, const patch_pass *pass);
int32_t patch_position(const patches *s, int sample, int date); /* day of a usable date since the reference */

/* Frames of usable dates as they are stored, and labels. Thread safe. Fails on damage and on values that are not
 * finite. */
int patch_frames_preload(patches *s);
size_t patch_frame_bytes(const patches *s);
int patch_frames_read(patches *s, int sample, const int *date, int dates, void *out);
int patch_labels_read(patches *s, int sample, uint8_t *out); /* a patch without labels: FAILED */

#endif
