/*
 * test_judge.c: a model and its twin side by side give what each gives alone, for any number of
 * threads and frames; magnitudes and tallies against plain counting.
 */
#include "tests/check.h"

#include <math.h>

#include "nn/float.h"
#include "nn/initialise.h"
#include "nn/judge.h"
#include "nn/lower.h"
#include "nn/tally.h"

enum { EDGE = 9, CLASSES = 5, FRAMES = 71 };

static double pixels_of(size_t frame, size_t k)
{
    uint64_t state = frame * 1000 + k;
    return (double)(check_random(&state) % 256) / 255;
}

static void give(void *ctx, size_t k, double *pixels)
{
    size_t first = *(const size_t *)ctx;
    for (size_t i = 0; i < EDGE * EDGE; i++)
        pixels[i] = pixels_of(first + k, i);
}

static void give_too_much(void *ctx, size_t k, double *pixels)
{
    give(ctx, k, pixels);
    if (k == 40)
        pixels[3] = 1.5;
}

/* conv 3x3 ReLU, sum pool, dense. */
static void build(struct model *m)
{
    struct err e;
    struct network net;
    network_init(&net, EDGE, EDGE, 1);
    network_add(&net, (struct layer){ .kind = LAYER_CONV, .kh = 3, .kw = 3, .units = 6, .bias = 1 },
                &e);
    network_add(&net, (struct layer){ .kind = LAYER_RELU }, &e);
    network_add(&net, (struct layer){ .kind = LAYER_AVGPOOL, .kh = 2, .kw = 2, .sh = 2, .sw = 2 },
                &e);
    network_add(&net, (struct layer){ .kind = LAYER_FLATTEN }, &e);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = CLASSES, .bias = 1 }, &e);
    network_add(&net, (struct layer){ .kind = LAYER_APPROX_SOFTMAX }, &e);
    CHECK_EQ(network_finish(&net, &e), 0);
    CHECK_EQ(model_init(m, &net, &e), 0);
    model_initialise(m, 3);
}

static void frame_alone(const struct model *m, const struct fixed_model *q, size_t k, float *logits,
                        int64_t *twin)
{
    struct err e;
    float frame[EDGE * EDGE];
    double pixels[EDGE * EDGE];
    uint64_t words[EDGE * EDGE];
    for (size_t i = 0; i < EDGE * EDGE; i++)
        frame[i] = (float)(pixels[i] = pixels_of(k, i));
    CHECK_EQ(model_run(m, frame, logits, &e), 0);
    fixed_encode(words, pixels, EDGE * EDGE, q->net.frac);
    CHECK_EQ(fixed_twin(q, FIXED_NEAREST, (const int64_t *)words, twin, NULL, &e), 0);
}

static void both_sides_give_what_each_gives_alone(void)
{
    struct err e;
    struct model m;
    static struct fixed_model q;
    size_t first = 0;
    build(&m);
    CHECK_EQ(fixed_lower(&q, &m, LOWER_FRAC, &e), 0);
    for (unsigned threads = 1; threads <= 4; threads++) {
        double logits[FRAMES * CLASSES], twin[FRAMES * CLASSES];
        struct judge *j = judge_new(&m, &q, threads, &e);
        CHECK_EQ(judge_run(j, FRAMES, give, &first, logits, twin, &e), 0);
        for (size_t k = 0; k < FRAMES; k++) {
            float alone[CLASSES];
            int64_t integers[CLASSES];
            frame_alone(&m, &q, k, alone, integers);
            for (size_t c = 0; c < CLASSES; c++) {
                CHECK(fabs(logits[k * CLASSES + c] - (double)alone[c]) < 1e-4);
                CHECK(twin[k * CLASSES + c] == ldexp((double)integers[c], -q.net.frac));
            }
        }
        judge_free(j);
    }
    fixed_model_fini(&q);
    model_fini(&m);
}

/* The last stage's largest value and product, from the twin's own outputs and from its weights. */
static void magnitudes_are_the_largest(void)
{
    struct err e;
    struct model m;
    static struct fixed_model q;
    size_t first = 100;
    double logits[FRAMES * CLASSES], twin[FRAMES * CLASSES], most = 0;
    struct judge_account a;
    build(&m);
    CHECK_EQ(fixed_lower(&q, &m, LOWER_FRAC, &e), 0);
    struct judge *j = judge_new(&m, &q, 2, &e);
    CHECK_EQ(judge_run(j, FRAMES, give, &first, logits, twin, &e), 0);
    judge_account(j, &a);
    for (size_t k = 0; k < FRAMES * CLASSES; k++)
        most = fmax(most, fabs(twin[k]));
    unsigned last = q.net.nstage - 1u, shift = q.net.stage[last].shift;
    CHECK_EQ(a.frames, FRAMES);
    CHECK_EQ(a.seen.value[last], llrint(ldexp(most, q.net.frac)));
    CHECK(fabs(ldexp((double)a.seen.product[last], -(int)shift) - (double)a.seen.value[last]) <= 1);
    judge_free(j);
    fixed_model_fini(&q);
    model_fini(&m);
}

static void bad_pixels_are_refused(void)
{
    struct err e;
    struct model m;
    size_t first = 0;
    double logits[FRAMES * CLASSES];
    build(&m);
    struct judge *j = judge_new(&m, NULL, 2, &e);
    CHECK_EQ(judge_run(j, FRAMES, give_too_much, &first, logits, NULL, &e), ERR_INPUT);
    CHECK(strstr(e.text, "frame 40, value 4") != NULL);
    judge_free(j);
    model_fini(&m);
}

static void tallies_count(void)
{
    static const double score[4][3] = { { 3, 1, 2 }, { 0, 5, 5 }, { 1, 2, 9 }, { 7, 0, 0 } };
    static const double twin[4][3] = { { 3, 1, 2 }, { 0, 4, 5 }, { 1, 2, 9 }, { 7, 0, 0.5 } };
    static const int truth[4] = { 0, 2, 2, -1 };
    struct tally t;
    tally_init(&t, 3);
    for (int k = 0; k < 4; k++)
        tally_add(&t, truth[k], score[k], twin[k]);
    CHECK_EQ(t.samples, 4);
    CHECK_EQ(t.labelled, 3);
    CHECK_EQ(t.right, 2);               /* the tie of the second goes to 1 */
    CHECK_EQ(t.right_twin, 3);
    CHECK_EQ(t.flips, 1);
    CHECK(t.largest == 1 && t.difference == 1.5);
    CHECK_EQ(t.confusion[2][1], 1);
    CHECK_EQ(t.confusion[2][2], 1);
    struct tally_class two = tally_class(&t, 2), one = tally_class(&t, 1);
    CHECK_EQ(two.support, 2);
    CHECK(two.precision == 1 && two.recall == 0.5 && fabs(two.f1 - 2.0 / 3) < 1e-15);
    CHECK(one.precision == 0 && isnan(one.recall));
}

int main(void)
{
    CASE(both_sides_give_what_each_gives_alone);
    CASE(magnitudes_are_the_largest);
    CASE(bad_pixels_are_refused);
    CASE(tallies_count);
    return check_done();
}
