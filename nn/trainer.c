#include "nn/trainer_st.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "net/base_mem.h"
#include "nn/acted.h"

enum { LOT = 8 };           /* samples that go through the network together */
enum { KIND_ORDER = 1, KIND_PICTURE, KIND_CAST, KIND_DROPOUT };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* --- making one ------------------------------------------------------------------------------ */

static int has_norm(const struct network *net)
{
    for (unsigned i = 0; i < net->nlayer; i++)
        if (net->layer[i].kind == LAYER_BATCHNORM)
            return 1;
    return 0;
}

static size_t widest(const struct network *net)
{
    size_t c = 1;
    for (unsigned i = 0; i < net->nlayer; i++)
        if (net->layer[i].g.oc > c)
            c = net->layer[i].g.oc;
    return c;
}

static int member_init(struct trainer *t, struct trainer_member *w, struct err *e)
{
    const struct network *net = &t->m->net;
    w->bp = backprop_new(t->m, &t->blas, t->lot, e);
    if (w->bp == NULL)
        return ERR_FAILED;
    w->grad = mem_new(net->nparameter, sizeof *w->grad);
    w->label = mem_new(t->lot, 1);
    w->sum = mem_new(widest(net), sizeof *w->sum);
    return w->grad != NULL && w->label != NULL && w->sum != NULL
               ? 0 : err_set(e, ERR_FAILED, "no memory to train %zu parameters", net->nparameter);
}

static int check(const struct trainer *t, struct err *e)
{
    const struct network *net = &t->m->net;
    size_t trainable = 0;
    for (unsigned i = 0; i < net->nlayer; i++)
        trainable += net->layer[i].nweight;
    if (trainable == 0)
        return err_set(e, ERR_INPUT, "the network has no weights: there is nothing to train");
    if (t->conf.acted > 0 && !acted_fits(&t->stage))
        return err_set(e, ERR_INPUT, "acted faces are for square pictures of the seven emotions; "
                       "this network takes %ux%u and has %u classes", net->h, net->w, net->nclass);
    if (t->conf.acted < 1 && t->ntrain == 0)
        return err_set(e, ERR_INPUT, "there is no training picture in the data");
    if (t->d != NULL && (t->d->h != net->h || t->d->w != net->w || t->d->nclass != net->nclass))
        return err_set(e, ERR_INPUT, "the data are not for this network");
    return 0;
}

/* Acted pictures among the first n of an epoch. */
static size_t acted_before(const struct trainer *t, size_t n)
{
    return (size_t)floor((double)n * t->conf.acted);
}

/* The pictures of an epoch: as many acted ones come between the others as keep the share. */
static void measure(struct trainer *t)
{
    if (t->conf.acted >= 1) {
        t->nepoch = t->conf.faces;
        return;
    }
    size_t n = (size_t)((double)t->ntrain / (1 - t->conf.acted)) + 2;
    while (n - acted_before(t, n) > t->ntrain)
        n--;
    t->nepoch = n;
}

static int allocate(struct trainer *t, struct err *e)
{
    size_t parameters = t->m->net.nparameter, blocks = optimise_blocks(&t->conf.optimise);
    t->state = mem_new(blocks * parameters, sizeof *t->state);
    t->order = mem_new(t->ntrain + 1, sizeof *t->order);
    t->cast = mem_new(t->conf.faces + 1, sizeof *t->cast);
    t->row = mem_new(t->conf.epochs, sizeof *t->row);
    t->member = mem_new(t->conf.threads, sizeof *t->member);
    if (t->state == NULL || t->order == NULL || t->cast == NULL || t->row == NULL ||
        t->member == NULL)
        return err_set(e, ERR_FAILED, "no memory to train %zu parameters", parameters);
    int code = model_init(&t->best, &t->m->net, e);
    for (unsigned k = 0; k < t->conf.threads && code == 0; k++)
        code = member_init(t, &t->member[k], e);
    return code;
}

/* Part k of n things divided among the crew. */
static size_t share_of(const struct trainer *t, size_t n, unsigned k)
{
    return n * k / t->conf.threads;
}

static int members_check(struct trainer *t, struct err *e)
{
    for (unsigned k = 0; k < t->conf.threads; k++)
        if (t->member[k].e.code != 0) {
            if (e != NULL)
                *e = t->member[k].e;
            return t->member[k].e.code;
        }
    return 0;
}

struct casting {
    struct trainer *t;
    uint8_t *grey;              /* of faces first .. first + n - 1 */
    size_t first, n;
};

static void casting_work(void *context, unsigned k)
{
    const struct casting *c = context;
    struct trainer *t = c->t;
    unsigned edge = t->stage.h;
    size_t from = share_of(t, c->n, k), to = share_of(t, c->n, k + 1), size = (size_t)edge * edge;
    for (size_t i = from; i < to && t->member[k].e.code == 0; i++) {
        size_t face = c->first + i, faces = t->conf.faces;
        int held = face >= faces;
        acted_draw(c->grey + i * size, edge, t->conf.seed, held ? face - faces : face, held,
                   &t->member[k].e);
    }
}

static int casting_keep(struct trainer *t, const struct casting *c, struct err *e)
{
    size_t size = (size_t)t->stage.h * t->stage.w, faces = t->conf.faces;
    int code = members_check(t, e);
    for (size_t i = 0; i < c->n && code == 0; i++) {
        size_t face = c->first + i, k = face < faces ? face : face - faces;
        code = dataset_add(&t->stage, c->grey + i * size, (struct dataset_item){
            .label = (uint8_t)(k % t->stage.nclass),
            .split = face < faces ? SPLIT_TRAIN : SPLIT_HELD }, e);
    }
    return code;
}

/* Draws the acted faces, some at a time. */
static int trainer_cast(struct trainer *t, struct trainer_notice notice, struct err *e)
{
    enum { SOME = 64 };
    struct casting c = { .t = t, .grey = mem_new(SOME, (size_t)t->stage.h * t->stage.w) };
    size_t all = (size_t)t->conf.faces + t->conf.held_faces;
    int code = c.grey == NULL ? err_set(e, ERR_FAILED, "no memory for acted faces") : 0;
    for (; c.first < all && code == 0; c.first += c.n) {
        c.n = all - c.first < SOME ? all - c.first : SOME;
        crew_run(t->crew, casting_work, &c);
        code = casting_keep(t, &c, e);
        if (notice.tell != NULL)
            notice.tell(notice.context, (double)(c.first + c.n) / (double)all, NAN);
    }
    mem_free(c.grey);
    return code;
}

static int trainer_init(struct trainer *t, struct trainer_notice notice, struct err *e)
{
    int code = dataset_init(&t->stage, &t->m->net, e);
    if (t->d != NULL)
        t->ntrain = dataset_count(t->d, SPLIT_TRAIN);
    if (code == 0)
        code = check(t, e);
    if (code == 0)
        code = blas_open(&t->blas, e);
    if (code != 0)
        return code;
    measure(t);
    unsigned slice = (t->conf.batch + t->conf.threads - 1) / t->conf.threads;
    t->lot = has_norm(&t->m->net) || slice < LOT ? slice : LOT;
    t->crew = crew_new(t->conf.threads, e);
    if (t->crew == NULL || allocate(t, e) != 0)
        return ERR_FAILED;
    return t->conf.acted > 0 ? trainer_cast(t, notice, e) : 0;
}

struct trainer *trainer_new(const struct trainer_conf *conf, struct model *m,
                            const struct dataset *d, struct trainer_notice notice,
                            struct err *e)
{
    struct trainer *t = mem_new(1, sizeof *t);
    if (t == NULL) {
        err_set(e, ERR_FAILED, "no memory to train");
        return NULL;
    }
    *t = (struct trainer){ .conf = *conf, .m = m, .d = d, .best_loss = INFINITY };
    if (trainer_init(t, notice, e) == 0)
        return t;
    trainer_free(t);
    return NULL;
}

void trainer_free(struct trainer *t)
{
    if (t == NULL)
        return;
    crew_free(t->crew);
    for (unsigned k = 0; t->member != NULL && k < t->conf.threads; k++) {
        backprop_free(t->member[k].bp);
        mem_free(t->member[k].grad);
        mem_free(t->member[k].label);
        mem_free(t->member[k].sum);
    }
    mem_free(t->member);
    mem_free(t->row);
    mem_free(t->cast);
    mem_free(t->order);
    mem_free(t->state);
    dataset_fini(&t->stage);
    model_fini(&t->best);
    blas_close(&t->blas);
    mem_free(t);
}

/* --- a batch --------------------------------------------------------------------------------- */

struct batch {
    struct trainer *t;
    size_t first, n;            /* pictures of the epoch */
    double rate;
};

/* Picture p of the epoch into place k of the lot. */
static void picture_take(struct trainer *t, struct trainer_member *w, size_t p, unsigned k)
{
    const struct network *net = &t->m->net;
    size_t acted = acted_before(t, p);
    int acts = acted_before(t, p + 1) > acted;
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
    size_t from = share_of(t, b->n, k), to = share_of(t, b->n, k + 1);
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
    size_t n = t->m->net.nparameter, from = share_of(t, n, k), to = share_of(t, n, k + 1);
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

static double members_sum(struct trainer *t, size_t *right)
{
    double loss = 0;
    *right = 0;
    for (unsigned k = 0; k < t->conf.threads; k++) {
        loss += t->member[k].loss;
        *right += t->member[k].right;
    }
    return loss;
}

static void members_clear(struct trainer *t)
{
    for (unsigned k = 0; k < t->conf.threads; k++) {
        t->member[k].loss = 0;
        t->member[k].right = 0;
    }
}

/* --- evaluation ------------------------------------------------------------------------------ */

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
    size_t from = share_of(t, v->n, k), to = share_of(t, v->n, k + 1), seen = 0;
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
    members_clear(t);
    crew_run(t->crew, survey_work, &v);
    r.n = v.n;
    r.loss = members_sum(t, &r.right) / (double)v.n;
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

/* --- an epoch -------------------------------------------------------------------------------- */

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

static double batch_rate(const struct trainer *t, size_t first, size_t n)
{
    double way = ((double)first + (double)n / 2) / (double)t->nepoch;
    return optimise_rate(&t->conf.optimise, t->nrow + way);
}

static void batch_run(struct trainer *t, struct batch *b)
{
    b->rate = batch_rate(t, b->first, b->n);
    crew_run(t->crew, batch_learn, b);
    t->steps++;
    crew_run(t->crew, batch_step, b);
    if (t->conf.optimise.cap > 0)
        crew_run(t->crew, batch_cap, b);
}

/* All batches of an epoch; returns the mean loss, which is not finite if training has failed. */
static double epoch_train(struct trainer *t, struct trainer_row *row, struct trainer_notice notice)
{
    double loss = 0;
    size_t right = 0;
    members_clear(t);
    for (struct batch b = { .t = t }; b.first < t->nepoch; b.first += b.n) {
        size_t left = t->nepoch - b.first;
        b.n = left < t->conf.batch ? left : t->conf.batch;
        batch_run(t, &b);
        loss = members_sum(t, &right) / (double)(b.first + b.n);
        if (!isfinite(loss))
            return loss;
        row->rate = b.rate;
        if (notice.tell != NULL)
            notice.tell(notice.context, (double)(b.first + b.n) / (double)t->nepoch, loss);
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
