/* Launching the kernels that are written for teams (cl/team.clh): which form suits a device. */
#ifndef FURROW_OP_TEAM_H
#define FURROW_OP_TEAM_H

#include "op/op.h"

/* The macros VW, LANES, TEAM and TAIL: CPUs get one item with wide vectors, GPUs 64 single-channel items in teams. */
typedef struct team_form {
    int width, lanes, team;
    bool tail; /* rows do not divide into vectors */
} team_form;

/* For rows of `channels`. team: items that share a row on a GPU, a power of two up to 64; fewer where the device's
 * groups are smaller. */
team_form team_form_of(const device *d, int team, int channels);

/* The kernel in that form; `more` ("" or " -DX=1") are further options. */
int team_kernel(device *d, team_form f, const char *program, const char *more, const char *name, kernel **out);

/* Groups for `count` things, `each` of them a group. */
size_t team_groups(int count, int each);

/* total[i] (+)= sum over p < parts of part[p stride + start + i], in order, for i < count. */
int sum_parts(device *d, buffer *part, int parts, int stride, int start, int count, buffer *total, bool accumulate);

/* For shape(): input i must be a matrix of reals, with at least a channel; `what` says of what ("rows x channels"). */
int matrix_wanted(const node *n, int i, const char *what);

/* For shape(): input i must be the offsets of ragged sequences; and how many sequences those are. */
int offsets_wanted(const node *n, int i);
int sequence_count(const node *n, int i);

/* For shape(): input i must be of this type and exactly this shape; `meaning` ends the refusal. Absent ones pass. */
int input_wanted(const node *n, int i, enum element e, shape s, const char *meaning);

/* For shape(): inputs `table` and `table + 1` are position_rows of `rows` rows, or both absent. */
int positions_wanted(const node *n, int table, int rows, int channels);

#endif
