/*
 * test_silent_sets.c: what attacks on the parameters of silent.h cost, by estimates that favour who
 * attacks: memory is free, a step of linear algebra takes the square of its unknowns, and of all
 * sets of columns the best one is at hand. Sets that others use are the control: they must be seen
 * to fall short, with a code as sparse as this.
 *
 * n samples in t blocks of n / t with one error each, k unknowns, d of them in one sample; all
 * results are log2 of operations.
 */
#include "proto/silent.h"
#include "tests/check.h"

#include <math.h>

enum { DEGREES = 5, BITS = 128 };

struct lpn {
    double n, k, t;
};

static double log2_factorial(double x)
{
    return lgamma(x + 1) / log(2);
}

/* ---- decoding ---- */

/* log2 of the number of subsets with a share a of all, each, and of the tail of a binomial. */
static double entropy(double a)
{
    return a <= 0 || a >= 1 ? 0 : -a * log2(a) - (1 - a) * log2(1 - a);
}

static double divergence(double a, double p)
{
    return a <= p ? 0 : a * log2(a / p) + (1 - a) * log2((1 - a) / (1 - p));
}

/* The least s such that one is expected among the sets of s columns that holds s whole samples. */
static double densest(const struct lpn *l)
{
    double low = 0.05, high = 1;
    for (unsigned i = 0; i < 60; i++) {
        double f = (low + high) / 2;
        double expect = l->k * entropy(f) -
                        l->n * divergence(f * l->k / l->n, pow(f, SILENT_LOCAL));
        *(expect >= 0 ? &high : &low) = f;
    }
    return high * l->k;
}

/* The same for a set chosen at random. */
static double typical(const struct lpn *l)
{
    return l->k * pow(l->k / l->n, 1.0 / (SILENT_LOCAL - 1));
}

/* Stern's decoding of s samples that determine s unknowns, p of them in error: half of p is
 * enumerated in each of two lists. */
static double decoding(const struct lpn *l, double s)
{
    double none = -l->t * log2(1 - s / l->n), errors = l->t * s / l->n, least = INFINITY;
    for (unsigned p = 0; p <= 16; p += 2) {
        double gain = p * log2(errors) - log2_factorial(p);
        double lists = p / 2 * log2(s) - log2_factorial(p / 2);
        least = fmin(least, none - gain + fmax(2 * log2(s), lists));
    }
    return least;
}

/* ---- linearisation ---- */

/* The coefficient of z^degree in (1 + n z / t)^t / (1 + z)^(n - k): monomials of the choices that
 * no product of two samples of one block settles. Negative: none. */
static double unsettled(const struct lpn *l, unsigned degree)
{
    double h[DEGREES + 1] = { 1 };
    for (unsigned j = 1; j <= degree; j++) {
        for (unsigned i = 1; i <= j; i++) {
            double power = l->t * pow(l->n / l->t, i) - (l->n - l->k);
            h[j] += (i % 2 == 1 ? power : -power) * h[j - i];
        }
        h[j] /= j;
    }
    return h[degree];
}

/* Whether it works with `guessed` samples taken to be free of noise. */
static int settles(const struct lpn *l, unsigned degree, double guessed)
{
    struct lpn rest = { l->n - guessed, l->k - guessed, l->t };
    int yes = 0;
    for (unsigned d = 2; d <= degree; d++)
        yes |= unsettled(&rest, d) <= 0;
    return yes;
}

/* Blocks have odd parity, which takes t unknowns away. Equations have at most 100 terms. */
static double linearisation(const struct lpn *whole, unsigned degree)
{
    struct lpn l = { whole->n, whole->k - whole->t, whole->t };
    double low = 0, high = settles(&l, degree, 0) ? 0 : l.k;
    while (high - low > 1 + 1e-6 * l.k)
        *(settles(&l, degree, (low + high) / 2) ? &high : &low) = (low + high) / 2;
    double monomials = degree * log2(l.k - high) - log2_factorial(degree);
    return -l.t * log2(1 - high / l.n) + 2 * fmax(monomials, 0) + log2(3 * 100);
}

/* ---- all together ---- */

static double bits(const struct lpn *l)
{
    double dense = decoding(l, l->k - l->t), sparse = decoding(l, densest(l)), least = dense;
    printf("# n %8.0f k %6.0f t %5.0f: dense %.0f, sparse %.0f (at random %.0f), degrees 2 on",
           l->n, l->k, l->t, dense, sparse, decoding(l, typical(l)));
    least = fmin(least, sparse);
    for (unsigned d = 2; d <= DEGREES; d++) {
        double cost = linearisation(l, d);
        least = fmin(least, cost);
        printf(" %.0f", cost);
    }
    printf("\n");
    return least;
}

static void sets_are_hard(void)
{
    const struct silent_set *last = NULL;
    for (size_t n = 1; n < (size_t)1 << 24; n *= 2) {
        const struct silent_set *s = silent_set(n);
        if (s == last)
            continue;
        struct lpn l = { (double)silent_rows(s), s->k, s->trees };
        CHECK(bits(&l) >= BITS);
        last = s;
    }
}

/* Ferret's set, and those of later versions of its authors' program. */
static void others_fall_short(void)
{
    static const struct lpn others[] = {
        { 10805248, 589760, 1319 }, { 10485760, 452000, 1280 },
        { 10268672, 238000, 2507 }, { 10180608, 124000, 4971 },
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        CHECK(bits(&others[i]) < BITS);
}

int main(void)
{
    CASE(sets_are_hard);
    CASE(others_fall_short);
    return check_done();
}
