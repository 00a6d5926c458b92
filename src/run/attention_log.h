/* What a network's attention made of the dates, written beside its predictions: which dates mattered.
 *
 * Of patches, for each ID_attention.npy (float32, heads x dates x h x w at the attention's resolution: the weights that
 * sum to 1 over the dates) and ID_attention.svg (over the calendar), and attention.json ({"patches": [{"id", "dates",
 * "weights": [mean over heads and pixels of each date]}]}). Of parcels, attention.csv (id, date, mean, head_1, ...). Of
 * either, attention.svg: the mean over all samples. Dates are YYYY-MM-DD, or 0, 1, 2, ... in sets without any. */
#ifndef FURROW_RUN_ATTENTION_LOG_H
#define FURROW_RUN_ATTENTION_LOG_H

#include "run/prediction.h"

/* USAGE when the job's network has no attention. Before any batch: has the network keep its weights of dates. */
int attention_log_new(prediction *job, attention_log **out);
void attention_log_free(attention_log *a); /* removes what is not finished; NULL is fine */

/* A batch's. classes [samples]: the class predicted for each parcel; NULL: patches. */
int attention_log_take(attention_log *a, const inference *i, const int *classes);

/* The files over all samples; `all` is told their names. */
int attention_log_finish(attention_log *a, cJSON *all);

#endif
