/* Each operation's cases, for the self-test and the tests: a line an operation. */
#ifndef FURROW_OP_CHECKS_H
#define FURROW_OP_CHECKS_H

#include "net/check.h"

const op_check *layer_norm_checks(int *count);
const op_check *sequence_norm_checks(int *count);
const op_check *sequence_mean_checks(int *count);
const op_check *sequence_windows_checks(int *count);
const op_check *gru_checks(int *count);
const op_check *attention_checks(int *count);
const op_check *dropout_checks(int *count);
const op_check *concat_checks(int *count);
const op_check *focal_loss_checks(int *count);
const op_check *linear_checks(int *count);
const op_check *linear_norm_checks(int *count);
const op_check *batch_norm_checks(int *count);
const op_check *set_pool_checks(int *count);
const op_check *pixel_set_encoder_checks(int *count);
const op_check *pixel_sequences_checks(int *count);
const op_check *series_norm_checks(int *count);
const op_check *add_positions_checks(int *count);
const op_check *temporal_aggregate_checks(int *count);
const op_check *image_norm_checks(int *count);
const op_check *image_sum_checks(int *count);    /* materialise, image_add, image_concat, series_concat, frames_join */
const op_check *image_phases_checks(int *count); /* image_unphases too */
const op_check *image_maximum_checks(int *count);
const op_check *series_steps_checks(int *count);
const op_check *conv_lstm_checks(int *count);
const op_check *conv_gru_checks(int *count);
const op_check *conv2d_checks(int *count);
const op_check *conv_transpose2d_checks(int *count);
const op_check *conv3d_checks(int *count); /* and conv_transpose3d */
const op_check *series_pad_checks(int *count);
const op_check *max_pool3d_checks(int *count);
const op_check *date_means_checks(int *count);
const op_check *crop_values_checks(int *count);
const op_check *mask_cnn_checks(int *count);
const op_check *gate_checks(int *count);
const op_check *activation_checks(int *count);
const op_check *centre_features_checks(int *count);
const op_check *panoptic_loss_checks(int *count);

/* Outside the tape: runs its own cases. FAILED with a message naming case and element. */
int sample_pixels_check(device *d);

/* For the tests alone: widths below a vector's, each of which builds programs of its own. */
const op_check *linear_narrow_checks(int *count);
const op_check *norm_narrow_checks(int *count); /* batch_norm and linear_norm */
const op_check *image_norm_shape_checks(int *count);

#endif
