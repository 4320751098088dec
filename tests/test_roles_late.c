/*
 * test_roles_late.c: jobs on a model whose shares still arrive, under every protocol: labels and
 * counters, owners who leave, fall silent or give parties different shares, models that are
 * replaced meanwhile, and marks that are changed on their way.
 */
#include "roles_world.h"

static const struct protocol *proto;

enum { TENSORS = 6, FIRST = LINK_CLIENT };      /* selections, then two layers; the first client */

/* The network, what it does to messages, and what passes. */
struct line {
    struct world *w;
    uint8_t type;                   /* the which-th of this type from one node to one: */
    unsigned from, to, which, met;
    enum { FLIP, DROP, RENUMBER, UNREAD, TWICE, NO_MARK, HOLD } how;
    struct message kept;            /* HOLD */
    struct arena *arena;
    int taken;                      /* Bob has heard that all take his model */
    unsigned tensors, held;         /* messages TENSOR that have arrived; HELD that were sent */
    unsigned early;                 /* messages GATE before the last TENSOR */
};

static void keep(struct line *l, const struct message *m)
{
    l->kept = *m;
    l->kept.data = arena_take(l->arena, m->n);
    memcpy(l->kept.data, m->data, m->n);
}

static int change_message(void *ctx, unsigned from, unsigned to, struct message *m, uint64_t now)
{
    struct line *l = ctx;
    (void)now;
    l->held += m->type == WIRE_HELD;
    if (m->type != l->type || from != l->from || to != l->to || m->n == 0 || l->met++ != l->which)
        return 0;
    if (l->how == RENUMBER)
        m->data[2] = (uint8_t)(m->data[2] + TENSORS);
    else if (l->how == UNREAD)
        m->data[2] = 1;
    else if (l->how == FLIP)
        m->data[m->n - 9] ^= 1;
    else if (l->how == NO_MARK)     /* of the model, in JOB */
        memset(m->data + m->n - WIRE_ID - 8 - CLIENT_MARK, 0, CLIENT_MARK);
    else if (l->how == HOLD)
        keep(l, m);
    return l->how == DROP || l->how == HOLD ? 1 : l->how == TWICE ? 2 : 0;
}

/* What was kept goes on. */
static void let_go(struct line *l)
{
    struct host *h = l->w->client[l->from - FIRST].host;
    CHECK_EQ(h->ops->send(h, l->to, l->kept), 0);
}

static void see_message(void *ctx, unsigned from, unsigned to, const struct message *m,
                        uint64_t now)
{
    struct line *l = ctx;
    (void)from;
    (void)to;
    (void)now;
    l->tensors += m->type == WIRE_TENSOR;
    l->early += m->type == WIRE_GATE && l->tensors < TENSORS * proto->parties;
}

/* Bits per second of a line that takes about four seconds for the model. */
static uint64_t slow(void)
{
    enum { ELEMENTS = 8 + 15 + 36 + 4 + 112 + 7, SECONDS = 4 };
    uint64_t bytes = 0;
    for (unsigned i = 0; i < proto->parties; i++)
        bytes += client_bytes(proto, OWNER_MODEL, ELEMENTS, protocol_turns(proto), i);
    return 8 * bytes / SECONDS;
}

static struct sim_options slow_bob(struct line *l, uint64_t seed)
{
    struct sim_options o = { .seed = seed, .latency_ns = 2 * W_MS, .ctx = l,
                             .tamper = change_message, .see = see_message };
    o.bits_out[FIRST] = slow();
    return o;
}

static void on_taken(void *ctx)
{
    struct w_client *c = ctx;
    struct line *l = c->source;
    l->taken = 1;
    sim_stop(c->w->sim);
}

/* Bob, as far as that all parties take his model. */
static struct w_client *bob_of(struct world *w, struct line *l, struct bob_conf conf)
{
    conf.taken = on_taken;
    struct w_client *c = w_bob_with(w, &conf);
    c->source = l;
    l->taken = 0;
    sim_run(w->sim, sim_now(w->sim) + 10 * W_S, W_S);
    CHECK(l->taken && !c->done);
    return c;
}

static struct w_client *begin(struct world *w, struct line *l)
{
    struct bob_conf conf = w_bob_conf(w);
    conf.timeout = 20;
    return bob_of(w, l, conf);
}

static void settle(struct world *w, unsigned seconds)
{
    for (unsigned i = 0; i < 4; i++)
        sim_run(w->sim, sim_now(w->sim) + seconds * W_S / 4, 60 * W_S);
}

static int malicious(void)
{
    return (proto->flags & PROTOCOL_MALICIOUS) != 0;
}

static void says(const struct w_client *c, int code, const char *text)
{
    CHECK(c->done == 1 && c->err.code == code && strstr(c->err.text, text) != NULL);
    if (c->err.code != code || strstr(c->err.text, text) == NULL)
        fprintf(stderr, "%s: expected %d \"%s\", got %d \"%s\"\n", proto->name, code, text,
                c->err.code, c->err.text);
    CHECK(c->result.class_name[0] == '\0');
}

/* The parties go on: a model is provided, and a clip gets its label. */
static void goes_on(struct world *w, struct line *l)
{
    l->type = 0;
    w_provide(w);
    struct w_client *c = w_alice(w);
    settle(w, 60);
    w_judge(c);
    CHECK(w_idle(w));
}

/* ---- honest ---- */

static void counters_are_planned(const struct world *w, unsigned jobs)
{
    for (unsigned i = 0; i < proto->parties; i++)
        for (unsigned k = 0; k < jobs; k++) {
            const struct job_report *r = &w->party[i].report[k];
            uint64_t sent = 0;
            for (unsigned to = 0; to < proto->parties; to++)
                sent += r->stats.sent[to];
            CHECK_EQ(sent, r->planned_bytes);
            CHECK(r->code == 0 && r->stats.rounds <= r->planned_rounds);
        }
}

/* Two at a time on one model that arrives; gates run before it is whole; a third when it is there
 * gets the same. */
static void the_label_is_the_same(void)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct line l = { 0 };
        struct sim_options o = slow_bob(&l, seed);
        o.jitter_ns = seed % 3 * 40 * W_MS;
        o.reorder = seed % 2;
        o.workers = 1 + seed % 2;
        struct world *w = w_new_of(proto, &o, NULL);
        struct w_client *bob = begin(w, &l), *c[3];
        c[0] = w_alice(w);
        c[1] = w_alice(w);
        settle(w, 60);
        CHECK(bob->done == 1 && bob->err.code == 0);
        CHECK(l.early > 0);
        CHECK(malicious() == (l.held > 0));
        unsigned held = l.held;
        c[2] = w_alice(w);
        memcpy(c[2]->video, c[0]->video, W_FRAMES * W_PIXELS * sizeof *c[0]->video);
        settle(w, 60);
        CHECK_EQ(l.held, held);
        for (unsigned i = 0; i < 3; i++)
            w_judge(c[i]);
        CHECK_EQ(c[0]->result.label, c[2]->result.label);
        CHECK_EQ(c[0]->result.planned_rounds, c[2]->result.planned_rounds);
        for (unsigned k = 0; k < W_CLASSES; k++)
            CHECK(fabs(c[0]->result.scores[k] - c[2]->result.scores[k]) < 0.005 * W_SELECTED);
        counters_are_planned(w, 3);
        CHECK(w_idle(w));
        w_free(w);
    }
}

/* The time after the last share is less than that of a job on a whole model: what could be done was
 * done before. */
static void what_can_be_done_is_done(void)
{
    struct line l = { 0 };
    struct sim_options o = slow_bob(&l, 51);
    o.latency_ns = 20 * W_MS;
    struct world *w = w_new_of(proto, &o, NULL);
    begin(w, &l);
    struct w_client *late = w_alice(w), *whole;
    settle(w, 60);
    whole = w_alice(w);
    settle(w, 60);
    w_judge(late);
    w_judge(whole);
    printf("# %s: after the last share %.3f s, on a whole model %.3f s; %u messages before\n",
           proto->name, late->result.seconds_total, whole->result.seconds_total, l.early);
    CHECK(late->result.seconds_total < 0.9 * whole->result.seconds_total);
    CHECK(late->result.seconds_input > whole->result.seconds_input + 1);
    uint64_t own = 0;               /* that parties waited for their own inputs */
    for (unsigned i = 0; i < proto->parties; i++)
        own += w->party[i].report[0].stats.waited_ns[i];
    CHECK(own > W_S);
    w_free(w);
}

/* All but one hold the model when they meet; two by two they agree as both of them say. */
static void parties_differ(void)
{
    enum { READ = TENSORS - 1 };
    for (unsigned slow = 0; slow < proto->parties; slow++) {
        struct line l = { .type = WIRE_TENSOR, .from = FIRST, .to = slow, .which = TENSORS - 1,
                          .how = HOLD, .arena = arena_new(0) };
        struct sim_options o = slow_bob(&l, 52);
        o.bits_out[FIRST] = 0;
        l.w = w_new_of(proto, &o, NULL);
        begin(l.w, &l);
        sim_run(l.w->sim, sim_now(l.w->sim) + W_S / 10, W_S);
        struct w_client *c = w_alice(l.w);
        sim_run(l.w->sim, sim_now(l.w->sim) + 3 * W_S, W_S);
        CHECK(c->done == 0 && l.early > 0);
        let_go(&l);
        settle(l.w, 60);
        w_judge(c);
        counters_are_planned(l.w, 1);
        CHECK_EQ(l.held, malicious() ? 2 * (proto->parties - 1) * READ : 0);
        CHECK(w_idle(l.w));
        w_free(l.w);
        arena_free(l.arena);
    }
}

/* While a model is used, jobs get that one, also if another of its name arrives, or fails to. */
static void a_used_model_comes_first(void)
{
    struct line l = { 0 };
    struct sim_options o = slow_bob(&l, 53);
    o.bits_out[FIRST] = 0;
    o.bits_out[FIRST + 1] = slow();
    struct world *w = w_new_of(proto, &o, NULL);
    struct w_client *first = begin(w, &l), *second, *c[2];
    settle(w, 20);
    CHECK(first->done == 1 && first->err.code == 0);
    second = begin(w, &l);
    c[0] = w_alice(w);
    sim_run(w->sim, sim_now(w->sim) + 2 * W_S, W_S);
    w_judge(c[0]);
    CHECK_EQ(second->done, 0);
    c[1] = w_alice(w);
    w_leave(second);
    settle(w, 60);
    w_judge(c[1]);
    CHECK(w_idle(w));
    w_free(w);
}

/* A job on a model that arrives, while a model of another's comes to be used under the name. */
static void a_name_is_taken(void)
{
    struct line l = { 0 };
    struct sim_options o = slow_bob(&l, 54);
    struct world *w = w_new_of(proto, &o, NULL);
    struct w_client *slow = begin(w, &l), *c, *other;
    c = w_alice(w);
    struct err e;
    struct bob_conf conf = w_bob_conf(w);
    other = w_client(w, "carol");
    conf.ctx = other;
    other->bob = bob_new(other->host, &conf, &e);
    settle(w, 60);
    CHECK(other->done == 1 && other->err.code == 0);
    CHECK(slow->done == 1 && slow->err.code == ERR_USAGE);
    says(c, ERR_USAGE, "model default was not provided to its end");
    c = w_alice(w);
    settle(w, 60);
    w_judge(c);
    CHECK(w_idle(w));
    w_free(w);
}

/* ---- what goes wrong ---- */

/* At any time before Bob has said MODEL_USE. */
static void bob_leaves(void)
{
    unsigned lost = 0;
    for (uint64_t ms = 50; ms < 5000; ms += 571) {
        struct line l = { 0 };
        struct sim_options o = slow_bob(&l, 60 + ms);
        struct world *w = w_new_of(proto, &o, NULL);
        struct w_client *bob = begin(w, &l), *c[2] = { w_alice(w), w_alice(w) };
        sim_run(w->sim, sim_now(w->sim) + ms * W_MS, W_S);
        int early = !bob->done;
        w_leave(bob);
        settle(w, 20);
        for (unsigned i = 0; i < 2 && early; i++)
            says(c[i], ERR_PEER, "model default was not provided to its end: bob left");
        lost += early;
        CHECK(w_idle(w));
        goes_on(w, &l);
        w_free(w);
    }
    CHECK(lost >= 3);
}

/* A share does not come: Bob gives up, or, if he never does, the parties; and the job ends with the
 * upload. */
static void bob_falls_silent(void)
{
    static const char *const words[2] = {
        "not provided to its end: bob gave up: party 1 has not answered for 20 s",
        "not provided to its end: nothing more of the model came in 100 s"
    };
    for (unsigned k = 0; k < 2; k++) {
        struct line l = { .type = WIRE_TENSOR, .from = FIRST, .to = 1, .which = 3, .how = DROP };
        struct sim_options o = slow_bob(&l, 70);
        struct world *w = w_new_of(proto, &o, NULL);
        struct bob_conf conf = w_bob_conf(w);
        conf.timeout = k == 0 ? 20 : 1e6;
        bob_of(w, &l, conf);
        struct w_client *c = w_alice(w);
        settle(w, 200);
        says(c, ERR_PEER, words[k]);
        CHECK(w_idle(w));
        goes_on(w, &l);
        w_free(w);
    }
}

/* A model that takes longer than anybody's patience: as long as it comes, nobody gives up. */
static void patience_is_for_silence(void)
{
    struct line l = { 0 };
    struct sim_options o = slow_bob(&l, 73);
    o.bits_out[FIRST] /= 4;
    struct world *w = w_new_of(proto, &o, NULL);
    begin(w, &l);
    struct alice_conf conf = w_alice_conf();
    conf.timeout = 4;
    struct w_client *c = w_alice_with(w, conf);
    settle(w, 60);
    w_judge(c);
    CHECK(c->result.seconds_input > 12);
    CHECK(w_idle(w));
    w_free(w);
}

static uint64_t little_memory;

static void with_little_memory(unsigned i, struct party_conf *c)
{
    c->model_memory = c->job_memory;
    if (i == 1)
        c->job_memory = little_memory;
}

/* A party meets its memory limit at any point of a job: the job ends, and nothing of it stays. */
static void memory_runs_out(void)
{
    unsigned failed = 0;
    for (little_memory = 2000; little_memory <= 26000; little_memory += 2000) {
        struct sim_options o = { .seed = little_memory, .latency_ns = 2 * W_MS };
        struct world *w = w_new_of(proto, &o, with_little_memory);
        w_provide(w);
        struct w_client *c = w_alice(w);
        settle(w, 60);
        CHECK_EQ(c->done, 1);
        failed += c->err.code != 0;
        CHECK(w_idle(w));
        w_free(w);
    }
    CHECK(failed > 0);
}

static void small_models(unsigned i, struct party_conf *c)
{
    c->model_memory = i == 1 ? 4096 : 0;
}

/* A party that cannot take the model: nobody's jobs begin on it. */
static void a_party_refuses(void)
{
    struct line l = { 0 };
    struct sim_options o = slow_bob(&l, 71);
    struct world *w = w_new_of(proto, &o, small_models);
    struct bob_conf conf = w_bob_conf(w);
    struct w_client *bob = w_bob_with(w, &conf), *c = w_alice(w);
    settle(w, 20);
    CHECK(bob->done == 1 && bob->err.code == ERR_INPUT);
    says(c, ERR_INPUT, "no model default");
    CHECK(w_idle(w));
    w_free(w);
}

static void alice_leaves(void)
{
    for (uint64_t ms = 1; ms < 3500; ms += 577) {
        struct line l = { 0 };
        struct sim_options o = slow_bob(&l, 80 + ms);
        struct world *w = w_new_of(proto, &o, NULL);
        struct w_client *bob = begin(w, &l), *c[2] = { w_alice(w), w_alice(w) };
        sim_run(w->sim, sim_now(w->sim) + ms * W_MS, W_S);
        CHECK_EQ(c[0]->done, 0);
        w_leave(c[0]);
        settle(w, 60);
        CHECK(bob->done == 1 && bob->err.code == 0);
        w_judge(c[1]);
        CHECK(w_idle(w));
        w_free(w);
    }
}

/* ---- what should not be sent ---- */

static void changed(struct line l, int code, const char *text)
{
    struct sim_options o = slow_bob(&l, 90);
    struct world *w = w_new_of(proto, &o, NULL);
    begin(w, &l);
    struct w_client *c = w_alice(w);
    settle(w, 60);
    CHECK(l.met > l.which);
    says(c, code, text);
    for (unsigned i = 0; i < proto->parties; i++)
        CHECK(w->party[i].reports == 1 && w->party[i].ok == 0);
    CHECK(w_idle(w));
    w_free(w);
}

/* To one party alone another share of a tensor: of what is read first, half way, last. */
static void other_shares(void)
{
    for (unsigned party = 0; party < proto->parties; party++)
        for (unsigned which = 0; which < TENSORS; which++)
            if (which != 1)             /* for clips of another length */
                changed((struct line){ .type = WIRE_TENSOR, .from = FIRST, .to = party,
                                       .which = which, .how = FLIP }, ERR_ABORT,
                        "bob gave party");
}

/* A mark that is another's, that is not told, that is of no tensor, of one that is not read, or of
 * one twice. */
static void other_marks(void)
{
    for (unsigned from = 0; from < proto->parties; from++)
        for (unsigned next = 1; next < proto->parties; next++) {
            struct line l = { .type = WIRE_HELD, .from = from, .which = next,
                              .to = (from + next) % proto->parties };
            l.how = FLIP;
            changed(l, ERR_ABORT, "shares of different models");
            l.how = DROP;
            changed(l, ERR_PEER, "no progress");
            l.how = RENUMBER;
            changed(l, ERR_PEER, "that is not due");
            l.how = UNREAD;
            changed(l, ERR_PEER, "HELD (1) that is not due");
            l.how = TWICE;
            changed(l, ERR_PEER, "that is not due");
        }
}

/* One party hears from another that its model is not whole, which it is: the two do not agree on
 * how they agree, and so on nothing. */
static void other_words(void)
{
    for (unsigned from = 0; from < proto->parties; from++) {
        struct line l = { .type = WIRE_JOB, .from = from, .to = (from + 1) % proto->parties,
                          .how = NO_MARK };
        struct sim_options o = slow_bob(&l, 91);
        o.bits_out[FIRST] = 0;
        struct world *w = w_new_of(proto, &o, NULL);
        w_provide(w);
        struct w_client *c = w_alice(w);
        settle(w, 40);
        says(c, ERR_PEER, "HELD (0) that is not due");
        CHECK_EQ(l.met, 1);
        w_free(w);
    }
}

int main(void)
{
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++) {
        printf("# %s\n", proto->name);
        CASE(the_label_is_the_same);
        CASE_PLAIN(what_can_be_done_is_done);
        CASE(parties_differ);
        CASE(a_used_model_comes_first);
        CASE(a_name_is_taken);
        CASE(bob_leaves);
        CASE(bob_falls_silent);
        CASE(patience_is_for_silence);
        CASE(memory_runs_out);
        CASE(a_party_refuses);
        CASE(alice_leaves);
        if (!malicious())
            continue;
        CASE(other_shares);
        CASE(other_marks);
        CASE(other_words);
    }
    return check_done();
}
