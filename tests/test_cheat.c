/*
 * test_cheat.c: a party that cheats is noticed: for every protocol of a malicious setting, every
 * kind of message that a program with all its gates sends, every sender and every way to cheat
 * with a message (cheat.h), no honest party comes to the end without an error.
 *
 * The kinds come from an honest run, so that a new message cannot be forgotten. Controls: a
 * protocol without any claims, and each protocol with what one kind of gate claims or finds left
 * out, let cheats through, and the test sees that.
 */
#include "tests/cheat.h"

#include <inttypes.h>
#include <time.h>

static uint64_t state = 20260412;
static const struct protocol *proto;

/* What became of the runs. */
struct tally {
    unsigned tried, skipped, noticed, missed, silent;
};

/* A description of one run, for those that fail. */
static void describe(const struct cheat_run *r, const char *what)
{
    const struct cheat_play *y = r->play;
    const struct sight *s = &y->sight[r->target];
    const struct gate *g = &y->program->gate[s->gate];
    const struct gate_ops *ops = gate_ops(y->proto, g);
    unsigned level;
    const struct round *round = gate_round(ops, g, s->step, &level);
    fprintf(stderr, "%s: party %u (role %u) %s: %s.%s level %u, gate %u step %u, to party %u (role"
            " %u), %zu bytes: %s\n", y->proto->name, r->cheat, gate_role(y->proto, g, r->cheat),
            cheat_names[r->how], ops->name, round->name, level, s->gate, s->step, s->to,
            gate_role(y->proto, g, s->to), s->n, what);
}

/* A wrong word of well only stops whom it reaches; everything else stops all. */
static int is_well(const struct cheat_play *y, uint32_t target)
{
    return cheat_is_check(y, y->sight[target].gate) && y->sight[target].step > 0;
}

static void judge(const struct cheat_run *r, struct tally *t, int loud)
{
    unsigned fine = cheat_honest_fine(r), honest = r->play->proto->parties - 1;
    int bad = is_well(r->play, r->target) ? fine == honest : fine > 0;
    unsigned to = r->play->sight[r->target].to;
    if (!r->met || !r->changed) {
        t->skipped++;
        return;
    }
    t->tried++;
    if (r->how == CHEAT_SHORTEN && r->trial.party[to].err.code == 0) {  /* not even refused */
        bad = 1;
        if (loud)
            describe(r, "its length was taken");
    }
    if (bad && loud)
        describe(r, "not noticed");
    *(bad ? &t->missed : &t->noticed) += 1;
}

/* One way to cheat with one message. honest: what the others run; NULL: the play's program. */
static void cheat_once(struct cheat_play *y, uint32_t target, enum cheat_how how,
                       const struct program *honest, struct tally *t, int loud)
{
    static struct cheat_ops forgiving;
    static struct cheat_run r;
    r = (struct cheat_run){ .play = y, .how = how, .target = target,
                            .cheat = y->sight[target].from, .random = state++ };
    if (how == CHEAT_SWAP && (r.partner = cheat_partner(y, target)) == UINT32_MAX) {
        t->skipped++;
        return;
    }
    cheat_wrap(&forgiving, y->program, UINT32_MAX, cheat_forgives);
    for (unsigned p = 0; p < y->proto->parties; p++)
        r.trial.own[p] = p == r.cheat ? &forgiving.program : honest;
    cheat_run(&r);
    judge(&r, t, loud);
    cheat_run_end(&r);
}

/* All ways, each with the first, the middle or the last message of the kind in turn; with all three
 * by TEST_LONG=1. */
static void kind_cheats(struct cheat_play *y, uint32_t kind, struct tally *t)
{
    const struct cheat_kind *k = &y->kind[kind];
    const uint32_t at[3] = { k->first, k->middle, k->last };
    for (unsigned how = 0; how < CHEAT_WAYS; how++)
        for (unsigned i = 0; i < 3; i++)
            if (check_times(1, 0) ? i == (kind + how) % 3
                                  : (i == 0 || at[i] != at[i - 1]) && (i < 2 || at[2] != at[0]))
                cheat_once(y, at[i], (enum cheat_how)how, NULL, t, 1);
}

static void every_cheat_is_noticed(void)
{
    static struct cheat_play y;
    struct tally t = { 0 };
    clock_t from = clock();
    cheat_open(&y, proto);
    for (uint32_t i = 0; i < y.kinds; i += CHECK_ADDRESSES ? 12 : 1)    /* a sample, where it is slow */
        kind_cheats(&y, i, &t);
    printf("# %u gates, %u messages of %u kinds: %u cheats tried, %u noticed, %u missed; %u skipped"
           " (nothing to change); %.1f s\n", y.program->ngate, y.sights, y.kinds, t.tried,
           t.noticed, t.missed, t.skipped, (double)(clock() - from) / CLOCKS_PER_SEC);
    CHECK_EQ(t.missed, 0);
    CHECK(t.tried > (CHECK_ADDRESSES ? 20 : 100));
    cheat_close(&y);
}

/* ---- controls ---- */

/* The gates that prove and verify at the end. */
enum { ENDS = 1 << GATE_PROVE | 1 << GATE_MACS };

/* The rounds of these kinds of gates claim nothing and are content with everything: then cheats
 * with their messages go through, or, if it is the ends that are blind, with those of all gates. */
static void blind(struct cheat_play *y, unsigned kinds, const char *name, unsigned *seen)
{
    static struct cheat_ops silent;
    struct tally t = { 0 };
    cheat_wrap(&silent, y->program, kinds, cheat_sees_nothing);
    for (uint32_t i = 0; i < y->kinds; i++)
        if (kinds >> y->kind[i].gate & 1 || (kinds == ENDS && y->kind[i].gate < GATE_BARRIER))
            cheat_once(y, y->kind[i].first, CHEAT_ADD_ONE, &silent.program, &t, 0);
    if (t.tried > 0)
        printf("# with a blind %s %u of %u cheats go through\n", name, t.missed, t.tried);
    *seen += t.missed > 0;
}

static void blind_gates_are_seen(void)
{
    static struct cheat_play y;
    unsigned seen = 0;
    cheat_open(&y, proto);
    for (unsigned kind = 0; kind < GATE_BARRIER && proto->gate[GATE_PROVE] == NULL; kind++)
        if (proto->gate[kind] != NULL)
            blind(&y, 1u << kind, proto->gate[kind]->name, &seen);
    if (proto->gate[GATE_PROVE] != NULL)
        blind(&y, ENDS, "end", &seen);
    CHECK(seen > 0);
    cheat_close(&y);
}

/* The semi-honest protocol, called malicious: its programs end with CHECK, but claim nothing. */
static void nothing_claimed_is_seen(void)
{
    static struct cheat_play y;
    static struct protocol credulous;
    struct tally t = { 0 };
    credulous = protocol_replicated;
    credulous.name = "replicated-ring, called malicious";
    credulous.flags |= PROTOCOL_MALICIOUS;
    cheat_open(&y, &credulous);
    for (uint32_t i = 0; i < y.kinds; i++)
        if (y.kind[i].gate != GATE_CHECK)
            cheat_once(&y, y.kind[i].first, CHEAT_ADD_ONE, NULL, &t, 0);
    printf("# %u of %u cheats go through\n", t.missed, t.tried);
    CHECK(t.tried > 20);
    CHECK_EQ(t.missed, t.tried);
    t = (struct tally){ 0 };
    for (uint32_t i = 0; i < y.kinds; i++)      /* but the check itself works */
        if (y.kind[i].gate == GATE_CHECK)
            kind_cheats(&y, i, &t);
    CHECK(t.tried > 20);
    CHECK_EQ(t.missed, 0);
    cheat_close(&y);
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE_PLAIN(nothing_claimed_is_seen);
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++) {
        if ((proto->flags & PROTOCOL_MALICIOUS) == 0)
            continue;
        printf("# %s\n", proto->name);
        CASE(every_cheat_is_noticed);
        CASE_PLAIN(blind_gates_are_seen);
    }
    return check_done();
}
