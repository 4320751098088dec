/*
 * trainer_st.h: what trainer.c and trainer_file.c share.
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

/* Everything that decides the weights, as words "name=value". */
void trainer_recipe(const struct trainer *t, char text[static TRAINER_RECIPE]);

#endif
