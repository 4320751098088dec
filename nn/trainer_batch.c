/*
 * trainer_batch.c: one batch: its pictures, their gradient, the step. See trainer.h.
 */
#include <math.h>
#include <string.h>

#include "nn/trainer_st.h"

size_t trainer_share(const struct trainer *t, size_t n, unsigned k)
{
    return n * k / t->conf.threads;
}

int trainer_check(struct trainer *t, struct err *e)
{
    for (unsigned k = 0; k < t->conf.threads; k++)
        if (t->member[k].e.code != 0) {
            if (e != NULL)
                *e = t->member[k].e;
            return t->member[k].e.code;
        }
    return 0;
}

double trainer_sum(struct trainer *t, size_t *right)
{
    double loss = 0;
    *right = 0;
    for (unsigned k = 0; k < t->conf.threads; k++) {
        loss += t->member[k].loss;
        *right += t->member[k].right;
    }
    return loss;
}

void trainer_clear(struct trainer *t)
{
    for (unsigned k = 0; k < t->conf.threads; k++) {
        t->member[k].loss = 0;
        t->member[k].right = 0;
    }
}

size_t trainer_acted(const struct trainer *t, size_t n)
{
    return (size_t)floor((double)n * t->conf.acted);
}

struct batch {
    struct trainer *t;
    size_t first, n;            /* pictures of the epoch */
    double rate;
};

/* Picture p of the epoch into place k of the lot. */
static void picture_take(struct trainer *t, struct trainer_member *w, size_t p, unsigned k)
{
    const struct network *net = &t->m->net;
    size_t acted = trainer_acted(t, p);
    int acts = trainer_acted(t, p + 1) > acted;
    const struct dataset *d = acts ? &t->stage : t->d;
    uint32_t which = acts ? t->cast[acted % t->conf.faces] : t->order[p - acted];
    w->label[k] = d->item[which].label;
    augment_draw(&t->conf.augment, chance_of(t->conf.seed, KIND_PICTURE, t->nrow, p),
                 backprop_input(w->bp) + k * (size_t)net->h * net->w, dataset_pixels(d, which),
                 net->h, net->w);
}

static void lot_train(struct trainer *t, struct trainer_member *w, size_t first, unsigned n,
                      double scale)
{
    for (unsigned k = 0; k < n; k++)
        picture_take(t, w, first + k, k);
    struct chance drop = chance_of(t->conf.seed, KIND_DROPOUT, t->nrow, first);
    backprop_forward(w->bp, n, &drop);
    w->loss += backprop_loss(w->bp, n, w->label, t->conf.smoothing, &w->right);
    backprop_backward(w->bp, n, w->label, t->conf.smoothing, scale, w->grad);
}

static void batch_learn(void *context, unsigned k)
{
    const struct batch *b = context;
    struct trainer *t = b->t;
    size_t from = trainer_share(t, b->n, k), to = trainer_share(t, b->n, k + 1);
    for (size_t s = from; s < to; s += t->lot) {
        unsigned n = to - s < t->lot ? (unsigned)(to - s) : t->lot;
        lot_train(t, &t->member[k], b->first + s, n, 1 / (double)b->n);
    }
}

/* Adds the members' gradients up, in their order, and takes the step; for this member's range. */
static void batch_step(void *context, unsigned k)
{
    const struct batch *b = context;
    struct trainer *t = b->t;
    size_t n = t->m->net.nparameter, from = trainer_share(t, n, k), to = trainer_share(t, n, k + 1);
    float *restrict sum = t->member[0].grad;
    for (unsigned other = 1; other < t->conf.threads; other++) {
        float *restrict g = t->member[other].grad;
        for (size_t i = from; i < to; i++)
            sum[i] += g[i];
        memset(g + from, 0, (to - from) * sizeof *g);
    }
    optimise_step(&t->conf.optimise, t->m, t->state, sum, b->rate, (double)t->steps, from, to);
    memset(sum + from, 0, (to - from) * sizeof *sum);
}

static void batch_cap(void *context, unsigned k)
{
    const struct batch *b = context;
    struct trainer *t = b->t;
    optimise_cap(&t->conf.optimise, t->m, t->member[k].sum, k, t->conf.threads);
}

static double batch_rate(const struct trainer *t, size_t first, size_t n)
{
    double way = ((double)first + (double)n / 2) / (double)t->nepoch;
    return optimise_rate(&t->conf.optimise, t->nrow + way);
}

void trainer_batch(struct trainer *t, size_t first, size_t n, double *rate)
{
    struct batch b = { .t = t, .first = first, .n = n, .rate = batch_rate(t, first, n) };
    *rate = b.rate;
    crew_run(t->crew, batch_learn, &b);
    t->steps++;
    crew_run(t->crew, batch_step, &b);
    if (t->conf.optimise.cap > 0)
        crew_run(t->crew, batch_cap, &b);
}
