/*
 * test_sim.c: the simulated network against times computed by hand, and against its promises of
 * order, determinism and tampering. The ends of links, and what a node does by itself, are in
 * test_sim_ends.c.
 */
#include "sim_world.h"

static void links_come_up(void)
{
    struct world *w = world_new((struct sim_options){ .seed = SEED, .latency_ns = 500 }, 3);
    struct role *alice = role_add(w, LINK_CLIENT, "alice"), *bob = role_add(w, 17, "bob");
    struct err e;
    CHECK(say(w->role[0], 1, 0, 0, 10) == ERR_PEER);        /* not up yet; the block is taken */
    CHECK_EQ(arena_used(w->role[0]->arena), 0);
    world_run(w);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(w->role[i]->ups, 4);
        CHECK_EQ(w->role[i]->up_at, 500);
    }
    CHECK_EQ(alice->ups, 3);
    CHECK_EQ(bob->ups, 3);
    CHECK(strcmp(w->role[1]->peer_name[17], "bob") == 0);
    CHECK(strcmp(bob->peer_name[1], "party 1") == 0);
    CHECK(memcmp(w->role[1]->secret[17], bob->secret[1], LINK_SECRET) == 0);
    CHECK(memcmp(w->role[1]->secret[17], bob->secret[2], LINK_SECRET) != 0);
    CHECK(memcmp(w->role[1]->secret[0], w->role[1]->secret[2], LINK_SECRET) != 0);
    CHECK(say(alice, 17, 0, 0, 1) == ERR_PEER);             /* clients have no link */
    CHECK(sim_node(w->s, 5, "nobody", &e) == NULL && e.code == ERR_USAGE);
    CHECK(sim_node(w->s, 1, "party 1", &e) == NULL && e.code == ERR_USAGE);
    CHECK(sim_node(w->s, SIM_NODES, "far", &e) == NULL && e.code == ERR_USAGE);

    struct role *late = role_add(w, 18, "carol");           /* at 500, so up at 1000 */
    world_run(w);
    CHECK_EQ(late->ups, 3);
    CHECK_EQ(late->up_at, 1000);
    world_free(w);
}

/* 1 Gbit/s, so 8 ns to the byte: 76 + 24 bytes take 800 ns, 176 + 24 take 1600. */
static void times_are_exact(void)
{
    struct world *w = world_new((struct sim_options){
        .seed = SEED, .latency_ns = 10000, .bits_per_second = 1000000000 }, 3);
    world_run(w);
    CHECK_EQ(sim_now(w->s), 10000);
    CHECK_EQ(say(w->role[0], 2, 1, 0, 76), 0);          /* leaves 10800, arrives 20800 */
    CHECK_EQ(say(w->role[0], 1, 1, 0, 176), 0);         /* leaves 12400, arrives 22400 */
    CHECK_EQ(say(w->role[1], 2, 1, 0, 176), 0);         /* leaves 11600; 2 is busy until 20800 */
    CHECK_EQ(say(w->role[0], 2, 1, 1, 0), 0);           /* leaves 12592, arrives 22592 */
    CHECK_EQ(w->role[0]->h->ops->queued(w->role[0]->h, 2), 100 + 24);
    CHECK_EQ(w->role[0]->h->ops->queued(w->role[0]->h, 1), 200);
    sim_run(w->s, 10800, 0);
    CHECK_EQ(w->role[0]->h->ops->queued(w->role[0]->h, 2), 24);
    CHECK_EQ(w->role[0]->h->ops->wire(w->role[0]->h, 2), 100);
    sim_run(w->s, 12591, 0);
    CHECK_EQ(w->role[0]->h->ops->queued(w->role[0]->h, 2), 24);
    CHECK_EQ(w->role[0]->h->ops->queued(w->role[0]->h, 1), 0);
    sim_run(w->s, 12592, 0);
    CHECK_EQ(w->role[0]->h->ops->queued(w->role[0]->h, 2), 0);
    CHECK_EQ(sim_now(w->s), 12592);
    world_run(w);

    struct arrival *a = w->role[2]->log;
    CHECK_EQ(w->role[2]->n, 3);
    CHECK(a[0].time == 20800 && a[0].from == 0 && a[0].m.n == 76);
    CHECK(a[1].time == 22400 && a[1].from == 1 && a[1].m.n == 176);
    CHECK(a[2].time == 22592 && a[2].from == 0 && a[2].m.n == 0);
    CHECK(a[0].m.depth == 7 && a[0].m.job == 5 && a[0].m.type == 1 && a[0].m.stream == 1);
    CHECK(a[0].first == 16 && a[0].last == (uint8_t)~16);
    CHECK_EQ(w->role[1]->n, 1);
    CHECK_EQ(w->role[1]->log[0].time, 22400);
    CHECK_EQ(w->role[2]->h->ops->wire(w->role[2]->h, 0), 124);
    CHECK_EQ(w->role[0]->h->ops->wire(w->role[0]->h, 2), 124);
    CHECK_EQ(arena_used(w->role[0]->arena), 0);
    world_free(w);
}

/* Rates of single nodes: 8 ns to the byte but for node 1, which sends at 80 and receives at 16. */
static void rates_of_single_nodes(void)
{
    struct world *w = world_new((struct sim_options){
        .seed = SEED, .latency_ns = 10000, .bits_per_second = 1000000000,
        .bits_out[1] = 100000000, .bits_in[1] = 500000000 }, 3);
    world_run(w);
    CHECK_EQ(say(w->role[1], 2, 1, 0, 76), 0);          /* 100 bytes leave in 8000 */
    CHECK_EQ(say(w->role[0], 1, 1, 0, 76), 0);          /* and come in within 1600 */
    world_run(w);
    CHECK_EQ(w->role[2]->log[0].time, 10000 + 10000 + 8000);
    CHECK_EQ(w->role[1]->log[0].time, 10000 + 10000 + 1600);
    world_free(w);
}

/* Links share a node's line piece by piece, out and in: 32,768 bytes are two of 131,072 ns. */
static void lines_are_shared(void)
{
    enum { TWO = 32768 - 24, PIECE_NS = 131072, START = 10000 };
    const struct sim_options o = { .seed = SEED, .latency_ns = START,
                                   .bits_per_second = 1000000000 };
    struct world *w = world_new(o, 3);
    world_run(w);
    say(w->role[0], 1, 1, 0, TWO);
    say(w->role[0], 2, 2, 0, TWO);
    world_run(w);
    CHECK_EQ(w->role[1]->log[0].time, 2 * START + 3 * PIECE_NS);
    CHECK_EQ(w->role[2]->log[0].time, 2 * START + 4 * PIECE_NS);
    world_free(w);

    w = world_new(o, 3);
    world_run(w);
    say(w->role[0], 2, 1, 0, TWO);
    say(w->role[1], 2, 2, 0, TWO);
    world_run(w);
    CHECK_EQ(w->role[2]->n, 2);
    CHECK(w->role[2]->log[0].from == 0 && w->role[2]->log[0].time == 2 * START + 3 * PIECE_NS);
    CHECK(w->role[2]->log[1].from == 1 && w->role[2]->log[1].time == 2 * START + 4 * PIECE_NS);
    world_free(w);
}

/* An older gate overtakes what waits in the queue, but not the 512 KB that were handed on. */
static void what_is_handed_on_stays_first(void)
{
    enum { QUARTER = 256 * 1024 - 24 };
    static const uint32_t order[] = { 9, 8, 1, 7 };
    struct world *w = world_new((struct sim_options){
        .seed = SEED, .latency_ns = 10000, .bits_per_second = 1000000000 }, 2);
    world_run(w);
    say(w->role[0], 1, 9, 0, QUARTER);
    say(w->role[0], 1, 8, 0, QUARTER);
    say(w->role[0], 1, 7, 0, QUARTER);
    say(w->role[0], 1, 1, 0, 10);
    world_run(w);
    CHECK_EQ(w->role[1]->n, 4);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(w->role[1]->log[i].m.stream, order[i]);
    world_free(w);
}

/* What has the longest tail goes first, of equal ones the older gate, and a stream keeps its order;
 * the first message fills what is handed on. */
static void longest_tail_first(void)
{
    static const struct { uint32_t stream, seq, tail; } sent[] = {
        { 9, 0, 0 }, { 5, 0, 3 }, { 2, 0, 1 }, { 7, 0, 9 }, { 3, 0, 3 }, { 2, 1, 1 }, { 1, 0, 2 }
    };
    static const uint32_t order[] = { 9, 7, 3, 5, 1, 2, 2 };
    enum { N = sizeof sent / sizeof *sent };
    struct world *w = world_new((struct sim_options){
        .seed = SEED, .latency_ns = 10000, .bits_per_second = 1000000000 }, 2);
    world_run(w);
    for (unsigned i = 0; i < N; i++) {
        struct message m = { .type = 1, .job = 5, .stream = sent[i].stream, .seq = sent[i].seq,
                             .tail = sent[i].tail, .n = i == 0 ? 1 << 20 : 0 };
        m.data = m.n > 0 ? arena_take(w->role[0]->arena, m.n) : NULL;
        CHECK_EQ(w->role[0]->h->ops->send(w->role[0]->h, 1, m), 0);
    }
    world_run(w);
    CHECK_EQ(w->role[1]->n, N);
    for (unsigned i = 0; i < N; i++)
        CHECK_EQ(w->role[1]->log[i].m.stream, order[i]);
    CHECK(w->role[1]->log[N - 2].m.seq == 0 && w->role[1]->log[N - 1].m.seq == 1);
    world_free(w);
}

/* A rate that does not divide: the time of a message is rounded up. 24 x 8 bits at 7 bit/s. */
static void odd_rate(void)
{
    struct world *w = world_new((struct sim_options){ .seed = 1, .bits_per_second = 7 }, 2);
    world_run(w);
    say(w->role[0], 1, 0, 0, 0);
    world_run(w);
    CHECK_EQ(w->role[1]->log[0].time, 27428571429);
    world_free(w);
}

/* 1000 messages of random lengths among four nodes, some sent while others travel. */
static struct world *chatter(struct sim_options o)
{
    struct world *w = world_new(o, 3);
    uint32_t seq[SIM_NODES][SIM_NODES][8] = { { { 0 } } };
    role_add(w, LINK_CLIENT, "alice");
    world_run(w);
    for (unsigned k = 0; k < 1000; k++) {
        unsigned from = (unsigned)(check_random(&w->random) % 3);
        unsigned to = (from + 1 + (unsigned)(check_random(&w->random) % 2)) % 3;
        unsigned stream = (unsigned)(check_random(&w->random) % 8);
        if (check_random(&w->random) % 4 == 0)
            to = LINK_CLIENT;
        CHECK_EQ(say(w->role[from], to, stream, seq[from][to][stream]++,
                     check_random(&w->random) % 3000), 0);
        if (k % 10 == 9)
            sim_run(w->s, sim_now(w->s) + 2000, 0);
    }
    world_run(w);
    CHECK_EQ(w->seen, 1000);
    return w;
}

/* How many messages came out of the order of their stream. */
static unsigned disorder(const struct world *w)
{
    unsigned count = 0;
    for (unsigned to = 0; to < SIM_NODES; to++) {
        const struct role *r = w->role[to];
        uint32_t next[SIM_NODES][8] = { { 0 } };
        for (unsigned i = 0; r != NULL && i < r->n; i++) {
            const struct arrival *a = &r->log[i];
            uint8_t byte = (uint8_t)(a->m.stream * 16 + a->m.seq);
            count += a->m.seq != next[a->from][a->m.stream]++;
            CHECK(a->m.n == 0 || a->last == 255 - byte);
            CHECK(a->m.n < 2 || a->first == byte);
        }
    }
    return count;
}

static void streams_keep_order(void)
{
    const struct sim_options o[] = {
        { .seed = SEED, .latency_ns = 3000 },
        { .seed = SEED, .latency_ns = 3000, .jitter_ns = 50000 },
        { .seed = SEED, .latency_ns = 3000, .reorder = 1 },
        { .seed = SEED, .reorder = 1 },
        { .seed = SEED, .latency_ns = 100, .jitter_ns = 999, .reorder = 1,
          .bits_per_second = 100000000 },
    };
    for (size_t i = 0; i < sizeof o / sizeof *o; i++) {
        struct world *w = chatter(o[i]);
        CHECK_EQ(disorder(w), 0);
        world_free(w);
    }
}

/* Twenty streams, one message each, sent in the order of their numbers. */
static unsigned overtakings(struct sim_options o)
{
    struct world *w = world_new(o, 2);
    unsigned count = 0;
    world_run(w);
    for (unsigned i = 0; i < 20; i++)
        say(w->role[0], 1, i, 0, i);
    world_run(w);
    CHECK_EQ(w->role[1]->n, 20);
    for (unsigned i = 1; i < w->role[1]->n; i++)
        count += w->role[1]->log[i].m.stream < w->role[1]->log[i - 1].m.stream;
    world_free(w);
    return count;
}

static void streams_overtake(void)
{
    CHECK_EQ(overtakings((struct sim_options){ .seed = SEED, .latency_ns = 100 }), 0);
    CHECK(overtakings((struct sim_options){ .seed = SEED, .latency_ns = 9, .jitter_ns = 999 }) > 0);
    CHECK(overtakings((struct sim_options){ .seed = SEED, .latency_ns = 100, .reorder = 1 }) > 0);
    CHECK(overtakings((struct sim_options){ .seed = SEED, .reorder = 1 }) > 0);
}

static void jitter_is_bounded(void)
{
    struct world *w = world_new((struct sim_options){
        .seed = SEED, .latency_ns = 1000, .jitter_ns = 9 }, 2);
    unsigned count[10] = { 0 };
    world_run(w);
    uint64_t start = sim_now(w->s);
    for (unsigned i = 0; i < 2000; i++)
        say(w->role[0], 1, i, 0, 0);
    world_run(w);
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t late = w->role[1]->log[i].time - start - 1000;
        CHECK(late <= 9);
        if (late <= 9)
            count[late]++;
    }
    for (unsigned i = 0; i < 10; i++)
        CHECK(count[i] > 130 && count[i] < 270);        /* 200 expected, sigma 13.4 */
    world_free(w);
}

static void seeds_decide(void)
{
    struct sim_options o = { .latency_ns = 3000, .jitter_ns = 9000, .reorder = 1,
                             .bits_per_second = 500000000 };
    uint64_t hash[3];
    for (unsigned i = 0; i < 3; i++) {
        o.seed = SEED + i / 2;
        struct world *w = chatter(o);
        hash[i] = w->hash;
        world_free(w);
    }
    CHECK(hash[0] == hash[1]);
    CHECK(hash[0] != hash[2]);
}

static void tampering(void)
{
    for (int verdict = -1; verdict <= 3; verdict++) {
        struct world *w = world_new((struct sim_options){ .seed = SEED, .latency_ns = 10 }, 3);
        world_run(w);
        w->verdict = verdict;
        say(w->role[0], 1, 2, 0, 100);
        say(w->role[0], 2, 2, 0, 100);
        say(w->role[0], 1, 2, 1, 0);
        world_run(w);
        struct arrival *a = w->role[1]->log;
        CHECK_EQ(w->role[1]->n, verdict == 1 ? 0 : verdict == 2 ? 4 : 2);
        CHECK_EQ(w->tampered, verdict < 0 ? 0 : 2);
        if (verdict != 1) {
            CHECK_EQ(a[0].m.n, verdict == 3 ? 3 : 100);
            CHECK_EQ(a[0].first, verdict == 3 ? 'n' : verdict == 0 ? 32 ^ 0x80 : 32);
        }
        if (verdict == 2)
            CHECK(a[0].m.seq == 0 && a[1].m.seq == 0 && a[1].first == 32 && a[2].m.seq == 1);
        CHECK(w->role[2]->n == 1 && w->role[2]->log[0].first == 32);
        CHECK_EQ(arena_used(w->role[0]->arena), 0);
        world_free(w);
    }
}

int main(void)
{
    printf("# seed %d\n", SEED);
    CASE(links_come_up);
    CASE(times_are_exact);
    CASE(rates_of_single_nodes);
    CASE(lines_are_shared);
    CASE(what_is_handed_on_stays_first);
    CASE(longest_tail_first);
    CASE(odd_rate);
    CASE(streams_keep_order);
    CASE(streams_overtake);
    CASE(jitter_is_bounded);
    CASE(seeds_decide);
    CASE(tampering);
    return check_done();
}
