/* Checkpoints as PyTorch 2.15 wrote them (torch.save): the pickles of the zip format, and a whole older stream. */
#ifndef FURROW_TESTS_TORCH_FIXTURES_H
#define FURROW_TESTS_TORCH_FIXTURES_H

#include "tests/zip_test.h"

/* A state_dict of tensors of all kinds: base = arange(12), a.weight base.view(3, 4), a.transposed its .t(), a.row
 * base[4:8], a.column .view(3, 4)[:, 1]; half, brain (bfloat16), double, n.num_batches_tracked, flag (bool); expanded
 * tensor([7.]).expand(2, 3); empty zeros(0, 3); parameter, an nn.Parameter. */
enum { VIEWS_PARTS = 12 };
extern const zip_part views_parts[VIEWS_PARTS];

/* {"epoch": 4, "state_dict": ..., "optimizer": Adam's after 2 steps, "best": 0.5} of an nn.DataParallel with a frozen
 * position_enc (2 x 2), lin (2 to 1) and bn (1). Parameter k's moments are k + 0.5 and k + 0.25. */
enum { TRAINED_PARTS = 21 };
extern const zip_part trained_parts[TRAINED_PARTS];

extern const char trained_stream[];
extern const size_t trained_stream_length;

#endif
