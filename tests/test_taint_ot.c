/*
 * test_taint_ot.c: no branch and no index of oblivious transfer depends on Delta, a choice, a row,
 * a pad or a key. Under valgrind these are marked undefined, and what goes on the wire is marked
 * defined (tests/test_taint.c). Base transfers are watched from their choices on: that libsodium
 * treats its scalars well is its own affair. `test_taint_ot leak` must be caught.
 */
#include "proto/ot_base.h"
#include "proto/ot_form.h"
#include "tests/ot_world.h"
#include "tests/taint.h"

enum { N = 200, PLANE = KERNEL_PLANE(N), STRIDE = 256, DIGITS = 4, BITS = 2 };

static uint64_t state = 99;

static void setup(void)
{
    static const uint8_t session[OT_SESSION] = { 1 }, key[2][PRF_KEY] = { { 2 }, { 3 } };
    static uint8_t offer[OT_KAPPA][2][OT_POINT], pair[OT_KAPPA][2][PRF_KEY];
    static uint8_t known[OT_KAPPA][PRF_KEY], answer[OT_POINT];
    struct prf own[2];
    struct ot_source receiver = { &own[0], 1, 1 }, sender = { &own[1], 1, 1 };
    uint64_t choice[2] = { 0x0123456789abcdef, 0x5555aaaa00ffff00 };
    prf_init(&own[0], key[0]);
    prf_init(&own[1], key[1]);
    VALGRIND_MAKE_MEM_UNDEFINED(choice, sizeof choice);
    ot_base_offer(offer, choice, OT_KAPPA, session, &receiver);
    VALGRIND_MAKE_MEM_DEFINED(offer, sizeof offer);
    CHECK(ot_base_answer(pair, answer, (const uint8_t (*)[2][OT_POINT])offer, OT_KAPPA, session,
                         &sender) == 0);
    CHECK(ot_base_accept(known, (const uint8_t (*)[2][OT_POINT])offer, answer, choice, OT_KAPPA,
                         session, &receiver) == 0);
    prf_fini(&own[0]);
    prf_fini(&own[1]);
}

static void world_make(struct ot_world *w, unsigned k)
{
    ot_world_plant(w, k, &state);
    VALGRIND_MAKE_MEM_UNDEFINED(&w->delta, sizeof w->delta);
    VALGRIND_MAKE_MEM_UNDEFINED(w->known, sizeof w->known);
    VALGRIND_MAKE_MEM_UNDEFINED(w->key, sizeof w->key);
    ot_plant(w->receiver, k, w->words, (const uint8_t (*)[2][PRF_KEY])w->key);
    VALGRIND_MAKE_MEM_DEFINED(w->words, sizeof w->words);
    int refused = ot_world_puncture(w, k);
    VALGRIND_MAKE_MEM_DEFINED(&refused, sizeof refused);    /* a verdict is public */
    CHECK_EQ(refused, 0);
}

static void rows_make(struct ot_rows *r, const struct ot_world *w, unsigned k, size_t n)
{
    ot_rows_take(r, k, n);
    ot_receive(w->receiver, 1, 0, n, r->choice, r->t, r->message);
    VALGRIND_MAKE_MEM_DEFINED(r->message, ot_message_bytes(k, n));
    ot_send(w->sender, 1, 0, n, r->message, r->q);
}

static void extension(void)
{
    static const uint8_t coin[PRF_KEY] = { 7 };
    for (unsigned k = 2; k <= 4; k++) {
        struct ot_world world;
        struct ot_rows rows;
        uint64_t proof[OT_PROOF];
        world_make(&world, k);
        rows_make(&rows, &world, k, 2304);
        ot_prove(proof, rows.choice, rows.t, 2304, coin);
        VALGRIND_MAKE_MEM_DEFINED(proof, sizeof proof);
        int refused = ot_verify(proof, rows.q, &world.delta, 2304, coin);
        VALGRIND_MAKE_MEM_DEFINED(&refused, sizeof refused);
        CHECK_EQ(refused, 0);
        ot_rows_free(&rows);
        ot_world_free(&world);
    }
}

static void forms(void)
{
    struct ot_world world;
    struct ot_rows rows;
    static uint64_t pad[3][N], a[N], share[2][N], correction[N], z[3][PLANE];
    static uint64_t pads[(BITS << DIGITS) * PLANE], table[(BITS << DIGITS) * PLANE];
    static uint64_t flip[DIGITS * PLANE], out[BITS * PLANE];
    world_make(&world, 4);
    rows_make(&rows, &world, 4, DIGITS * STRIDE);
    VALGRIND_MAKE_MEM_UNDEFINED(a, sizeof a);
    VALGRIND_MAKE_MEM_UNDEFINED(table, sizeof table);
    ot_pad_words(pad[0], rows.q, NULL, 1, 0, N);
    ot_pad_words(pad[1], rows.q, &world.delta, 1, 0, N);
    ot_pad_words(pad[2], rows.t, NULL, 1, 0, N);
    ot_word_send(share[0], correction, pad[0], pad[1], flip, a, N);
    VALGRIND_MAKE_MEM_DEFINED(correction, sizeof correction);
    ot_word_receive(share[1], pad[2], rows.choice, correction, N);
    ot_triples(z[0], z[1], z[2], rows.choice, rows.t, rows.q, &world.delta, 1, 0, N);
    ot_join(rows.t, STRIDE, DIGITS, N);
    ot_join(rows.q, STRIDE, DIGITS, N);
    ot_table_pads(pads, PLANE, BITS, DIGITS, rows.q, &world.delta, 1, 0, N);
    ot_pad_planes(out, PLANE, BITS, rows.t, NULL, 1, 0, N);
    ot_table_send(pads, table, flip, BITS, DIGITS, PLANE);
    VALGRIND_MAKE_MEM_DEFINED(pads, sizeof pads);
    ot_table_receive(out, pads, rows.choice, BITS, DIGITS, PLANE);
    ot_rows_free(&rows);
    ot_world_free(&world);
}

/* A choice that decides a branch. */
static void leak(void)
{
    struct ot_world world;
    struct ot_rows rows;
    world_make(&world, 2);
    rows_make(&rows, &world, 2, 128);
    if (plane_bit(rows.choice, 3))
        printf("# one\n");
    ot_rows_free(&rows);
    ot_world_free(&world);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "leak") == 0) {
        CASE(leak);
    } else {
        CASE(setup);
        CASE(extension);
        CASE(forms);
    }
    return check_done();
}
