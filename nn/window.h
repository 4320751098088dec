/*
 * window.h: how many frames a job has in flight.
 *
 * A frame in flight waits for the network most of the time, and another can use that time; so the
 * more, the better, on any network: gates and messages of lower numbers go first, so where the
 * network is fast a later frame has hardly begun when an earlier one is done, and takes no memory.
 * What bounds the window is memory, for the case that the network is slow. So the window is chosen
 * from the plan and from memory, and needs no measure of the network.
 */
#ifndef OB_NN_WINDOW_H
#define OB_NN_WINDOW_H

#include "nn/compile.h"

/* The most frames that fit in so many bytes at a party beside the clip, at least one; no more than
 * `most` (0: no bound) and than are selected. 0, or an error of compile. */
int window_choose(uint32_t *window, const struct protocol *proto, const struct fixed_net *net,
                  const struct compile_options *o, uint64_t memory, uint32_t most, struct err *e);

#endif
