/* The keys of a config's "head", under the published constructor's names. */
#include "model/definition.h"

/* clang-format off */
const field paps_fields[] = {
    {"num_classes", FIELD_INT, offsetof(paps_config, num_classes), "20", 2, 255, NULL,
     "classes, background and void among them"},
    {"shape_size", FIELD_INT, offsetof(paps_config, shape_size), "16", 1, 256, NULL, "side of a predicted shape"},
    {"mask_conv", FIELD_BOOL, offsetof(paps_config, mask_conv), "true", 0, 0, NULL,
     "a residual network on each parcel's mask"},
    {"min_confidence", FIELD_REAL, offsetof(paps_config, min_confidence), "0.2", 0, 1, NULL,
     "less confident parcels are left out; tuned in training, and stored with the weights"},
    {"min_remain", FIELD_REAL, offsetof(paps_config, min_remain), "0.5", 0, 1, NULL,
     "a parcel is kept if more than this share of its mask is not taken yet"},
    {"mask_threshold", FIELD_REAL, offsetof(paps_config, mask_threshold), "0.4", 0, 1, NULL,
     "probability above which a pixel belongs to the mask"},
    {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */
