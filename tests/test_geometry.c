/*
 * test_geometry.c: patches against their definition, entry by entry. `test_geometry SEED` repeats
 * a run.
 */
#include "proto/geometry.h"

#include "tests/check.h"

static uint64_t seed;

static const uint64_t canary = 0x5ca1ab1e0ddba11;

static uint64_t *words_new(size_t n)
{
    uint64_t *x = malloc((n + 1) * sizeof *x);
    if (x == NULL) {
        fprintf(stderr, "test_geometry: out of memory\n");
        exit(1);
    }
    return x;
}

/* Entry t of the patch of position p. */
static uint64_t entry(const struct geometry *g, const uint64_t *x, size_t p, size_t t)
{
    size_t channel = t % g->c, kx = t / g->c % g->kw, ky = t / g->c / g->kw;
    int64_t row = (int64_t)(p / g->ow * g->sh + ky) - g->top;
    int64_t column = (int64_t)(p % g->ow * g->sw + kx) - g->left;
    if (row < 0 || row >= g->h || column < 0 || column >= g->w)
        return 0;
    return x[((size_t)row * g->w + (size_t)column) * g->c + channel];
}

/* Are the patches of count positions right, and is nothing else written? */
static int patches_differ(const struct geometry *g, size_t gap, size_t first, size_t count,
                          uint64_t *state)
{
    size_t depth = geometry_depth(g), stride = depth + gap, n = count * stride;
    uint64_t *x = words_new(geometry_in(g)), *rows = words_new(n);
    for (size_t i = 0; i < geometry_in(g); i++)
        x[i] = check_random(state) | 1;
    for (size_t i = 0; i <= n; i++)
        rows[i] = canary;

    geometry_patches(rows, stride, g, x, first, count);
    size_t wrong = rows[n] != canary;
    for (size_t i = 0; i < n; i++) {
        size_t t = i % stride;
        wrong += rows[i] != (t < depth ? entry(g, x, first + i / stride, t) : canary);
    }
    if (wrong > 0)
        fprintf(stderr, "%ux%ux%u window %ux%u stride %u,%u padding %u,%u output %ux%u, gap %zu, "
                "positions %zu + %zu: %zu entries wrong\n", g->h, g->w, g->c, g->kh, g->kw, g->sh,
                g->sw, g->top, g->left, g->oh, g->ow, gap, first, count, wrong);
    free(x), free(rows);
    return wrong > 0;
}

static void layers_of_networks(void)
{
    static const struct geometry layers[] = {
        { .h = 48, .w = 48, .c = 2, .kh = 5, .kw = 5, .sh = 2, .sw = 2, .oh = 22, .ow = 22 },
        { .h = 18, .w = 18, .c = 128, .kh = 3, .kw = 3, .sh = 1, .sw = 1, .top = 1, .left = 1,
          .oh = 18, .ow = 18 },
        { .h = 5, .w = 5, .c = 128, .kh = 3, .kw = 3, .sh = 1, .sw = 1, .top = 1, .left = 1,
          .oh = 5, .ow = 5 },
        { .h = 7, .w = 7, .c = 3, .kh = 1, .kw = 1, .sh = 1, .sw = 1, .oh = 7, .ow = 7 },
        { .h = 7, .w = 7, .c = 3, .kh = 1, .kw = 1, .sh = 2, .sw = 2, .oh = 4, .ow = 4 },
        { .h = 1, .w = 194, .c = 1, .kh = 1, .kw = 194, .sh = 1, .sw = 1, .oh = 1, .ow = 1 },
    };
    uint64_t state = seed;
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        size_t n = geometry_positions(&layers[i]);
        CHECK(!patches_differ(&layers[i], 0, 0, n, &state));
        CHECK(!patches_differ(&layers[i], 3, n / 3, n - n / 3, &state));
    }
}

static void dense_layers(void)
{
    uint64_t state = seed + 1;
    for (uint32_t rows = 1; rows <= 7; rows += 3)
        for (uint32_t in = 1; in <= 2048; in = 3 * in + 1) {
            struct geometry g = geometry_dense(rows, in, 10);
            CHECK_EQ(geometry_depth(&g), in);
            CHECK_EQ(geometry_positions(&g), rows);
            CHECK_EQ(geometry_out(&g), rows * 10);
            CHECK(!patches_differ(&g, 0, 0, rows, &state));
            CHECK(!patches_differ(&g, 1, rows - 1, 1, &state));
        }
}

/* Any shape, with windows that may lie outside altogether. */
static void random_shapes(void)
{
    uint64_t state = seed + 2;
    for (unsigned i = 0; i < 3000; i++) {
        struct geometry g = {
            .h = 1 + (uint32_t)(check_random(&state) % 9),
            .w = 1 + (uint32_t)(check_random(&state) % 9),
            .c = 1 + (uint32_t)(check_random(&state) % 5),
            .kh = 1 + (uint32_t)(check_random(&state) % 6),
            .kw = 1 + (uint32_t)(check_random(&state) % 6),
            .sh = 1 + (uint32_t)(check_random(&state) % 4),
            .sw = 1 + (uint32_t)(check_random(&state) % 4),
            .top = (uint32_t)(check_random(&state) % 8),
            .left = (uint32_t)(check_random(&state) % 8),
            .oh = 1 + (uint32_t)(check_random(&state) % 8),
            .ow = 1 + (uint32_t)(check_random(&state) % 8),
            .oc = 1,
        };
        size_t n = geometry_positions(&g), first = check_random(&state) % n;
        size_t count = check_random(&state) % (n - first + 1);
        CHECK(!patches_differ(&g, check_random(&state) % 3, first, count, &state));
    }
}

int main(int argc, char **argv)
{
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20240613;
    printf("# seed %llu\n", (unsigned long long)seed);
    CASE(layers_of_networks);
    CASE(dense_layers);
    CASE(random_shapes);
    return check_done();
}
