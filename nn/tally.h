/*
 * tally.h: labels counted: right ones, confusions, and where a twin disagrees.
 */
#ifndef OB_NN_TALLY_H
#define OB_NN_TALLY_H

#include <stddef.h>

#include "nn/network.h"

struct tally {
    uint32_t nclass;
    size_t samples, labelled;           /* labelled: their true class is known */
    size_t right, right_twin;           /* of the labelled */
    size_t confusion[NETWORK_CLASSES][NETWORK_CLASSES];     /* rows: true; columns: found */
    size_t twins;                       /* samples that the twin has looked at as well */
    size_t flips;                       /* of them: with another label */
    double difference, largest;         /* between scores: sum over the twins' largest ones; most */
};

struct tally_class {
    size_t support, found;
    double precision, recall, f1;       /* NAN where there is nothing to divide by */
};

void tally_init(struct tally *t, uint32_t nclass);

/* One sample. truth: its class, or -1; scores are nclass values for each side, twin may be NULL. */
void tally_add(struct tally *t, int truth, const double *scores, const double *twin);

/* Figures of one class: precision = right / found, recall = right / support, f1 their harmonic
 * mean. */
struct tally_class tally_class(const struct tally *t, uint32_t c);

#endif
