/*
 * ntt_loops.h: the transform, written once for any number of lanes. Private to ntt.c and
 * ntt_avx2.c, which define before they include it:
 *
 *     LANES, lanes, lane_words     how many; vectors of as many doubles and of as many words
 *     lanes_all(a)                 a in every lane
 *     lanes_fma(a, b, c)           ab + c, rounded once
 *     lanes_bits(a)                the words in the place of the doubles, and
 *     lanes_double(w)              the doubles in the place of the words
 *     sixteen_forward(m, t, x, k)  the last four levels, of node k with its 16 coefficients
 *     sixteen_backward(m, t, x, k) the first four on the way back
 */

/* 3 2^51: added to |x| < 2^51 it leaves room for no fraction; taken off, x is rounded. */
static const double ROUND = 0x1.8p52;

struct modulus {
    lanes p, inverse, round;
};

static inline struct modulus modulus_of(const struct ntt *t)
{
    return (struct modulus){ lanes_all(t->p), lanes_all(t->inverse), lanes_all(ROUND) };
}

static inline lanes reduce(struct modulus m, lanes x)
{
    lanes q = lanes_fma(x, m.inverse, m.round) - m.round;
    return lanes_fma(-q, m.p, x);
}

static inline lanes multiply(struct modulus m, lanes a, lanes b)
{
    lanes h = a * b;
    lanes l = lanes_fma(a, b, -h);
    lanes q = lanes_fma(h, m.inverse, m.round) - m.round;
    return lanes_fma(-q, m.p, h) + l;
}

/* Two levels: x[0 .. 3] are the quarters of a node whose root is w, and whose children have w0 and
 * w1. */
static inline void quarters_forward(struct modulus m, lanes x[static 4], lanes w, lanes w0,
                                    lanes w1)
{
    lanes a = multiply(m, x[2], w), b = multiply(m, x[3], w);
    lanes low = x[1] + b, high = x[1] - b;
    lanes c = multiply(m, low, w0), d = multiply(m, high, w1);
    low = x[0] + a, high = x[0] - a;
    x[0] = low + c, x[1] = low - c;
    x[2] = high + d, x[3] = high - d;
}

static inline void quarters_backward(struct modulus m, lanes x[static 4], lanes w, lanes w0,
                                     lanes w1)
{
    lanes a = reduce(m, x[0] + x[1]), b = multiply(m, x[0] - x[1], w0);
    lanes c = reduce(m, x[2] + x[3]), d = multiply(m, x[2] - x[3], w1);
    x[0] = reduce(m, a + c), x[2] = multiply(m, a - c, w);
    x[1] = reduce(m, b + d), x[3] = multiply(m, b - d, w);
}

static inline lanes load(const double *x)
{
    lanes v;
    memcpy(&v, x, sizeof v);
    return v;
}

static inline void store(double *x, lanes v)
{
    memcpy(x, &v, sizeof v);
}

/* ---- the transform ---- */

/* The n coefficients of node k, n a power of four and 16 at least: depth first, so that what is
 * being worked on soon fits the cache. */
static void node_forward(const struct ntt *t, double *x, size_t n, size_t k)
{
    struct modulus m = modulus_of(t);
    if (n == 16) {
        sixteen_forward(m, t, x, k);
        return;
    }
    lanes w = lanes_all(t->root[k]), w0 = lanes_all(t->root[2 * k]);
    lanes w1 = lanes_all(t->root[2 * k + 1]);
    size_t s = n / 4;
    for (size_t i = 0; i < s; i += LANES) {
        lanes v[4] = { load(x + i), load(x + i + s), load(x + i + 2 * s), load(x + i + 3 * s) };
        quarters_forward(m, v, w, w0, w1);
        for (size_t j = 0; j < 4; j++)
            store(x + i + j * s, v[j]);
    }
    for (size_t j = 0; j < 4; j++)
        node_forward(t, x + j * s, s, 4 * k + j);
}

static void node_backward(const struct ntt *t, double *x, size_t n, size_t k)
{
    struct modulus m = modulus_of(t);
    if (n == 16) {
        sixteen_backward(m, t, x, k);
        return;
    }
    size_t s = n / 4;
    for (size_t j = 0; j < 4; j++)
        node_backward(t, x + j * s, s, 4 * k + j);
    lanes w = lanes_all(t->back[k]), w0 = lanes_all(t->back[2 * k]);
    lanes w1 = lanes_all(t->back[2 * k + 1]);
    for (size_t i = 0; i < s; i += LANES) {
        lanes v[4] = { load(x + i), load(x + i + s), load(x + i + 2 * s), load(x + i + 3 * s) };
        quarters_backward(m, v, w, w0, w1);
        for (size_t j = 0; j < 4; j++)
            store(x + i + j * s, v[j]);
    }
}

static void forward(const struct ntt *t, double *x)
{
    struct modulus m = modulus_of(t);
    size_t n = (size_t)1 << t->log_n, half = n / 2;
    if (t->log_n % 2 == 0) {
        node_forward(t, x, n, 1);
        return;
    }
    lanes w = lanes_all(t->root[1]);
    for (size_t i = 0; i < half; i += LANES) {
        lanes a = load(x + i), b = multiply(m, load(x + i + half), w);
        store(x + i, a + b);
        store(x + i + half, a - b);
    }
    node_forward(t, x, half, 2);
    node_forward(t, x + half, half, 3);
}

static void backward(const struct ntt *t, double *x)
{
    struct modulus m = modulus_of(t);
    size_t n = (size_t)1 << t->log_n, half = n / 2;
    lanes s = lanes_all(t->scale), w = lanes_all(t->back[1]);
    if (t->log_n % 2 == 0) {
        node_backward(t, x, n, 1);
    } else {
        node_backward(t, x, half, 2);
        node_backward(t, x + half, half, 3);
        for (size_t i = 0; i < half; i += LANES) {
            lanes a = load(x + i), b = load(x + i + half);
            store(x + i, a + b);
            store(x + i + half, multiply(m, a - b, w));
        }
    }
    for (size_t i = 0; i < n; i += LANES)
        store(x + i, multiply(m, load(x + i), s));
}

/* ---- value by value ---- */

static void multiply_add(const struct ntt *t, double *z, const double *x, const double *y,
                         size_t n)
{
    struct modulus m = modulus_of(t);
    for (size_t i = 0; i < n; i += LANES)
        store(z + i, load(z + i) + multiply(m, load(x + i), load(y + i)));
}

/* A word is 2^32 times its signed high half plus its low half. Each half, put below the exponent of
 * a large power of two, makes a double. */
static void add_words(const struct ntt *t, double *z, const uint64_t *x, double c, double c32,
                      size_t n)
{
    struct modulus m = modulus_of(t);
    const uint64_t exponent = 0x4330000000000000;       /* of 2^52 */
    lanes factor = lanes_all(c), factor32 = lanes_all(c32);
    for (size_t i = 0; i < n; i += LANES) {
        lane_words w;
        memcpy(&w, x + i, sizeof w);
        lanes low = lanes_double((w & 0xffffffff) | exponent) - 0x1p52;
        lanes high = lanes_double(((w >> 32) ^ 0x80000000) | exponent) - (0x1p52 + 0x1p31);
        store(z + i, load(z + i) + (multiply(m, low, factor) + multiply(m, high, factor32)));
    }
}

static void drop(const struct ntt *t, double *z, const double *y, double c, size_t n)
{
    struct modulus m = modulus_of(t);
    lanes factor = lanes_all(c);
    for (size_t i = 0; i < n; i += LANES)
        store(z + i, multiply(m, load(z + i) - load(y + i), factor));
}

static void centre(const struct ntt *t, double *z, size_t n)
{
    struct modulus m = modulus_of(t);
    for (size_t i = 0; i < n; i += LANES)
        store(z + i, reduce(m, reduce(m, load(z + i))));
}

/* The sign bit says whether p is missing; + 2^52 leaves the integer in the low bits. */
static void words(const struct ntt *t, uint64_t *z, const double *x, size_t n)
{
    struct modulus m = modulus_of(t);
    lane_words p = lanes_bits(m.p + 0x1p52) & 0xfffffffffffff;
    for (size_t i = 0; i < n; i += LANES) {
        lane_words w = lanes_bits(reduce(m, reduce(m, load(x + i))) + ROUND);
        lane_words low = (w & 0xfffffffffffff) - ((uint64_t)1 << 51);
        low += p & -(low >> 63);
        memcpy(z + i, &low, sizeof low);
    }
}
