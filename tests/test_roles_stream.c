/*
 * test_roles_stream.c: clips in chunks, whose frames come one by one, under every protocol: labels,
 * memory, sources that stop or fail, owners and parties that send other chunks than they should.
 */
#include "roles_world.h"

static const struct protocol *proto;

enum { FRAMES = 11, EACH = 3, SELECTED = 4 };

/* Of 11 frames in chunks of three: two in the first, none in the second, one in each of the others,
 * the last of which is short. */
static const uint32_t picked[SELECTED] = { 0, 2, 7, 10 };

/* An Alice whose frames come so far apart (0: as soon as they are wanted). */
struct source {
    struct w_client *c;
    struct timer timer;
    uint64_t apart;
    uint32_t next;
    uint32_t silent, broken;        /* from this frame on nothing comes, or an error; 0: neither */
};

static void give(struct source *s)
{
    struct err why;
    err_set(&why, ERR_INPUT, "film.mp4: the film is torn");
    if (s->broken > 0 && s->next == s->broken)
        alice_frame(s->c->alice, NULL, &why);
    else
        alice_frame(s->c->alice, s->c->video + W_PIXELS * s->next++, NULL);
}

static void fire(struct timer *t)
{
    give((struct source *)(void *)((char *)t - offsetof(struct source, timer)));
}

static void want(void *ctx)
{
    struct w_client *c = ctx;
    struct source *s = c->source;
    if (s->silent > 0 && s->next == s->silent)
        return;
    if (s->apart == 0)
        give(s);
    else
        c->host->ops->arm(c->host, &s->timer, s->apart);
}

static struct alice_conf stream_conf(uint32_t frames)
{
    struct alice_conf conf = w_alice_conf();
    conf.frames = frames;
    conf.want = want;
    return conf;
}

/* Alice with a source; it is hers until the world is freed. */
static struct w_client *alice_of(struct world *w, struct source *s, struct alice_conf conf)
{
    struct w_client *c = w_alice_with(w, conf);
    s->c = c;
    s->timer.fire = fire;
    c->source = s;
    return c;
}

static struct w_client *stream_alice(struct world *w, struct source *s, uint32_t frames)
{
    return alice_of(w, s, stream_conf(frames));
}

/* The selection of these rows, whose matrix is allocated. */
static uint64_t *chunked(struct bob_conf *conf, uint32_t frames, uint32_t each,
                         const uint32_t *rows, uint32_t n)
{
    uint32_t copy[2 * W_MOST];
    struct selection s = { .frames = frames, .rows = n, .frame = copy };
    struct err e;
    memcpy(copy, rows, n * sizeof *rows);
    CHECK_EQ(selection_chunks(&conf->selection[0].chunks, &s, each, &e), 0);
    uint64_t *matrix = calloc((size_t)n * each, sizeof *matrix);
    selection_matrix(matrix, &s, &conf->selection[0].chunks);
    conf->selection[0].frames = frames;
    conf->selection[0].selected = n;
    conf->selection[0].rows = matrix;
    return matrix;
}

static void provide(struct world *w, uint32_t frames, uint32_t each, const uint32_t *rows,
                    uint32_t n)
{
    struct bob_conf conf = w_bob_conf(w);
    uint64_t *matrix = chunked(&conf, frames, each, rows, n);
    struct w_client *c = w_bob_with(w, &conf);
    sim_run(w->sim, sim_now(w->sim) + 10 * W_S, W_S);
    CHECK(c->done == 1 && c->err.code == 0);
    w_leave(c);
    free(matrix);
}

static struct world *world(const struct sim_options *o)
{
    struct world *w = w_new_of(proto, o, NULL);
    provide(w, FRAMES, EACH, picked, SELECTED);
    return w;
}

static void settle(struct world *w, unsigned seconds)
{
    for (unsigned i = 0; i < 4; i++)
        sim_run(w->sim, sim_now(w->sim) + seconds * W_S / 4, 60 * W_S);
}

static const struct sim_options lan = { .seed = 41, .latency_ns = 2 * W_MS };

/* ---- honest ---- */

static void counters_are_planned(const struct world *w, const struct w_client *c)
{
    for (unsigned i = 0; i < proto->parties; i++) {
        const struct job_report *r = &w->party[i].report[0];
        uint64_t sent = 0;
        for (unsigned k = 0; k < proto->parties; k++)
            sent += r->stats.sent[k];
        CHECK(w->party[i].ok == 1 && sent == r->planned_bytes);
        CHECK_EQ(r->input_bytes, 3 * client_bytes(proto, OWNER_CLIP, EACH * W_PIXELS, 1, i));
        CHECK_EQ(r->planned_rounds, c->result.planned_rounds);
    }
}

/* As a whole from memory, frames at once, frames slower than the network and faster. */
static void right_label(void)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct sim_options o = { .seed = seed, .latency_ns = W_MS, .jitter_ns = seed % 2 * W_MS,
                                 .workers = 1 + seed % 3, .reorder = seed % 2 };
        static const uint64_t apart[] = { 0, 100000, 40 * W_MS };
        struct source s = { .apart = apart[seed % 3] };
        struct world *w = world(&o);
        struct alice_conf whole = stream_conf(FRAMES);
        whole.want = NULL;
        struct w_client *c = seed % 4 == 0 ? w_alice_with(w, whole)
                                           : stream_alice(w, &s, FRAMES);
        settle(w, 60);
        w_judge_frames(c, picked, SELECTED);
        counters_are_planned(w, c);
        CHECK(w_idle(w));
        w_free(w);
    }
}

static void roomy(unsigned i, struct party_conf *c)
{
    (void)i;
    c->job_memory = 256 << 20;
}

/* Three times as many chunks need the memory of the same few, though the engine is slower than
 * Alice. Scores are divided when all frames are through, which takes some memory for each (most of
 * all for the deals of two parties), but less than a chunk of 147 KB. */
static void memory_is_constant(void)
{
    enum { SHORT = 40, LONG = 3 * SHORT, CHUNK = 512, SCORES = 120000 };
    uint64_t peak[2];
    uint32_t rows[LONG];
    for (unsigned i = 0; i < LONG; i++)
        rows[i] = CHUNK * i + i % 7;
    for (unsigned k = 0; k < 2; k++) {
        uint32_t n = k == 0 ? SHORT : LONG;
        struct sim_options o = { .seed = 42, .latency_ns = 2 * W_MS, .bits_per_second = 20000000 };
        struct source s = { .apart = 0 };
        struct world *w = w_new_of(proto, &o, roomy);
        provide(w, CHUNK * n, CHUNK, rows, n);
        struct w_client *c = stream_alice(w, &s, CHUNK * n);
        settle(w, 400);
        CHECK(c->done == 1 && c->err.code == 0);
        peak[k] = w->party[0].report[0].memory_peak;
        w_free(w);
    }
    printf("# %s: %u chunks %.2f MB, %u chunks %.2f MB\n", proto->name, SHORT,
           (double)peak[0] / 1e6, LONG, (double)peak[1] / 1e6);
    CHECK(peak[1] < peak[0] + (LONG - SHORT) * SCORES);
}

/* After the last frame it takes no longer than a clip of one frame, though the first ones took long
 * to come. */
static void latency_after_the_last_frame(void)
{
    static const uint32_t one = 0;
    struct sim_options o = { .seed = 43, .latency_ns = 20 * W_MS };
    struct source s = { .apart = W_S / 2 }, alone = { .apart = 0 };
    struct world *w = world(&o);
    struct w_client *c = stream_alice(w, &s, FRAMES);
    settle(w, 120);
    w_judge_frames(c, picked, SELECTED);
    double many = c->result.seconds_total;
    w_free(w);
    w = w_new_of(proto, &o, NULL);
    provide(w, 1, 1, &one, 1);
    c = stream_alice(w, &alone, 1);
    settle(w, 60);
    w_judge_frames(c, &one, 1);
    printf("# %s: after the last frame %.3f s, one frame alone %.3f s\n", proto->name, many,
           c->result.seconds_total);
    CHECK(many < 1.1 * c->result.seconds_total + 0.05);
    w_free(w);
}

/* ---- what goes wrong ---- */

/* All parties have ended the one job, for this reason. */
static void ended(const struct world *w, const struct w_client *c, int code, const char *text)
{
    CHECK(c->done == 1 && c->err.code == code && strstr(c->err.text, text) != NULL);
    if (c->err.code != code || strstr(c->err.text, text) == NULL)
        fprintf(stderr, "%s: expected %d \"%s\", got %d \"%s\"\n", proto->name, code, text,
                c->err.code, c->err.text);
    CHECK(c->result.class_name[0] == '\0');
    for (unsigned i = 0; i < proto->parties; i++)
        CHECK(w->party[i].reports == 1 && w->party[i].ok == 0);
    CHECK(w_idle(w));
}

static void a_source_fails(void)
{
    for (uint32_t at = 1; at < FRAMES; at += 3) {
        struct source s = { .broken = at, .apart = at % 2 * W_MS };
        struct world *w = w_new_of(proto, &lan, NULL);
        provide(w, FRAMES, EACH, picked, SELECTED);
        struct w_client *c = stream_alice(w, &s, FRAMES);
        settle(w, 20);
        CHECK(c->done == 1 && c->err.code == ERR_INPUT && strstr(c->err.text, "torn") != NULL);
        CHECK(w_idle(w));
        for (unsigned i = 0; i < proto->parties; i++)
            CHECK(w->party[i].reports == 1 &&
                  strstr(w->party[i].report[0].text, "torn") != NULL);
        w_free(w);
    }
}

/* Parties give up after their time, and say which chunk they wait for. */
static void a_source_falls_silent(void)
{
    struct source s = { .silent = 7, .apart = W_MS };
    struct world *w = world(&lan);
    struct alice_conf conf = stream_conf(FRAMES);
    conf.timeout = 0;           /* she waits for ever, the parties for twenty timeouts */
    struct w_client *c = alice_of(w, &s, conf);
    settle(w, 200);
    ended(w, c, ERR_PEER, "no progress in 100 s, waiting for: chunk 2 of the clip from alice");
    w_free(w);
}

/* Alice's own patience, if it is shorter. */
static void alice_loses_patience(void)
{
    struct source s = { .silent = 7, .apart = W_MS };
    struct world *w = world(&lan);
    struct alice_conf conf = stream_conf(FRAMES);
    conf.timeout = 2;
    struct w_client *c = alice_of(w, &s, conf);
    settle(w, 40);
    ended(w, c, ERR_INPUT, "frame 7 of the clip did not come");
    w_free(w);
}

static void alice_leaves(void)
{
    for (uint64_t ms = 1; ms < 400; ms += 37) {
        struct source s = { .apart = 30 * W_MS };
        struct world *w = world(&lan);
        struct w_client *c = stream_alice(w, &s, FRAMES);
        sim_run(w->sim, sim_now(w->sim) + ms * W_MS, W_S);
        CHECK_EQ(c->done, 0);
        c->host->ops->disarm(c->host, &s.timer);
        w_leave(c);
        settle(w, 40);
        CHECK(w_idle(w));
        w_free(w);
    }
}

/* ---- what should not be sent ---- */

/* The which-th message of a type from one node to one (or to all) is changed. */
struct change {
    uint8_t type;
    unsigned from, to, which, met;
    enum { FLIP, DROP, RENUMBER } how;
};

static int change_message(void *ctx, unsigned from, unsigned to, struct message *m, uint64_t now)
{
    struct change *c = ctx;
    (void)now;
    if (m->type != c->type || from != c->from || to != c->to || m->n == 0 || c->met++ != c->which)
        return 0;
    if (c->how == RENUMBER && m->type == WIRE_CHUNK)
        m->data[2]++;
    else if (c->how == RENUMBER)
        m->stream++;
    else
        m->data[m->n - 9] ^= 1;
    return c->how == DROP;
}

static void changed(struct change change, int code, const char *text)
{
    struct sim_options o = lan;
    struct source s = { .apart = 10 * W_MS };
    o.ctx = &change;
    o.tamper = change_message;
    struct world *w = world(&o);
    struct w_client *c = stream_alice(w, &s, FRAMES);
    settle(w, 40);
    CHECK(change.met > change.which);
    CHECK(c->done == 1 && c->err.code == code && strstr(c->err.text, text) != NULL);
    if (c->err.code != code || strstr(c->err.text, text) == NULL)
        fprintf(stderr, "%s: expected %d \"%s\", got %d \"%s\"\n", proto->name, code, text,
                c->err.code, c->err.text);
    CHECK(c->result.class_name[0] == '\0');
    w_free(w);
}

/* To one party alone another chunk: the first, and the third, which is compared as the job runs. */
static void other_chunks(void)
{
    for (unsigned party = 0; party < proto->parties; party++)
        for (unsigned which = 0; which < 3; which += 2)
            changed((struct change){ WIRE_INPUT, LINK_CLIENT, party, which, 0, FLIP }, ERR_ABORT,
                    "shares of different clips");
}

/* A mark that is another's, that is not told, that is of another chunk. */
static void other_marks(void)
{
    for (unsigned from = 0; from < proto->parties; from++) {
        unsigned to = (from + 1) % proto->parties;
        changed((struct change){ WIRE_CHUNK, from, to, 1, 0, FLIP }, ERR_ABORT,
                "shares of different clips");
        changed((struct change){ WIRE_CHUNK, from, to, 1, 0, DROP }, ERR_PEER, "no progress");
        changed((struct change){ WIRE_CHUNK, from, to, 1, 0, RENUMBER }, ERR_PEER,
                "CHUNK (4) that is not due");
    }
}

/* A chunk that is there already. */
static void a_chunk_twice(void)
{
    int malicious = (proto->flags & PROTOCOL_MALICIOUS) != 0;   /* then it is another chunk first */
    changed((struct change){ WIRE_INPUT, LINK_CLIENT, 1, 1, 0, RENUMBER },
            malicious ? ERR_ABORT : ERR_PEER, malicious ? "different clips" : "INPUT (chunk 3)");
}

/* ---- an Alice who does not wait for all terms ---- */

struct early {
    struct host *host;
    struct arena *arena;
};

enum { EARLY = 4712 };

static void early_up(void *ctx, unsigned node, const struct node_info *info)
{
    struct early *a = ctx;
    struct wire_ask ask = { .model = "default", .frames = FRAMES, .h = W_SIDE, .w = W_SIDE,
                            .c = 1 };
    size_t n;
    (void)info;
    snprintf(ask.protocol, sizeof ask.protocol, "%s", proto->name);
    uint8_t *data = wire_ask_pack(a->arena, &ask, &n);
    wire_send(a->host, node, WIRE_ASK, EARLY, data, n);
}

/* Two chunks for whoever has given terms. */
static void early_message(void *ctx, unsigned node, struct message m)
{
    struct early *a = ctx;
    size_t n = client_bytes(proto, OWNER_CLIP, EACH * W_PIXELS, 1, node);
    arena_give(m.data);
    for (uint32_t chunk = 0; m.type == WIRE_TERMS && chunk <= 2; chunk += 2) {
        struct message input = { .type = WIRE_INPUT, .job = EARLY, .stream = chunk, .n = n,
                                 .data = arena_take(a->arena, n) };
        memset(input.data, 0, n);
        a->host->ops->send(a->host, node, input);
    }
}

static void early_down(void *ctx, unsigned node, const struct err *why)
{
    (void)ctx;
    (void)node;
    (void)why;
}

static uint8_t *early_room(void *ctx, unsigned node, const struct message *head, struct err *why)
{
    struct early *a = ctx;
    (void)node;
    (void)why;
    return arena_take(a->arena, head->n);
}

static void early_drained(void *ctx, unsigned node)
{
    (void)ctx;
    (void)node;
}

/* Her job waits in party 0's queue, which knows nothing of chunks yet, while the others have some
 * of hers: the jobs that run are none the worse, and the links stay. */
static void alice_is_early(void)
{
    static const struct host_events events = { early_up, early_down, early_room, early_message,
                                               early_drained };
    struct world *w = world(&lan);
    struct source s[3] = { { .apart = 100 * W_MS }, { .apart = 150 * W_MS }, { .apart = W_MS } };
    struct w_client *c[3];
    for (unsigned i = 0; i < 2; i++)
        c[i] = stream_alice(w, &s[i], FRAMES);
    sim_run(w->sim, sim_now(w->sim) + 200 * W_MS, W_S);
    struct w_client *who = w_client(w, "early");
    struct early early = { .host = who->host, .arena = arena_new(0) };
    who->host->events = &events;
    who->host->ctx = &early;
    sim_run(w->sim, sim_now(w->sim) + 200 * W_MS, W_S);
    CHECK(c[0]->done == 0 && c[1]->done == 0);
    settle(w, 40);
    c[2] = stream_alice(w, &s[2], FRAMES);
    settle(w, 200);             /* her own job, which stops half way, has ended as well */
    for (unsigned i = 0; i < 3; i++)
        w_judge_frames(c[i], picked, SELECTED);
    CHECK(w_idle(w));
    w_free(w);
    arena_free(early.arena);
}

int main(void)
{
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++) {
        printf("# %s\n", proto->name);
        CASE(right_label);
        CASE_PLAIN(memory_is_constant);
        CASE_PLAIN(latency_after_the_last_frame);
        CASE(a_source_fails);
        CASE(a_source_falls_silent);
        CASE(alice_loses_patience);
        CASE(alice_leaves);
        CASE(a_chunk_twice);
        CASE(alice_is_early);
        if ((proto->flags & PROTOCOL_MALICIOUS) == 0)
            continue;
        CASE(other_chunks);
        CASE(other_marks);
    }
    return check_done();
}
