/*
 * test_he_linear.c: the deal of a linear map with real encryption: C_0 + C_1 = (A_0 + A_1) (W_0 +
 * W_1), for layers and selections whose plans are of every sort; where party 1 holds all of W, with
 * no A_1, and one message each way.
 */
#include "tests/direct.h"
#include "tests/he_world.h"

/* Adds the second party's words to the first's. */
static uint64_t *joined(const uint64_t *a, const uint64_t *b, size_t n)
{
    uint64_t *sum = he_memory(n * 8);
    for (size_t i = 0; i < n; i++)
        sum[i] = a[i] + b[i];
    return sum;
}

/* Results that are wrong. */
static size_t wrong_results(const struct he_world *w, const struct geometry *g, uint32_t frames)
{
    const struct he_party *p = w->party;
    size_t masked = pack_masked(&w->plan), n = pack_results(&w->plan), wrong = 0;
    uint64_t *a = joined(p[0].z, p[1].z, masked), *held = joined(p[0].w, p[1].w, w->held);
    uint64_t *c = joined(p[0].z + masked, p[1].z + masked, n), *want = he_memory(n * 8);
    direct_map(want, g, frames, a, held);
    for (size_t i = 0; i < n; i++)
        wrong += c[i] != want[i];
    mem_free(a);
    mem_free(held);
    mem_free(c);
    mem_free(want);
    return wrong;
}

static const struct protocol *proto;

/* Do both parties ask and answer, or party 0 ask and party 1 answer? */
static void messages_go_as_they_should(const struct he_world *w)
{
    int owned = proto == &protocol_semi2k_owner;
    for (unsigned role = 0; role < 2; role++)
        for (unsigned round = 0; round < 3; round++)
            CHECK_EQ(he_sends(w, role, round), round < 2 && (!owned || role == round));
    for (size_t i = 0; i < pack_masked(&w->plan) && owned; i++)
        CHECK_EQ(w->party[1].z[i], 0);
}

static void deal(const struct geometry *g, uint32_t frames, int spoil)
{
    uint64_t random = 99;
    struct he_world w;
    CHECK_EQ(he_make(&w, proto, g, frames, &random), 0);
    const struct pack *p = &w.plan;
    printf("# %u frames, %u x %u tiles, blocks of %u, %u, %u: %zu ciphertexts, %zu answers\n",
           frames, p->ny, p->nx, p->f, p->c, p->o, pack_inputs(p), pack_answers(p));
    CHECK_EQ(w.gate->message[0], pack_inputs(p) * RLWE_CIPHER_BYTES);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 2; i++)
            he_round(&w, i, round);
        if (round == 1 && spoil)
            w.party[1].message[1][3]++;
    }
    messages_go_as_they_should(&w);
    CHECK((wrong_results(&w, g, frames) == 0) == !spoil);
    he_free(&w);
}

static void layers(void)
{
    static const struct geometry shape[] = {
        { 12, 14, 5, 3, 3, 1, 1, 0, 0, 10, 12, 6 },         /* all in one polynomial, nearly */
        { 33, 29, 4, 5, 3, 2, 3, 2, 1, 17, 10, 3 },         /* padding and strides */
        { 120, 110, 2, 3, 3, 1, 1, 1, 1, 120, 110, 2 },     /* larger than a polynomial */
        { 1, 1, 300, 1, 1, 1, 1, 0, 0, 1, 1, 200 }          /* dense */
    };
    static const uint32_t frames[] = { 7, 3, 1, 5 };
    for (unsigned i = 0; i < 4; i++)
        deal(&shape[i], frames[i], 0);
}

static void selections(void)
{
    struct geometry g = geometry_dense(3, 11, 2304), large = geometry_dense(2, 4, 9000);
    deal(&g, 0, 0);
    deal(&large, 0, 0);
}

/* One bit of an answer changed: the judge sees it. */
static void control_of_a_bit(void)
{
    struct geometry g = geometry_dense(1, 30, 20);
    deal(&g, 2, 1);
}

int main(void)
{
    static const struct protocol *const protos[] = { &protocol_semi2k, &protocol_semi2k_owner };
    for (unsigned i = 0; i < 2; i++) {
        proto = protos[i];
        printf("# %s\n", proto->name);
        CASE(layers);
        CASE(selections);
        CASE(control_of_a_bit);
    }
    return check_done();
}
