/*
 * bench_ot.c: oblivious transfers per second of one core, each part by itself.
 * `make tests/bench_ot` builds it; it is no test and is not run by make check.
 */
#include "proto/ot_form.h"
#include "tests/bench.h"
#include "tests/ot_world.h"

#include <time.h>

enum { N = 1 << 16, REPEATS = 5 };

static struct ot_world world;
static struct ot_rows rows;
static struct ot_block *pads;
static uint64_t *planes;

/* Millions of rows per second: the best of a few runs. */
static double rate(void (*run)(void))
{
    double least = 1e9;
    for (int r = 0; r < REPEATS; r++) {
        double start = bench_seconds(CLOCK_MONOTONIC);
        run();
        double t = bench_seconds(CLOCK_MONOTONIC) - start;
        least = t < least ? t : least;
    }
    return 1e-6 * N / least;
}

static void receive(void)
{
    ot_receive(world.receiver, 1, 0, N, rows.choice, rows.t, rows.message);
}

static void send(void)
{
    ot_send(world.sender, 1, 0, N, rows.message, rows.q);
}

static void hash_one(void)
{
    ot_pads(rows.t, NULL, 1, 0, N, pads);
}

static void hash_both(void)
{
    ot_pads(rows.q, NULL, 1, 0, N, pads);
    ot_pads(rows.q, &world.delta, 1, 0, N, pads);
}

static void receive_all(void)
{
    receive();
    hash_one();
}

static void send_all(void)
{
    send();
    hash_both();
}

static void transpose(void)
{
    rows_from_planes(rows.q[0].w, planes, N / 64, N);
}

/* N tables of 16 entries of 2 bits, out of the same few rows again and again. */
static void tables(void)
{
    ot_table_pads(planes, N / 64, 2, 4, rows.q, &world.delta, 1, 0, N);
}

static void triples(void)
{
    ot_triples(planes, planes + N / 64, planes + N / 32, rows.choice, rows.t, rows.q,
               &world.delta, 1, 0, N);
}

static void prove(void)
{
    static const uint8_t coin[PRF_KEY] = { 1 };
    uint64_t proof[OT_PROOF];
    ot_prove(proof, rows.choice, rows.t, N, coin);
}

static void bench_setup(void)
{
    static const uint8_t key[PRF_KEY] = { 1 }, session[OT_SESSION] = { 2 };
    static uint8_t offer[OT_OFFER], answer[OT_ANSWER];
    struct prf own;
    struct ot_source a = { &own, 1, 0 }, b = { &own, 1, 1 };
    prf_init(&own, key);
    double start = bench_seconds(CLOCK_MONOTONIC);
    ot_offer(offer, session, &a);
    double offered = bench_seconds(CLOCK_MONOTONIC);
    if (ot_answer(world.receiver, answer, OT_FIELD, offer, session, &b) != 0)
        exit(1);
    double answered = bench_seconds(CLOCK_MONOTONIC);
    if (ot_accept(world.sender, OT_FIELD, offer, answer, session, &a) != 0)
        exit(1);
    printf("setup, k = %d, ms: offer %.1f, answer %.1f, accept %.1f\n", OT_FIELD,
           1e3 * (offered - start), 1e3 * (answered - offered),
           1e3 * (bench_seconds(CLOCK_MONOTONIC) - answered));
    prf_fini(&own);
}

static void bench_field(unsigned k)
{
    uint64_t seed = k;
    ot_world_make(&world, k, &seed);
    ot_rows_take(&rows, k, N);
    printf("%2u %8.1f %8.1f %8.1f %10.1f %10.1f %6zu\n", k, rate(receive), rate(send), rate(prove),
           rate(receive_all), rate(send_all), ot_message_bytes(k, N) * 8 / N);
    if (k == OT_FIELD)
        bench_setup();
    ot_rows_free(&rows);
    ot_world_free(&world);
}

static void bench_parts(void)
{
    uint64_t seed = 1;
    ot_world_make(&world, OT_FIELD, &seed);
    ot_rows_take(&rows, OT_FIELD, N);
    planes = ot_memory((size_t)N * 16);
    receive();
    send();
    printf("transposition %.1f; hash of one %.1f, of both %.1f; pads of 16 entries of 2 bits %.1f; "
           "triples %.1f\n", rate(transpose), rate(hash_one), rate(hash_both), rate(tables),
           rate(triples));
    free(planes);
    ot_rows_free(&rows);
    ot_world_free(&world);
}

int main(void)
{
    static const unsigned fields[] = { 1, 2, 4, 6, 8 };
    pads = ot_memory(N * sizeof *pads);
    printf("%s, %s; million rows per second\n", kernel_isa(), prf_isa());
    printf(" k  receive     send    prove  rec+hash  send+hash  bits\n");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        bench_field(fields[i]);
    bench_parts();
    free(pads);
    return 0;
}
