/*
 * trainer_new.c: makes a trainer: checks what it is to train, draws its acted faces. See trainer.h.
 */
#include <math.h>

#include "net/base_mem.h"
#include "nn/acted.h"
#include "nn/trainer_st.h"

enum { LOT = 8 };           /* samples that go through the network together */

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

/* The pictures of an epoch: as many acted ones come between the others as keep the share. */
static void measure(struct trainer *t)
{
    if (t->conf.acted >= 1) {
        t->nepoch = t->conf.faces;
        return;
    }
    size_t n = (size_t)((double)t->ntrain / (1 - t->conf.acted)) + 2;
    while (n - trainer_acted(t, n) > t->ntrain)
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
    size_t from = trainer_share(t, c->n, k), to = trainer_share(t, c->n, k + 1);
    size_t size = (size_t)edge * edge;
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
    int code = trainer_check(t, e);
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
