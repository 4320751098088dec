/*
 * trainer_st.h: what the files trainer*.c share.
 */
#ifndef OB_NN_TRAINER_ST_H
#define OB_NN_TRAINER_ST_H

#include "nn/backprop.h"
#include "nn/crew.h"
#include "nn/trainer.h"

enum { TRAINER_EPOCHS = 100000, TRAINER_RECIPE = 1024 };

struct trainer_member {         /* what one thread of the crew has of its own */
    struct backprop *bp;
    float *grad;                /* nparameter, zero between batches */
    uint8_t *label;             /* of a lot */
    float *sum;                 /* for optimise_cap */
    double loss;
    size_t right;
    struct err e;
};

struct trainer {
    struct trainer_conf conf;
    struct model *m;            /* borrowed */
    struct model best;
    const struct dataset *d;    /* borrowed; may be NULL */
    struct dataset stage;       /* acted faces: training, and held out behind them */
    struct blas blas;
    struct crew *crew;
    struct trainer_member *member;
    unsigned lot;
    float *state;               /* the optimiser's blocks */
    uint32_t *order;            /* the training pictures, in this epoch's order */
    uint32_t *cast;             /* and the acted ones */
    size_t ntrain, nepoch;      /* of them; pictures in an epoch, with acted ones */
    uint64_t steps;
    unsigned best_epoch, nrow;
    double best_loss;
    struct trainer_row *row;    /* room for conf.epochs */
};

/* What is drawn by name (chance.h). */
enum { KIND_ORDER = 1, KIND_PICTURE, KIND_CAST, KIND_DROPOUT };

/* Where part k of n things begins that are divided among the crew. */
size_t trainer_share(const struct trainer *t, size_t n, unsigned k);

/* Acted pictures among the first n of an epoch. */
size_t trainer_acted(const struct trainer *t, size_t n);

/* Pictures first .. first + n - 1 of the epoch: the step is taken, *rate its learning rate, and the
 * members' sums of loss and right answers have grown. */
void trainer_batch(struct trainer *t, size_t first, size_t n, double *rate);

/* The members' sums, added in their order, and set to zero. */
double trainer_sum(struct trainer *t, size_t *right);
void trainer_clear(struct trainer *t);

/* The first error that a member met. */
int trainer_check(struct trainer *t, struct err *e);

/* Everything that decides the weights, as words "name=value". */
void trainer_recipe(const struct trainer *t, char text[static TRAINER_RECIPE]);

/* trainer_load for what is in memory. */
int trainer_parse(struct trainer *t, const uint8_t *p, size_t n, const char *path, struct err *e);

#endif
