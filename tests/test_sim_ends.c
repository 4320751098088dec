/*
 * test_sim_ends.c: how links and nodes of the simulator end, and what a node does by itself:
 * timers, work, files, memory.
 */
#include <unistd.h>

#include "sim_world.h"

static void dropped_with_a_reason(void)
{
    struct world *w = world_new((struct sim_options){
        .seed = SEED, .latency_ns = 1000, .bits_per_second = 8000000000 }, 3);
    struct role *a = w->role[0], *b = w->role[1];
    world_run(w);
    say(a, 1, 0, 0, 76);                            /* leaves at 1100, arrives at 2100 */
    say(a, 1, 0, 1, 976);                           /* would leave at 2100; lost */
    sim_run(w->s, 1500, 0);
    a->h->ops->drop(a->h, 1, "the plans differ");
    CHECK_EQ(say(a, 1, 0, 2, 5), ERR_PEER);
    CHECK_EQ(a->h->ops->queued(a->h, 1), 0);
    CHECK_EQ(arena_used(a->arena), 0);
    CHECK_EQ(a->downs, 0);                          /* later, not inside the call */
    world_run(w);
    CHECK(a->downs == 1 && a->down_of == 1 && a->down_at == 1500 && a->why.code == ERR_PEER);
    CHECK(b->downs == 1 && b->down_of == 0 && b->down_at == 2500 && b->why.code == ERR_PEER);
    CHECK(strstr(a->why.text, "the plans differ") && strstr(a->why.text, "party 1"));
    CHECK(strstr(b->why.text, "the plans differ") && strstr(b->why.text, "party 0"));
    CHECK(b->n == 1 && b->log[0].m.n == 76);
    CHECK_EQ(say(b, 0, 0, 0, 5), ERR_PEER);
    CHECK(say(a, 2, 0, 0, 5) == 0 && say(b, 2, 0, 0, 5) == 0);      /* the others still stand */
    a->h->ops->drop(a->h, 1, "again");              /* no link: nothing happens */
    world_run(w);
    CHECK(a->downs == 1 && b->downs == 1 && w->role[2]->downs == 0 && w->role[2]->n == 2);
    world_free(w);
}

/* What has left comes before the news that the link is ended, however late it is. */
static void last_words_arrive(void)
{
    for (uint64_t seed = SEED; seed < SEED + 20; seed++) {
        struct world *w = world_new((struct sim_options){
            .seed = seed, .latency_ns = 100, .jitter_ns = 9999 }, 2);
        world_run(w);
        for (unsigned i = 0; i < 5; i++)
            say(w->role[0], 1, i, 0, 20);
        w->role[0]->h->ops->drop(w->role[0]->h, 1, "done");
        world_run(w);
        CHECK(w->role[1]->n == 5 && w->role[1]->downs == 1 && w->role[0]->downs == 1);
        world_free(w);
    }
}

static void dropped_inside_a_callback(void)
{
    struct world *w = world_new((struct sim_options){ .seed = SEED, .latency_ns = 10 }, 2);
    world_run(w);
    w->role[1]->drop_in_message = 1;
    for (unsigned i = 0; i < 5; i++)
        say(w->role[0], 1, 0, i, 50);
    world_run(w);
    CHECK_EQ(w->role[1]->n, 1);
    CHECK(w->role[1]->downs == 1 && w->role[0]->downs == 1);
    CHECK(strstr(w->role[0]->why.text, "I have had enough"));
    world_free(w);
}

static void room_refused(void)
{
    struct world *w = world_new((struct sim_options){ .seed = SEED, .latency_ns = 10 }, 2);
    world_run(w);
    w->role[1]->refuse = 1;
    say(w->role[0], 1, 0, 0, 0);                    /* empty: nobody is asked for room */
    say(w->role[0], 1, 0, 1, 50);
    say(w->role[0], 1, 0, 2, 50);
    world_run(w);
    CHECK_EQ(w->role[1]->n, 1);
    CHECK(w->role[1]->downs == 1 && w->role[1]->why.code == ERR_ABORT);
    CHECK(w->role[0]->downs == 1 && w->role[0]->why.code == ERR_PEER);
    CHECK(strstr(w->role[0]->why.text, "sent 50 bytes that nobody expects"));
    CHECK(strstr(w->role[1]->why.text, "sent 50 bytes that nobody expects"));
    CHECK(w->role[0]->down_at == 30 && w->role[1]->down_at == 20);
    world_free(w);
}

static void reserved_types_are_refused(void)
{
    struct world *w = world_new((struct sim_options){ .seed = SEED, .latency_ns = 10 }, 2);
    struct host *h = w->role[0]->h;
    world_run(w);
    CHECK_EQ(h->ops->send(h, 1, (struct message){ .type = 240 }), ERR_PEER);
    world_run(w);
    CHECK(w->role[0]->downs == 1 && w->role[1]->downs == 1 && w->role[1]->n == 0);
    world_free(w);
}

static void crash_is_seen(void)
{
    struct world *w = world_new((struct sim_options){
        .seed = SEED, .latency_ns = 1000, .bits_per_second = 8000000000 }, 3);
    struct role *dead = w->role[0], *b = w->role[1], *c = w->role[2];
    sim_crash(w->s, 0, 1500);
    sim_run(w->s, 1000, 0);
    say(dead, 1, 0, 0, 76);                         /* leaves at 1100: arrives */
    say(dead, 1, 0, 1, 976);                        /* would leave at 2100: lost */
    say(b, 0, 0, 0, 76);                            /* arrives too late */
    world_run(w);
    CHECK(b->downs == 1 && b->down_of == 0 && b->down_at == 2500 && b->n == 1);
    CHECK(c->downs == 1 && c->down_at == 2500 && dead->downs == 0 && dead->n == 0);
    CHECK(strstr(b->why.text, "party 0") && strstr(b->why.text, "lost"));
    CHECK(say(dead, 1, 0, 0, 10) == ERR_PEER && say(b, 0, 0, 0, 10) == ERR_PEER);
    CHECK_EQ(arena_used(dead->arena), 0);

    w->role[0] = NULL;
    struct role *again = role_add(w, 0, "party 0");
    world_run(w);
    CHECK(again->ups == 2 && b->ups == 3 && again->up_at == 3500);
    CHECK(memcmp(again->secret[1], b->secret[0], LINK_SECRET) == 0);
    CHECK(memcmp(again->secret[1], dead->secret[1], LINK_SECRET) != 0);
    CHECK_EQ(say(b, 0, 0, 0, 10), 0);
    world_run(w);
    CHECK(again->n == 1 && dead->n == 0);

    sim_crash(w->s, 0, 0);                          /* at once, and back at once */
    w->role[0] = NULL;
    struct role *third = role_add(w, 0, "party 0");
    world_run(w);
    CHECK(b->downs == 2 && b->ups == 4 && c->downs == 2 && third->ups == 2);
    CHECK_EQ(say(b, 0, 0, 0, 10), 0);
    world_run(w);
    CHECK(third->n == 1);
    world_free(w);
    role_free(dead);
    role_free(again);
}

static void stall_is_silent(void)
{
    struct world *w = world_new((struct sim_options){
        .seed = SEED, .latency_ns = 1000, .bits_per_second = 8000000000 }, 3);
    struct role *a = w->role[0], *b = w->role[1], *c = w->role[2];
    sim_stall(w->s, 1, 0, 3000);
    sim_run(w->s, 1000, 0);
    say(a, 1, 0, 0, 76);                            /* arrives at 2100 */
    sim_run(w->s, 2950, 0);
    say(a, 1, 0, 1, 1);                             /* on its way at 3000: never arrives */
    sim_run(w->s, 3500, 0);
    say(a, 1, 0, 2, 76);
    say(b, 0, 0, 2, 76);
    say(a, 2, 0, 0, 76);                            /* is not held up */
    world_run(w);
    CHECK(b->n == 1 && a->n == 0 && c->n == 1 && c->log[0].time == 4600);
    CHECK(a->downs == 0 && b->downs == 0);
    CHECK_EQ(a->h->ops->queued(a->h, 1), 100);      /* the queue of a dead connection fills */
    a->h->ops->drop(a->h, 1, "nothing came for too long");
    world_run(w);
    CHECK(a->downs == 1 && b->downs == 0 && arena_used(a->arena) == 0);
    world_free(w);
}

static void back_pressure(void)
{
    enum { MB = 1 << 20, PIECE = 16 << 10 };
    struct world *w = world_new((struct sim_options){
        .seed = SEED, .latency_ns = 5, .bits_per_second = 8000000000 }, 2);
    struct role *a = w->role[0];
    world_run(w);
    for (unsigned i = 0; i < 40; i++)
        say(a, 1, 0, i, 2 * MB);
    CHECK_EQ(a->h->ops->queued(a->h, 1), 40 * (2 * MB + 24));
    world_run(w);
    CHECK_EQ(a->drains, 1);
    CHECK_EQ(a->drained_at, 5 + 32 * (2 * MB + 24) + PIECE);    /* of the 33rd: 16 MB are left */
    CHECK_EQ(a->h->ops->queued(a->h, 1), 0);
    for (unsigned i = 0; i < 20; i++)                       /* never above the mark */
        say(a, 1, 0, i, 2 * MB);
    world_run(w);
    CHECK_EQ(a->drains, 1);
    CHECK_EQ(w->role[1]->n, 60);
    world_free(w);
}

/* A timer that arms itself again, and takes another one off. */
struct ticker {
    struct timer t;
    struct host *h;
    struct ticker *other;
    unsigned fired, times;
    uint64_t last;
};

static void tick(struct timer *t)
{
    struct ticker *k = (struct ticker *)t;
    k->last = k->h->ops->now(k->h);
    CHECK(t->impl == NULL);
    if (++k->fired < k->times)
        k->h->ops->arm(k->h, t, 100);
    else if (k->other != NULL)
        k->h->ops->disarm(k->h, &k->other->t);
}

static void timers(void)
{
    struct world *w = world_new((struct sim_options){ .seed = SEED, .latency_ns = 10 }, 2);
    struct host *h = w->role[0]->h;
    struct ticker b = { .t.fire = tick, .h = h, .times = 1 };
    struct ticker a = { .t.fire = tick, .h = h, .times = 5, .other = &b };
    struct ticker c = { .t.fire = tick, .h = h, .times = 1 };
    h->ops->disarm(h, &a.t);                        /* legal when not armed */
    h->ops->arm(h, &b.t, 20);
    h->ops->arm(h, &a.t, 9999);
    h->ops->arm(h, &a.t, 100);                      /* replaces */
    h->ops->arm(h, &b.t, 500);                      /* the same time as a's last, but armed first */
    h->ops->arm(h, &c.t, UINT64_MAX);               /* never */
    sim_run(w->s, 0, 89);
    CHECK(a.fired == 0 && sim_now(w->s) == 10);     /* only timers are left, all too far */
    sim_run(w->s, 0, 1000000);
    CHECK(a.fired == 5 && a.last == 500 && b.fired == 1 && b.last == 500 && c.fired == 0);
    a.fired = 4;
    h->ops->arm(h, &a.t, 50);
    h->ops->arm(h, &b.t, 51);
    sim_run(w->s, 0, 1000000);
    CHECK(a.fired == 5 && a.last == 550 && b.fired == 1 && b.t.impl == NULL);
    h->ops->arm(h, &a.t, 50);
    sim_crash(w->s, 0, 560);                        /* before it fires */
    sim_run(w->s, 0, 1000000);
    CHECK_EQ(a.fired, 5);
    h->ops->disarm(h, &a.t);
    CHECK(a.t.impl == NULL);
    world_free(w);
}

struct sum {
    struct work w;
    struct world *world;
    unsigned *turn;
    unsigned order, result;
    int ran;
};

static void sum_run(struct work *w)
{
    struct sum *s = (struct sum *)w;
    for (unsigned i = 0; i < 200000; i++) {
        s->result += i;
        __asm__ volatile("" : "+r"(s->result));
    }
    s->ran++;
}

static void sum_done(struct work *w)
{
    struct sum *s = (struct sum *)w;
    s->order = (*s->turn)++;
    CHECK(s->ran == 1 && w->ended == sim_now(s->world->s) && w->ended >= w->started);
}

/* Runs 12 works on `workers` and returns the virtual time that all took. */
static uint64_t work_all(unsigned workers, double factor, struct sum *sums)
{
    struct world *w = world_new((struct sim_options){
        .seed = SEED, .latency_ns = 10, .workers = workers, .work_factor = factor }, 2);
    struct host *h = w->role[0]->h;
    unsigned turn = 0;
    CHECK_EQ(h->workers, workers);
    for (unsigned i = 0; i < 12; i++) {
        sums[i] = (struct sum){ .w = { .run = sum_run, .done = sum_done },
                                .world = w, .turn = &turn };
        h->ops->work(h, &sums[i].w);
        CHECK_EQ(sums[i].order, 0);
    }
    world_run(w);
    uint64_t end = sim_now(w->s);
    CHECK_EQ(turn, 12);
    world_free(w);
    return end;
}

static void work_takes_virtual_time(void)
{
    struct sum sums[12];
    CHECK_EQ(work_all(3, 0, sums), 10);             /* free of time */
    for (unsigned i = 0; i < 12; i++)
        CHECK(sums[i].order == i && sums[i].w.started == 0 && sums[i].w.ended == 0);

    uint64_t end = work_all(3, 1000, sums);
    unsigned used = 0;
    for (unsigned i = 0; i < 12; i++) {
        unsigned overlap = 0;
        used |= 1u << sums[i].w.worker;
        CHECK(sums[i].w.ended > sums[i].w.started && sums[i].w.ended <= end);
        for (unsigned k = 0; k < 12; k++) {
            overlap += sums[k].w.started <= sums[i].w.started &&
                       sums[k].w.ended > sums[i].w.started;
            CHECK(k == i || sums[k].w.worker != sums[i].w.worker ||
                  sums[k].w.ended <= sums[i].w.started || sums[i].w.ended <= sums[k].w.started);
        }
        CHECK(overlap >= 1 && overlap <= 3);
    }
    CHECK_EQ(used, 7);
}

/* Two nodes with three workers each on two cores: never more than two works at a time, both nodes
 * take part, and node 1, slower by a thousand, has nearly all of the time. */
static void cores_are_shared(void)
{
    struct world *w = world_new((struct sim_options){
        .seed = SEED, .latency_ns = 10, .workers = 3, .cores = 2, .work_factor = 1,
        .slower = { 0, 1000 } }, 2);
    struct sum sums[12];
    unsigned turn = 0, begun = 0;
    uint64_t spent[2] = { 0 };
    for (unsigned i = 0; i < 12; i++) {
        struct host *h = w->role[i / 6]->h;
        sums[i] = (struct sum){ .w = { .run = sum_run, .done = sum_done },
                                .world = w, .turn = &turn };
        h->ops->work(h, &sums[i].w);
    }
    world_run(w);
    CHECK_EQ(turn, 12);
    for (unsigned i = 0; i < 12; i++) {
        unsigned overlap = 0;
        spent[i / 6] += sums[i].w.ended - sums[i].w.started;
        for (unsigned k = 0; k < 12; k++)
            overlap += sums[k].w.started <= sums[i].w.started &&
                       sums[k].w.ended > sums[i].w.started;
        CHECK(overlap >= 1 && overlap <= 2);
        begun += i >= 6 && sums[i].w.started < sums[5].w.ended;
    }
    CHECK(begun >= 1);
    CHECK(spent[1] > 50 * spent[0]);
    world_free(w);
}

struct reading {
    struct file_read f;
    unsigned done;
};

static void read_done(struct file_read *f)
{
    CHECK(f->impl == NULL);
    ((struct reading *)f)->done++;
}

static void files_are_read(void)
{
    struct world *w = world_new((struct sim_options){ .seed = SEED }, 1);
    struct host *h = w->role[0]->h;
    char path[] = "test_sim_file_XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, "twelve bytes", 12) == 12);
    close(fd);
    struct reading r[] = {
        { .f = { .path = path, .limit = 12, .done = read_done } },
        { .f = { .path = path, .limit = 11, .done = read_done } },
        { .f = { .path = "test_sim_no_such_file", .limit = 99, .done = read_done } },
        { .f = { .path = "/", .limit = 1 << 20, .done = read_done } },
    };
    for (size_t i = 0; i < 4; i++)
        h->ops->read(h, &r[i].f);
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(r[i].done, 0);
    world_run(w);
    unlink(path);
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(r[i].done, 1);
    CHECK(r[0].f.err.code == 0 && r[0].f.n == 12 && memcmp(r[0].f.data, "twelve bytes", 13) == 0);
    for (size_t i = 1; i < 4; i++) {
        CHECK(r[i].f.err.code == ERR_INPUT && r[i].f.data == NULL);
        CHECK(strstr(r[i].f.err.text, r[i].f.path) != NULL);
    }
    free(r[0].f.data);
    h->ops->read(h, &r[2].f);                       /* under way when the world ends */
    world_free(w);
    CHECK_EQ(r[2].done, 1);
}

/* Everything is under way when the world ends: nothing may leak (LeakSanitizer looks). */
static void freed_in_flight(void)
{
    struct world *w = world_new((struct sim_options){ .seed = SEED, .latency_ns = 1000,
        .jitter_ns = 100, .bits_per_second = 8000000000 }, 3);
    struct ticker t = { .t.fire = tick, .h = w->role[0]->h };
    world_run(w);
    for (unsigned i = 0; i < 50; i++)
        say(w->role[i % 3], (i + 1) % 3, i, 0, 500);
    t.h->ops->arm(t.h, &t.t, 5000);
    sim_crash(w->s, 2, 1000000);
    sim_run(w->s, 4000, 0);
    CHECK(w->seen > 0 && w->seen < 50);
    struct role *late = role_add(w, 3, "party 3");
    sim_free(w->s);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(arena_used(w->role[i]->arena), 0);
    CHECK_EQ(late->ups, 0);
    w->s = NULL;
    world_free(w);
}

/* The k-th allocation fails, for every k: links may end, nothing may leak or be used twice. */
static void memory_runs_out(void)
{
    unsigned hurt = 0;
    for (long k = 1; k < 200; k++) {
        struct world *w = world_new((struct sim_options){ .seed = SEED, .latency_ns = 100,
            .jitter_ns = 10, .bits_per_second = 8000000000 }, 3);
        struct ticker t = { .t.fire = tick, .h = w->role[0]->h, .times = 3 };
        world_run(w);
        uint8_t *data[20];
        for (unsigned i = 0; i < 20; i++)
            data[i] = arena_take(w->role[0]->arena, 64);
        mem_fail_at(k);
        t.h->ops->arm(t.h, &t.t, 10);
        for (unsigned i = 0; i < 20; i++)
            t.h->ops->send(t.h, 1 + i % 2,
                           (struct message){ .stream = i, .n = 64, .data = data[i] });
        sim_run(w->s, 0, 1000);
        int left = t.fired < 3 || w->role[1]->n + w->role[2]->n < 20;
        mem_fail_at(0);
        hurt += left != 0;
        CHECK(!left || t.fired < 3 || w->role[0]->downs > 0);
        world_free(w);
    }
    CHECK(hurt > 60 && hurt < 190);         /* the later ones never come to their failure */
}

static void bad_options(void)
{
    struct err e;
    CHECK(sim_new(&(struct sim_options){ .latency_ns = UINT64_MAX }, &e) == NULL);
    CHECK_EQ(e.code, ERR_USAGE);
    CHECK(sim_new(&(struct sim_options){ .work_factor = -1 }, &e) == NULL);
    CHECK(sim_new(&(struct sim_options){ .workers = 1000000 }, &e) == NULL);
    sim_free(NULL);
}

static void stops_when_told(void)
{
    struct world *w = world_new((struct sim_options){ .seed = SEED, .latency_ns = 10 }, 3);
    CHECK_EQ(sim_run(w->s, 5, 0), 0);
    CHECK_EQ(sim_now(w->s), 5);
    CHECK_EQ(sim_run(w->s, 0, 0), 6);               /* two ends of three links */
    CHECK_EQ(sim_now(w->s), 10);
    CHECK_EQ(sim_run(w->s, 0, 0), 0);
    for (uint32_t i = 0; i < 3; i++)
        say(w->role[0], 1, 0, i, 9);
    w->role[1]->stop_in_message = 1;
    for (unsigned i = 1; i <= 3; i++) {
        world_run(w);
        CHECK_EQ(w->role[1]->n, i);
    }
    world_free(w);
}

int main(void)
{
    printf("# seed %d\n", SEED);
    CASE(dropped_with_a_reason);
    CASE(last_words_arrive);
    CASE(dropped_inside_a_callback);
    CASE(room_refused);
    CASE(reserved_types_are_refused);
    CASE(crash_is_seen);
    CASE(stall_is_silent);
    CASE(back_pressure);
    CASE(timers);
    CASE(work_takes_virtual_time);
    CASE(cores_are_shared);
    CASE(files_are_read);
    CASE(freed_in_flight);
    CASE(memory_runs_out);
    CASE(bad_options);
    CASE(stops_when_told);
    return check_done();
}
