/*
 * test_pack.c: linear maps by products of polynomials, in the clear, against their definitions.
 */
#include "net/base_mem.h"
#include "proto/pack.h"
#include "proto/rlwe.h"
#include "tests/check.h"
#include "tests/direct.h"
#include "tests/emotion_maps.h"

static void *memory(size_t n)
{
    void *p = mem_new(n, 1);
    if (p == NULL)
        exit(99);
    return p;
}

/* A map with its operands and results. */
struct map_case {
    struct geometry g;
    uint32_t frames;
    struct pack p;
    size_t nw;
    uint64_t *x, *w, *z, *want;
};

static uint32_t pick(uint64_t *random, uint32_t least, uint32_t most)
{
    return least + (uint32_t)(check_random(random) % (most - least + 1));
}

/* Windows, strides, padding, channels and frames of any sort; pictures that one polynomial holds
 * many or no whole of. */
static struct geometry shape_any(uint64_t *random)
{
    struct geometry g = { .h = pick(random, 1, 20), .w = pick(random, 1, 20),
                          .c = pick(random, 1, 7), .sh = pick(random, 1, 3),
                          .sw = pick(random, 1, 3), .oc = pick(random, 1, 7) };
    g.kh = pick(random, 1, g.h < 5 ? g.h : 5);
    g.kw = pick(random, 1, g.w < 5 ? g.w : 5);
    g.top = pick(random, 0, g.kh - 1);
    g.left = pick(random, 0, g.kw - 1);
    g.oh = (g.h + g.top + pick(random, 0, g.kh - 1) - g.kh) / g.sh + 1;
    g.ow = (g.w + g.left + pick(random, 0, g.kw - 1) - g.kw) / g.sw + 1;
    return g;
}

/* 0, or -1: there is no plan. kind: of operands. */
static int case_make(struct map_case *m, unsigned n, unsigned kind, uint64_t *random)
{
    if (pack_plan(&m->p, &m->g, m->frames, n) != 0)
        return -1;
    size_t nx = pack_masked(&m->p), nz = pack_results(&m->p);
    m->nw = m->frames > 0 ? geometry_depth(&m->g) * m->g.oc : (size_t)m->g.oh * m->g.c;
    CHECK_EQ(nx, m->frames > 0 ? m->frames * geometry_in(&m->g) : (size_t)m->g.c * m->g.oc);
    CHECK_EQ(nz, m->frames > 0 ? m->frames * geometry_out(&m->g) : (size_t)m->g.oh * m->g.oc);
    m->x = memory(nx * 8);
    m->w = memory(m->nw * 8);
    m->z = memory(nz * 8);
    m->want = memory(nz * 8);
    for (size_t i = 0; i < nx; i++)
        m->x[i] = kind == 0 ? check_random(random) : kind == 1 ? UINT64_MAX : (uint64_t)1 << 63;
    for (size_t i = 0; i < m->nw; i++)
        m->w[i] = kind == 0 ? check_random(random) : kind == 1 ? UINT64_MAX >> 1 : UINT64_MAX;
    direct_map(m->want, &m->g, m->frames, m->x, m->w);
    return 0;
}

static void case_free(struct map_case *m)
{
    mem_free(m->x);
    mem_free(m->w);
    mem_free(m->z);
    mem_free(m->want);
}

/* sum += a b modulo X^n + 1. */
static void product_add(uint64_t *sum, const uint64_t *a, const uint64_t *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (b[i] == 0)
            continue;
        for (unsigned j = 0; j < n - i; j++)
            sum[i + j] += b[i] * a[j];
        for (unsigned j = n - i; j < n; j++)
            sum[i + j - n] -= b[i] * a[j];
    }
}

/* One answer: each of its coefficients is another one, and makes a result that had none. */
static void answer_take(struct map_case *m, uint32_t f, uint32_t o, const uint64_t *sum,
                        uint8_t *made, size_t *results)
{
    const struct pack *p = &m->p;
    uint32_t *at = memory(p->n * sizeof *at), *to = memory(p->n * sizeof *to);
    uint8_t *used = memory(p->n);
    size_t n = pack_useful(p, f, o, at, to);
    CHECK_EQ(n, pack_useful_count(p, f, o));
    CHECK(n > 0);
    for (size_t i = 0; i < n; i++) {
        CHECK(at[i] < p->n && to[i] < pack_results(p));
        CHECK(!used[at[i]] && !made[to[i]]);
        used[at[i]] = made[to[i]] = 1;
        m->z[to[i]] = sum[at[i]];
    }
    *results += n;
    mem_free(at);
    mem_free(to);
    mem_free(used);
}

static void case_run(struct map_case *m)
{
    const struct pack *p = &m->p;
    uint64_t *a = memory(p->n * 8), *b = memory(p->n * 8), *sum = memory(p->n * 8);
    uint8_t *made = memory(pack_results(p));
    size_t results = 0;
    for (uint32_t f = 0; f < p->nf; f++)
        for (uint32_t o = 0; o < p->no; o++) {
            memset(sum, 0, p->n * sizeof *sum);
            for (uint32_t c = 0; c < p->nc; c++) {
                pack_input(a, p, f, c, m->x);
                pack_weight(b, p, o, c, m->w);
                product_add(sum, a, b, p->n);
            }
            answer_take(m, f, o, sum, made, &results);
        }
    CHECK_EQ(results, pack_results(p));
    mem_free(a);
    mem_free(b);
    mem_free(sum);
    mem_free(made);
}

static int case_right(const struct map_case *m)
{
    return memcmp(m->z, m->want, pack_results(&m->p) * 8) == 0;
}

static void layers_by_polynomials(void)
{
    uint64_t random = 4711;
    unsigned tiled = 0, wide = 0, full = 0, done = 0;
    printf("# seed 4711\n");
    for (unsigned t = 0; t < 600; t++) {
        unsigned n = 64u << t % 4;
        struct map_case m = { .g = shape_any(&random), .frames = pick(&random, 1, 9) };
        if (case_make(&m, n, t % 8 == 0 ? 1 + t / 8 % 2 : 0, &random) != 0)
            continue;
        case_run(&m);
        CHECK(case_right(&m));
        done++;
        tiled += m.p.ny * m.p.nx > 1;
        wide += m.p.f > m.p.ny * m.p.nx;
        full += m.p.f * m.p.c * m.p.o * m.p.h * m.p.w == n;
        case_free(&m);
    }
    printf("# %u maps; %u in tiles, %u with frames side by side, %u with full polynomials\n", done,
           tiled, wide, full);
    CHECK(tiled > 20 && wide > 20 && full > 5);
}

static void selections_by_polynomials(void)
{
    uint64_t random = 4712;
    printf("# seed 4712\n");
    for (unsigned t = 0; t < 60; t++) {
        struct map_case m = { .g = geometry_dense(pick(&random, 1, 7), pick(&random, 1, 30),
                                                  pick(&random, 1, 200)) };
        CHECK_EQ(case_make(&m, 64u << t % 4, t % 3, &random), 0);
        case_run(&m);
        CHECK(case_right(&m));
        case_free(&m);
    }
}

/* The same judge finds tiles of a row too few, which lack inputs and overlap each other. */
static void control_of_a_row(void)
{
    uint64_t random = 4713;
    unsigned found = 0, all = 0;
    for (unsigned t = 0; t < 400; t++) {
        struct map_case m = { .g = shape_any(&random), .frames = 3 };
        if (m.g.top > 0 || (m.g.oh - 1) * m.g.sh + m.g.kh > m.g.h || m.g.kh < 2 ||
            case_make(&m, 256, 0, &random) != 0)
            continue;
        m.p.h--;
        case_run(&m);
        found += !case_right(&m);
        all++;
        case_free(&m);
    }
    printf("# %u of %u\n", found, all);
    CHECK(all > 20 && found == all);
}

/* The least cost over all sizes whatever. */
static uint64_t least_cost(struct pack q)
{
    uint64_t least = UINT64_MAX;
    for (q.th = 1; q.th <= q.oh; q.th++)
        for (q.tw = 1; q.tw <= q.ow; q.tw++) {
            uint32_t area = ((q.th - 1) * q.sh + q.kh) * ((q.tw - 1) * q.sw + q.kw);
            uint32_t tiles = q.frames * ((q.oh + q.th - 1) / q.th) * ((q.ow + q.tw - 1) / q.tw);
            for (q.f = 1; q.f * area <= q.n && q.f <= tiles; q.f++)
                for (q.c = 1; q.f * q.c * area <= q.n && q.c <= q.channels; q.c++)
                    for (q.o = 1; q.f * q.c * q.o * area <= q.n && q.o <= q.filters; q.o++) {
                        q.nf = (tiles + q.f - 1) / q.f;
                        q.nc = (q.channels + q.c - 1) / q.c;
                        q.no = (q.filters + q.o - 1) / q.o;
                        least = pack_cost(&q) < least ? pack_cost(&q) : least;
                    }
        }
    return least;
}

static void plans_are_the_cheapest(void)
{
    uint64_t random = 4714;
    for (unsigned t = 0; t < 200; t++) {
        struct geometry g = shape_any(&random);
        struct pack p;
        uint32_t frames = pick(&random, 1, 9);
        if (pack_plan(&p, &g, frames, 64u << t % 4) != 0)
            continue;
        CHECK((uint64_t)p.f * p.c * p.o * p.h * p.w <= p.n);
        CHECK_EQ(pack_cost(&p), least_cost(p));
    }
    struct geometry g = geometry_dense(1, 3, 2);
    struct pack p;
    g.h = g.w = g.kh = g.kw = 9;
    g.oh = g.ow = 1;
    CHECK(pack_plan(&p, &g, 1, 64) != 0);
}

/* Some outputs of pictures that are larger than a polynomial, with the shipped N. */
static void large_pictures(void)
{
    uint64_t random = 4715;
    static const struct geometry shape[3] = {
        { 224, 224, 3, 3, 3, 1, 1, 1, 1, 224, 224, 5 },
        { 224, 224, 3, 7, 7, 2, 2, 3, 3, 112, 112, 4 },
        { 1, 20000, 2, 1, 9, 1, 4, 0, 4, 1, 5000, 3 }
    };
    for (unsigned t = 0; t < 3; t++) {
        struct map_case m = { .g = shape[t], .frames = 2 };
        CHECK_EQ(case_make(&m, RLWE_N, 0, &random), 0);
        CHECK(m.p.ny * m.p.nx > 1);
        printf("# %u x %u tiles of %u x %u outputs, %zu ciphertexts, %zu answers\n", m.p.ny, m.p.nx,
               m.p.th, m.p.tw, pack_inputs(&m.p), pack_answers(&m.p));
        case_run(&m);
        CHECK(case_right(&m));
        case_free(&m);
    }
}

/* The selection of frames from clips of any length has a plan, with sums that have room. */
static void long_clips(void)
{
    static const uint32_t frames[] = { 1, 255, 256, 257, 1700, 1800, 2200, 4000, 16000, 100000 };
    for (unsigned i = 0; i < sizeof frames / sizeof *frames; i++)
        for (uint32_t rows = 1; rows <= 32; rows++) {
            struct geometry g = geometry_dense(rows, frames[i], 48 * 48);
            struct pack p;
            CHECK_EQ(pack_plan(&p, &g, 0, RLWE_N), 0);
            CHECK(p.nc >= 1 && p.nc <= PACK_SUM && p.nc * p.c >= frames[i]);
            CHECK((uint64_t)p.f * p.c * p.o * p.h * p.w <= p.n);
        }
}

static void published_network(void)
{
    double total = 0;
    printf("# one direction, 7 frames       F   C   O    in   out  products     MB\n");
    for (unsigned i = 0; i < EMOTION_MAPS; i++) {
        struct geometry g;
        struct pack p;
        uint32_t frames;
        const char *name = emotion_map(i, &g, &frames);
        CHECK_EQ(pack_plan(&p, &g, frames, RLWE_N), 0);
        size_t bytes = pack_inputs(&p) * RLWE_CIPHER_BYTES, results = 0;
        for (uint32_t f = 0; f < p.nf; f++)
            for (uint32_t o = 0; o < p.no; o++) {
                bytes += rlwe_answer_bytes(pack_useful_count(&p, f, o));
                results += pack_useful_count(&p, f, o);
            }
        CHECK_EQ(results, pack_results(&p));
        printf("# %-9s %4u x %4u outputs %5u %3u %3u %5zu %5zu %9zu %6.2f\n", name, p.th, p.tw, p.f,
               p.c, p.o, pack_inputs(&p), pack_answers(&p), pack_products(&p),
               1e-6 * (double)bytes);
        total += 2e-6 * (double)bytes;
    }
    printf("# both directions: %.1f MB\n", total);
    CHECK(total < 159);
}

int main(void)
{
    CASE(layers_by_polynomials);
    CASE(selections_by_polynomials);
    CASE(control_of_a_row);
    CASE(plans_are_the_cheapest);
    CASE(large_pictures);
    CASE(long_clips);
    CASE(published_network);
    return check_done();
}
