/*
 * test_taint.c: no branch and no index depends on a secret, in any gate of any protocol, in claims,
 * or in what clients and parties do with inputs.
 *
 * Under valgrind, shares and keys are marked undefined; what goes on the wire is marked defined
 * (it is masked: that is the statement of test_privacy). Any jump or address that still hangs on
 * undefined bits is an error of memcheck. `test_taint leak` and `test_taint claim` run gates that
 * branch on a share, and on the tag of a claim, and must be caught: tests/test_taint.sh runs all.
 * test_taint_prove.c looks closer at proofs.
 */
#include "tests/check.h"
#include "tests/chain.h"
#include "tests/scenes.h"
#include "tests/taint.h"

#include "proto/client.h"

enum { N = 70 };        /* more than a word of a plane */

static uint64_t state = 99;
static const struct protocol *proto;
static struct keys keys[LINK_PARTIES];

/* ---- gates ---- */

/* What the setup of two parties gives, which is made once and used by all scenes of the protocol:
 * test_taint_ot.c looks at setups. */
static struct {
    const struct protocol *of;
    uint64_t *words[LINK_PARTIES];
    size_t n;
} setup;

static void setup_take(const struct chain *c, const struct gate *g)
{
    setup.of = proto;
    setup.n = c->program->value[g->out].words;
    for (unsigned p = 0; p < proto->parties; p++) {
        free(setup.words[p]);
        setup.words[p] = malloc(setup.n * 8);
        memcpy(setup.words[p], c->value[p][g->out], setup.n * 8);
    }
}

static void setup_give(struct step *s)
{
    CHECK_EQ(s->program->value[s->gate->out].words, setup.n);
    memcpy(s->z, setup.words[s->self], setup.n * 8);
}

static const struct round setup_rounds[] = { { .name = "setup", .run = setup_give } };
static const struct gate_ops setup_made = { .name = "setup", .rounds = setup_rounds, .nround = 1 };

static void on_sent(struct chain *c, struct chain_message *m)
{
    (void)c;
    VALGRIND_MAKE_MEM_DEFINED(m->data, m->n);
}

/* When all is done it may be seen whether the claims agree, and who says so: the check compares
 * what came with words of its own, and tells. (Honest parties' sums are zero.) In proofs, coins and
 * a verdict are public, in setups the points that go to the other party; test_taint_prove.c and
 * test_taint_ot.c know which, and look at them. */
static void on_gate(struct chain *c, uint32_t gate)
{
    static int proving;
    int proves = c->program->gate[gate].kind == GATE_PROVE ||
                 c->program->gate[gate].kind == GATE_SETUP;
    if (proves && !proving)
        VALGRIND_DISABLE_ERROR_REPORTING;
    if (!proves && proving)
        VALGRIND_ENABLE_ERROR_REPORTING;
    proving = proves;
    const struct gate *last = gate > 0 ? &c->program->gate[gate - 1] : NULL;
    if (last != NULL && last->kind == GATE_SETUP && setup.of != proto)
        setup_take(c, last);
    if (c->program->gate[gate].kind != GATE_CHECK)
        return;
    VALGRIND_MAKE_MEM_DEFINED(keys, sizeof keys);
    VALGRIND_MAKE_MEM_DEFINED(c->claims, sizeof c->claims);
}

static void mark_keys(void)
{
    for (unsigned p = 0; p < proto->parties; p++)
        VALGRIND_MAKE_MEM_UNDEFINED(keys[p].own.schedule, sizeof keys[p].own.schedule);
    for (unsigned p = 0; p < proto->parties; p++)
        for (unsigned q = 0; q < proto->parties; q++) {
            struct keys *k = &keys[p];
            VALGRIND_MAKE_MEM_UNDEFINED(k->pair[q].schedule, sizeof k->pair[q].schedule);
            VALGRIND_MAKE_MEM_UNDEFINED(k->without[q].schedule, sizeof k->without[q].schedule);
        }
}

static void run_scene(const struct scene *s, const struct gate_ops *replaced)
{
    static struct chain chain;
    struct eye nobody = { NOBODY, 1, state };
    memset(&chain, 0, sizeof chain);
    chain = (struct chain){ .program = s->program, .keys = keys, .sent = on_sent,
                            .before = on_gate };
    if (replaced != NULL)
        chain.replaced[GATE_MUL] = replaced;
    if (setup.of == proto)
        chain.replaced[GATE_SETUP] = &setup_made;
    sharing_keys(proto, &nobody, keys);
    mark_keys();
    for (unsigned i = 0; i < s->inputs; i++) {
        const struct scene_input *in = &s->input[i];
        static uint64_t clear[1024];
        uint64_t *at[LINK_PARTIES];
        for (int k = 0; k < 1024; k++)
            clear[k] = in->part == SCENE_ONE ? 1 : check_random(&nobody.rest) >> 60;
        scene_bind(s, in, &nobody, clear, at);
        for (unsigned p = 0; p < proto->parties; p++) {
            VALGRIND_MAKE_MEM_UNDEFINED(at[p], s->program->value[in->value].words * 8);
            chain.value[p][in->value] = at[p];
        }
    }
    state = nobody.rest;
    chain_run(&chain);
    CHECK_EQ(chain.stopped, 0);
    for (unsigned i = 0; i < s->inputs; i++)
        for (unsigned p = 0; p < proto->parties; p++)
            free(chain.value[p][s->input[i].value]);
    chain_clear(&chain);
    sharing_keys_end(proto, keys);
}

/* Is the gate that of semi2k? semi2k-silent differs from it in large deals only, semi2k-owner in
 * linear maps. */
static int is_semi2ks(const struct scene_kind *k)
{
    return proto == &protocol_semi2k_silent ||
           (proto == &protocol_semi2k_owner && k->kind != GATE_LINEAR &&
            proto->gate[k->kind] == protocol_semi2k.gate[k->kind]);
}

/* Every scene, with the proofs and the check that end it. */
static void all_gates(void)
{
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++)
        for (int k = 0; k < SCENES; k++) {
            struct scene s;
            if (!scene_plays(proto, &scenes[k]) || is_semi2ks(&scenes[k]))
                continue;
            scene_open(&s, proto, &scenes[k], N, i % proto->parties, (i + 1) % proto->parties);
            run_scene(&s, NULL);
            program_free(s.program);
        }
}

/* A deal so large that its rows come from trees. */
static void large_deal(void)
{
    const struct scene_kind *k = scenes;
    struct scene s;
    while (k->kind != GATE_AND)
        k++;
    proto = &protocol_semi2k_silent;
    scene_open(&s, proto, k, 30000, 1, 0);
    run_scene(&s, NULL);
    program_free(s.program);
}

/* The check's own arithmetic, before it compares: claims and keys are secret to it. */
static void sums_of_claims(void)
{
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++) {
        struct eye nobody = { NOBODY, 1, state };
        uint8_t message[LINK_PARTIES][1024];
        sharing_keys(proto, &nobody, keys);
        mark_keys();
        for (unsigned p = 0; p < proto->parties; p++) {
            const struct program program = { .proto = proto };
            const struct gate g = { .kind = GATE_CHECK };
            const struct gate_ops *ops = gate_ops(proto, &g);
            struct claims claims = { .count = { 0 } };
            uint8_t scratch[1024];
            struct step s = { .program = &program, .gate = &g, .id = 7, .self = p, .role = p,
                              .keys = &keys[p], .claimed = &claims, .scratch = scratch };
            VALGRIND_MAKE_MEM_UNDEFINED(&claims, sizeof claims);
            for (unsigned q = 0; q < proto->parties; q++)
                s.out[q] = q == p ? NULL : message[q];
            ops->rounds[0].run(&s);
        }
        sharing_keys_end(proto, keys);
        state = nobody.rest;
    }
}

/* ---- clients ---- */

static void *secret(size_t n)
{
    void *p = aligned_alloc(64, (n + 127) / 64 * 64);
    VALGRIND_MAKE_MEM_UNDEFINED(p, n);
    return p;
}

static void client_marks(const uint64_t *share, size_t n, unsigned p)
{
    for (unsigned q = 0; q < proto->parties; q++) {
        uint8_t mark[CLIENT_MARK];
        if (q != p)
            CHECK_EQ(client_mark(proto, mark, share, n, protocol_turns(proto), p, q), 0);
    }
}

/* Sharing by an owner; joining, packing and marking at the parties: x and all pieces are secret. */
static void client(enum owner of, const struct geometry *g)
{
    size_t n = geometry_depth(g) * g->oc;
    unsigned turns = protocol_turns(proto);
    uint64_t *x = secret(n * 8);
    uint8_t *piece[LINK_PARTIES];
    struct err e;
    for (unsigned p = 0; p < proto->parties; p++)
        piece[p] = malloc(client_bytes(proto, of, n, turns, p));
    CHECK_EQ(client_split(proto, of, piece, x, n, turns, &e), 0);
    for (unsigned p = 0; p < proto->parties; p++) {
        uint64_t *share = secret(turns * client_share_stride(proto, n) * 8);
        uint64_t *packed = secret(turns * client_pack_stride(proto, g) * 8);
        VALGRIND_MAKE_MEM_UNDEFINED(piece[p], client_bytes(proto, of, n, turns, p));
        client_join(proto, of, share, piece[p], n, turns, p);
        CHECK_EQ(client_pack(proto, packed, share, g, turns, p), 0);
        client_marks(share, n, p);
        free(share);
        free(packed);
        free(piece[p]);
    }
    free(x);
}

static void clients(void)
{
    static const struct geometry g = { .h = 5, .w = 4, .c = 2, .kh = 2, .kw = 3, .sh = 1, .sw = 1,
                                       .oh = 4, .ow = 2, .oc = 7 };
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++)
        for (enum owner of = OWNER_CLIP; of < OWNERS; of++)
            client(of, &g);
}

/* ---- controls ---- */

static volatile uint64_t odd;   /* volatile: the compiler must keep the branch */

static void leaky(struct step *s)
{
    for (size_t i = 0; i < s->gate->n; i++)
        if (s->x[0][i] & 1)
            odd = i;
    s->z[0] = odd;
}

static void leaky_claim(struct step *s)
{
    claim(s, (s->role + 1) % proto->parties, s->x[0], s->gate->n * 8);
    if (s->claims.tag[(s->role + 1) % proto->parties][0] & 1)
        odd = 1;
    s->z[0] = odd;
}

static void leak(void (*run)(struct step *s))
{
    const struct round rounds[] = { { .name = "leak", .run = run } };
    const struct gate_ops ops = { .name = "leak", .rounds = rounds, .nround = 1 };
    struct scene s;
    proto = &protocol_replicated;
    scene_open(&s, proto, &scenes[4], N, 0, 0);     /* a product first of all */
    CHECK_EQ(s.program->gate[0].kind, GATE_MUL);
    run_scene(&s, &ops);
    program_free(s.program);
}

static void leak_of_a_share(void)
{
    leak(leaky);
}

static void leak_of_a_tag(void)
{
    leak(leaky_claim);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "leak") == 0)
        CASE(leak_of_a_share);
    else if (argc > 1 && strcmp(argv[1], "claim") == 0)
        CASE(leak_of_a_tag);
    else {
        CASE(all_gates);
        CASE(large_deal);
        CASE(sums_of_claims);
        CASE(clients);
    }
    return check_done();
}
