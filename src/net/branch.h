/* A part of a network whose sizes depend on what the part before it computed: the crops around the centres that a heat
 * map shows. It has a tape of its own, recorded anew whenever the pass reaches it, on the parameters of its trunk.
 *
 * On the trunk's tape a branch is one node: forward records, plans and runs the branch; backward runs its backward. What
 * decides the sizes is read by the recording function, which therefore waits for the device. */
#ifndef FURROW_NET_BRANCH_H
#define FURROW_NET_BRANCH_H

#include "net/net.h"

typedef struct branch branch;

/* Records the branch's tape on n (net_begin is done, net_plan follows). in[i] has the values of the trunk's input i,
 * ready to be read with net_read, and takes a gradient where that does. *loss: a scalar that the branch adds to the
 * trunk's, or left NULL. Parameters must exist already. A code. */
typedef int branch_record(void *user, net *n, tensor *const *in, tensor **loss);

/* `trunk` is a net or a branch's net, and must outlive it. */
int branch_new(net *trunk, branch_record *record, void *user, branch **out);
void branch_free(branch *b); /* NULL is fine */

/* The branch's net, for reading what the last pass kept. */
net *branch_net(const branch *b);

/* On n: the branch's loss [1] (0 when it has none). in: `count` tensors, at most NODE_INPUTS_MAX, none pending. Must be
 * recorded after all else that reads inputs which take a gradient: it writes those gradients, adding to nothing. */
tensor *branch_loss(net *n, branch *b, tensor *const *in, int count);

#endif
