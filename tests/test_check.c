/*
 * test_check.c: how a program of a malicious setting ends, whatever the protocol: random programs
 * of a replicated protocol whose reshared words are claimed by both of their holders, closed by a
 * barrier and the check.
 */
#include "tests/desk.h"
#include "tests/random_program.h"

#include <inttypes.h>

static const uint64_t seed = 20261125;

/* ---- a protocol that claims ---- */

static struct round rounds[2];
static struct gate_ops reshare;
static struct protocol claiming;

/* Share r of the result is plane 0 of role r and plane 1 of role r - 1. */
static void receive_and_claim(struct step *s)
{
    protocol_replicated.gate[GATE_RESHARE]->rounds[1].run(s);
    claim(s, (s->role + 2) % 3, s->z, s->gate->n * sizeof *s->z);
    claim(s, (s->role + 1) % 3, s->z + s->z_stride, s->gate->n * sizeof *s->z);
}

static void settle_nothing(struct program *p, const struct stage_span *stage, uint32_t n)
{
    (void)p;
    (void)stage;
    (void)n;
}

static void protocol_make(void)
{
    memcpy(rounds, protocol_replicated.gate[GATE_RESHARE]->rounds, sizeof rounds);
    rounds[1].run = receive_and_claim;
    reshare = *protocol_replicated.gate[GATE_RESHARE];
    reshare.rounds = rounds;
    claiming = protocol_replicated;
    claiming.flags = PROTOCOL_MALICIOUS;
    claiming.gate[GATE_RESHARE] = &reshare;
    claiming.settle = settle_nothing;
}

/* ---- a desk for a program of it ---- */

struct table {
    struct random_program r;
    struct desk d;
    uint32_t barrier, check;        /* gates: the last ones */
};

/* What has been done of its gates, at each party. */
enum { GATES = 1000 };
static struct {
    const struct table *table;
    unsigned steps[DESK_PARTIES][GATES];    /* done */
    unsigned barriers, early, overtaking, settled;
} stages;

/* The gates of [from, id) that are not done at a party. */
static unsigned behind(unsigned party, uint32_t from, uint32_t id)
{
    const struct program *p = stages.table->r.p;
    unsigned n = 0;
    for (uint32_t g = from; g < id; g++)
        n += stages.steps[party][g] < gate_steps(gate_ops(p->proto, &p->gate[g]), &p->gate[g]);
    return n;
}

static void see_stage(void *ctx, const struct engine_span *s)
{
    const struct desk_party *at = ctx;
    const struct program *p = stages.table->r.p;
    unsigned party = (unsigned)(at - stages.table->d.party);
    if (s->kind != SPAN_WORK)
        return;
    if (stages.steps[party][s->id]++ > 0)
        return;
    uint32_t from = s->id;
    while (from > 0 && p->gate[from - 1].kind != GATE_BARRIER &&
           p->gate[from - 1].kind != GATE_SETTLE)
        from--;
    if (s->gate->kind == GATE_BARRIER) {
        stages.barriers++;
        stages.early += behind(party, from, s->id);
        stages.overtaking += behind(party, s->id + 1, p->ngate - 3) > 0;
    }
    stages.settled += s->gate->kind == GATE_SETTLE;
}

static struct table *table_new(uint64_t s)
{
    struct table *t = calloc(1, sizeof *t);
    random_program(&t->r, &claiming, s, 20);
    program_keep(t->r.p, gate_reshare(t->r.p, gate_mul(t->r.p, t->r.value[0].v,
                                                       t->r.value[1].v)));
    program_close(t->r.p);
    CHECK_EQ(program_check(t->r.p, NULL), 0);
    t->check = t->r.p->ngate - 1;
    for (t->barrier = t->check; t->r.p->gate[t->barrier].kind != GATE_BARRIER; t->barrier--)
        ;
    t->d.program = t->r.p;
    t->d.cut = -1;
    for (unsigned i = 0; i < RANDOM_INPUTS; i++)
        desk_input(&t->d, t->r.value[i].v, t->r.value[i].plain);
    stages.table = t;
    memset(stages.steps, 0, sizeof stages.steps);
    CHECK(t->r.p->ngate <= GATES);
    t->d.span = see_stage;
    desk_open(&t->d, s, 0);
    for (unsigned i = 0; i < DESK_PARTIES; i++)
        desk_start(&t->d, i);
    return t;
}

static void table_free(struct table *t)
{
    desk_close(&t->d);
    program_free(t->r.p);
    free(t);
}

/* The first message under way from 0 to 1 that belongs to the gate and step. */
static struct desk_mail *under_way(struct table *t, uint32_t gate, uint32_t step)
{
    struct desk_mail *m = t->d.mail[0][1];
    while (m != NULL && (m->m.stream != gate || m->m.seq != step))
        m = m->next;
    return m;
}

static unsigned ended_well(const struct table *t)
{
    unsigned n = 0;
    for (unsigned i = 0; i < DESK_PARTIES; i++)
        n += t->d.party[i].told && t->d.party[i].err.code == 0;
    return n;
}

/* ---- tests ---- */

static void honest_runs_pass(void)
{
    for (uint64_t s = 0; s < 40; s++) {
        struct table *t = table_new(seed + s);
        struct cost c;
        while (desk_move(&t->d))
            ;
        CHECK_EQ(ended_well(t), 3);
        CHECK_EQ(cost_program(&c, t->r.p, NULL), 0);
        for (unsigned p = 0; p < DESK_PARTIES; p++) {
            CHECK_EQ(t->d.party[p].stats.messages, c.messages[p]);
            CHECK_EQ(t->d.party[p].stats.rounds, c.rounds);
        }
        table_free(t);
    }
}

/* A barrier waits for the gates of its stage, which may be done before later ones. */
static void stages_wait(void)
{
    memset(&stages, 0, sizeof stages);
    for (uint64_t s = 0; s < 40; s++) {
        struct table *t = table_new(seed + s);
        while (desk_move(&t->d))
            ;
        table_free(t);
    }
    printf("# %u barriers, %u of them before later gates, %u settled\n", stages.barriers,
           stages.overtaking, stages.settled);
    CHECK_EQ(stages.early, 0);
    CHECK(stages.barriers > 40 * DESK_PARTIES);
    CHECK(stages.overtaking > 40);
    CHECK(stages.settled > 40 * DESK_PARTIES);
}

/* Nobody compares before all else is done. */
static void walls_wait(void)
{
    for (uint64_t s = 0; s < 40; s++) {
        struct table *t = table_new(seed + s);
        unsigned early = 0;
        do {
            for (unsigned p = 0; p < DESK_PARTIES; p++) {
                struct engine_stats st;
                engine_stats(t->d.party[p].engine, &st);
                for (unsigned to = 0; to < DESK_PARTIES; to++)
                    for (struct desk_mail *m = t->d.mail[p][to]; m != NULL; m = m->next)
                        early += m->m.stream == t->check && st.gates_done < t->check;
            }
        } while (desk_move(&t->d));
        CHECK_EQ(early, 0);
        table_free(t);
    }
}

/* One bit of a reshared word changes on the way: nobody may end well. */
static void a_changed_word_ends_it(void)
{
    for (uint64_t s = 0; s < 40; s++) {
        struct table *t = table_new(seed + s);
        unsigned changed = 0;
        do {
            for (uint32_t g = 0; g < t->barrier && changed == 0; g++) {
                struct desk_mail *m = t->r.p->gate[g].kind == GATE_RESHARE
                                      ? under_way(t, g, 0) : NULL;
                if (m == NULL)
                    continue;
                m->m.data[check_random(&t->d.random) % m->m.n] ^= 1 << s % 8;
                changed = 1;
            }
        } while (desk_move(&t->d));
        unsigned told = 0;
        for (unsigned p = 0; p < DESK_PARTIES; p++)
            told += t->d.party[p].told && t->d.party[p].err.code == ERR_ABORT;
        CHECK(told == 0 || changed == 1);
        CHECK_EQ(ended_well(t), changed ? 0 : 3);
        CHECK(!changed || told > 0);
        table_free(t);
    }
}

/* The last word is changed, or does not come: its receiver does not end well. */
static void without_the_last_word(void)
{
    for (int drop = 0; drop < 2; drop++)
        for (uint64_t s = 0; s < 20; s++) {
            struct table *t = table_new(seed + s);
            int met = 0;
            do {
                struct desk_mail *m = met ? NULL : under_way(t, t->check, 1);
                if (m == NULL)
                    continue;
                met = 1;
                if (!drop) {
                    m->m.data[s % m->m.n] ^= 0x10;
                    continue;
                }
                struct desk_mail **at = &t->d.mail[0][1];
                while (*at != m)
                    at = &(*at)->next;
                *at = m->next;
                free(m->m.data);
                free(m);
            } while (desk_move(&t->d));
            CHECK_EQ(met, 1);
            CHECK(!(t->d.party[1].told && t->d.party[1].err.code == 0));
            table_free(t);
        }
}

/* A semi-honest protocol's programs are left as they are. */
static void nothing_closes_the_others(void)
{
    struct program *p = program_new(&protocol_replicated);
    uint32_t x = program_external(p, VALUE_SHARE, 3);
    program_keep(p, gate_reshare(p, gate_mul(p, x, x)));
    uint32_t before = p->ngate;
    program_close(p);
    CHECK_EQ(p->ngate, before);
    program_free(p);
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", seed);
    protocol_make();
    CASE(honest_runs_pass);
    CASE(stages_wait);
    CASE(walls_wait);
    CASE(a_changed_word_ends_it);
    CASE(without_the_last_word);
    CASE(nothing_closes_the_others);
    return check_done();
}
