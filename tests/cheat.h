/*
 * cheat.h: one party of a program in the simulator cheats: it changes, swaps or keeps back one
 * message. The cheat is better than a real one: it does not give itself away by its own claims, as
 * it enters into the check what its peers claim (from their engines' memory); it says "all is well"
 * whatever it saw, and evidence that its own rounds find does not stop it. So what stops a run is
 * what the honest found, among themselves.
 */
#ifndef OB_TESTS_CHEAT_H
#define OB_TESTS_CHEAT_H

#include "tests/check.h"
#include "tests/trial.h"

#include "proto/compose.h"
#include "proto/engine_st.h"

enum { NOBODY_CHEATS = 99, CHEAT_MESSAGES = 40000, CHEAT_KINDS = 8000, CHEAT_OLD = 4000,
       CHEAT_STEPS = 8 };

/* One message of an honest run. */
struct sight {
    uint32_t gate, step;
    uint8_t from, to;
    size_t n;
    uint64_t now;
};

/* Messages that are alike: the same round of the same kind of gate, between the same roles, by the
 * same party. */
struct cheat_kind {
    uint8_t gate, round, level, from_role, to_role, from;   /* level: first, middle, last */
    uint32_t count, first, middle, last;                    /* sights */
};

enum cheat_how {
    CHEAT_ADD_ONE, CHEAT_ADD_TOP, CHEAT_FLIP, CHEAT_REPLAY, CHEAT_SWAP, CHEAT_SHORTEN, CHEAT_LIE,
    CHEAT_WITHHOLD, CHEAT_WAYS
};

static const char *const cheat_names[CHEAT_WAYS] = {
    "adds 1", "adds 2^63", "flips a bit", "sends an old message again", "swaps two messages",
    "leaves out the end", "tells everybody the same lie", "sends nothing"
};

/* The program and what every run of it has in common. */
struct cheat_play {
    const struct protocol *proto;
    struct program *program;
    uint32_t label;
    unsigned inputs;
    struct { uint32_t value; uint64_t *clear; const struct geometry *g; } input[TRIAL_INPUTS];
    struct sight *sight;                    /* of the honest run, in order */
    uint32_t sights;
    struct cheat_kind *kind;
    uint32_t kinds;
    uint64_t latency;
};

struct cheat_old {
    size_t n;
    unsigned to;
    uint8_t *data;
};

/* One run with a cheat. */
struct cheat_run {
    struct cheat_play *play;
    struct trial trial;
    enum cheat_how how;
    uint32_t target, partner;               /* sights */
    unsigned cheat;                         /* the party */
    uint64_t random;
    int record, injecting;
    int met, changed;                       /* the target came; its bytes were changed */
    uint8_t *held;                          /* SWAP: the first of the two */
    struct message held_head;
    int in_check;                           /* the cheat has come to the check; message head: */
    struct message head;
    unsigned check_step;                    /* the next that the cheat runs there */
    uint8_t *check_in[CHEAT_STEPS][LINK_PARTIES];   /* what the check has brought it, by party */
    struct cheat_old old[CHEAT_OLD];
    unsigned olds;
};

/* ---- ops that forgive, and ops that claim nothing either ---- */

struct cheat_ops {
    const struct protocol *original;
    struct protocol proto;
    struct program program;                 /* the play's, under `proto` */
    struct gate_ops ops[GATE_KINDS];
    struct round rounds[GATE_KINDS][16];
};

/* Runs the round that a wrapped one stands for. */
static inline void cheat_run_original(struct step *s)
{
    const struct cheat_ops *w = (const struct cheat_ops *)(const void *)
        ((const char *)s->program - offsetof(struct cheat_ops, program));
    unsigned level;
    gate_round(gate_ops(w->original, s->gate), s->gate, s->number, &level)->run(s);
}

static inline void cheat_forgives(struct step *s)
{
    cheat_run_original(s);
    s->err.code = 0;
}

static inline void cheat_sees_nothing(struct step *s)
{
    cheat_forgives(s);
    memset(&s->claims, 0, sizeof s->claims);
}

/* The program with rounds of some kinds of gates (as bits) wrapped. */
static inline void cheat_wrap(struct cheat_ops *w, const struct program *p, unsigned kinds,
                              void (*run)(struct step *s))
{
    w->original = p->proto;
    w->proto = *p->proto;
    for (unsigned k = 0; k < GATE_KINDS; k++) {
        const struct gate_ops *ops = p->proto->gate[k];
        if (ops == NULL || (kinds >> k & 1) == 0)
            continue;
        if (ops->nround > 16)
            abort();
        w->ops[k] = *ops;
        for (unsigned i = 0; i < ops->nround; i++) {
            w->rounds[k][i] = ops->rounds[i];
            w->rounds[k][i].run = run;
        }
        w->ops[k].rounds = w->rounds[k];
        w->proto.gate[k] = &w->ops[k];
    }
    w->program = *p;
    w->program.proto = &w->proto;
}

/* ---- the program: every kind of gate that the protocol has ---- */

static inline uint32_t cheat_input(struct cheat_play *y, size_t n, int64_t scale,
                                   const struct geometry *g)
{
    struct program *p = y->program;
    uint64_t seed = 5 + y->inputs, *x = calloc(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = scale == 0 ? 1 : (uint64_t)((int64_t)(check_random(&seed) % (2 * (uint64_t)scale)) -
                                           scale);
    uint32_t v = g != NULL ? program_external_weight(p, g) : program_external(p, VALUE_SHARE, n);
    y->input[y->inputs].value = v;
    y->input[y->inputs].clear = x;
    y->input[y->inputs++].g = g;
    return g != NULL ? v : gate_auth(p, v);
}

/* Elements [first, first + n) of x. */
static inline uint32_t cheat_part(struct program *p, uint32_t x, uint32_t first, uint32_t n,
                                  uint32_t all)
{
    struct map *m = map_new(p, n, all, n);
    for (uint32_t i = 0; i < n; i++)
        map_term(m, i, first + i, 1);
    return gate_affine(p, x, NO_VALUE, m);
}

/* Where sharings have no turns, every gate may have one of its own. */
static inline void cheat_next_turn(struct program *p)
{
    if ((p->proto->flags & PROTOCOL_TURNED) == 0)
        p->turn = (uint8_t)((p->turn + 1) % p->proto->parties);
}

/* A small network in the program's turn: convolution, ReLU, truncation, products and bits. Gives
 * eight elements. */
static inline uint32_t cheat_network(struct cheat_play *y)
{
    static const struct geometry conv = { .h = 4, .w = 3, .c = 1, .kh = 2, .kw = 2, .sh = 1,
                                          .sw = 1, .oh = 2, .ow = 2, .oc = 2 };
    struct program *p = y->program;
    unsigned outs = 4;
    uint32_t x = cheat_input(y, geometry_in(&conv), 1 << 10, NULL);
    uint32_t w = cheat_input(y, geometry_depth(&conv) * conv.oc, 1 << 8, &conv);
    uint32_t b = cheat_input(y, conv.oc, 1 << 16, NULL), out[5];
    uint32_t a = program_value(p, VALUE_SHARE, 8);
    for (unsigned i = 0; i < 2; i++) {      /* in two slices */
        gate_relu_into(p, gate_linear(p, &conv, x, w, b, 2 * i, 2), 8, 20, a, 4 * i);
        cheat_next_turn(p);
    }
    out[0] = gate_trunc(p, gate_mul(p, a, a), 14);
    cheat_next_turn(p);
    out[1] = gate_reshare(p, gate_mul(p, a, cheat_input(y, 8, 1 << 4, NULL)));
    cheat_next_turn(p);
    out[2] = gate_relu(p, out[1], 0, 40);
    cheat_next_turn(p);
    uint32_t s = gate_sign(p, out[1], 40);
    cheat_next_turn(p);
    out[3] = gate_b2a(p, gate_and(p, s, s));
    cheat_next_turn(p);
    if (p->proto->gate[GATE_INJECT] != NULL) {
        out[outs] = program_value(p, VALUE_SHARE, 8);
        gate_inject_into(p, a, s, out[outs++], 0);
    }
    uint32_t sum = out[0];
    for (unsigned i = 1; i < outs; i++) {
        struct map *m = map_new(p, 8, 16, 16);
        for (uint32_t j = 0; j < 8; j++) {
            map_term(m, j, j, 1);
            map_term(m, j, 8 + j, 1);
        }
        sum = gate_affine(p, sum, out[i], m);
    }
    return sum;
}

static inline void cheat_compose(struct cheat_play *y)
{
    struct program *p = y->program = program_new(y->proto);
    unsigned turns = protocol_turns(y->proto);
    uint32_t all = NO_VALUE;
    if (y->proto->gate[GATE_TURN] != NULL)
        all = program_value(p, VALUE_SHARE, 8 * turns);
    for (unsigned t = turns; t-- > 0;) {
        p->turn = (uint8_t)t;
        uint32_t z = cheat_network(y);
        program_stage(p);
        p->turn = y->proto->flags & PROTOCOL_TURNED ? 0 : p->turn;
        if (all == NO_VALUE)
            all = z;
        else if (t > 0)
            gate_turn_into(p, z, all, 8 * t);
        else        /* to another turn and back: conversions of turn 0 as well */
            for (unsigned k = 1; k < 2; k++) {
                p->turn = 1;
                uint32_t other = program_value(p, VALUE_SHARE, 8);
                gate_turn_into(p, z, other, 0);
                p->turn = 0;
                gate_turn_into(p, other, all, 0);
            }
    }
    uint32_t n = y->proto->gate[GATE_TURN] != NULL ? 8 * turns : 8;
    uint32_t r = gate_relu(p, cheat_part(p, all, 0, 3, n), 0, 40);
    program_settle(p);
    cheat_next_turn(p);
    uint32_t scores = compose_shares(p, r, 1, 3, 44, 20);
    y->label = compose_argmax(p, scores, 24);
    program_keep(p, y->label);
    if (n > 8)
        program_keep(p, all);
    program_close(p);
    CHECK_EQ(program_check(p, NULL), 0);
}

/* ---- runs ---- */

static inline uint32_t cheat_sight(const struct cheat_play *y, unsigned from, unsigned to,
                                   const struct message *m)
{
    for (uint32_t i = 0; i < y->sights; i++) {
        const struct sight *s = &y->sight[i];
        if (s->gate == m->stream && s->step == m->seq && s->from == from && s->to == to)
            return i;
    }
    return UINT32_MAX;
}

static inline int cheat_is_check(const struct cheat_play *y, uint32_t gate)
{
    return y->program->gate[gate].kind == GATE_CHECK;
}

static inline int cheat_inject(struct cheat_run *r, unsigned to, struct message m,
                               const uint8_t *data)
{
    struct trial_party *p = &r->trial.party[r->cheat];
    m.data = arena_take(p->arena, m.n);
    memcpy(m.data, data, m.n);
    r->injecting = 1;
    int code = p->host->ops->send(p->host, to, m);
    r->injecting = 0;
    return code;
}

/* What the cheat claims: what its peers claim towards it. */
static inline struct claims cheat_claims(const struct cheat_run *r)
{
    struct claims c = { .count = { 0 } };
    for (unsigned p = 0; p < r->play->proto->parties; p++)
        if (p != r->cheat)
            memcpy(c.tag[p], r->trial.party[p].engine->claims.tag[r->cheat], CLAIM_TAG);
    return c;
}

/* One step of the check at the cheat, from what came; what it leaves goes out. */
static inline void cheat_check_step(struct cheat_run *r)
{
    const struct protocol *proto = r->play->proto;
    const struct gate *g = &r->play->program->gate[r->head.stream];
    static uint8_t scratch[4096], out[LINK_PARTIES][4096], z[4096];
    struct claims claims = cheat_claims(r);
    struct keys keys = r->trial.party[r->cheat].keys;
    struct step s = { .program = r->play->program, .gate = g, .id = r->head.stream,
                      .self = r->cheat, .role = gate_role(proto, g, r->cheat), .keys = &keys,
                      .number = r->check_step, .scratch = scratch, .claimed = &claims,
                      .z = (uint64_t *)(void *)z, .z_stride = 1 };
    const struct round *round = gate_round(gate_ops(proto, g), g, r->check_step, &s.level);
    if (round == NULL)
        return;
    for (unsigned p = 0; p < proto->parties; p++) {
        unsigned role = gate_role(proto, g, p);
        keys.pair[p].ledger = NULL;
        if (p == r->cheat)
            continue;
        s.in[role] = r->check_step > 0 ? r->check_in[r->check_step - 1][p] : NULL;
        s.out[role] = gate_bytes(proto, g, r->check_step, r->cheat, p) > 0 ? out[p] : NULL;
    }
    round->run(&s);         /* whatever it finds */
    struct message m = r->head;
    m.seq = r->check_step++;
    for (unsigned p = 0; p < proto->parties; p++)
        if (s.out[gate_role(proto, g, p)] != NULL) {
            m.n = gate_bytes(proto, g, m.seq, r->cheat, p);
            cheat_inject(r, p, m, out[p]);
        }
}

/* Have all others sent the cheat what they leave in that step of the check? */
static inline int cheat_check_came(const struct cheat_run *r, unsigned step)
{
    int all = step < CHEAT_STEPS;
    for (unsigned p = 0; p < r->play->proto->parties && all; p++)
        all = p == r->cheat || r->check_in[step][p] != NULL;
    return all;
}

/* Messages of the check while the cheat plays it: its engine's own are swallowed. It begins when
 * all others have come to it and so claim no more, and goes on as they do. */
static inline int cheat_in_check(struct cheat_run *r, unsigned from, unsigned to,
                                 struct message *m)
{
    if (from == r->cheat) {
        r->in_check = 1;
        r->head = *m;
    } else if (to == r->cheat && m->seq < CHEAT_STEPS && r->check_in[m->seq][from] == NULL) {
        r->check_in[m->seq][from] = malloc(m->n);
        memcpy(r->check_in[m->seq][from], m->data, m->n);
    }
    while (r->in_check && cheat_check_came(r, r->check_step == 0 ? 0 : r->check_step - 1) &&
           r->check_step < gate_steps(gate_ops(r->play->proto,
                                               &r->play->program->gate[r->head.stream]),
                                      &r->play->program->gate[r->head.stream]))
        cheat_check_step(r);
    return from == r->cheat;
}

static inline void cheat_remember(struct cheat_run *r, unsigned to, const struct message *m)
{
    if (r->olds == CHEAT_OLD)
        return;
    struct cheat_old *o = &r->old[r->olds++];
    *o = (struct cheat_old){ m->n, to, malloc(m->n) };
    memcpy(o->data, m->data, m->n);
}

/* The latest message of the length with other contents, rather one to the same receiver. */
static inline void cheat_replay(struct cheat_run *r, unsigned to, struct message *m)
{
    const struct cheat_old *best = NULL;
    for (unsigned i = 0; i < r->olds; i++) {
        const struct cheat_old *o = &r->old[i];
        if (o->n == m->n && memcmp(o->data, m->data, m->n) != 0 &&
            (best == NULL || o->to == to || best->to != to))
            best = o;
    }
    if (best != NULL)
        memcpy(m->data, best->data, m->n);
    r->changed |= best != NULL;
}

/* Adds a number to one of the whole words; to a byte where there is none. */
static inline void cheat_add(struct cheat_run *r, struct message *m, uint64_t what)
{
    uint64_t w;
    r->changed = 1;
    if (m->n < 8) {
        m->data[0] = (uint8_t)(m->data[0] + (what == 1 ? 1 : 128));
        return;
    }
    size_t at = check_random(&r->random) % (m->n / 8) * 8;
    memcpy(&w, m->data + at, 8);
    w += what;
    memcpy(m->data + at, &w, 8);
}

static inline void cheat_shorten(struct cheat_run *r, struct message *m)
{
    size_t n = m->n > 8 ? m->n - 8 : m->n / 2;
    uint8_t *data = n == 0 ? NULL : arena_take(r->trial.party[r->cheat].arena, n);
    if (data == NULL)
        return;
    memcpy(data, m->data, n);
    arena_give(m->data);
    m->data = data;
    m->n = n;
    r->changed = 1;
}

/* The first of two is held back; when the second comes they go out with each other's contents. */
static inline int cheat_swap(struct cheat_run *r, unsigned to, struct message *m)
{
    if (r->held == NULL) {
        r->held = malloc(m->n);
        memcpy(r->held, m->data, m->n);
        r->held_head = *m;
        return 1;
    }
    const struct sight *first = &r->play->sight[r->target];
    (void)to;
    r->changed = memcmp(r->held, m->data, m->n) != 0;
    cheat_inject(r, first->to, r->held_head, m->data);
    memcpy(m->data, r->held, m->n);
    return 0;
}

static inline int cheat_change(struct cheat_run *r, unsigned to, struct message *m)
{
    r->met = 1;
    switch (r->how) {
    case CHEAT_ADD_ONE:
        cheat_add(r, m, 1);
        return 0;
    case CHEAT_ADD_TOP:
        cheat_add(r, m, UINT64_C(1) << 63);
        return 0;
    case CHEAT_FLIP:
        m->data[check_random(&r->random) % m->n] ^= (uint8_t)(1u << check_random(&r->random) % 8);
        r->changed = 1;
        return 0;
    case CHEAT_REPLAY:
        cheat_replay(r, to, m);
        return 0;
    case CHEAT_SWAP:
        return cheat_swap(r, to, m);
    case CHEAT_SHORTEN:
        cheat_shorten(r, m);
        return 0;
    case CHEAT_LIE:
        m->data[m->n / 2] ^= 0x41;
        r->changed = 1;
        return 0;
    default:
        r->changed = 1;
        return 1;
    }
}

static inline int cheat_tamper(void *ctx, unsigned from, unsigned to, struct message *m,
                               uint64_t now)
{
    struct cheat_run *r = ctx;
    struct cheat_play *y = r->play;
    if (r->record) {
        if (y->sights < CHEAT_MESSAGES)
            y->sight[y->sights++] = (struct sight){ m->stream, m->seq, (uint8_t)from, (uint8_t)to,
                                                    m->n, now };
        return 0;
    }
    if (r->injecting)
        return 0;
    const struct sight *t = &y->sight[r->target], *u = &y->sight[r->partner];
    if (cheat_is_check(y, m->stream) && !cheat_is_check(y, t->gate))
        return cheat_in_check(r, from, to, m);
    if (from != r->cheat)
        return 0;
    int is_target = t->gate == m->stream && t->step == m->seq && (t->to == to ||
                    r->how == CHEAT_LIE);
    int is_partner = r->how == CHEAT_SWAP && u->gate == m->stream && u->step == m->seq &&
                     u->to == to;
    if (is_target || is_partner)
        return cheat_change(r, to, m);
    if (r->how == CHEAT_REPLAY && !r->met)
        cheat_remember(r, to, m);
    return 0;
}

/* ---- one run ---- */

static inline void cheat_run(struct cheat_run *r)
{
    struct cheat_play *y = r->play;
    struct trial *t = &r->trial;
    t->program = y->program;
    t->options = (struct sim_options){ .seed = 11, .latency_ns = y->latency, .ctx = r,
                                       .tamper = cheat_tamper };
    for (unsigned i = 0; i < y->inputs; i++)
        trial_input(t, y->input[i].value, y->input[i].clear, y->input[i].g);
    trial_run(t);
}

static inline void cheat_run_end(struct cheat_run *r)
{
    trial_free(&r->trial);
    for (unsigned i = 0; i < r->olds; i++)
        free(r->old[i].data);
    for (unsigned i = 0; i < CHEAT_STEPS; i++)
        for (unsigned p = 0; p < LINK_PARTIES; p++)
            free(r->check_in[i][p]);
    free(r->held);
}

static inline int cheat_party_fine(const struct cheat_run *r, unsigned p)
{
    return r->trial.party[p].done && r->trial.party[p].err.code == 0;
}

/* How many of the honest parties ended without an error. */
static inline unsigned cheat_honest_fine(const struct cheat_run *r)
{
    unsigned fine = 0;
    for (unsigned p = 0; p < r->play->proto->parties; p++)
        fine += p != r->cheat && cheat_party_fine(r, p);
    return fine;
}

/* ---- the list of kinds ---- */

static inline struct cheat_kind cheat_kind_of(const struct cheat_play *y, const struct sight *s)
{
    const struct gate *g = &y->program->gate[s->gate];
    const struct gate_ops *ops = gate_ops(y->proto, g);
    unsigned level;
    const struct round *round = gate_round(ops, g, s->step, &level);
    unsigned times = round->times == NULL ? 1 : round->times(g);
    return (struct cheat_kind){ .gate = g->kind, .round = (uint8_t)(round - ops->rounds),
                                .level = level == 0 ? 0 : level + 1 < times ? 1 : 2,
                                .from_role = (uint8_t)gate_role(y->proto, g, s->from),
                                .to_role = (uint8_t)gate_role(y->proto, g, s->to),
                                .from = s->from };
}

static inline int cheat_same_kind(const struct cheat_kind *a, const struct cheat_kind *b)
{
    return a->gate == b->gate && a->round == b->round && a->level == b->level &&
           a->from_role == b->from_role && a->to_role == b->to_role && a->from == b->from;
}

static inline void cheat_list(struct cheat_play *y)
{
    for (uint32_t i = 0; i < y->sights; i++) {
        struct cheat_kind k = cheat_kind_of(y, &y->sight[i]);
        uint32_t at = 0;
        while (at < y->kinds && !cheat_same_kind(&y->kind[at], &k))
            at++;
        if (at == CHEAT_KINDS)
            abort();
        if (at == y->kinds) {
            k.first = i;
            y->kind[y->kinds++] = k;
        }
        y->kind[at].count++;
        y->kind[at].last = i;
    }
    for (uint32_t at = 0; at < y->kinds; at++) {
        uint32_t seen = 0;
        for (uint32_t i = 0; i < y->sights; i++) {
            struct cheat_kind k = cheat_kind_of(y, &y->sight[i]);
            if (cheat_same_kind(&y->kind[at], &k) && seen++ == y->kind[at].count / 2)
                y->kind[at].middle = i;
        }
    }
}

/* A message that the same party sends before an answer to the first can come, of its length:
 * sights[target] comes first of the two. Gives UINT32_MAX if there is none. */
static inline uint32_t cheat_partner(const struct cheat_play *y, uint32_t target)
{
    const struct sight *t = &y->sight[target];
    for (uint32_t i = target + 1; i < y->sights; i++) {
        const struct sight *s = &y->sight[i];
        if (s->now >= t->now + y->latency)
            break;
        if (s->from == t->from && s->n == t->n)
            return i;
    }
    return UINT32_MAX;
}

/* ---- beginning and end ---- */

/* The program has every gate that the protocol has. */
static inline void cheat_covers(const struct cheat_play *y)
{
    for (unsigned kind = 0; kind < GATE_KINDS; kind++) {
        int found = y->proto->gate[kind] == NULL;
        for (uint32_t i = 0; i < y->program->ngate; i++)
            found |= y->program->gate[i].kind == kind;
        CHECK(found);
        if (!found)
            fprintf(stderr, "%s: no gate %s in the program: add it to cheat_network in"
                    " tests/cheat.h\n", y->proto->name, y->proto->gate[kind]->name);
    }
}

/* Runs the program honestly and lists the kinds of its messages. */
static inline void cheat_open(struct cheat_play *y, const struct protocol *proto)
{
    *y = (struct cheat_play){ .proto = proto, .latency = 1000000,
                              .sight = calloc(CHEAT_MESSAGES, sizeof(struct sight)),
                              .kind = calloc(CHEAT_KINDS, sizeof(struct cheat_kind)) };
    cheat_compose(y);
    cheat_covers(y);
    struct cheat_run *r = calloc(1, sizeof *r);
    *r = (struct cheat_run){ .play = y, .record = 1, .cheat = NOBODY_CHEATS };
    cheat_run(r);
    uint64_t out[8] = { 0 };
    CHECK_EQ(r->trial.err.code, 0);
    if (r->trial.err.code != 0)
        fprintf(stderr, "%s: %s\n", proto->name, r->trial.err.text);
    else
        CHECK_EQ(trial_output(&r->trial, y->label, out), 0);
    CHECK(y->sights > 0 && y->sights < CHEAT_MESSAGES);
    cheat_run_end(r);
    free(r);
    cheat_list(y);
}

static inline void cheat_close(struct cheat_play *y)
{
    for (unsigned i = 0; i < y->inputs; i++)
        free(y->input[i].clear);
    program_free(y->program);
    free(y->sight);
    free(y->kind);
}

#endif
