#include "nn/trainer_st.h"

#include <math.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct survey {
    struct trainer *t;
    const struct dataset *d;
    unsigned split;
    size_t n;
};

static void lot_evaluate(struct trainer_member *w, unsigned n)
{
    backprop_forward(w->bp, n, NULL);
    w->loss += backprop_loss(w->bp, n, w->label, 0, &w->right);
}

/* This member's pictures: every one of the split whose number among them is in its range. */
static void survey_work(void *context, unsigned k)
{
    const struct survey *v = context;
    struct trainer *t = v->t;
    struct trainer_member *w = &t->member[k];
    size_t from = trainer_share(t, v->n, k), to = trainer_share(t, v->n, k + 1), seen = 0;
    size_t size = (size_t)v->d->h * v->d->w;
    unsigned n = 0;
    for (size_t i = 0; i < v->d->n && seen < to; i++) {
        if (v->d->item[i].split != v->split || seen++ < from)
            continue;
        w->label[n] = v->d->item[i].label;
        augment_none(backprop_input(w->bp) + n * size, dataset_pixels(v->d, i), v->d->h, v->d->w);
        if (++n == t->lot || seen == to) {
            lot_evaluate(w, n);
            n = 0;
        }
    }
}

/* The model that is being trained, on one split. */
static struct trainer_result survey_run(struct trainer *t, const struct dataset *d, unsigned split)
{
    struct survey v = { .t = t, .d = d, .split = split };
    struct trainer_result r = { .loss = NAN };
    v.n = d != NULL ? dataset_count(d, split) : 0;
    if (v.n == 0)
        return r;
    trainer_clear(t);
    crew_run(t->crew, survey_work, &v);
    r.n = v.n;
    r.loss = trainer_sum(t, &r.right) / (double)v.n;
    return r;
}

static void swap_best(struct trainer *t)
{
    for (size_t k = 0; k < t->m->net.nparameter; k++) {
        float w = t->m->data[k];
        t->m->data[k] = t->best.data[k];
        t->best.data[k] = w;
    }
}

int trainer_evaluate(struct trainer *t, const struct dataset *d, unsigned split,
                     struct trainer_result *r, struct err *e)
{
    if (d->h != t->m->net.h || d->w != t->m->net.w || d->nclass != t->m->net.nclass)
        return err_set(e, ERR_INPUT, "the data are not for this network");
    swap_best(t);
    *r = survey_run(t, d, split);
    swap_best(t);
    return 0;
}

/* The training pictures of d into `order`, shuffled for this epoch. */
static void order_shuffle(const struct trainer *t, uint32_t *order, const struct dataset *d,
                          uint64_t kind)
{
    struct chance c = chance_of(t->conf.seed, kind, t->nrow, 0);
    size_t n = 0;
    for (size_t k = 0; d != NULL && k < d->n; k++)
        if (d->item[k].split == SPLIT_TRAIN)
            order[n++] = (uint32_t)k;
    for (; n > 1; n--) {
        size_t other = chance_below(&c, n);
        uint32_t last = order[n - 1];
        order[n - 1] = order[other];
        order[other] = last;
    }
}

static double accuracy_of(struct trainer_result r)
{
    return r.n > 0 ? (double)r.right / (double)r.n : NAN;
}

static void epoch_judge(struct trainer *t, struct trainer_row *row)
{
    struct trainer_result held = survey_run(t, t->d, SPLIT_HELD);
    struct trainer_result acted = survey_run(t, &t->stage, SPLIT_HELD);
    if (held.n == 0 && t->conf.acted >= 1)
        held = acted;
    row->held_loss = held.loss;
    row->held_accuracy = accuracy_of(held);
    row->acted_accuracy = accuracy_of(acted);
    t->nrow++;
    if (held.n > 0 && !(held.loss < t->best_loss))
        return;
    t->best_loss = held.loss;
    t->best_epoch = t->nrow;
    memcpy(t->best.data, t->m->data, t->m->net.nparameter * sizeof *t->m->data);
}

/* All batches of an epoch; returns the mean loss, which is not finite if training has failed. */
static double epoch_train(struct trainer *t, struct trainer_row *row, struct trainer_notice notice)
{
    double loss = 0;
    size_t right = 0;
    trainer_clear(t);
    for (size_t done = 0, n; done < t->nepoch;) {
        n = t->nepoch - done < t->conf.batch ? t->nepoch - done : t->conf.batch;
        trainer_batch(t, done, n, &row->rate);
        done += n;
        loss = trainer_sum(t, &right) / (double)done;
        if (!isfinite(loss))
            return loss;
        if (notice.tell != NULL)
            notice.tell(notice.context, (double)done / (double)t->nepoch, loss);
    }
    row->accuracy = (double)right / (double)t->nepoch;
    return row->loss = loss;
}

int trainer_epoch(struct trainer *t, struct trainer_notice notice, struct err *e)
{
    double start = now();
    if (t->nrow >= t->conf.epochs)
        return err_set(e, ERR_USAGE, "all %u epochs are through", t->conf.epochs);
    struct trainer_row *row = &t->row[t->nrow];
    order_shuffle(t, t->order, t->d, KIND_ORDER);
    order_shuffle(t, t->cast, &t->stage, KIND_CAST);
    if (!isfinite(epoch_train(t, row, notice)))
        return err_set(e, ERR_FAILED, "epoch %u: the loss is no longer a finite number; try a "
                       "smaller learning rate (--rate, now %g) or --warmup", t->nrow + 1,
                       t->conf.optimise.rate);
    epoch_judge(t, row);
    row->seconds = now() - start;
    return 0;
}

int trainer_done(const struct trainer *t)
{
    unsigned patience = t->conf.patience;
    return t->nrow >= t->conf.epochs || (patience > 0 && t->nrow >= t->best_epoch + patience);
}

unsigned trainer_epochs(const struct trainer *t)
{
    return t->nrow;
}

const struct trainer_row *trainer_rows(const struct trainer *t)
{
    return t->row;
}

unsigned trainer_best(const struct trainer *t)
{
    return t->best_epoch;
}

const struct model *trainer_best_model(const struct trainer *t)
{
    return &t->best;
}
