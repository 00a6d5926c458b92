/* Operations of Parcels-as-Points (PaPs; Sainte Fare Garnot and Landrieu, ICCV 2021): the catalogue of op.h, continued.
 *
 * A centre is a pixel that stands for a parcel: (patch, row, column). Each has a box around it, whose pixels that lie in
 * the image are a *crop*. Crops differ in size, so that those of a batch lie one after the other, patch by patch, rows
 * first: crop i owns the values first .. first + height * width - 1 of P in all. Every operation here takes all crops at
 * once, their table sorted by patch, and trusts it: who makes the table answers for its ranges. */
#ifndef FURROW_OP_PANOPTIC_H
#define FURROW_OP_PANOPTIC_H

#include "op/op.h"

/* Device layout, 10 ints. */
typedef struct crop {
    int32_t patch, first;                             /* of the batch; of the P values */
    int32_t top, left, height, width;                 /* in the image; height and width may be 0 */
    int32_t box_top, box_left, box_height, box_width; /* of the whole box, partly outside perhaps; 1 or more */
} crop;
enum { CROP_INTS = 10 };

/* ---- centres ----------------------------------------------------------------------------------------------------- */

/* y [N x sum of C_k]: of every map the pixel that a centre lies in, side by side in the order given. map[k]
 * [B x h_k x w_k x C_k] (not pending; count <= 16), a pixel of map k covering 2^(count - 1 - k) rows and columns of the
 * last map; centres [N x 3] (int; patch, row, column of the last map), sorted. A map's gradient is zero where there is
 * no centre; centres that share a pixel add up in their order. */
tensor *centre_features(net *n, tensor *const *map, int count, tensor *centres);

/* y = 1 / (1 + exp(-x)) and y = log(1 + exp(x)) (x itself above 20, as torch.nn.Softplus); x may be pending. */
tensor *sigmoid(net *n, tensor *x);
tensor *softplus(net *n, tensor *x);

/* ---- masks ------------------------------------------------------------------------------------------------------- */

/* What a crop's mask starts from: at each of its pixels the shape [S x S of a row], resampled bilinearly (align_corners
 * false, as torch.nn.functional.interpolate) to the whole box, and the saliency of the pixel.
 *   CROP_SUM: shape + saliency;  CROP_GATE: sigmoid(shape) * sigmoid(saliency).
 * shapes [N x S S], saliency [B x H x W x 1] (neither pending), crops [N x CROP_INTS] (int) -> [P x 1], P = values,
 * 1 or more. The saliency's gradient sums over the crops that cover a pixel in their order. */
enum crop_form { CROP_SUM, CROP_GATE };
tensor *crop_values(net *n, tensor *shapes, tensor *saliency, tensor *crops, int values, enum crop_form form);

/* The residual network of a crop, zeros beyond the crop's edges:
 *   conv 3x3 1 -> C, group norm over all of the crop's pixels and channels (eps 1e-5), ReLU, conv 3x3 C -> C, ReLU,
 *   conv 3x3 C -> 1. x [P x 1] -> [P x 1]. Published: C 16.
 * P of at least 1. The layers of a crop are made tile by tile in local memory, and again in backward: nothing the size of
 * P x C is stored, and P is without limit. */
typedef struct mask_network {
    tensor *weight1, *bias1;         /* [C x 1 x 3 x 3], [C] */
    tensor *norm_weight, *norm_bias; /* [C] */
    tensor *weight2, *bias2;         /* [C x C x 3 x 3], [C] */
    tensor *weight3, *bias3;         /* [1 x C x 3 x 3], [1] */
} mask_network;
tensor *mask_cnn(net *n, tensor *x, tensor *crops, mask_network parameters);

/* y = sigmoid(a) * sigmoid(b), of one shape, neither pending */
tensor *gate(net *n, tensor *a, tensor *b);

/* ---- losses: each -> [1] ------------------------------------------------------------------------------------------ */

/* The CornerNet form (Law and Deng 2018) with alpha 0: minus the sum of log(p + 1e-8) where the target is 1 and of
 * log(1 - p + 1e-8) (1 - target)^beta where it is less, divided by the number of pixels whose target is 1 (by nothing
 * where there is none). heatmap [rows x 1] of probabilities, target [rows] (float, 0 .. 1). */
tensor *centre_loss(net *n, tensor *heatmap, tensor *target, float beta);

/* Mean over the rows of the sum over columns of |target - size| / (target + 1e-8). size, target [N x 2] (float); a row
 * whose first target is negative counts in neither sum nor mean. No row: 0. */
tensor *size_loss(net *n, tensor *size, tensor *target);

/* Mean over the values of all crops of -log softmax(1 - p, p)[t] = log(1 + exp(1 - 2 p)) where t, else
 * log(1 + exp(2 p - 1)); t: the pixel belongs to the crop's parcel. masks [P x 1] of probabilities, instances
 * [B x H x W] (int), crops [N x CROP_INTS], parcels [N] (int; negative: the crop counts in neither sum nor mean). Nothing
 * that counts: 0. */
tensor *shape_loss(net *n, tensor *masks, tensor *instances, tensor *crops, tensor *parcels);

/* sum of coefficient[k] loss[k]; loss[k] [1], count <= 4, NULL ones are left out */
tensor *loss_sum(net *n, tensor *const *loss, const float *coefficient, int count);

#endif
