/*
 * acted.h: labelled pictures of acting faces (actor.h), as many as training wants.
 *
 * The seeds of their actors come from two ranges, one for training and one for what is held out;
 * `obscura actor --seed N` with N below ACTED_FREE shows nobody who has been seen in training.
 */
#ifndef OB_NN_ACTED_H
#define OB_NN_ACTED_H

#include "nn/chance.h"
#include "nn/dataset.h"

#define ACTED_FREE ((uint64_t)1 << 51)          /* held out from here; training from twice it */

/* Picture k of the series that belongs to seed, edge x edge: emotions take turns (k mod 7); actor
 * and moment are drawn. held picks the range of actors. */
int acted_draw(uint8_t *grey, unsigned edge, uint64_t seed, uint64_t k, int held, struct err *e);

/* Whether the network's pictures and classes are those of acting faces: square, the seven. */
int acted_fits(const struct dataset *d);

#endif
