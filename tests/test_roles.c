/*
 * test_roles.c: parties, Alice and Bob when nobody fails: labels, many jobs, refusals, models that
 * replace each other. What failure does is in test_roles_faults.c, formats in test_wire.c.
 */
#include "roles_world.h"
#include "src/party_st.h"

static void test_label(void)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct sim_options o = { .seed = seed, .latency_ns = W_MS, .jitter_ns = seed % 3 * W_MS,
                                 .workers = 1 + seed % 3, .reorder = seed % 2,
                                 .bits_per_second = seed % 4 == 0 ? 10000000 : 0 };
        struct world *w = w_new(&o, NULL);
        w_provide(w);
        struct alice_conf conf = w_alice_conf();
        conf.reveal_scores = seed % 2;
        struct w_client *c = w_alice_with(w, conf);
        sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
        w_judge(c);
        CHECK_EQ(c->result.have_scores, seed % 2);
        CHECK(c->result.seconds_total > 0);
        uint32_t rounds = 0;
        for (unsigned i = 0; i < W_PARTIES; i++) {
            const struct job_report *r = &w->party[i].report[0];
            uint64_t sent = 0;
            for (unsigned k = 0; k < W_PARTIES; k++)
                sent += r->stats.sent[k];
            CHECK_EQ(w->party[i].reports, 1);
            CHECK_EQ(r->code, 0);
            CHECK_EQ(sent, r->planned_bytes);
            CHECK_EQ(c->result.planned_bytes[i], r->planned_bytes);
            CHECK_EQ(r->planned_rounds, c->result.planned_rounds);
            rounds = r->stats.rounds > rounds ? r->stats.rounds : rounds;
        }
        CHECK_EQ(rounds, c->result.planned_rounds);
        CHECK(w_idle(w));
        w_free(w);
    }
}

static void test_side_by_side(void)
{
    struct sim_options o = { .seed = 77, .latency_ns = 5 * W_MS, .jitter_ns = W_MS, .reorder = 1 };
    struct world *w = w_new(&o, NULL);
    w_provide(w);
    struct w_client *c[4];
    for (unsigned i = 0; i < 4; i++)        /* two run, two wait */
        c[i] = w_alice(w);
    sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
    for (unsigned i = 0; i < 4; i++)
        w_judge(c[i]);
    for (unsigned i = 0; i < W_PARTIES; i++)
        CHECK_EQ(w->party[i].ok, 4);
    CHECK(w_idle(w));
    w_free(w);
}

static void test_one_after_another(void)
{
    struct sim_options o = { .seed = 78, .latency_ns = W_MS };
    struct world *w = w_new(&o, NULL);
    w_provide(w);
    for (unsigned i = 0; i < 40; i++) {
        struct w_client *c = w_alice(w);
        sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
        w_judge(c);
        CHECK(w_idle(w));
        w_leave(c);
        for (unsigned k = 0; k < W_PARTIES; k++)
            CHECK_EQ(w->party[k].report[i].memory_peak, w->party[k].report[0].memory_peak);
    }
    w_free(w);
}

/* ---- refusals ---- */

static void refused(struct world *w, struct alice_conf conf, int code, const char *text)
{
    struct w_client *c = w_alice_with(w, conf);
    sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
    CHECK_EQ(c->done, 1);
    CHECK_EQ(c->err.code, code);
    CHECK(strstr(c->err.text, text) != NULL);
    if (strstr(c->err.text, text) == NULL)
        fprintf(stderr, "expected \"%s\", got \"%s\"\n", text, c->err.text);
    CHECK(w_idle(w));
    w_leave(c);
}

static void test_refusals(void)
{
    struct sim_options o = { .seed = 5, .latency_ns = W_MS };
    struct world *w = w_new(&o, NULL);
    struct alice_conf conf = w_alice_conf();
    refused(w, conf, ERR_INPUT, "has no model default");
    w_provide(w);
    conf.model_name = "other";
    refused(w, conf, ERR_INPUT, "has no model other");
    conf = w_alice_conf();
    conf.frames = 7;
    refused(w, conf, ERR_INPUT, "no frame selection for clips of 7 frames (it has for 4, 5)");
    conf = w_alice_conf();
    conf.h = 7;
    refused(w, conf, ERR_INPUT, "takes frames of 6 x 6 x 1, not 7 x 6 x 1");
    conf = w_alice_conf();
    struct w_client *c = w_alice_with(w, conf);
    sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
    w_judge(c);
    for (unsigned i = 0; i < W_PARTIES; i++)
        CHECK_EQ(w->party[i].ok, 1);
    w_free(w);
}

static void tight_lips(unsigned i, struct party_conf *c)
{
    c->reveal_scores = i != 2;
}

static void test_scores(void)
{
    struct sim_options o = { .seed = 6, .latency_ns = W_MS };
    struct world *w = w_new(&o, tight_lips);
    w_provide(w);
    refused(w, w_alice_conf(), ERR_USAGE, "the operator of party 2 does not let scores out");
    w_free(w);

    w = w_new(&o, NULL);
    struct bob_conf bob = w_bob_conf(w);
    bob.reveal_scores = 0;
    struct w_client *c = w_bob_with(w, &bob);
    sim_run(w->sim, sim_now(w->sim) + 10 * W_S, W_S);
    CHECK_EQ(c->err.code, 0);
    refused(w, w_alice_conf(), ERR_USAGE, "the owner of model default does not let scores out");
    struct alice_conf conf = w_alice_conf();
    conf.reveal_scores = 0;
    c = w_alice_with(w, conf);
    sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
    w_judge(c);
    CHECK_EQ(c->result.have_scores, 0);
    w_free(w);
}

static void test_busy(void)
{
    struct sim_options o = { .seed = 7, .latency_ns = 20 * W_MS };
    struct world *w = w_new(&o, NULL);
    struct w_client *c[7];
    unsigned done = 0, busy = 0;
    w_provide(w);
    for (unsigned i = 0; i < 7; i++)
        c[i] = w_alice(w);
    sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
    for (unsigned i = 0; i < 7; i++) {
        CHECK_EQ(c[i]->done, 1);
        if (c[i]->err.code == 0) {
            w_judge(c[i]);
            done++;
        } else {
            CHECK_EQ(c[i]->err.code, ERR_PEER);
            CHECK(strstr(c[i]->err.text, "busy") != NULL);
            busy++;
        }
    }
    CHECK_EQ(done, 4);
    CHECK_EQ(busy, 3);
    CHECK(w_idle(w));
    w_free(w);
}

static int only_carol(void *ctx, const char *name, enum role_right right)
{
    (void)ctx;
    return right == MAY_PROVIDE || strcmp(name, "carol") == 0;
}

static void carols(unsigned i, struct party_conf *c)
{
    c->may = i == 1 ? only_carol : NULL;
}

static void test_rights(void)
{
    struct sim_options o = { .seed = 8, .latency_ns = W_MS };
    struct world *w = w_new(&o, carols);
    w_provide(w);
    refused(w, w_alice_conf(), ERR_USAGE, "party 1 refused: alice may not");
    w_free(w);
}

/* Operators need not agree: a job has as many frames in flight as all allow. */
static void windows_differ(unsigned i, struct party_conf *c)
{
    c->window = i == 1 ? 1 : i == 2 ? 2 : 0;
}

static void memories_differ(unsigned i, struct party_conf *c)
{
    c->window = 0;
    c->job_memory = i == 2 ? 20 << 10 : 64 << 20;
    c->model_memory = 64 << 20;
}

static void no_bounds(unsigned i, struct party_conf *c)
{
    (void)i;
    c->window = 0;
    c->job_memory = 0;
}

static void window_is(void (*change)(unsigned i, struct party_conf *c), uint32_t window)
{
    struct sim_options o = { .seed = 9, .latency_ns = W_MS };
    struct world *w = w_new(&o, change);
    w_provide(w);
    struct w_client *c = w_alice(w);
    sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
    w_judge(c);
    for (unsigned i = 0; i < W_PARTIES; i++) {
        CHECK_EQ(w->party[i].reports, 1);
        CHECK_EQ(w->party[i].report[0].window, window);
    }
    w_free(w);
}

static void test_window(void)
{
    window_is(windows_differ, 1);
    window_is(memories_differ, 1);
    window_is(no_bounds, W_SELECTED);
    window_is(NULL, W_SELECTED);
}

static void small_models(unsigned i, struct party_conf *c)
{
    c->model_memory = i == 2 ? 1 << 16 : 0;
}

static void test_model_limits(void)
{
    struct sim_options o = { .seed = 10, .latency_ns = W_MS };
    struct world *w = w_new(&o, small_models);
    struct bob_conf bob = w_bob_conf(w);
    struct w_client *c = w_bob_with(w, &bob);
    sim_run(w->sim, sim_now(w->sim) + 10 * W_S, W_S);
    CHECK_EQ(c->err.code, ERR_INPUT);
    CHECK(strstr(c->err.text, "party 2 refused: the model needs") != NULL);
    CHECK(w_idle(w));
    w_free(w);

    w = w_new(&o, NULL);
    const char *const name[3] = { "a", "b", "c" };
    for (unsigned i = 0; i < 3; i++) {
        bob = w_bob_conf(w);
        bob.model_name = name[i];
        c = w_bob_with(w, &bob);
        sim_run(w->sim, sim_now(w->sim) + 10 * W_S, W_S);
        CHECK_EQ(c->err.code, i < 2 ? 0 : ERR_USAGE);
        w_leave(c);
    }
    CHECK(w_idle(w));
    w_free(w);
}

/* A job that runs while its model is replaced keeps the old one. */
static void test_replacement(void)
{
    struct sim_options o = { .seed = 11, .latency_ns = 10 * W_MS };
    struct world *w = w_new(&o, NULL);
    w_provide(w);
    for (unsigned i = 0; i < 8; i++) {
        struct w_client *a = w_alice(w);
        sim_run(w->sim, sim_now(w->sim) + (30 + 10 * i) * W_MS, W_S);
        struct bob_conf conf = w_bob_conf(w);
        struct w_client *b = w_bob_with(w, &conf);
        sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
        CHECK_EQ(b->done, 1);
        CHECK_EQ(b->err.code, 0);
        if (a->err.code == 0)
            w_judge(a);
        else
            CHECK(strstr(a->err.text, "different versions") != NULL);
        CHECK(w_idle(w));
        w_leave(a);
        w_leave(b);
    }
    w_free(w);
}

/* Another client may not put its model in the place of Bob's, whose own goes on being used. */
static void test_ownership(void)
{
    struct sim_options o = { .seed = 12, .latency_ns = 10 * W_MS };
    struct world *w = w_new(&o, NULL);
    struct err e;
    w_provide(w);
    struct bob_conf conf = w_bob_conf(w);
    struct w_client *eve = w_client(w, "eve");
    conf.ctx = eve;
    eve->bob = bob_new(eve->host, &conf, &e);
    sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
    CHECK_EQ(eve->done, 1);
    CHECK_EQ(eve->err.code, ERR_USAGE);
    CHECK(strstr(eve->err.text, "of bob, which eve may not replace") != NULL);
    w_leave(eve);
    struct w_client *a = w_alice(w);
    sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
    w_judge(a);
    w_free(w);
}

/* ---- progress ---- */

static struct seen {
    struct world *w;
    unsigned told;                  /* times that party 0 told */
    unsigned bad;                   /* told what cannot be */
    unsigned layers, frames;        /* that were named, as bits */
    uint64_t last, shortest;        /* when it told; ns between two times */
    struct alice_progress before;
} seen;

static unsigned layer_bit(const char *name)
{
    static const char *const words[] = { "select", "conv 3x3 4", "sum pool 2x2", "dense 7",
                                         "softmax", "argmax" };
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(name, words[i]) == 0)
            return 1u << i;
    return 0;
}

static void on_progress(void *ctx, const struct alice_progress *p)
{
    uint64_t now = sim_now(seen.w->sim);
    (void)ctx;
    if (strcmp(p->phase, "compute") != 0 || p->layer[0] == '\0')
        return;
    seen.bad += p->part < seen.before.part || p->part >= 1 || p->bytes < seen.before.bytes ||
                p->rounds < seen.before.rounds || layer_bit(p->layer) == 0 ||
                (p->has_frame && (p->frame >= W_SELECTED || p->selected != W_SELECTED));
    if (seen.told > 0 && now - seen.last < seen.shortest)
        seen.shortest = now - seen.last;
    seen.layers |= layer_bit(p->layer);
    seen.frames |= p->has_frame ? 1u << p->frame : 0;
    seen.last = now;
    seen.before = *p;
    seen.told++;
}

/* Rounds of 120 ms: a job takes seconds, and Alice hears of it at most every 200 ms. */
static void test_progress(void)
{
    struct sim_options o = { .seed = 13, .latency_ns = 120 * W_MS };
    struct world *w = w_new(&o, NULL);
    struct alice_conf conf = w_alice_conf();
    w_provide(w);
    seen = (struct seen){ .w = w, .shortest = UINT64_MAX };
    conf.progress = on_progress;
    struct w_client *c = w_alice_with(w, conf);
    sim_run(w->sim, sim_now(w->sim) + 60 * W_S, W_S);
    w_judge(c);
    CHECK(seen.told >= 5);
    CHECK_EQ(seen.bad, 0);
    CHECK(seen.shortest >= 200 * W_MS);
    CHECK(seen.before.bytes > 0 && seen.before.bytes <= c->result.planned_bytes[0]);
    CHECK(seen.before.rounds > 0 && seen.before.rounds <= c->result.planned_rounds);
    CHECK(__builtin_popcount(seen.layers) >= 2);
    CHECK(seen.frames != 0);
    if (seen.told < 5 || __builtin_popcount(seen.layers) < 2)
        fprintf(stderr, "told %u times, layers %#x, frames %#x\n", seen.told, seen.layers,
                seen.frames);
    CHECK_EQ(w->party[0].report[0].stats.rounds > 0, 1);
    w_free(w);
}

/* ---- links that are not up yet ---- */

enum { HOLD_S = 20 };

static void patient(unsigned i, struct party_conf *c)
{
    (void)i;
    c->link_timeout = HOLD_S;
}

/* The link between parties 0 and 2 as both see it. */
struct cut {
    const struct node_info *info[2];
};

static struct cut cut_off(struct world *w)
{
    const struct err why = { ERR_PEER, "party 2 at c:7: cut off" };
    struct host *a = w->party[0].host, *b = w->party[2].host;
    struct cut cut = { { w->party[0].party->peer[2], w->party[2].party->peer[0] } };
    a->events->down(a->ctx, 2, &why);
    b->events->down(b->ctx, 0, &why);
    return cut;
}

static void mend(struct world *w, const struct cut *cut)
{
    struct host *a = w->party[0].host, *b = w->party[2].host;
    a->events->up(a->ctx, 2, cut->info[0]);
    b->events->up(b->ctx, 0, cut->info[1]);
}

/* The link between parties 0 and 2 goes and comes again: who asks meanwhile is answered when it is
 * there, or when the time is over. */
static void hold(struct world *w, unsigned seconds)
{
    struct party *p = w->party[0].party;
    uint64_t from = sim_now(w->sim);
    struct cut cut = cut_off(w);
    struct w_client *c = w_alice(w);
    sim_run(w->sim, from + (seconds < HOLD_S ? seconds : HOLD_S) * W_S, HOLD_S * W_S);
    CHECK_EQ(c->done, 0);
    CHECK_EQ(party_jobs(p), 0);
    CHECK(!party_idle(p));
    if (seconds > HOLD_S) {
        sim_run(w->sim, from + seconds * W_S, HOLD_S * W_S);
        CHECK_EQ(c->done, 1);
        CHECK_EQ(c->err.code, ERR_PEER);
        CHECK(strstr(c->err.text, "party 0 has no link to party 2") != NULL);
        CHECK(party_idle(p));
    }
    mend(w, &cut);
    sim_run(w->sim, sim_now(w->sim) + 10 * W_S, W_S);
    if (seconds < HOLD_S)
        w_judge(c);
    CHECK(w_idle(w));
    w_leave(c);
}

/* Nobody can fill a party's memory while it has no links. */
static void hold_many(struct world *w)
{
    struct w_client *c[6];
    unsigned good = 0, busy = 0;
    struct cut cut = cut_off(w);
    for (unsigned i = 0; i < 6; i++)
        c[i] = w_alice(w);
    sim_run(w->sim, sim_now(w->sim) + W_S, HOLD_S * W_S);
    mend(w, &cut);
    sim_run(w->sim, sim_now(w->sim) + 30 * W_S, W_S);
    for (unsigned i = 0; i < 6; i++) {
        CHECK_EQ(c[i]->done, 1);
        good += c[i]->err.code == 0;
        busy += c[i]->err.code == ERR_PEER && strstr(c[i]->err.text, "busy") != NULL;
        if (c[i]->err.code == 0)
            w_judge(c[i]);
    }
    CHECK_EQ(good, 4);
    CHECK_EQ(busy, 2);
    CHECK(w_idle(w));
}

static void test_hold(void)
{
    struct sim_options o = { .seed = 14, .latency_ns = W_MS };
    struct world *w = w_new(&o, patient);
    w_provide(w);
    hold(w, 3);
    hold(w, HOLD_S - 1);
    hold(w, HOLD_S + 2);
    hold(w, 1);
    hold_many(w);
    w_free(w);
}

static void test_bad_owner_input(void)
{
    struct sim_options o = { .seed = 12, .latency_ns = W_MS };
    struct world *w = w_new(&o, NULL);
    struct w_client *c = w_client(w, "alice");
    struct alice_conf conf = w_alice_conf();
    double video[W_FRAMES * W_PIXELS] = { 0 };
    struct err e;
    video[W_PIXELS + 3] = NAN;
    conf.video = video;
    CHECK(alice_new(c->host, &conf, &e) == NULL);
    CHECK_EQ(e.code, ERR_INPUT);
    CHECK(strstr(e.text, "frame 1 of the clip, value 3") != NULL);
    conf.frames = 0;
    CHECK(alice_new(c->host, &conf, &e) == NULL);
    CHECK_EQ(e.code, ERR_INPUT);
    struct bob_conf bob = w_bob_conf(w);
    w->rows[5] = 2;
    CHECK(bob_new(c->host, &bob, &e) == NULL);
    CHECK_EQ(e.code, ERR_INPUT);
    CHECK(strstr(e.text, "row 1, column 1") != NULL);
    w_leave(c);
    w_free(w);
}

int main(void)
{
    log_configure("error");
    CASE(test_label);
    CASE(test_side_by_side);
    CASE(test_one_after_another);
    CASE(test_refusals);
    CASE(test_scores);
    CASE(test_busy);
    CASE(test_rights);
    CASE(test_window);
    CASE(test_model_limits);
    CASE(test_replacement);
    CASE(test_ownership);
    CASE(test_progress);
    CASE(test_hold);
    CASE(test_bad_owner_input);
    return check_done();
}
