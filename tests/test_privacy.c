/*
 * test_privacy.c: what one corrupted party sees does not depend on the secrets, in any gate of any
 * protocol.
 *
 * The eye's own randomness (its keys, its shares of the inputs) is fixed once; only what it does
 * not hold varies from run to run (a model that is one party's own, where the other looks). Over
 * many runs with input a and as many with input b, every received word, and every pair of received
 * words, must be distributed alike: two-sample chi-square tests on nibbles, single and joint, with
 * a threshold far out in the tail for the number of tests made. Scenes are those of scenes.h, whole
 * programs with the proofs and the check that end them.
 *
 * In malicious settings the eye also lies: it changes one of its messages, claims what its peers
 * claim, and goes on. What it then receives, and whether, where and at whom the run ends, must be
 * alike as well: no check fails more often for one input than for another.
 *
 * Correlated randomness that parties make themselves comes from a trusted dealer here (dealer.h):
 * what they send for it has nothing to do with the clip, and rests on assumptions about ring-LWE
 * and transfers that counting cannot test.
 *
 * Controls: a mask that is taken off again, and a key that the eye gets although it should lack it.
 */
#include "tests/check.h"
#include "tests/chain.h"
#include "tests/dealer.h"
#include "tests/scenes.h"
#include "tests/trial.h"

#include <inttypes.h>
#include <math.h>
#include <time.h>

enum { RUNS = 2000, CLAIM_RUNS = 400, PROVE_RUNS = 300, LIE_RUNS = 150, CONTROL_RUNS = 500,
       WORDS = 400, PAIRED = 40, NIBBLES = 4 };

static uint64_t state = 777;
static const struct protocol *proto;
static struct chain chain;

/* ---- one observed run ---- */

struct view {
    unsigned words;
    uint64_t word[WORDS];
};

/* A message that the eye changes on its way. */
struct change {
    int on;
    uint32_t gate;
    unsigned step, to;
    unsigned word;                      /* which one; UINT32_MAX: all */
    uint64_t add;
};

/* Control: a mask that is taken off the word at `byte` of a message between two roles again. It is
 * F(key, use), with the key that the sender has with role `with`, or (THREE) that `with` lacks, or
 * (TABLE) its own: one mask of 16 entries; or (DEAL) word `block` of the deal that the gate uses.
 */
struct unmasking {
    const char *protocol, *what;
    enum gate_kind kind;
    unsigned step, from, to, with;
    enum { PAIR, THREE, TABLE, DEAL } of;
    enum { WAS_SUBTRACTED, WAS_ADDED, WAS_XORED } how;
    uint32_t use, byte, block;
};

struct experiment {
    struct scene scene;
    unsigned observer;
    uint64_t seen;                      /* seeds what the observer knows */
    int key_more;                       /* control: it knows a key which it should lack */
    const struct unmasking *unmasking;
    struct change change;
    int lies;
    unsigned words;                     /* of a view at least: one that ends early is filled up */
};

/* Input a or b, by the part that it has. */
static uint64_t clear_word(enum scene_part part, int which)
{
    static const uint64_t secret[2] = { 5 << 14, (uint64_t)-7 << 14 };
    return part == SCENE_ONE ? 1 : part == SCENE_BITS ? -(uint64_t)which : secret[which];
}

static void word_change(struct chain_message *m, size_t word, uint64_t add, int xor)
{
    size_t at = word * 8, n = m->n - at < 8 ? m->n - at : 8;
    uint64_t w = 0;
    memcpy(&w, m->data + at, n);
    w = xor ? w ^ add : w + add;
    memcpy(m->data + at, &w, n);
}

static uint64_t mask_of(const struct unmasking *u, const struct chain *c,
                        const struct chain_message *m)
{
    const struct gate *g = &c->program->gate[m->gate];
    unsigned with = gate_party(proto, g, u->with);
    const struct keys *k = &c->keys[m->from];
    uint64_t mask;
    if (u->of == DEAL)
        return c->value[m->from][g->in[3]][u->block];
    struct prf again = u->of == TABLE ? k->own : u->of == THREE ? k->without[with] : k->pair[with];
    again.ledger = NULL;                /* drawn a second time, on purpose */
    prf_fill(&again, m->gate, u->use, u->block, &mask, sizeof mask);
    return mask;
}

static void unmask(const struct unmasking *u, const struct chain *c, struct chain_message *m)
{
    const struct gate *g = &c->program->gate[m->gate];
    if (g->kind != u->kind || m->step != u->step || gate_role(proto, g, m->from) != u->from ||
        gate_role(proto, g, m->to) != u->to)
        return;
    uint64_t mask = mask_of(u, c, m);
    for (size_t i = 0; i < (u->of == TABLE ? 16 : 1); i++)
        word_change(m, u->byte / 8 + i * 4, u->how == WAS_ADDED ? -mask : mask,
                    u->how == WAS_XORED);
}

/* Before the check, the eye who lies claims what its peers do. */
static void on_gate(struct chain *c, uint32_t gate)
{
    const struct experiment *x = c->ctx;
    for (unsigned p = 0; p < proto->parties; p++)
        if (x->lies && c->program->gate[gate].kind == GATE_CHECK)
            memcpy(c->claims[x->observer].tag[p], c->claims[p].tag[x->observer], CLAIM_TAG);
}

static void on_sent(struct chain *c, struct chain_message *m)
{
    const struct experiment *x = c->ctx;
    const struct change *k = &x->change;
    if (x->unmasking != NULL)
        unmask(x->unmasking, c, m);
    if (k->on && k->gate == m->gate && k->step == m->step && m->from == x->observer &&
        k->to == m->to)
        for (size_t word = 0; word * 8 < m->n; word++)
            if (k->word == UINT32_MAX || k->word == word)
                word_change(m, word, k->add, 0);
}

static void inputs_bind(const struct experiment *x, struct chain *c, struct eye *e, int which)
{
    for (unsigned i = 0; i < x->scene.inputs; i++) {
        const struct scene_input *in = &x->scene.input[i];
        uint64_t clear[2048], *at[LINK_PARTIES];
        enum owner of = held_owner(x->scene.program, in->value);
        int known = sharing_is_known(proto, of, x->observer);
        for (int k = 0; k < 2048; k++)
            clear[k] = clear_word(in->part, known ? 0 : which);
        CHECK(x->scene.program->value[in->value].n <= 2048);
        scene_bind(&x->scene, in, e, clear, at);
        for (unsigned p = 0; p < proto->parties; p++)
            c->value[p][in->value] = at[p];
    }
}

static void inputs_free(const struct experiment *x, struct chain *c)
{
    for (unsigned i = 0; i < x->scene.inputs; i++)
        for (unsigned p = 0; p < proto->parties; p++) {
            free(c->value[p][x->scene.input[i].value]);
            c->value[p][x->scene.input[i].value] = NULL;
        }
}

static void view_take(const struct experiment *x, const struct chain *c, struct view *v)
{
    v->words = 0;
    for (unsigned i = 0; i < c->messages; i++) {
        const struct chain_message *m = &c->message[i];
        for (size_t at = 0; m->to == x->observer && at < m->n && v->words < WORDS - 1; at += 8) {
            uint64_t w = 0;
            memcpy(&w, m->data + at, m->n - at < 8 ? m->n - at : 8);
            v->word[v->words++] = w;
        }
    }
    if (x->lies)        /* who gave up, and how far they were by then */
        v->word[v->words++] = c->stopped | (uint64_t)c->messages << 14;
    while (v->words < x->words)
        v->word[v->words++] = 0;
}

static void key_change(struct prf *k, const uint8_t key[static PRF_KEY])
{
    prf_fini(k);
    prf_init(k, key);
}

/* A key of two other parties, with four parties the key of the other three, and what another one
 * draws for itself or was dealt, are always the same: as good as known. */
static void keys_give(const struct experiment *x, struct keys *keys)
{
    static const uint8_t pair[PRF_KEY] = { 1 }, three[PRF_KEY] = { 2 };
    unsigned n = proto->parties, a = (x->observer + 1) % n, b = (x->observer + 2) % n;
    key_change(&keys[a].pair[b], pair);
    key_change(&keys[b].pair[a], pair);
    key_change(&keys[a].own, pair);
    dealer.rest = 4711;
    for (unsigned p = 0; p < n && n == 4; p++)
        if (p != x->observer)
            key_change(&keys[p].without[x->observer], three);
}

/* Leaves the messages in `chain` until chain_clear. */
static void run_once(struct experiment *x, int which)
{
    static struct keys keys[LINK_PARTIES];
    struct eye e = { x->observer, x->seen, state };
    sharing_keys(proto, &e, keys);
    dealer = (struct dealer){ &chain, x->observer, ~x->seen, check_random(&e.rest) };
    if (x->key_more)
        keys_give(x, keys);
    chain.program = x->scene.program;
    chain.keys = keys;
    chain.ctx = x;
    chain.before = on_gate;
    chain.sent = on_sent;
    chain.brazen = x->unmasking != NULL ? UINT32_MAX : x->lies ? 1u << x->observer : 0;
    inputs_bind(x, &chain, &e, which);
    chain_run(&chain);
    inputs_free(x, &chain);
    sharing_keys_end(proto, keys);
    state = e.rest;
}

/* ---- the test ---- */

/* Two-sample chi-square of counts a, b over cells, as the point of the normal distribution that is
 * as far out (Wilson and Hilferty): one limit is then good for few cells and for many. */
static double distance(const uint16_t *a, const uint16_t *b, unsigned cells)
{
    double x = 0;
    int used = 0;
    for (unsigned c = 0; c < cells; c++) {
        double sum = (double)a[c] + b[c], diff = (double)a[c] - b[c];
        if (sum > 0) {
            x += diff * diff / sum;
            used++;
        }
    }
    double spread = 2.0 / (9 * (used > 1 ? used - 1 : 1));
    return used < 2 ? 0 : (cbrt(x / (used - 1)) - (1 - spread)) / sqrt(spread);
}

/* Nibbles that are looked at: the lowest, the top one, and two that truncation by 14 bits brings
 * to the same place. */
static unsigned nibble(uint64_t w, int which)
{
    static const unsigned at[NIBBLES] = { 0, 14, 30, 60 };
    return (unsigned)(w >> at[which]) & 15;
}

static uint8_t cut[2][RUNS][WORDS][NIBBLES];

static void cut_views(const struct view *v, unsigned runs, int which)
{
    for (unsigned r = 0; r < runs; r++)
        for (unsigned i = 0; i < v[r].words; i++)
            for (int k = 0; k < NIBBLES; k++)
                cut[which][r][i][k] = (uint8_t)nibble(v[r].word[i], k);
}

static double pair_distance(unsigned i, int ki, unsigned j, int kj, unsigned runs)
{
    uint16_t h[2][256] = { { 0 } };
    for (int which = 0; which < 2; which++)
        for (unsigned r = 0; r < runs; r++)
            h[which][cut[which][r][i][ki] * 16 + cut[which][r][j][kj]]++;
    return distance(h[0], h[1], 256);
}

/* All words alone; all pairs of words if they are few, else as many at random. */
static double worst_distance(unsigned words, unsigned runs, double enough)
{
    double worst = 0;
    for (unsigned i = 0; i < words; i++)
        for (int k = 0; k < NIBBLES; k++)
            worst = fmax(worst, pair_distance(i, k, i, k, runs));
    unsigned few = words <= PAIRED, most = few ? words * words : PAIRED * PAIRED;
    for (unsigned n = 0; n < most && worst < enough; n++) {
        unsigned i = few ? n / words : (unsigned)(check_random(&state) % words);
        unsigned j = few ? n % words : (unsigned)(check_random(&state) % words);
        for (int k = 0; k < NIBBLES * NIBBLES && i <= j; k++)
            if (i != j || k / NIBBLES < k % NIBBLES)
                worst = fmax(worst, pair_distance(i, k / NIBBLES, j, k % NIBBLES, runs));
    }
    return worst;
}

/* At most RUNS runs of each. */
static double experiment(struct experiment *x, unsigned runs, double enough)
{
    static struct view v[2][RUNS];
    unsigned words = 0;
    for (int which = 0; which < 2; which++) {
        for (unsigned r = 0; r < runs; r++) {
            run_once(x, which);
            view_take(x, &chain, &v[which][r]);
            CHECK(x->lies || chain.stopped == 0);
            chain_clear(&chain);
            words = v[which][r].words;
            CHECK_EQ(words, v[0][0].words);
        }
        cut_views(v[which], runs, which);
    }
    return worst_distance(words, runs, enough);
}

static const double limit = 7;      /* passed by chance once in 10^12 tests; some 10^7 are made */

/* Of a control: what is plain to see needs few runs. */
static double control(struct experiment *x)
{
    double d = experiment(x, CONTROL_RUNS / 4, limit);
    return d > limit ? d : experiment(x, CONTROL_RUNS, limit);
}

/* ---- scenes ---- */

static int scene_is_silent(const struct scene_kind *k)
{
    return k->kind == GATE_AFFINE || k->kind == GATE_BITMAP || k->kind == GATE_SUMPOOL ||
           !scene_plays(proto, k);
}

/* Is the gate that of semi2k, on shares made as there? Then its views are no others. */
static int scene_is_semi2ks(const struct scene_kind *k)
{
    return proto != &protocol_semi2k && proto->gate[k->kind] != NULL &&
           proto->gate[k->kind] == protocol_semi2k.gate[k->kind] && check_times(1, 0);
}

static int scene_is_seen(const struct scene_kind *k)
{
    return !scene_is_silent(k) && !scene_is_semi2ks(k);
}

/* Fewer runs where they take time. */
static unsigned view_runs(void)
{
    return proto->gate[GATE_PROVE] != NULL ? PROVE_RUNS
           : proto->flags & PROTOCOL_MALICIOUS ? CLAIM_RUNS : check_times(RUNS / 2, RUNS);
}

/* TURN reads from every other turn; the others have nothing to read from. */
static unsigned scene_froms(const struct scene_kind *k)
{
    return k->kind == GATE_TURN ? proto->parties : 2;
}

static struct experiment experiment_open(const struct scene_kind *k, unsigned from,
                                         unsigned observer)
{
    struct experiment x = { .observer = observer, .seen = check_random(&state) };
    scene_open(&x.scene, proto, k, 1, 0, from);
    return x;
}

static void views_are_alike(void)
{
    unsigned runs = view_runs();
    clock_t start = clock();
    double all = 0;
    for (int i = 0; i < SCENES; i++)
        for (unsigned from = 1; scene_is_seen(&scenes[i]) && from < scene_froms(&scenes[i]);
             from++) {
            double worst = 0;
            for (unsigned observer = 0; observer < proto->parties; observer++) {
                struct experiment x = experiment_open(&scenes[i], from, observer);
                worst = fmax(worst, experiment(&x, runs, HUGE_VAL));
                program_free(x.scene.program);
            }
            all = fmax(all, worst);
            CHECK(worst < limit);
            if (worst >= limit)
                fprintf(stderr, "%s of %s: distance %.1f\n", scenes[i].name, proto->name, worst);
        }
    printf("# largest distance %.1f (limit %.0f); %.1f s\n", all, limit,
           (double)(clock() - start) / CLOCKS_PER_SEC);
}

/* ---- lies ---- */

/* The messages of the eye that a lie may change; where there are proofs, which take time, some. */
static unsigned own_messages(struct experiment *x, struct change *list, unsigned room)
{
    unsigned n = 0;
    struct view v;
    run_once(x, 0);
    view_take(x, &chain, &v);
    x->words = v.words;
    for (unsigned i = 0; i < chain.messages; i++) {
        const struct chain_message *m = &chain.message[i];
        enum gate_kind kind = (enum gate_kind)chain.program->gate[m->gate].kind;
        if (m->from != x->observer || kind == GATE_CHECK || kind == GATE_BARRIER || n == room ||
            (proto->gate[GATE_PROVE] != NULL &&
             check_random(&state) % (kind == GATE_PROVE ? 16 : 2) != 0))
            continue;
        list[n++] = (struct change){ .on = 1, .gate = m->gate, .step = m->step, .to = m->to,
                                     .word = (uint32_t)((m->n + 7) / 8) };
    }
    chain_clear(&chain);
    return n;
}

static double lie(struct experiment *x, const struct change *c, unsigned word, uint64_t add)
{
    x->change = *c;
    x->change.word = word;
    x->change.add = add;
    double d = experiment(x, LIE_RUNS, HUGE_VAL);
    CHECK(d < limit);
    if (d >= limit)
        fprintf(stderr, "%s: party %u lies in %s, gate %u step %u to party %u, word %u + %" PRIx64
                ": distance %.1f\n", proto->name, x->observer,
                gate_ops(proto, &x->scene.program->gate[c->gate])->name, c->gate, c->step, c->to,
                word, add, d);
    return d;
}

static void lies_tell_nothing(void)
{
    static const uint64_t add[2] = { UINT64_C(1) << 63, (3 << 14) + 1 };
    clock_t start = clock();
    struct change list[200];
    unsigned lies = 0;
    double worst = 0;
    for (int i = 0; i < SCENES; i++)
        for (unsigned from = 1; !scene_is_silent(&scenes[i]) && from < scene_froms(&scenes[i]);
             from++)
            for (unsigned observer = 0; observer < proto->parties; observer++) {
                struct experiment x = experiment_open(&scenes[i], from, observer);
                x.lies = 1;
                unsigned n = own_messages(&x, list, 200);
                for (unsigned k = 0; k < n; k++, lies++) {
                    unsigned word = (unsigned)(check_random(&state) % list[k].word);
                    unsigned luck = (unsigned)(check_random(&state) % 4);
                    worst = fmax(worst, lie(&x, &list[k], luck < 2 ? word : UINT32_MAX,
                                            add[luck % 2]));
                }
                program_free(x.scene.program);
            }
    printf("# %u lies, largest distance %.1f (limit %.0f); %.1f s\n", lies, worst, limit,
           (double)(clock() - start) / CLOCKS_PER_SEC);
    CHECK(lies > 20);
}

/* ---- controls ---- */

static const struct unmasking unmaskings[] = {
    { "replicated-ring", "the dealt part", GATE_TRUNC, 0, 0, 2, 1, PAIR, WAS_SUBTRACTED, 2, 0, 0 },
    { "replicated-ring", "the dealt part", GATE_RELU, 0, 0, 2, 1, PAIR, WAS_SUBTRACTED, 2, 0, 0 },
    { "replicated-ring", "the zero sharing", GATE_RESHARE, 0, 0, 2, 1, PAIR, WAS_SUBTRACTED, 1, 0,
      0 },
    { "sy-rep-ring", "the zero sharing", GATE_RESHARE, 0, 0, 2, 1, PAIR, WAS_SUBTRACTED, 1, 0, 0 },
    { "sy-rep-ring", "the zero sharing", GATE_AND, 0, 0, 2, 1, PAIR, WAS_XORED, 12, 0, 0 },
    { "sy-rep-ring", "the dealt part", GATE_TRUNC, 1, 0, 2, 1, PAIR, WAS_SUBTRACTED, 2, 0, 0 },
    { "sy-rep-ring", "a carry", GATE_TRUNC, 1, 0, 2, 1, PAIR, WAS_XORED, 0x100, 144, 16 },
    { "sy-rep-ring", "a carry", GATE_RELU, 1, 0, 2, 1, PAIR, WAS_XORED, 0x100, 144, 16 },
    { "sy-rep-ring", "a carry", GATE_SIGN, 0, 0, 2, 1, PAIR, WAS_XORED, 0x100, 136, 17 },
    { "sy-rep-ring", "the coin", GATE_B2A, 0, 0, 2, 1, PAIR, WAS_SUBTRACTED, 3, 0, 0 },
    { "sy-rep-ring-mac", "a carry", GATE_TRUNC, 1, 0, 2, 1, PAIR, WAS_XORED, 0x100, 144, 16 },
    { "sy-rep-ring-mac", "the zero sharing", GATE_RESHARE, 0, 0, 2, 1, PAIR, WAS_SUBTRACTED, 0x210,
      0, 0 },
    { "sy-rep-ring-mac", "the product", GATE_INJECT, 0, 0, 2, 1, PAIR, WAS_SUBTRACTED, 0x220, 0,
      0 },
    { "rep4-ring", "a piece", GATE_RESHARE, 0, 0, 2, 2, THREE, WAS_SUBTRACTED, 0x10, 0, 0 },
    { "rep4-ring", "a summand", GATE_TRUNC, 0, 0, 3, 3, THREE, WAS_SUBTRACTED, 0x20, 0, 0 },
    { "rep4-ring", "a piece", GATE_AND, 0, 0, 2, 2, THREE, WAS_XORED, 0x100, 0, 0 },
    { "trio", "the new mask", GATE_RESHARE, 0, 0, 2, 1, PAIR, WAS_SUBTRACTED, 2, 0, 0 },
    { "trio", "the dealt part", GATE_TRUNC, 0, 0, 2, 1, PAIR, WAS_SUBTRACTED, 5, 0, 0 },
    { "quad", "the dealt part", GATE_TRUNC, 0, 0, 2, 2, THREE, WAS_SUBTRACTED, 5, 0, 0 },
    { "quad", "the reported word", GATE_RESHARE, 1, 2, 3, 3, THREE, WAS_ADDED, 2, 0, 0 },
    { "semi2k", "A", GATE_MASK, 0, 0, 1, 0, DEAL, WAS_SUBTRACTED, 0, 0, 0 },
    { "semi2k", "a triple", GATE_AND, 0, 0, 1, 0, DEAL, WAS_XORED, 0, 0, 0 },
    { "semi2k", "a table", GATE_SIGN, 1, 0, 1, 0, TABLE, WAS_XORED, SEMI2K_TABLE, 224 * 8, 4 },
    { "semi2k-silent", "A", GATE_MASK, 0, 0, 1, 0, DEAL, WAS_SUBTRACTED, 0, 0, 0 },
    { "semi2k-silent", "a triple", GATE_AND, 0, 0, 1, 0, DEAL, WAS_XORED, 0, 0, 0 },
    { "semi2k-owner", "A", GATE_MASK, 0, 0, 1, 0, DEAL, WAS_SUBTRACTED, 0, 0, 0 },
    { "semi2k-owner", "a triple", GATE_AND, 0, 0, 1, 0, DEAL, WAS_XORED, 0, 0, 0 },
};

static const struct scene_kind *scene_of(enum gate_kind kind)
{
    for (int i = 0; i < SCENES; i++)
        if (scenes[i].kind == (kind == GATE_MASK ? GATE_LINEAR : kind))
            return &scenes[i];
    return NULL;
}

/* What the mask has hidden may be the same for both inputs with some shares of the eye: a product
 * by a bit that happens to be 0. So it may look a few times. */
static double unmasked(const struct unmasking *u)
{
    double d = 0;
    for (int look = 0; look < 12 && d < limit; look++) {
        struct experiment x = experiment_open(scene_of(u->kind), 1, u->to);     /* turn 0 */
        x.unmasking = u;
        d = control(&x);
        program_free(x.scene.program);
    }
    return d;
}

static void missing_masks_are_seen(void)
{
    unsigned found = 0;
    for (size_t i = 0; i < sizeof unmaskings / sizeof *unmaskings; i++) {
        if (strcmp(unmaskings[i].protocol, proto->name) != 0)
            continue;
        double d = unmasked(&unmaskings[i]);
        printf("# %s without the mask of %s: %.1f\n", scene_of(unmaskings[i].kind)->name,
               unmaskings[i].what, d);
        CHECK(d > limit);
        found++;
    }
    CHECK(found >= 2);
    if (found < 2)
        fprintf(stderr, "%s has %u controls: name masks of it in unmaskings[]\n", proto->name,
                found);
}

/* Every gate that sends depends on keys which the eye lacks: with them fixed, it sees. */
static void known_keys_are_seen(void)
{
    unsigned seen = 0, tried = 0;
    for (int i = 0; i < SCENES; i++) {
        double worst = 0;
        if (!scene_is_seen(&scenes[i]))
            continue;
        for (unsigned observer = 0; observer < proto->parties && worst < limit; observer++) {
            struct experiment x = experiment_open(&scenes[i], 1, observer);
            x.key_more = 1;
            worst = fmax(worst, control(&x));
            program_free(x.scene.program);
        }
        tried++;
        seen += worst >= limit;
        CHECK(worst >= limit);
        if (worst < limit)
            fprintf(stderr, "%s of %s: with a key more, distance %.1f\n", scenes[i].name,
                    proto->name, worst);
    }
    printf("# with a key that the eye should lack: %u of %u scenes tell\n", seen, tried);
}

/* ---- control: a check that tells which pairs differ ---- */

static void pair_send(struct step *s)
{
    for (unsigned r = 0; r < proto->parties; r++)
        if (s->out[r] != NULL)
            memcpy(s->out[r], s->claimed->tag[gate_party(proto, s->gate, r)], CLAIM_TAG);
}

static void pair_compare(struct step *s)
{
    for (unsigned r = 0; r < proto->parties; r++)
        if (s->in[r] != NULL && memcmp(s->in[r], s->claimed->tag[gate_party(proto, s->gate, r)],
                                       CLAIM_TAG) != 0)
            s->err.code = ERR_ABORT;
}

static size_t pair_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)g;
    (void)level;
    return from == to ? 0 : CLAIM_TAG;
}

static const struct round pair_rounds[] = {
    { .name = "tags", .run = pair_send, .bytes = pair_bytes },
    { .name = "compare", .run = pair_compare },
};
static const struct gate_ops pair_check = { .name = "check", .rounds = pair_rounds, .nround = 2 };

/* Where pairs compare tags, who gives up after a lie depends on inputs in rep4-ring: on whether a
 * difference in a summand moves a carry of the truncation. */
static void pairwise_check_is_seen(void)
{
    struct change list[200];
    double worst = 0;
    proto = protocol_find("rep4-ring");
    if (proto == NULL) {
        CHECK(proto != NULL);
        return;
    }
    chain.replaced[GATE_CHECK] = &pair_check;
    for (unsigned observer = 0; observer < proto->parties && worst < limit; observer++) {
        struct experiment x = experiment_open(scene_of(GATE_RELU), 1, observer);
        x.lies = 1;
        unsigned n = own_messages(&x, list, 200);
        for (unsigned k = 0; k < n && worst < limit; k++) {
            x.change = list[k];
            x.change.word = UINT32_MAX;
            x.change.add = (3 << 14) + 1;
            worst = fmax(worst, experiment(&x, LIE_RUNS, limit));
        }
        program_free(x.scene.program);
    }
    chain.replaced[GATE_CHECK] = NULL;
    printf("# lies in rep4-ring under a check pair by pair: %.1f\n", worst);
    CHECK(worst > limit);
}

/* ---- every byte that leaves was written by the gate ---- */

/* The same program on the same inputs in memory that was full of zeros, and of ones. */
static unsigned differing_messages(struct experiment *x)
{
    static struct chain_message kept[CHAIN_MESSAGES];
    unsigned differ = 0, n = 0;
    for (int i = 0; i < 2; i++) {
        state = 4711;
        chain.fill = i == 0 ? 0 : 0xff;
        run_once(x, 1);
        CHECK_EQ(chain.stopped, 0);
        CHECK(i == 0 || n == chain.messages);
        for (unsigned k = 0; k < chain.messages; k++) {
            if (i == 0) {
                kept[k] = chain.message[k];
                chain.message[k].data = NULL;
                continue;
            }
            differ += k < n && memcmp(kept[k].data, chain.message[k].data, kept[k].n) != 0;
        }
        n = i == 0 ? chain.messages : n;
        chain_clear(&chain);
    }
    for (unsigned k = 0; k < n; k++)
        free(kept[k].data);
    chain.fill = 0;
    return differ;
}

static void no_old_memory_leaves(void)
{
    static const uint32_t sizes[] = { 1, 2, 3, 5, 63, 65, 130, 513 };
    for (int i = 0; i < SCENES; i++)
        for (int k = 0; k < 8 && scene_plays(proto, &scenes[i]) && !scene_is_semi2ks(&scenes[i]);
             k++) {
            struct experiment x = { .observer = NOBODY };
            scene_open(&x.scene, proto, &scenes[i], sizes[k], k % proto->parties,
                       (k + 1) % proto->parties);
            unsigned differ = differing_messages(&x);
            CHECK_EQ(differ, 0);
            if (differ > 0)
                fprintf(stderr, "%s of %s, %u elements: %u messages hold old memory\n",
                        scenes[i].name, proto->name, sizes[k], differ);
            program_free(x.scene.program);
        }
}

/* ---- whole runs: lengths and order ---- */

struct trace {
    uint64_t hash;
    unsigned messages;
};

static void see(void *ctx, unsigned from, unsigned to, const struct message *m, uint64_t now)
{
    struct trace *t = ctx;
    const uint64_t field[] = { from, to, m->type, m->stream, m->seq, m->n, m->depth, now };
    for (unsigned i = 0; i < 8; i++)
        t->hash = (t->hash ^ field[i]) * 0x100000001b3u;
    t->messages++;
}

static struct trace transcript(int64_t value)
{
    struct trace trace = { 1, 0 };
    struct program *p = program_new(proto);
    uint32_t x = program_external(p, VALUE_SHARE, 200);
    uint32_t a = gate_auth(p, x), y = gate_relu(p, gate_mul(p, a, a), 14, 30);
    program_keep(p, gate_reshare(p, gate_mul(p, gate_relu(p, a, 0, 40), y)));
    program_close(p);
    struct trial t = { .program = p, .options = { .seed = 3, .latency_ns = 1000, .jitter_ns = 500,
                       .bits_per_second = 1000000, .ctx = &trace, .see = see } };
    uint64_t in[200];
    for (int i = 0; i < 200; i++)
        in[i] = (uint64_t)(value * i);
    trial_input(&t, x, in, NULL);
    CHECK_EQ(trial_run(&t), 0);
    trial_free(&t);
    program_free(p);
    return trace;
}

static void lengths_and_order_are_public(void)
{
    struct trace a = transcript(0), b = transcript(-731), c = transcript(4000);
    CHECK(a.messages > 20);
    CHECK(a.hash == b.hash && b.hash == c.hash);
}

/* The power of the tests: two distributions whose total variation is d give a chi-square that is
 * larger by 2 runs d^2 at least, and are told apart when that passes the limit. */
static double least_seen(unsigned runs, unsigned cells)
{
    double spread = 2.0 / (9 * (cells - 1)), root = limit * sqrt(spread) + 1 - spread;
    return sqrt((root * root * root - 1) * (cells - 1) / (2 * runs));
}

static void tell_power(void)
{
    const unsigned runs[4] = { check_times(RUNS / 2, RUNS), CLAIM_RUNS, PROVE_RUNS, LIE_RUNS };
    for (int i = 0; i < 4; i++)
        printf("# %u runs see a nibble's distribution change by %.2f, that of a pair by %.2f\n",
               runs[i], least_seen(runs[i], 16), least_seen(runs[i], 256));
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    tell_power();
    CASE(scenes_cover);
    CASE(pairwise_check_is_seen);
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++) {
        printf("# %s\n", proto->name);
        if (proto != &protocol_semi2k_silent) {     /* semi2k's gates, but for what a dealer replaces */
            dealer_replaces(&chain, proto->deal_plan != NULL);
            CASE(views_are_alike);
            CASE(missing_masks_are_seen);
            CASE(known_keys_are_seen);
            dealer_replaces(&chain, 0);
        }
        CASE(no_old_memory_leaves);
        CASE(lengths_and_order_are_public);
        if (proto->flags & PROTOCOL_MALICIOUS)
            CASE(lies_tell_nothing);
    }
    return check_done();
}
