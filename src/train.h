/*
 * train.h: what `obscura train` was asked for, and doing it.
 */
#ifndef OB_SRC_TRAIN_H
#define OB_SRC_TRAIN_H

#include "nn/trainer.h"
#include "src/faces.h"

struct train_wish {
    const char *model, *network;        /* where to start: weights, or a Keras architecture */
    const char *output, *checkpoint, *log, *curves;     /* what is written; NULL: after output */
    const char *optimiser, *schedule;
    double rate, decay;                 /* 0, negative: what suits the optimiser */
    double momentum, cap, warmup, step_epochs, step_factor;
    double dropout;                     /* negative: as the network has it */
    double smoothing, held, acted;
    double shift, rotate, zoom, brightness;
    uint64_t epochs, batch, patience, seed, threads, faces, every;
    struct faces_wish finder;           /* of faces in films */
    int no_flip, plain, resume, quiet, json;
    char *const *data;                  /* operands */
    unsigned ndata;
};

/* Reads, trains, writes. */
int train_run(const struct train_wish *w, struct err *e);

/* The epochs as csv, and as a picture (SVG) of loss and accuracy. Each file appears whole. */
int train_log_write(const char *path, const struct trainer *t, struct err *e);
int train_curves_write(const char *path, const struct trainer *t, struct err *e);

#endif
