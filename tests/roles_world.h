/*
 * roles_world.h: the parties of any protocol, Bob and any number of Alices in the simulator, with a
 * tiny network.
 *
 * The judge of labels is the fixed-point twin followed by scores.h, in the clear.
 */
#ifndef OB_TESTS_ROLES_WORLD_H
#define OB_TESTS_ROLES_WORLD_H

#include <math.h>

#include "check.h"
#include "net/base_log.h"
#include "net/sim.h"
#include "nn/scores.h"
#include "nn/selection.h"
#include "src/role.h"
#include "src/wire.h"

enum {
    W_PARTIES = 3,          /* of replicated-ring, which w_new takes; else w->proto->parties */
    W_SIDE = 6, W_PIXELS = W_SIDE * W_SIDE, W_FRAMES = 4, W_SELECTED = 2,
    W_CLASSES = 7, W_FRAC = 12, W_SHIFT = 8, W_REPORTS = 64, W_CLIENTS = 64,
    W_MOST = 128            /* selected frames that can be judged */
};

#define W_MS UINT64_C(1000000)
#define W_S (1000 * W_MS)

struct world;

struct w_party {
    struct world *w;
    struct host *host;
    struct party *party;
    unsigned reports, ok;           /* jobs that ended, without error */
    struct job_report report[W_REPORTS];
};

/* A client: Alice or Bob. */
struct w_client {
    struct world *w;
    unsigned node;
    struct host *host;
    struct alice *alice;
    struct bob *bob;
    int done;
    struct err err;
    struct alice_result result;
    double *video;
    void *source;                   /* of frames that come one by one; the test's */
};

struct world {
    const struct protocol *proto;
    struct sim *sim;
    uint64_t random;
    struct fixed_model model;
    uint64_t rows[W_SELECTED * W_FRAMES], rows_long[3 * 5];
    struct w_party party[LINK_PARTIES];
    struct w_client client[W_CLIENTS];
    unsigned nclient;
    uint32_t selected[W_SELECTED];  /* which frames */
};

static inline double w_uniform(struct world *w)
{
    return (double)(check_random(&w->random) >> 11) / 9007199254740992.0;
}

/* ---- the network: conv 3x3 with 4 channels and ReLU, sum pool 2x2, dense to 7 ---- */

static inline void w_fill(struct world *w, int64_t *x, size_t n, double scale)
{
    for (size_t i = 0; i < n; i++)
        x[i] = llrint((2 * w_uniform(w) - 1) * scale);
}

static inline void w_model(struct world *w)
{
    static const char *const name[W_CLASSES] = { "angry", "disgust", "fear", "happy", "sad",
                                                 "surprise", "neutral" };
    struct fixed_net *net = &w->model.net;
    *net = (struct fixed_net){ .frac = W_FRAC, .softmax = 1, .nstage = 3, .nclass = W_CLASSES };
    net->stage[0] = (struct stage){
        .kind = STAGE_LINEAR, .relu = 1, .shift = W_SHIFT, .width = 24, .product_bits = 40,
        .g = { .h = W_SIDE, .w = W_SIDE, .c = 1, .kh = 3, .kw = 3, .sh = 1, .sw = 1, .oh = 4,
               .ow = 4, .oc = 4 } };
    net->stage[1] = (struct stage){
        .kind = STAGE_SUMPOOL, .width = 24,
        .g = { .h = 4, .w = 4, .c = 4, .kh = 2, .kw = 2, .sh = 2, .sw = 2, .oh = 2, .ow = 2,
               .oc = 4 } };
    net->stage[2] = (struct stage){ .kind = STAGE_LINEAR, .shift = W_SHIFT, .width = 28,
                                    .product_bits = 44,
                                    .g = geometry_dense(1, 16, W_CLASSES) };
    for (unsigned i = 0; i < W_CLASSES; i++)
        snprintf(net->class_name[i], FIXED_NAME, "%s", name[i]);
    const size_t weights[3] = { 9 * 4, 0, 16 * W_CLASSES }, biases[3] = { 4, 0, W_CLASSES };
    for (unsigned i = 0; i < 3; i += 2) {
        w->model.weight[i] = mem_new(weights[i], sizeof(int64_t));
        w->model.bias[i] = mem_new(biases[i], sizeof(int64_t));
        w_fill(w, w->model.weight[i], weights[i], 1 << W_SHIFT);
        w_fill(w, w->model.bias[i], biases[i], 1 << (W_FRAC + W_SHIFT - 1));
    }
}

/* ---- parties ---- */

static inline void w_report(void *ctx, const struct job_report *r)
{
    struct w_party *p = ctx;
    if (p->reports < W_REPORTS)
        p->report[p->reports] = *r;
    p->reports++;
    p->ok += r->code == 0;
}

static inline struct party_conf w_party_conf(struct world *w, unsigned i)
{
    return (struct party_conf){ .proto = w->proto, .self = i, .reveal_scores = 1,
                                .max_jobs = 2, .max_models = 2, .job_timeout = 5,
                                .job_memory = 64 << 20, .window = 4, .ctx = &w->party[i],
                                .report = w_report };
}

static inline void w_party_start(struct world *w, unsigned i, const struct party_conf *conf)
{
    struct err e;
    char name[24];
    snprintf(name, sizeof name, "party %u", i);
    w->party[i].w = w;
    w->party[i].host = sim_node(w->sim, i, name, &e);
    w->party[i].party = party_new(w->party[i].host, conf, &e);
    CHECK(w->party[i].party != NULL);
}

/* A world; `change` may change the conf of party i before it starts. */
static inline struct world *w_new_of(const struct protocol *proto, const struct sim_options *o,
                                     void (*change)(unsigned i, struct party_conf *c))
{
    struct err e;
    struct world *w = calloc(1, sizeof *w);
    w->proto = proto;
    w->random = o->seed;
    w->sim = sim_new(o, &e);
    w_model(w);
    for (unsigned i = 0; i < W_SELECTED; i++) {
        w->selected[i] = (uint32_t)(check_random(&w->random) % W_FRAMES);
        w->rows[i * W_FRAMES + w->selected[i]] = 1;
    }
    for (unsigned i = 0; i < 3; i++)
        w->rows_long[i * 5 + i] = 1;
    for (unsigned i = 0; i < proto->parties; i++) {
        struct party_conf conf = w_party_conf(w, i);
        if (change != NULL)
            change(i, &conf);
        w_party_start(w, i, &conf);
    }
    return w;
}

static inline struct world *w_new(const struct sim_options *o,
                                  void (*change)(unsigned i, struct party_conf *c))
{
    return w_new_of(&protocol_replicated, o, change);
}

static inline int w_idle(const struct world *w)
{
    for (unsigned i = 0; i < w->proto->parties; i++)
        if (w->party[i].party != NULL && !party_idle(w->party[i].party))
            return 0;
    return 1;
}

static inline void w_free(struct world *w)
{
    for (unsigned i = 0; i < w->proto->parties; i++)
        party_stop(w->party[i].party);
    sim_free(w->sim);
    for (unsigned i = 0; i < w->proto->parties; i++)
        party_free(w->party[i].party);
    for (unsigned i = 0; i < w->nclient; i++) {
        alice_free(w->client[i].alice);
        bob_free(w->client[i].bob);
        free(w->client[i].video);
    }
    fixed_model_fini(&w->model);
    free(w);
}

/* ---- clients ---- */

static inline struct w_client *w_client(struct world *w, const char *name)
{
    struct err e;
    struct w_client *c = &w->client[w->nclient++];
    c->w = w;
    for (c->node = LINK_CLIENT; c->host == NULL && c->node < SIM_NODES; c->node++)
        c->host = sim_node(w->sim, c->node, name, &e);
    c->node--;
    CHECK(c->host != NULL);
    return c;
}

/* Takes the client away; its node can be used again. */
static inline void w_leave(struct w_client *c)
{
    sim_crash(c->w->sim, c->node, 0);
}

static inline void w_bob_done(void *ctx, const struct err *e)
{
    struct w_client *c = ctx;
    c->done++;
    c->err = *e;
}

static inline struct bob_conf w_bob_conf(struct world *w)
{
    struct bob_conf conf = { .proto = w->proto, .model_name = "default",
                             .model = &w->model, .reveal_scores = 1, .nselection = 2,
                             .done = w_bob_done };
    conf.selection[0].frames = W_FRAMES;
    conf.selection[0].selected = W_SELECTED;
    conf.selection[0].rows = w->rows;
    conf.selection[1].frames = 5;
    conf.selection[1].selected = 3;
    conf.selection[1].rows = w->rows_long;
    return conf;
}

static inline struct w_client *w_bob_with(struct world *w, struct bob_conf *conf)
{
    struct err e;
    struct w_client *c = w_client(w, "bob");
    conf->ctx = c;
    c->bob = bob_new(c->host, conf, &e);
    CHECK(c->bob != NULL);
    return c;
}

/* Provides the model and waits. */
static inline void w_provide(struct world *w)
{
    struct bob_conf conf = w_bob_conf(w);
    struct w_client *c = w_bob_with(w, &conf);
    sim_run(w->sim, sim_now(w->sim) + 10 * W_S, W_S);
    CHECK_EQ(c->done, 1);
    CHECK_EQ(c->err.code, 0);
    if (c->err.code != 0)
        fprintf(stderr, "provide: %s\n", c->err.text);
    w_leave(c);
}

static inline void w_alice_done(void *ctx, const struct err *e, const struct alice_result *r)
{
    struct w_client *c = ctx;
    c->done++;
    c->err = *e;
    if (r != NULL)
        c->result = *r;
}

static inline struct alice_conf w_alice_conf(void)
{
    return (struct alice_conf){ .proto = &protocol_replicated, .model_name = "default",
                                .reveal_scores = 1, .frames = W_FRAMES, .h = W_SIDE, .w = W_SIDE,
                                .c = 1, .timeout = 60, .done = w_alice_done };
}

static inline struct w_client *w_alice_with(struct world *w, struct alice_conf conf)
{
    struct err e;
    struct w_client *c = w_client(w, "alice");
    size_t n = (size_t)conf.frames * conf.h * conf.w * conf.c;
    c->video = calloc(n, sizeof *c->video);
    for (size_t i = 0; i < n; i++)
        c->video[i] = w_uniform(w);
    conf.proto = w->proto;
    conf.video = conf.want == NULL ? c->video : NULL;
    conf.ctx = c;
    c->alice = alice_new(c->host, &conf, &e);
    CHECK(c->alice != NULL);
    return c;
}

static inline struct w_client *w_alice(struct world *w)
{
    return w_alice_with(w, w_alice_conf());
}

/* ---- the judge ---- */

/* Holds an Alice's result against the twin's, for these n frames of her clip. A label that rounding
 * may turn is not judged. */
static inline void w_judge_frames(const struct w_client *c, const uint32_t *selected, unsigned n)
{
    const struct world *w = c->w;
    int64_t frame[W_PIXELS], out[W_CLASSES];
    double logits[W_MOST * W_CLASSES], scores[W_CLASSES];
    struct err e;
    for (unsigned i = 0; i < n; i++) {
        fixed_encode((uint64_t *)frame, c->video + selected[i] * W_PIXELS, W_PIXELS, W_FRAC);
        CHECK_EQ(fixed_twin(&w->model, FIXED_NEAREST, frame, out, NULL, &e), 0);
        for (unsigned k = 0; k < W_CLASSES; k++)
            logits[i * W_CLASSES + k] = (double)out[k] / (1 << W_FRAC);
    }
    scores_sum(scores, logits, n, W_CLASSES, 1);
    size_t label = scores_label(scores, W_CLASSES);
    double margin = 1;
    for (unsigned k = 0; k < W_CLASSES; k++)
        if (k != label && scores[label] - scores[k] < margin)
            margin = scores[label] - scores[k];
    CHECK_EQ(c->done, 1);
    CHECK_EQ(c->err.code, 0);
    if (c->err.code != 0) {
        fprintf(stderr, "alice: %s\n", c->err.text);
        return;
    }
    if (margin > 0.01)
        CHECK_EQ(c->result.label, label);
    CHECK(strcmp(c->result.class_name, w->model.net.class_name[c->result.label]) == 0);
    CHECK_EQ(c->result.selected, n);
    for (unsigned k = 0; k < W_CLASSES && c->result.have_scores; k++)
        CHECK(fabs(c->result.scores[k] - scores[k]) < 0.005 * n);
}

static inline void w_judge(const struct w_client *c)
{
    w_judge_frames(c, c->w->selected, W_SELECTED);
}

#endif
