/*
 * test_roles_cheat.c: the roles under every protocol. Honest parties give the right label. In
 * malicious settings, whatever one of them does to a message between parties, keeps back at the
 * end, or sends to Alice as its piece of the label, Alice gets no label; and an owner who shares
 * different things with different parties is named, and no label comes of it.
 */
#include "roles_world.h"

static const struct protocol *proto;
static const struct sim_options lan = { .seed = 31, .latency_ns = 2 * W_MS };

static void settle(struct world *w, unsigned seconds)
{
    for (unsigned i = 0; i < 4; i++)
        sim_run(w->sim, sim_now(w->sim) + seconds * W_S / 4, 60 * W_S);
}

/* ---- honest ---- */

static void right_label(void)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct sim_options o = { .seed = seed, .latency_ns = W_MS, .jitter_ns = seed % 2 * W_MS,
                                 .workers = 1 + seed % 3, .reorder = seed % 2 };
        struct world *w = w_new_of(proto, &o, NULL);
        w_provide(w);
        struct w_client *c[2] = { w_alice(w), w_alice(w) };
        settle(w, 60);
        uint32_t rounds = 0;
        for (unsigned i = 0; i < 2; i++)
            w_judge(c[i]);
        for (unsigned i = 0; i < proto->parties; i++) {
            const struct job_report *r = &w->party[i].report[0];
            uint64_t sent = 0;
            for (unsigned k = 0; k < proto->parties; k++)
                sent += r->stats.sent[k];
            CHECK_EQ(w->party[i].ok, 2);
            CHECK_EQ(sent, r->planned_bytes);
            rounds = r->stats.rounds > rounds ? r->stats.rounds : rounds;
        }
        CHECK_EQ(rounds, c[0]->result.planned_rounds);
        CHECK(w_idle(w));
        w_free(w);
    }
}

/* ---- one message is changed on its way ---- */

enum { ALL = UINT32_MAX };

struct change {
    uint8_t type;
    unsigned from, to;          /* to: or ALL */
    uint32_t which;             /* of those messages; ALL: the last step of the last gate */
    uint32_t stream, seq;       /* that is, */
    size_t byte;                /* flipped: this one, modulo the length */
    int withhold;
    uint32_t met, changed;      /* so many came, were changed */
    uint32_t last_stream, last_seq;     /* seen */
    unsigned gates[LINK_PARTIES];       /* messages GATE that each party sent */
};

static int change_message(void *ctx, unsigned from, unsigned to, struct message *m, uint64_t now)
{
    struct change *c = ctx;
    (void)now;
    if (m->type == WIRE_GATE && from < LINK_PARTIES) {
        c->gates[from]++;
        if (m->stream > c->last_stream)
            c->last_seq = 0;
        if (m->stream >= c->last_stream) {
            c->last_stream = m->stream;
            c->last_seq = m->seq > c->last_seq ? m->seq : c->last_seq;
        }
    }
    if (m->type != c->type || from != c->from || (c->to != ALL && to != c->to) || m->n == 0)
        return 0;
    if (c->which == ALL ? m->stream != c->stream || m->seq != c->seq : c->met++ != c->which)
        return 0;
    c->changed++;
    if (c->withhold)
        return 1;
    m->data[c->byte % m->n] ^= (uint8_t)(1u << c->byte % 8);
    return 0;
}

/* A job in which that happens; the caller looks at Alice and the parties, and frees the world. */
static struct world *changed_job(struct change *c, struct w_client **alice)
{
    struct sim_options o = lan;
    o.ctx = c;
    o.tamper = change_message;
    struct world *w = w_new_of(proto, &o, NULL);
    w_provide(w);
    *alice = w_alice(w);
    settle(w, 40);
    CHECK_EQ((*alice)->done, 1);
    CHECK(w_idle(w));
    return w;
}

static void honest_job(struct change *c)
{
    struct w_client *alice;
    *c = (struct change){ .type = WIRE_GATE, .from = ALL };
    struct world *w = changed_job(c, &alice);
    w_judge(alice);
    w_free(w);
}

/* Alice has an error (of this code, unless 0) and no label. */
static void no_label(const struct world *w, const struct w_client *alice, int code)
{
    CHECK(alice->err.code != 0);
    CHECK(code == 0 || alice->err.code == code);
    if (alice->err.code == 0 || (code != 0 && alice->err.code != code))
        fprintf(stderr, "%s: code %d, %s\n", w->proto->name, alice->err.code, alice->err.text);
    CHECK(alice->result.class_name[0] == '\0');
}

/* A low bit: what stands above 2^64 means nothing with MACs, and may pass (test_mac.c). */
static void changed_gate_messages(void)
{
    struct change honest;
    unsigned tried = 0;
    honest_job(&honest);
    for (unsigned cheat = 0; cheat < proto->parties; cheat++)
        for (unsigned k = 0; k <= 8; k++) {
            struct w_client *alice;
            struct change c = { .type = WIRE_GATE, .from = cheat, .to = ALL, .byte = k % 4,
                                .which = (honest.gates[cheat] - 1) * k / 8 };
            struct world *w = changed_job(&c, &alice);
            CHECK_EQ(c.changed, 1);
            no_label(w, alice, ERR_ABORT);
            for (unsigned p = 0; p < proto->parties; p++)
                CHECK_EQ(w->party[p].reports, 1);
            w_free(w);
            tried++;
        }
    printf("# %u messages changed\n", tried);
}

/* The word that all is well does not come: to one party, or to none. */
static void withheld_well(void)
{
    struct change honest;
    honest_job(&honest);
    for (unsigned cheat = 0; cheat < proto->parties; cheat++)
        for (unsigned to = 0; to <= proto->parties; to++) {
            struct w_client *alice;
            struct change c = { .type = WIRE_GATE, .from = cheat, .which = ALL, .withhold = 1,
                                .to = to == proto->parties ? ALL : to,
                                .stream = honest.last_stream, .seq = honest.last_seq };
            if (to == cheat)
                continue;
            struct world *w = changed_job(&c, &alice);
            CHECK_EQ(c.changed, to == proto->parties ? proto->parties - 1 : 1);
            no_label(w, alice, 0);
            for (unsigned p = 0; p < proto->parties; p++)
                CHECK(p == cheat || (c.to != ALL && c.to != p) || w->party[p].ok == 0);
            w_free(w);
        }
}

/* A piece of the label, or of the scores, that is not the party's. */
static void changed_pieces(void)
{
    static const uint8_t types[2] = { WIRE_LABEL, WIRE_SCORES };
    for (unsigned cheat = 0; cheat < proto->parties; cheat++)
        for (unsigned plane = 0; plane < proto->planes[VALUE_BITS]; plane++)
            for (unsigned t = 0; t < 2; t++) {
                struct w_client *alice;
                struct change c = { .type = types[t], .from = cheat, .to = ALL,
                                    .byte = plane * 8 * (t == 0 ? 1 : W_CLASSES) };
                struct world *w = changed_job(&c, &alice);
                CHECK_EQ(c.changed, 1);
                no_label(w, alice, ERR_ABORT);
                CHECK(strstr(alice->err.text, "fit together") != NULL);
                w_free(w);
            }
}

/* ---- owners who lie ---- */

/* Parties that noticed by themselves sent nothing of a gate; no party ended well; whoever says why
 * names the owner. */
static void owner_is_named(const struct world *w, const struct w_client *alice,
                           const struct change *c, const char *owner)
{
    unsigned named = 0, saw = 0;
    no_label(w, alice, ERR_ABORT);
    CHECK(strstr(alice->err.text, owner) != NULL);
    for (unsigned p = 0; p < proto->parties; p++) {
        const struct job_report *r = &w->party[p].report[0];
        int itself = strncmp(r->text, owner, strlen(owner)) == 0;
        CHECK_EQ(w->party[p].reports, 1);
        CHECK_EQ(r->code, ERR_ABORT);
        CHECK(!itself || c->gates[p] == 0);
        saw += itself;
        named += strstr(r->text, owner) != NULL;
    }
    CHECK(saw >= 2);
    CHECK_EQ(named, proto->parties);
}

static void lying_owner(uint8_t type, unsigned node, const char *owner)
{
    for (unsigned to = 0; to < proto->parties; to++)
        for (unsigned k = 0; k < 3; k++) {
            struct w_client *alice;
            struct change c = { .type = type, .from = node, .to = to,
                                .which = type == WIRE_TENSOR ? k : 0, .byte = 5 + 701 * k };
            struct world *w = changed_job(&c, &alice);
            CHECK_EQ(c.changed, 1);
            owner_is_named(w, alice, &c, owner);
            w_free(w);
        }
}

static void alice_lies(void)
{
    lying_owner(WIRE_INPUT, LINK_CLIENT, "alice");
}

static void bob_lies(void)
{
    lying_owner(WIRE_TENSOR, LINK_CLIENT, "bob");
}

int main(void)
{
    log_configure("error");
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++) {
        printf("# %s\n", proto->name);
        CASE(right_label);
        if ((proto->flags & PROTOCOL_MALICIOUS) == 0)
            continue;
        CASE(changed_gate_messages);
        CASE(withheld_well);
        CASE(changed_pieces);
        CASE(alice_lies);
        CASE(bob_lies);
    }
    return check_done();
}
