/*
 * trainer.h: training a model on a data set: epochs of minibatches, the best model so far, and
 * files from which an interrupted training goes on as if nothing had happened.
 *
 * A trainer divides every batch among a crew of threads; each has its own gradient, and they are
 * added in a fixed order. So the same data, options and number of threads give the same weights to
 * the bit. Whatever is random is drawn by name (chance.h): a checkpoint has no generator's state
 * to keep.
 *
 * What is held out (SPLIT_HELD; acted faces, if those are all there is) decides which epoch is the
 * best: the one with the lowest loss. The test splits are never looked at here.
 */
#ifndef OB_NN_TRAINER_H
#define OB_NN_TRAINER_H

#include "nn/augment.h"
#include "nn/dataset.h"
#include "nn/optimise.h"

struct trainer_conf {
    struct optimise optimise;
    struct augment augment;
    unsigned epochs, batch, threads;
    unsigned patience;          /* stop after so many epochs without a better one; 0: never */
    double smoothing;           /* of labels, 0 to 1 */
    double acted;               /* share of acted faces in every batch; 1: nothing else */
    unsigned faces;             /* acted faces that are drawn for training; they come again */
    unsigned held_faces;        /* and those that are held out */
    uint64_t seed;
};

struct trainer_result {
    size_t n, right;
    double loss;                /* mean cross entropy, labels not smoothed */
};

struct trainer_row {            /* an epoch */
    double rate;                /* the learning rate at its end */
    double loss, accuracy;      /* of the batches, while they were trained on */
    double held_loss, held_accuracy;    /* NAN when nothing is held out */
    double acted_accuracy;      /* of held out acted faces; NAN without acted faces */
    double seconds;
};

struct trainer;

/* Told how far the work is, 0 to 1, and the mean loss so far (NAN while faces are drawn). */
struct trainer_notice {
    void (*tell)(void *context, double part, double loss);      /* NULL: nobody listens */
    void *context;
};

/* Trains *m, which it borrows like d (NULL or empty: only with acted = 1). The first weights are
 * those that m has. Acted faces are drawn here. NULL with *e filled: ERR_INPUT for a network that
 * cannot be trained or data that do not fit, ERR_FAILED without memory or BLAS. */
struct trainer *trainer_new(const struct trainer_conf *conf, struct model *m,
                            const struct dataset *d, struct trainer_notice notice,
                            struct err *e);
void trainer_free(struct trainer *t);

/* Whether all epochs are through, or patience is. */
int trainer_done(const struct trainer *t);

/* One epoch. ERR_FAILED when the loss is no longer finite, ERR_USAGE when all are through. */
int trainer_epoch(struct trainer *t, struct trainer_notice notice, struct err *e);

/* Epochs so far, one row each, and the best one (counted from 1; 0 before the first). */
unsigned trainer_epochs(const struct trainer *t);
const struct trainer_row *trainer_rows(const struct trainer *t);
unsigned trainer_best(const struct trainer *t);

/* The model as it was after the best epoch: borrowed, and overwritten by a later best one. */
const struct model *trainer_best_model(const struct trainer *t);

/* Evaluates the best model on one split of a data set for its network. n = 0 if it is empty. */
int trainer_evaluate(struct trainer *t, const struct dataset *d, unsigned split,
                     struct trainer_result *r, struct err *e);

/* A checkpoint, whole or not at all; and back, into a trainer that was made with the same options,
 * data and number of threads. ERR_INPUT names what differs; the trainer is then to be freed.
 *
 * Layout, little-endian: "OBTRAIN\n", u32 version, u64 length; u32 length of the options as text,
 * the text; u32 parameters, rows, best epoch, f64 lowest loss, u64 steps; rows of 7 f64; f32
 * weights, best weights, the rule's blocks; SHA-256 of all this. */
int trainer_save(const struct trainer *t, const char *path, struct err *e);
int trainer_load(struct trainer *t, const char *path, struct err *e);

#endif
