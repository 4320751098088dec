/*
 * test_roles_faults.c: what failure gets: a party that dies, an Alice who leaves, a network that
 * stalls, messages that are mutilated, repeated, swallowed or made up, memory that runs out. The
 * job concerned ends everywhere, with a text that says who; the other jobs go on.
 */
#include "roles_world.h"

static const struct sim_options lan = { .seed = 21, .latency_ns = 2 * W_MS, .jitter_ns = W_MS,
                                        .reorder = 1 };

/* When Alice's links are up on this network. */
#define LINKED (4 * W_MS)

/* How long provide and one job take on this network, in virtual time. */
static uint64_t job_span(void)
{
    struct world *w = w_new(&lan, NULL);
    w_provide(w);
    uint64_t from = sim_now(w->sim);
    struct w_client *c = w_alice(w);
    while (!c->done)
        sim_run(w->sim, sim_now(w->sim) + W_MS, W_S);
    uint64_t span = sim_now(w->sim) - from;
    w_judge(c);
    w_free(w);
    return span;
}

/* Runs until nothing is left to happen soon, so that everything that ends has ended. */
static void settle(struct world *w, unsigned seconds)
{
    for (unsigned i = 0; i < 4; i++)
        sim_run(w->sim, sim_now(w->sim) + seconds * W_S / 4, 60 * W_S);
}

static int names(const char *text, unsigned party)
{
    char name[16];
    snprintf(name, sizeof name, "party %u", party);
    return strstr(text, name) != NULL;
}

static void test_crash(void)
{
    uint64_t span = job_span();
    unsigned ended = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct sim_options o = lan;
        o.seed = seed;
        struct world *w = w_new(&o, NULL);
        w_provide(w);
        unsigned victim = (unsigned)(check_random(&w->random) % W_PARTIES);
        struct w_client *c = w_alice(w);
        uint64_t at = check_random(&w->random) % span;
        sim_crash(w->sim, victim, sim_now(w->sim) + LINKED + at);
        settle(w, 20);
        CHECK_EQ(c->done, 1);
        if (c->err.code != 0) {
            CHECK_EQ(c->err.code, ERR_PEER);
            CHECK(names(c->err.text, victim));
            ended++;
        } else
            w_judge(c);
        for (unsigned i = 0; i < W_PARTIES; i++) {
            const struct w_party *p = &w->party[i];
            if (i == victim)
                continue;
            CHECK(party_idle(p->party));
            CHECK(p->reports <= 1);
            CHECK(p->reports == 0 || p->report[0].code == 0 || p->report[0].code == ERR_PEER);
            CHECK(p->reports == 0 || p->report[0].code == 0 || names(p->report[0].text, victim));
        }
        w_free(w);
    }
    CHECK(ended > 25);
}

static void test_alice_leaves(void)
{
    uint64_t span = job_span();
    unsigned noticed = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct sim_options o = lan;
        o.seed = seed;
        struct world *w = w_new(&o, NULL);
        w_provide(w);
        struct w_client *c = w_alice(w), *other = w_alice(w);
        sim_crash(w->sim, c->node, sim_now(w->sim) + check_random(&w->random) % span);
        settle(w, 3);               /* before any timeout */
        w_judge(other);
        CHECK(w_idle(w));
        for (unsigned i = 0; i < W_PARTIES; i++)
            for (unsigned k = 0; k < w->party[i].reports; k++) {
                const struct job_report *r = &w->party[i].report[k];
                CHECK(r->code == 0 || (r->code == ERR_PEER && strstr(r->text, "alice") != NULL));
                noticed += r->code != 0;
            }
        c = w_alice(w);
        settle(w, 20);
        w_judge(c);
        w_free(w);
    }
    CHECK(noticed > 20);
}

/* Whoever asks and leaves has a worker busy with the plan: such jobs count, until it is made. */
static void test_plans_of_the_gone(void)
{
    enum { MOST = 4 };              /* twice max_jobs */
    struct sim_options o = { .seed = 22, .latency_ns = 2 * W_MS, .work_factor = 2000 };
    struct world *w = w_new(&o, NULL);
    struct w_client *c[MOST];
    w_provide(w);
    for (unsigned i = 0; i < MOST; i++)
        c[i] = w_alice(w);
    sim_run(w->sim, sim_now(w->sim) + 7 * W_MS, W_S);
    for (unsigned i = 0; i < MOST; i++)
        w_leave(c[i]);
    struct w_client *last = w_alice(w);
    sim_run(w->sim, sim_now(w->sim) + 9 * W_MS, W_S);
    CHECK(last->done == 1 && strstr(last->err.text, "party 0 is busy with 4 jobs") != NULL);
    CHECK(party_jobs(w->party[0].party) == 0 && !w_idle(w));
    settle(w, 300);
    CHECK(w_idle(w));
    w_free(w);
}

static void test_stall(void)
{
    uint64_t span = job_span();
    unsigned ended = 0;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct sim_options o = lan;
        o.seed = seed;
        struct world *w = w_new(&o, NULL);
        w_provide(w);
        struct w_client *c = w_alice(w);
        unsigned a = (unsigned)(check_random(&w->random) % W_PARTIES);
        unsigned b = seed % 4 == 0 ? c->node : (a + 1) % W_PARTIES;
        sim_stall(w->sim, a, b, sim_now(w->sim) + check_random(&w->random) % span);
        settle(w, 200);
        CHECK_EQ(c->done, 1);
        if (c->err.code != 0) {
            CHECK_EQ(c->err.code, ERR_PEER);
            CHECK(strstr(c->err.text, "party") != NULL);
            ended++;
        }
        for (unsigned i = 0; i < W_PARTIES; i++)
            CHECK_EQ(party_jobs(w->party[i].party), 0);
        w_free(w);
    }
    CHECK(ended > 8);
}

/* A party in the middle of a run waits for one that is silent: the text says for what. */
static void test_timeout_text(void)
{
    struct world *w = w_new(&lan, NULL);
    uint64_t span = job_span();
    w_provide(w);
    w_alice(w);
    sim_stall(w->sim, 0, 1, sim_now(w->sim) + span / 2);
    sim_stall(w->sim, 1, 2, sim_now(w->sim) + span / 2);
    settle(w, 30);
    for (unsigned i = 0; i < W_PARTIES; i += 2) {
        CHECK_EQ(w->party[i].reports, 1);
        CHECK_EQ(w->party[i].report[0].code, ERR_PEER);
    }
    CHECK(strstr(w->party[0].report[0].text, "no progress in 5 s") != NULL ||
          strstr(w->party[2].report[0].text, "no progress in 5 s") != NULL);
    w_free(w);
}

static void test_stop(void)
{
    for (unsigned ms = 1; ms < 120; ms += 7) {
        struct world *w = w_new(&lan, NULL);
        w_provide(w);
        struct w_client *c = w_alice(w);
        sim_run(w->sim, sim_now(w->sim) + ms * W_MS, W_S);
        party_stop(w->party[1].party);
        settle(w, 20);
        CHECK_EQ(c->done, 1);
        CHECK(c->err.code == 0 || c->err.code == ERR_PEER);
        CHECK(c->err.code == 0 || strstr(c->err.text, "party 1") != NULL);
        CHECK_EQ(party_jobs(w->party[0].party) + party_jobs(w->party[2].party), 0);
        CHECK(party_idle(w->party[0].party) && party_idle(w->party[2].party));
        w_free(w);
    }
}

/* ---- mutilated messages ---- */

struct tamper {
    uint64_t random;
    struct arena *arena;
    unsigned one_in, from, count;   /* one message in so many, from this node on average */
};

/* Another length: the beginning of the old contents, then noise. */
static void resize(struct tamper *t, struct message *m)
{
    size_t n = check_random(&t->random) % 3 == 0 ? check_random(&t->random) % 200000
                                                 : m->n + check_random(&t->random) % 17 - 8;
    n = n > 1 << 20 ? 0 : n;
    uint8_t *data = n == 0 ? NULL : arena_take(t->arena, n);
    for (size_t i = 0; i < n; i++)
        data[i] = i < m->n ? m->data[i] : (uint8_t)check_random(&t->random);
    arena_give(m->data);
    m->data = data;
    m->n = n;
}

static int mutilate(void *ctx, unsigned from, unsigned to, struct message *m, uint64_t now)
{
    struct tamper *t = ctx;
    (void)to;
    (void)now;
    if (from != t->from || check_random(&t->random) % t->one_in != 0)
        return 0;
    t->count++;
    switch (check_random(&t->random) % 9) {
    case 0:
        m->type = (uint8_t)(check_random(&t->random) % (WIRE_TYPES + 3));
        break;
    case 1:
        m->job = check_random(&t->random) % 2 ? m->job ^ 1 : check_random(&t->random);
        break;
    case 2:
        m->stream = (uint32_t)(check_random(&t->random) >> (check_random(&t->random) % 33 + 31));
        break;
    case 3:
        m->seq ^= (uint32_t)(check_random(&t->random) % 8);
        break;
    case 4:
    case 5:
        resize(t, m);
        break;
    case 6:
        for (unsigned i = 0; i < 3 && m->n > 0; i++)
            m->data[check_random(&t->random) % m->n] ^= (uint8_t)check_random(&t->random);
        break;
    case 7:
        return 1;
    default:
        return 2;
    }
    return 0;
}

/* Somebody sends mutilated messages while a model is provided and clips are classified. */
static void mutilated(uint64_t seed, unsigned from, unsigned one_in)
{
    struct tamper t = { .random = seed * 1000 + from, .arena = arena_new(0),
                        .one_in = one_in, .from = from };
    struct sim_options o = lan;
    o.seed = seed;
    o.ctx = &t;
    o.tamper = mutilate;
    struct world *w = w_new(&o, NULL);
    struct bob_conf conf = w_bob_conf(w);
    struct w_client *b = w_bob_with(w, &conf);
    settle(w, 200);
    CHECK_EQ(b->done, 1);
    struct w_client *a = w_alice(w);
    settle(w, 400);
    CHECK_EQ(a->done, 1);
    if (t.count == 0)
        CHECK_EQ(a->err.code, 0);
    CHECK(a->err.code == 0 || a->err.text[0] != '\0');
    w_leave(a);
    w_leave(b);
    settle(w, 20);
    for (unsigned i = 0; i < W_PARTIES; i++)
        CHECK(party_idle(w->party[i].party));
    w_free(w);
    arena_free(t.arena);
}

static void test_mutilated_by_client(void)
{
    for (uint64_t seed = 1; seed <= 120; seed++) {
        mutilated(seed, LINK_CLIENT, 12);
        mutilated(seed, LINK_CLIENT + 1, 3);
    }
}

static void test_mutilated_by_party(void)
{
    for (uint64_t seed = 1; seed <= 150; seed++)
        mutilated(seed, (unsigned)(seed % W_PARTIES), seed % 2 ? 10 : 300);
}

/* ---- limits ---- */

/* What party 1 does with its LIMITS for party 0, or (to) for another. */
struct liar {
    int verdict;                    /* of tamper: SWALLOW or TWICE of the simulator, or 0 */
    unsigned to, count;
    size_t at, n;                   /* so many bytes from here on are changed, to: */
    uint8_t value;
};

static int lie(void *ctx, unsigned from, unsigned to, struct message *m, uint64_t now)
{
    struct liar *l = ctx;
    (void)now;
    if (from != 1 || to != l->to || m->type != WIRE_LIMITS)
        return 0;
    l->count++;
    memset(m->data + l->at, l->value, l->n);
    return l->verdict;
}

static void patient(unsigned i, struct party_conf *c)
{
    (void)i;
    c->link_timeout = 3;
}

/* A job ends with this text; afterwards nothing is left of it. */
static void lied(struct liar l, int code, const char *text)
{
    struct sim_options o = { .seed = 31, .latency_ns = W_MS, .ctx = &l, .tamper = lie };
    struct world *w = w_new(&o, patient);
    w_provide(w);
    struct w_client *c = w_alice(w);
    settle(w, 80);
    CHECK(l.count > 0);
    CHECK_EQ(c->done, 1);
    CHECK_EQ(c->err.code, code);
    CHECK(strstr(c->err.text, text) != NULL);
    if (strstr(c->err.text, text) == NULL)
        fprintf(stderr, "expected \"%s\", got \"%s\"\n", text, c->err.text);
    CHECK(w_idle(w));
    w_free(w);
}

/* A peer says nothing, says it twice, says that it has no memory (bytes 2 to 9), or says one thing
 * here and another there (bytes 10 to 13: window 2). */
static void test_limits(void)
{
    lied((struct liar){ .verdict = 1 }, ERR_PEER, "party 0 was not told the limits of party 1");
    lied((struct liar){ .verdict = 2 }, ERR_PEER, "party 0 has no link to party 1");
    lied((struct liar){ .at = 2, .n = 8 }, ERR_PEER, "party 0 has no link to party 1");
    for (unsigned to = 0; to < W_PARTIES; to += 2)
        lied((struct liar){ .to = to, .at = 10, .n = 1, .value = 1 }, ERR_ABORT, "run different plans");
}

/* ---- made-up messages from a client ---- */

struct vandal {
    struct host *host;
    struct arena *arena;
    uint64_t random, job;
};

static void vandal_up(void *ctx, unsigned node, const struct node_info *info)
{
    struct vandal *v = ctx;
    (void)info;
    for (unsigned i = 0; i < 4; i++) {
        static const uint32_t lengths[] = { 0, 1, 2, 52, 64, 500, 65536, 65537, 1000000 };
        struct message m = { .type = (uint8_t)(check_random(&v->random) % (WIRE_TYPES + 2)),
                             .job = i % 2 ? v->job : check_random(&v->random),
                             .stream = check_random(&v->random) % 4 ? 0 : 7,
                             .n = lengths[check_random(&v->random) % 9] };
        m.data = m.n > 0 ? arena_take(v->arena, m.n) : NULL;
        for (size_t k = 0; k < m.n; k++)
            m.data[k] = k == 0 ? WIRE_VERSION : k == 1 ? 0 : (uint8_t)check_random(&v->random);
        v->host->ops->send(v->host, node, m);
    }
}

static void vandal_down(void *ctx, unsigned node, const struct err *why)
{
    (void)ctx;
    (void)node;
    (void)why;
}

static uint8_t *vandal_room(void *ctx, unsigned node, const struct message *head, struct err *why)
{
    struct vandal *v = ctx;
    (void)node;
    (void)why;
    return arena_take(v->arena, head->n);
}

static void vandal_message(void *ctx, unsigned node, struct message m)
{
    (void)ctx;
    (void)node;
    arena_give(m.data);
}

static void vandal_drained(void *ctx, unsigned node)
{
    (void)ctx;
    (void)node;
}

static void test_vandals(void)
{
    static const struct host_events events = { vandal_up, vandal_down, vandal_room,
                                               vandal_message, vandal_drained };
    struct vandal v[5];
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct sim_options o = lan;
        o.seed = seed;
        struct world *w = w_new(&o, NULL);
        w_provide(w);
        struct w_client *a = w_alice(w);
        for (unsigned i = 0; i < 5; i++) {
            struct w_client *c = w_client(w, "vandal");
            v[i] = (struct vandal){ .host = c->host, .arena = arena_new(0), .random = seed + 99 * i,
                                    .job = seed };
            c->host->events = &events;
            c->host->ctx = &v[i];
            sim_run(w->sim, sim_now(w->sim) + 4 * W_MS, W_S);
        }
        settle(w, 20);
        w_judge(a);
        CHECK_EQ(w->party[0].ok, 1);
        w_free(w);
        for (unsigned i = 0; i < 5; i++)
            arena_free(v[i].arena);
    }
}

/* ---- late words of a job that has ended ---- */

/* A client that asks, gives up, and sends its input all the same, `copies` times. */
struct late {
    struct host *host;
    struct arena *arena;
    unsigned copies, terms, downs;
    char why[480];
};

static void late_up(void *ctx, unsigned node, const struct node_info *info)
{
    struct late *l = ctx;
    struct wire_ask ask = { .model = "default", .frames = W_FRAMES, .h = W_SIDE, .w = W_SIDE,
                            .c = 1 };
    size_t n;
    (void)info;
    snprintf(ask.protocol, sizeof ask.protocol, "%s", protocol_replicated.name);
    uint8_t *data = wire_ask_pack(l->arena, &ask, &n);
    wire_send(l->host, node, WIRE_ASK, 4711, data, n);
}

static void late_message(void *ctx, unsigned node, struct message m)
{
    struct late *l = ctx;
    struct err e = { .code = ERR_PEER, .text = "changed my mind" };
    size_t n = protocol_replicated.input[OWNER_CLIP].bytes(W_FRAMES * W_PIXELS, node);
    arena_give(m.data);
    if (m.type != WIRE_TERMS)
        return;
    l->terms++;
    wire_send_fault(l->host, l->arena, node, WIRE_ABORT, 4711, &e);
    for (unsigned i = 0; i < l->copies; i++) {
        uint8_t *data = arena_take(l->arena, n);
        memset(data, 1, n);
        wire_send(l->host, node, WIRE_INPUT, 4711, data, n);
    }
}

static void late_down(void *ctx, unsigned node, const struct err *why)
{
    struct late *l = ctx;
    (void)node;
    l->downs++;
    snprintf(l->why, sizeof l->why, "%s", why->text);
}

static uint8_t *late_room(void *ctx, unsigned node, const struct message *head, struct err *why)
{
    struct late *l = ctx;
    (void)node;
    (void)why;
    return arena_take(l->arena, head->n);
}

static void test_late_input(void)
{
    static const struct host_events events = { late_up, late_down, late_room, late_message,
                                               vandal_drained };
    for (unsigned copies = 0; copies < 3; copies++) {
        struct world *w = w_new(&lan, NULL);
        w_provide(w);
        struct w_client *c = w_client(w, "late");
        struct late l = { .host = c->host, .arena = arena_new(0), .copies = copies };
        c->host->events = &events;
        c->host->ctx = &l;
        settle(w, 3);
        CHECK(l.terms > 0);
        CHECK_EQ(l.downs, copies < 2 ? 0 : l.terms);     /* the second copy is one too many */
        CHECK(copies < 2 || strstr(l.why, "where none is due") != NULL);
        CHECK(w_idle(w));
        w_free(w);
        arena_free(l.arena);
    }
}

/* ---- memory ---- */

/* The k-th allocation of a run fails, in a party, a client or the simulator itself. */
static int without_memory(long k, int providing)
{
    struct world *w = w_new(&lan, NULL);
    struct bob_conf conf = w_bob_conf(w);
    struct w_client *c = NULL;
    if (providing)
        c = w_bob_with(w, &conf);
    else {
        w_provide(w);
        c = w_alice(w);
    }
    mem_fail_at(k);
    settle(w, 200);
    mem_fail_at(0);
    CHECK(c->done <= 1);
    CHECK(c->err.code == 0 || c->err.text[0] != '\0');
    int fine = c->done && c->err.code == 0;
    if (fine && !providing)
        w_judge(c);
    w_free(w);
    return fine;
}

static void test_without_memory(void)
{
    unsigned fine = 0, runs = 0;
    for (long k = 1; k < 30000; k += 1 + k / 24, runs++) {
        fine += (unsigned)without_memory(k, 0);
        without_memory(k, 1);
    }
    CHECK(fine > 0);            /* the last ones come after the job */
    CHECK(fine < runs);
}

static uint64_t tiny_limit;

static void tiny_jobs(unsigned i, struct party_conf *c)
{
    c->model_memory = c->job_memory;
    if (i == 1 && tiny_limit > 0)
        c->job_memory = tiny_limit;
}

/* A job that needs more than a party allows ends, and says so; whether already the clip, or the
 * run, does not fit. */
static void test_small_arena(void)
{
    uint64_t peak = 0;
    for (unsigned percent = 100; percent > 0; percent -= 10) {
        tiny_limit = peak * percent / 100;
        struct world *w = w_new(&lan, tiny_jobs);
        w_provide(w);
        struct w_client *c = w_alice(w);
        settle(w, 20);
        CHECK_EQ(c->done, 1);
        if (peak == 0)
            w_judge(c);
        if (peak > 0 && percent < 90) {
            CHECK(c->err.code == ERR_FAILED || c->err.code == ERR_PEER);
            CHECK(strstr(c->err.text, "memory") != NULL);
            CHECK(strstr(c->err.text, "party 1") != NULL);
        }
        CHECK_EQ(party_jobs(w->party[0].party), 0);
        peak = w->party[1].report[0].memory_peak > peak ? w->party[1].report[0].memory_peak : peak;
        w_free(w);
    }
}

int main(void)
{
    log_configure("error");
    CASE(test_crash);
    CASE(test_alice_leaves);
    CASE(test_plans_of_the_gone);
    CASE(test_stall);
    CASE(test_timeout_text);
    CASE(test_stop);
    CASE(test_limits);
    CASE(test_mutilated_by_client);
    CASE(test_mutilated_by_party);
    CASE(test_vandals);
    CASE(test_late_input);
    CASE(test_small_arena);
    CASE(test_without_memory);
    return check_done();
}
