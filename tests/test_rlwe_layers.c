/*
 * test_rlwe_layers.c: the noise of answers for layers as pack.h lays them out: those of known
 * networks and any others, weights with the largest shares there are. With TEST_LONG=1
 * (make check-long) it takes 10,000 of them; `test_rlwe_layers SEED` others.
 */
#include "proto/pack.h"
#include "tests/direct.h"
#include "tests/emotion_maps.h"
#include "tests/rlwe_world.h"

static uint64_t seed = 20261127;

/* Same-padded convolutions and dense layers of ResNet-50, VGG-16 and SqueezeNet. */
static const struct geometry known[] = {
    { 224, 224, 3, 7, 7, 2, 2, 3, 3, 112, 112, 64 },
    { 56, 56, 64, 3, 3, 1, 1, 1, 1, 56, 56, 64 },
    { 56, 56, 256, 1, 1, 1, 1, 0, 0, 56, 56, 64 },
    { 56, 56, 128, 3, 3, 2, 2, 1, 1, 28, 28, 128 },
    { 28, 28, 512, 1, 1, 1, 1, 0, 0, 28, 28, 128 },
    { 14, 14, 256, 3, 3, 1, 1, 1, 1, 14, 14, 256 },
    { 14, 14, 1024, 1, 1, 2, 2, 0, 0, 7, 7, 2048 },
    { 7, 7, 512, 3, 3, 1, 1, 1, 1, 7, 7, 512 },
    { 1, 1, 2048, 1, 1, 1, 1, 0, 0, 1, 1, 1000 },
    { 112, 112, 64, 3, 3, 1, 1, 1, 1, 112, 112, 128 },
    { 28, 28, 256, 3, 3, 1, 1, 1, 1, 28, 28, 512 },
    { 1, 1, 4096, 1, 1, 1, 1, 0, 0, 1, 1, 1000 },
    { 27, 27, 48, 3, 3, 1, 1, 1, 1, 27, 27, 192 }
};

enum { KNOWN = sizeof known / sizeof known[0] };

static uint32_t pick(uint64_t *random, uint32_t least, uint32_t most)
{
    return least + (uint32_t)(check_random(random) % (most - least + 1));
}

static struct geometry layer_any(uint64_t *random)
{
    uint32_t edge = pick(random, 1, 64), kernel = pick(random, 1, edge < 7 ? edge : 7);
    struct geometry g = { .h = edge, .w = edge, .c = pick(random, 1, 300), .kh = kernel,
                          .kw = kernel, .sh = pick(random, 1, 2), .oc = pick(random, 1, 300) };
    g.sw = g.sh;
    g.top = g.left = pick(random, 0, kernel / 2);
    g.oh = g.ow = (edge + 2 * g.top - kernel) / g.sh + 1;
    return g;
}

/* Layer number t, its frames as for pack_plan, and its plan. */
static struct geometry layer_number(unsigned t, uint32_t *frames, struct pack *p, uint64_t *random)
{
    struct geometry g = known[t / 3 % KNOWN];
    *frames = pick(random, 1, 8);
    if (t % 3 == 1)
        emotion_map(t / 3 % EMOTION_MAPS, &g, frames);
    do {
        if (t % 3 == 0)
            g = layer_any(random);
    } while (pack_plan(p, &g, *frames, N) != 0 && t % 3 == 0);
    return g;
}

/* Operands of a layer: large buffers that every layer fills anew as far as it needs. */
struct operands {
    uint64_t *x, *w, *poly, *sum;
    size_t nx, nw;
};

static void operands_fill(struct operands *o, const struct pack *p, const struct geometry *g,
                          uint32_t frames, uint64_t *random)
{
    size_t nx = pack_masked(p);
    size_t nw = frames > 0 ? geometry_depth(g) * g->oc : (size_t)g->oh * g->c;
    enum rlwe_operand kind = (enum rlwe_operand)(check_random(random) % OPERANDS);
    if (nx > o->nx || nw > o->nw) {
        mem_free(o->x);
        mem_free(o->w);
        o->nx = nx > o->nx ? nx : o->nx;
        o->nw = nw > o->nw ? nw : o->nw;
        o->x = rlwe_words(o->nx);
        o->w = rlwe_words(o->nw);
    }
    for (size_t i = 0; i < nx; i++)
        o->x[i] = check_random(random);
    for (size_t i = 0; i < nw; i++)
        o->w[i] = rlwe_operand(kind, (unsigned)i, random);
}

/* One result by definition; `result` as pack_useful numbers them. */
static uint64_t result_direct(const struct geometry *g, uint32_t frames, const struct operands *o,
                              uint32_t result)
{
    if (frames > 0) {
        size_t f = result / geometry_out(g), i = result % geometry_out(g);
        return direct_output(g, o->x + f * geometry_in(g), o->w, (uint32_t)(i / g->oc / g->ow),
                             (uint32_t)(i / g->oc % g->ow), (uint32_t)(i % g->oc));
    }
    uint64_t sum = 0;
    for (uint32_t f = 0; f < g->c; f++)
        sum += o->w[(size_t)(result / g->oc) * g->c + f] * o->x[(size_t)f * g->oc + result % g->oc];
    return sum;
}

/* Answer (f, o) of the layer: its margin in bits; some results are compared. */
static double one_answer(struct rlwe_pair *pair, struct operands *o, const struct pack *p,
                         const struct geometry *g, uint32_t frames, uint64_t *random)
{
    static uint32_t at[N], to[N];
    static uint64_t r[N], got[N];
    uint32_t f = pick(random, 0, p->nf - 1), filter = pick(random, 0, p->no - 1);
    memset(o->sum, 0, RLWE_SUM * sizeof *o->sum);
    for (uint32_t c = 0; c < p->nc; c++) {
        pack_input(o->poly, p, f, c, o->x);
        rlwe_take(pair, o->poly);
        pack_weight(o->poly, p, filter, c, o->w);
        rlwe_weigh(pair, o->sum, o->poly);
    }
    size_t n = pack_useful(p, f, filter, at, to);
    for (size_t i = 0; i < n; i++)
        r[i] = check_random(random);
    uint8_t *message = rlwe_bytes(rlwe_answer_bytes(n));
    struct rlwe_source s = rlwe_fresh(pair, &pair->other);
    rlwe_answer(message, o->sum, pair->public, at, r, n, pair->tables, &s, pair->scratch);
    uint64_t margin = rlwe_decrypt(got, message, at, n, pair->secret, pair->tables, pair->scratch);
    for (size_t i = 0; i < n; i += n / 4 + 1)
        CHECK(got[i] == result_direct(g, frames, o, to[i]) - r[i]);
    mem_free(message);
    return rlwe_margin_bits(margin);
}

/* rlwe.h promises 4.6 bits of margin. */
static void margins(void)
{
    struct rlwe_pair pair;
    struct operands o = { .poly = rlwe_words(N), .sum = rlwe_words(RLWE_SUM) };
    uint64_t random = seed;
    uint32_t most = 0;
    size_t products = 0;
    double least = 64;
    unsigned layers = check_times(60, 10000);
    rlwe_pair_make(&pair);
    for (unsigned t = 0; t < layers; t++) {
        struct pack p;
        uint32_t frames;
        struct geometry g = layer_number(t, &frames, &p, &random);
        CHECK(p.nc > 0 && p.nc <= RLWE_PRODUCTS);
        operands_fill(&o, &p, &g, frames, &random);
        least = fmin(least, one_answer(&pair, &o, &p, &g, frames, &random));
        products += p.nc;
        most = p.nc > most ? p.nc : most;
    }
    printf("# %u layers, %.1f products in a sum, at most %u: least margin %.3f bits\n", layers,
           (double)products / layers, most, least);
    CHECK(least >= 4.6 && least < 5.01);
    mem_free(o.x);
    mem_free(o.w);
    mem_free(o.poly);
    mem_free(o.sum);
    rlwe_pair_free(&pair);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0);
    printf("# seed %llu\n", (unsigned long long)seed);
    CASE(margins);
    return check_done();
}
