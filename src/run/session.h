/* What train, eval and predict open first: the configuration, the data set, the network's settings, the device.
 * Everything that is wrong with the input is said before the device is touched. */
#ifndef FURROW_RUN_SESSION_H
#define FURROW_RUN_SESSION_H

#include "furrow.h"
#include "network/batches.h"
#include "network/config.h"

typedef struct session {
    run_config config;
    sample_set set;
    cJSON *model; /* resolved, every key */
    char *where;  /* "FILE: model", for messages */
    device *device;
} session;

/* `labels`: they are needed. `weights` (may be NULL): a checkpoint whose model settings fill in what the configuration
 * leaves open, before the data do. */
int session_open(const furrow_run_options *o, bool labels, const char *weights, session *out);
/* The same without a device: what a network and its data are, for those that run nothing. */
int session_read(const furrow_run_options *o, bool labels, const char *weights, session *out);
void session_close(session *s);

/* What the configuration says of a network beside the model's settings. */
int network_settings(network *w, const run_config *c);

/* A network for the session's set; `seed` of its initial weights and of dropout. */
int session_network(session *s, uint64_t seed, network **out);
int session_batches(session *s, batches **out);
int session_eval_batch(const session *s); /* samples a batch of evaluation */

/* The classes' names: `state`'s (a checkpoint's, may be NULL), else the set's where it has labels, else 0, 1, ...
 * A list of `classes` strings; freed with names_free. */
int class_names(const session *s, const cJSON *state, int classes, char ***out);
void names_free(char **names, int count);

/* Adds the forms recorded in FOLDER/forms.json, if there are any, to those that the device uses. */
int forms_use(const session *s, const char *folder);
int forms_record(const session *s, const char *folder);

int json_text(cJSON *value, char **out); /* value is deleted; as text in *out */

#endif
