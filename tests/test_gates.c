/*
 * test_gates.c: every gate of every protocol against plain integers: results within the stated
 * rounding, bytes and rounds exactly as planned. Sizes, shifts and turns are paired so that each
 * comes up with several of the others; with all of them by TEST_LONG=1.
 */
#include "tests/check.h"
#include "tests/trial.h"

#include <inttypes.h>

#include "proto/compose.h"
#include "proto/kernel.h"

static uint64_t state = 20260101;
static const struct protocol *proto;

static int64_t range(unsigned bits)     /* uniform in [-2^(bits-1), 2^(bits-1)) */
{
    return (int64_t)check_random(&state) >> (64 - bits);
}

/* Runs a program of one input x and one kept output, and holds counters against the plan. */
static int run(struct program *p, uint32_t x, const uint64_t *in, uint32_t y, const uint64_t *in_y,
               uint32_t z, uint64_t *out)
{
    struct trial t = { .program = p, .options = { .seed = check_random(&state), .reorder = 1,
                                                  .latency_ns = 1000000, .jitter_ns = 300000 } };
    struct cost c;
    program_keep(p, z);
    program_close(p);
    CHECK_EQ(program_check(p, &t.err), 0);
    if (program_check(p, NULL) != 0) {
        program_free(p);
        return -1;
    }
    trial_input(&t, x, in, NULL);
    if (in_y != NULL)
        trial_input(&t, y, in_y, NULL);
    int code = trial_run(&t);
    if (code != 0)
        fprintf(stderr, "%s\n", t.err.text);
    CHECK_EQ(code, 0);
    if (code == 0) {
        CHECK_EQ(trial_output(&t, z, out), 0);
        CHECK_EQ(cost_program(&c, p, &t.err), 0);
        unsigned rounds = 0;
        for (unsigned i = 0; i < proto->parties; i++) {
            for (unsigned k = 0; k < proto->parties; k++)
                CHECK_EQ(t.party[i].stats.sent[k], c.bytes[i][k]);
            rounds = t.party[i].stats.rounds > rounds ? t.party[i].stats.rounds : rounds;
        }
        CHECK_EQ(rounds, c.rounds);
    }
    trial_free(&t);
    program_free(p);
    return code;
}

static const uint32_t sizes[] = { 1, 7, 64, 65, 511, 512, 513, 2000 };

static void reshare_of_products(void)
{
    for (unsigned k = 0; k < 8; k++) {
        uint32_t n = sizes[k];
        uint64_t x[2000], y[2000], z[2000];
        for (uint32_t i = 0; i < n; i++) {
            x[i] = check_random(&state);
            y[i] = check_random(&state);
        }
        for (uint8_t turn = 0; turn < proto->parties; turn++) {
            if ((k + turn) % check_times(2, 1) != 0)
                continue;
            struct program *p = program_new(proto);
            p->turn = turn;
            uint32_t vx = program_external(p, VALUE_SHARE, n);
            uint32_t vy = program_external(p, VALUE_SHARE, n);
            uint32_t vz = gate_reshare(p, gate_mul(p, gate_auth(p, vx), vy));
            if (run(p, vx, x, vy, y, vz, z) != 0)
                return;
            unsigned bad = 0;
            for (uint32_t i = 0; i < n; i++)
                bad += z[i] != x[i] * y[i];
            CHECK_EQ(bad, 0);
        }
    }
}

/* Corner cases first, then random ones, all within 2^60. */
static void fill_wide(int64_t *v, uint32_t n)
{
    static const int64_t corner[] = { 0, -1, 1, (1ll << 60) - 1, -(1ll << 60), 8191, 8192, -8192,
                                      -8193 };
    for (uint32_t i = 0; i < n; i++)
        v[i] = i < 9 ? corner[i] : range(10 + i % 52);
}

/* v = v * 1 as a product, so that it is a SUM. */
static uint32_t as_sum(struct program *p, uint32_t x, uint32_t one)
{
    return gate_mul(p, gate_auth(p, x), one);
}

static void truncation_exact(void)
{
    static const unsigned shifts[] = { 1, 5, 13, 14, 16, 17, 26, 32 };
    for (unsigned k = 0; k < 8; k++) {
        uint32_t n = sizes[k];
        int64_t v[2000];
        uint64_t one[2000], z[2000];
        uint64_t up = 0;
        fill_wide(v, n);
        for (uint32_t i = 0; i < n; i++)
            one[i] = 1;
        for (unsigned s = 0; s < 8; s++) {
            if ((s + k) % check_times(3, 1) != 0)
                continue;
            struct program *p = program_new(proto);
            p->turn = (uint8_t)(s % proto->parties);
            uint32_t vx = program_external(p, VALUE_SHARE, n);
            uint32_t vy = program_external(p, VALUE_SHARE, n);
            uint32_t vz = gate_trunc(p, as_sum(p, vx, vy), shifts[s]);
            if (run(p, vx, (uint64_t *)v, vy, one, vz, z) != 0)
                return;
            unsigned bad = 0;
            for (uint32_t i = 0; i < n; i++) {
                int64_t coin = (int64_t)z[i] - (v[i] >> shifts[s]);
                bad += coin != 0 && coin != 1;
                up += coin == 1;
            }
            CHECK_EQ(bad, 0);
        }
        CHECK(n < 500 || up > n / 2);      /* both coins occur */
    }
}

static int64_t bounded(uint32_t i, unsigned width)
{
    int64_t top = (int64_t)1 << (width - 1);
    switch (i) {
    case 0: return 0;
    case 1: return -1;
    case 2: return top - 1;
    case 3: return -top;
    case 4: return 1;
    default: return range(width - 1 - i % 2);
    }
}

static void relu_exact(void)
{
    for (unsigned width = 4; width <= 46; width += 3) {
        uint32_t n = sizes[width % 8];
        unsigned shift = width % 2 == 0 ? 14 : 16;
        int64_t v[2000];
        uint64_t one[2000], z[2000];
        for (uint32_t i = 0; i < n; i++) {
            v[i] = (bounded(i, width) - (i == 2)) * ((int64_t)1 << shift);  /* room for the coin */
            if (i >= 5 && v[i] != 0)
                v[i] += (int64_t)(check_random(&state) % (1u << shift)) - (1 << shift);
            one[i] = 1;
        }
        struct program *p = program_new(proto);
        p->turn = (uint8_t)(width % proto->parties);
        uint32_t vx = program_external(p, VALUE_SHARE, n);
        uint32_t vy = program_external(p, VALUE_SHARE, n);
        uint32_t sum = as_sum(p, vx, vy);
        uint32_t vz = gate_relu(p, sum, shift, width);
        if (run(p, vx, (uint64_t *)v, vy, one, vz, z) != 0)
            return;
        unsigned bad = 0;
        for (uint32_t i = 0; i < n; i++) {
            int64_t low = v[i] >> shift, a = low < 0 ? 0 : low, b = low + 1 < 0 ? 0 : low + 1;
            bad += (int64_t)z[i] != a && (int64_t)z[i] != b;
        }
        CHECK_EQ(bad, 0);
    }
}

/* The same protocol without its RELU: the gate is then composed of the others. */
static void relu_of_parts(void)
{
    const struct protocol *whole = proto;
    struct protocol parts = *proto;
    parts.gate[GATE_RELU] = NULL;
    proto = &parts;
    relu_exact();
    proto = whole;
}

static void relu_without_truncation(void)
{
    for (unsigned width = 3; width <= 62; width += 7) {
        uint32_t n = 300;
        int64_t v[300];
        uint64_t z[300];
        for (uint32_t i = 0; i < n; i++)
            v[i] = bounded(i, width);
        struct program *p = program_new(proto);
        p->turn = (uint8_t)(width % proto->parties);
        uint32_t vx = program_external(p, VALUE_SHARE, n);
        uint32_t vz = gate_relu(p, gate_auth(p, vx), 0, width);
        if (run(p, vx, (uint64_t *)v, 0, NULL, vz, z) != 0)
            return;
        unsigned bad = 0;
        for (uint32_t i = 0; i < n; i++)
            bad += (int64_t)z[i] != (v[i] < 0 ? 0 : v[i]);
        CHECK_EQ(bad, 0);
    }
}

/* All x of 11 bits for every width up to 12: every block and carry pattern. */
static void sign_exhaustive(void)
{
    enum { N = 2048 };
    for (unsigned width = 12; width <= 62; width += width < 20 ? 1 : 7) {
        static int64_t v[N];
        static uint64_t z[N / 64];
        for (int i = 0; i < N; i++)
            v[i] = (i - N / 2) * (width > 12 && i % 2 == 0 ? (int64_t)1 << (width - 12) : 1);
        struct program *p = program_new(proto);
        p->turn = (uint8_t)(width % proto->parties);
        uint32_t vx = program_external(p, VALUE_SHARE, N);
        uint32_t vz = gate_sign(p, gate_auth(p, vx), width);
        if (run(p, vx, (uint64_t *)v, 0, NULL, vz, z) != 0)
            return;
        unsigned bad = 0;
        for (int i = 0; i < N; i++)
            bad += ((z[i / 64] >> (i % 64)) & 1) != (v[i] < 0);
        CHECK_EQ(bad, 0);
    }
}

static void bits_to_words(void)
{
    uint64_t z[300];
    int64_t v[300];
    for (int i = 0; i < 300; i++)
        v[i] = range(20);
    struct program *p = program_new(proto);
    uint32_t vx = program_external(p, VALUE_SHARE, 300);
    uint32_t bits = gate_sign(p, gate_auth(p, vx), 20);
    uint32_t vz = gate_b2a(p, gate_and(p, bits, bits));
    if (run(p, vx, (uint64_t *)v, 0, NULL, vz, z) != 0)
        return;
    unsigned bad = 0;
    for (int i = 0; i < 300; i++)
        bad += z[i] != (v[i] < 0);
    CHECK_EQ(bad, 0);
}

static void argmax_and_ties(void)
{
    for (uint32_t n = 2; n <= 12; n++)
        for (unsigned round = 0; round < check_times(2, 6); round++) {
            int64_t v[12];
            uint64_t z[4] = { 0 };
            uint32_t best = 0;
            for (uint32_t i = 0; i < n; i++) {
                v[i] = round % 2 == 0 ? range(20) : range(2);   /* few values: many ties */
                best = v[i] > v[best] ? i : best;
            }
            struct program *p = program_new(proto);
            p->turn = (uint8_t)(n % proto->parties);
            uint32_t vx = program_external(p, VALUE_SHARE, n);
            uint32_t vz = compose_argmax(p, gate_auth(p, vx), 24);
            if (run(p, vx, (uint64_t *)v, 0, NULL, vz, z) != 0)
                return;
            CHECK_EQ(z[0] & 15, best);
        }
}

static void shares_of_the_whole(void)
{
    enum { ROWS = 9, M = 7 };
    for (unsigned width = 20; width <= 58; width += 6) {
        uint64_t r[ROWS * M], z[ROWS * M];
        for (int i = 0; i < ROWS * M; i++)
            r[i] = (check_random(&state) & 1)
                       ? 0
                       : check_random(&state) >>
                             (64 - width + 5 + (unsigned)(i / M) % (width - 6));
        memset(r, 0, M * sizeof *r);        /* S = 0 */
        memset(r + M, 0, M * sizeof *r);    /* S = r_3 = 1: the smallest */
        r[M + 3] = 1;
        struct program *p = program_new(proto);
        uint32_t vx = program_external(p, VALUE_SHARE, ROWS * M);
        uint32_t vz = compose_shares(p, gate_auth(p, vx), ROWS, M, width, 20);
        if (run(p, vx, r, 0, NULL, vz, z) != 0)
            return;
        for (int i = 0; i < ROWS; i++) {
            double sum = 0;
            for (int k = 0; k < M; k++)
                sum += (double)r[i * M + k];
            for (int k = 0; k < M; k++) {
                double want = sum == 0 ? 1.0 / M : (double)r[i * M + k] / sum;
                double got = (double)(int64_t)z[i * M + k] / (1 << 20);
                CHECK(got - want < 3e-6 && want - got < 3e-6);
            }
        }
    }
}

static void max_pool(void)
{
    const struct geometry g = { .h = 7, .w = 6, .c = 3, .kh = 3, .kw = 2, .sh = 2, .sw = 2,
                                .top = 1, .left = 0, .oh = 4, .ow = 3, .oc = 3 };
    int64_t v[7 * 6 * 3];
    uint64_t z[4 * 3 * 3];
    for (int i = 0; i < 7 * 6 * 3; i++)
        v[i] = range(18);
    struct program *p = program_new(proto);
    uint32_t vx = program_external(p, VALUE_SHARE, 7 * 6 * 3);
    uint32_t vz = compose_maxpool(p, &g, gate_auth(p, vx), 19);
    if (run(p, vx, (uint64_t *)v, 0, NULL, vz, z) != 0)
        return;
    for (int oy = 0; oy < 4; oy++)
        for (int ox = 0; ox < 3; ox++)
            for (int ch = 0; ch < 3; ch++) {
                int64_t best = INT64_MIN;
                for (int i = 0; i < 3; i++)
                    for (int j = 0; j < 2; j++) {
                        int y = oy * 2 + i - 1, x = ox * 2 + j;
                        if (y >= 0 && y < 7 && x < 6 && v[(y * 6 + x) * 3 + ch] > best)
                            best = v[(y * 6 + x) * 3 + ch];
                    }
                CHECK_EQ(z[(oy * 3 + ox) * 3 + ch], best);
            }
}

/* A convolution with stride and padding, cut into slices, against direct summation. */
static void convolution_in_slices(void)
{
    const struct geometry g = { .h = 9, .w = 8, .c = 3, .kh = 3, .kw = 2, .sh = 2, .sw = 1,
                                .top = 1, .left = 1, .oh = 5, .ow = 9, .oc = 5 };
    static uint64_t x[9 * 8 * 3], w[3 * 2 * 3 * 5], b[5], z[5 * 9 * 5];
    for (size_t i = 0; i < sizeof x / 8; i++)
        x[i] = check_random(&state);
    for (size_t i = 0; i < sizeof w / 8; i++)
        w[i] = check_random(&state);
    for (size_t i = 0; i < 5; i++)
        b[i] = check_random(&state);
    struct program *p = program_new(proto);
    uint32_t vx = program_external(p, VALUE_SHARE, sizeof x / 8);
    uint32_t vw = program_external_weight(p, &g), vb = program_external(p, VALUE_SHARE, 5);
    uint32_t ax = gate_auth(p, vx), ab = gate_auth(p, vb);
    uint32_t out = program_value(p, VALUE_SHARE, 5 * 9 * 5);
    for (uint32_t i = 0, step = 0; i < 45; i += step) {
        step = 1 + i % 13 < 45 - i ? 1 + i % 13 : 45 - i;
        p->turn = proto->flags & PROTOCOL_TURNED ? 0 : (uint8_t)(i % proto->parties);
        gate_reshare_into(p, gate_linear(p, &g, ax, vw, ab, i, step), out, i * 5);
    }
    program_keep(p, out);
    program_close(p);
    struct trial t = { .program = p, .options = { .seed = 5, .reorder = 1 } };
    trial_input(&t, vx, x, NULL);
    trial_input(&t, vw, w, &g);
    trial_input(&t, vb, b, NULL);
    CHECK_EQ(trial_run(&t), 0);
    CHECK_EQ(trial_output(&t, out, z), 0);
    for (int oy = 0; oy < 5; oy++)
        for (int ox = 0; ox < 9; ox++)
            for (int o = 0; o < 5; o++) {
                uint64_t sum = b[o];
                for (int i = 0; i < 3; i++)
                    for (int j = 0; j < 2; j++)
                        for (int ch = 0; ch < 3; ch++) {
                            int iy = oy * 2 + i - 1, ix = ox + j - 1;
                            if (iy >= 0 && iy < 9 && ix >= 0 && ix < 8)
                                sum += x[(iy * 8 + ix) * 3 + ch] *
                                       w[((i * 2 + j) * 3 + ch) * 5 + o];
                        }
                CHECK(z[(oy * 9 + ox) * 5 + o] == sum);
            }
    trial_free(&t);
    program_free(p);
}

/* Does no protocol before it have the very same gates, but for linear maps and what they need? */
static int has_gates_of_its_own(unsigned i)
{
    for (unsigned k = 0; k < i; k++) {
        int differ = 0;
        for (int kind = GATE_MUL; kind <= GATE_DEAL; kind++)
            differ |= kind != GATE_SETUP && protocol_at(k)->gate[kind] != proto->gate[kind];
        if (!differ)
            return 0;
    }
    return 1;
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++) {
        printf("# %s\n", proto->name);
        CASE(convolution_in_slices);
        CASE(relu_without_truncation);
        if (!has_gates_of_its_own(i))
            continue;
        CASE(reshare_of_products);
        CASE(truncation_exact);
        CASE(sign_exhaustive);
        CASE(relu_exact);
        CASE(relu_of_parts);
        CASE(bits_to_words);
        CASE(argmax_and_ties);
        CASE(shares_of_the_whole);
        CASE(max_pool);
    }
    return check_done();
}
