/*
 * test_actor.c: the acting face: the same for the same seed, legal for every wish, and seen by a
 * trained network as what it plays. The network is evaluated here by plain loops of its own.
 */
#include "tests/check.h"

#include "net/base_mem.h"
#include "nn/actor.h"
#include "nn/video_text.h"

enum { EDGE = 48, LEVELS = EDGE * EDGE, HAPPY = 3, SURPRISE = 5, NEUTRAL = 6 };

static int draw(int emotion, uint64_t seed, unsigned frames, unsigned frame, uint8_t *grey,
    unsigned size)
{
    struct err e = { 0 };
    struct actor *a = actor_new(emotion, seed, frames, &e);
    int code = a == NULL ? e.code : actor_draw(a, frame, grey, size, &e);
    if (code != 0)
        fprintf(stderr, "%s\n", e.text);
    actor_free(a);
    return code;
}

static double mean_of(const uint8_t *grey, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += grey[k];
    return sum / (double)n;
}

static double deviation_of(const uint8_t *grey, size_t n)
{
    double mean = mean_of(grey, n), sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += (grey[k] - mean) * (grey[k] - mean);
    return sum / (double)n;
}

static double difference_of(const uint8_t *a, const uint8_t *b, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += abs(a[k] - b[k]);
    return sum / (double)n;
}

static void same_seed_same_pictures(void)
{
    uint8_t a[LEVELS], b[LEVELS];
    for (unsigned frame = 0; frame < 97; frame += 24) {
        CHECK_EQ(draw(HAPPY, 7, 97, frame, a, EDGE), 0);
        CHECK_EQ(draw(HAPPY, 7, 97, frame, b, EDGE), 0);
        CHECK(memcmp(a, b, sizeof a) == 0);
    }
}

static void other_seeds_other_pictures(void)
{
    uint8_t a[LEVELS], b[LEVELS];
    CHECK_EQ(draw(HAPPY, 1, 97, 48, a, EDGE), 0);
    for (uint64_t seed = 2; seed < 12; seed++) {
        CHECK_EQ(draw(HAPPY, seed, 97, 48, b, EDGE), 0);
        CHECK(difference_of(a, b, LEVELS) > 8);
    }
}

/* Played, an emotion changes the picture; and a clip moves from frame to frame. */
static void the_actor_acts(void)
{
    uint8_t a[LEVELS], b[LEVELS];
    for (int emotion = 0; emotion < NEUTRAL; emotion++) {
        CHECK_EQ(draw(emotion, 5, 97, 0, a, EDGE), 0);
        CHECK_EQ(draw(emotion, 5, 97, 40, b, EDGE), 0);
        CHECK(difference_of(a, b, LEVELS) > 2);
    }
}

static void pictures_have_contrast(void)
{
    uint8_t a[LEVELS];
    for (int emotion = 0; emotion < ACTOR_EMOTIONS; emotion++) {
        for (uint64_t seed = 0; seed < 6; seed++) {
            CHECK_EQ(draw(emotion, seed, 97, 50, a, EDGE), 0);
            CHECK(mean_of(a, LEVELS) > 40 && mean_of(a, LEVELS) < 220);
            CHECK(deviation_of(a, LEVELS) > 15 * 15);
        }
    }
}

/* The small picture is the large one, averaged (up to the camera's noise). */
static void sizes_agree(void)
{
    enum { LARGE = 4 * EDGE };
    static uint8_t a[LEVELS], b[LARGE * LARGE], c[LEVELS];
    CHECK_EQ(draw(NEUTRAL, 3, 97, 30, a, EDGE), 0);
    CHECK_EQ(draw(NEUTRAL, 3, 97, 30, b, LARGE), 0);
    for (unsigned k = 0; k < LEVELS; k++) {
        unsigned sum = 0;
        for (unsigned i = 0; i < 16; i++)
            sum += b[(4 * (k / EDGE) + i / 4) * LARGE + 4 * (k % EDGE) + i % 4];
        c[k] = (uint8_t)((sum + 8) / 16);
    }
    CHECK(difference_of(a, c, LEVELS) < 5);
}

static void odd_wishes_draw(void)
{
    static const unsigned sizes[] = { 1, 2, 3, 17, 48, 191, 193, 257 };
    static const unsigned lengths[] = { 1, 2, 3, 500 };
    static uint8_t a[257 * 257 + 1];
    for (int emotion = 0; emotion < ACTOR_EMOTIONS; emotion++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            size_t n = (size_t)sizes[k] * sizes[k];
            a[n] = 0xa5;
            CHECK_EQ(draw(emotion, k, 97, 96, a, sizes[k]), 0);
            CHECK_EQ(a[n], 0xa5);
        }
    }
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
        CHECK_EQ(draw(HAPPY, k, lengths[k], lengths[k] - 1, a, 48), 0);
}

/* Levels survive the published text exactly. */
static void text_keeps_levels(void)
{
    struct err e = { 0 };
    struct video v, back;
    uint8_t a[LEVELS];
    CHECK_EQ(draw(SURPRISE, 11, 97, 48, a, EDGE), 0);
    for (unsigned k = 0; k < 256; k++)
        a[k] = (uint8_t)k;
    CHECK_EQ(video_init(&v, 1, EDGE, EDGE, 1, &e), 0);
    for (unsigned k = 0; k < LEVELS; k++)
        v.value[k] = a[k] / 255.0;
    size_t n;
    char *text = video_write(&v, &n);
    CHECK_EQ(video_parse(&back, (const uint8_t *)text, n, "text", EDGE, EDGE, 1, &e), 0);
    CHECK_EQ(back.frames, 1);
    for (unsigned k = 0; k < LEVELS && e.code == 0; k++)
        CHECK_EQ((int)(back.value[k] * 255 + 0.5), a[k]);
    free(text);
    video_fini(&v);
    video_fini(&back);
}

static void names_are_the_classes(void)
{
    static const char *const names[] = {
        "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"
    };
    for (int k = 0; k < ACTOR_EMOTIONS; k++) {
        CHECK_EQ(actor_emotion(names[k]), k);
        CHECK(strcmp(actor_emotion_name(k), names[k]) == 0);
    }
    CHECK_EQ(actor_emotion("bored"), -1);
    CHECK_EQ(actor_emotion(""), -1);
    CHECK(actor_emotion_name(7) == NULL && actor_emotion_name(-1) == NULL);
}

static void wrong_wishes_are_refused(void)
{
    struct err e = { 0 };
    uint8_t a[4];
    CHECK(actor_new(7, 1, 97, &e) == NULL && e.code == ERR_USAGE);
    CHECK(actor_new(-1, 1, 97, &e) == NULL && e.code == ERR_USAGE);
    CHECK(actor_new(HAPPY, 1, 0, &e) == NULL && e.code == ERR_USAGE);
    CHECK(actor_new(HAPPY, 1, ACTOR_FRAMES_MAX + 1, &e) == NULL && e.code == ERR_USAGE);
    CHECK_EQ(draw(HAPPY, 1, 10, 10, a, 2), ERR_USAGE);
    CHECK_EQ(draw(HAPPY, 1, 10, 0, a, 0), ERR_USAGE);
    CHECK_EQ(draw(HAPPY, 1, 10, 0, a, ACTOR_EDGE_MAX + 1), ERR_USAGE);
}

static void no_memory_is_told(void)
{
    uint8_t a[LEVELS];
    for (long k = 1; k <= 2; k++) {
        mem_fail_at(k);
        CHECK_EQ(draw(HAPPY, 1, 97, 0, a, EDGE), ERR_FAILED);
        mem_fail_at(0);
    }
    CHECK_EQ(draw(HAPPY, 1, 97, 0, a, EDGE), 0);
}

/* ---- the judge: the published network, evaluated by plain loops ---- */

enum { PARAMETERS = 1485831, ACTIVATIONS = 44 * 44 * 64 };

struct tensor {
    unsigned h, w, c;
    float v[ACTIVATIONS];
};

enum { BLOCK = 16 };            /* output channels at a time: they stay in registers */

static void conv_point(float *y, const struct tensor *x, unsigned i, unsigned j, unsigned k,
    unsigned units, const float *p, const float *bias)
{
    float sum[BLOCK];
    memcpy(sum, bias, sizeof sum);
    for (unsigned t = 0; t < k * k; t++) {
        const float *in = x->v + ((i + t / k) * x->w + j + t % k) * (size_t)x->c;
        for (unsigned m = 0; m < x->c; m++, p += units)
            for (unsigned u = 0; u < BLOCK; u++)
                sum[u] += in[m] * p[u];
    }
    for (unsigned u = 0; u < BLOCK; u++)
        y[u] = sum[u] > 0 ? sum[u] : 0;
}

static const float *conv(struct tensor *o, const struct tensor *x, unsigned k, unsigned units,
    const float *p)
{
    const float *bias = p + (size_t)k * k * x->c * units;
    o->h = x->h - k + 1;
    o->w = x->w - k + 1;
    o->c = units;
    for (unsigned at = 0; at < o->h * o->w; at++)
        for (unsigned u = 0; u < units; u += BLOCK)
            conv_point(o->v + (size_t)at * units + u, x, at / o->w, at % o->w, k, units, p + u,
                bias + u);
    return bias + units;
}

static void pool(struct tensor *o, const struct tensor *x, unsigned k)
{
    o->h = (x->h - k) / 2 + 1;
    o->w = (x->w - k) / 2 + 1;
    o->c = x->c;
    for (unsigned at = 0; at < o->h * o->w; at++) {
        for (unsigned u = 0; u < o->c; u++) {
            float sum = 0;
            for (unsigned t = 0; t < k * k; t++)
                sum += x->v[((2 * (at / o->w) + t / k) * x->w + 2 * (at % o->w) + t % k)
                    * (size_t)x->c + u];
            o->v[(size_t)at * o->c + u] = sum / (float)(k * k);
        }
    }
}

static const float *dense(struct tensor *o, const struct tensor *x, unsigned units, int relu,
    const float *p)
{
    const float *bias = p + (size_t)x->c * units;
    o->h = o->w = 1;
    o->c = units;
    memcpy(o->v, bias, units * sizeof *bias);
    for (unsigned m = 0; m < x->c; m++)
        for (unsigned u = 0; u < units; u++)
            o->v[u] += x->v[m] * p[(size_t)m * units + u];
    for (unsigned u = 0; u < units && relu; u++)
        o->v[u] = o->v[u] > 0 ? o->v[u] : 0;
    return bias + units;
}

/* Adds the approximate softmax of one picture to score. */
static void judge(double score[static 7], const uint8_t *grey, const float *p)
{
    static struct tensor a, b;
    a.h = a.w = EDGE;
    a.c = 1;
    for (unsigned k = 0; k < LEVELS; k++)
        a.v[k] = (float)grey[k] / 255;
    p = conv(&b, &a, 5, 64, p);
    pool(&a, &b, 5);
    p = conv(&b, &a, 3, 64, p);
    p = conv(&a, &b, 3, 64, p);
    pool(&b, &a, 3);
    p = conv(&a, &b, 3, 128, p);
    p = conv(&b, &a, 3, 128, p);
    pool(&a, &b, 3);
    p = dense(&b, &a, 1024, 1, p);
    p = dense(&a, &b, 1024, 1, p);
    dense(&b, &a, 7, 0, p);
    double sum = 0;
    for (unsigned k = 0; k < 7; k++)
        sum += b.v[k] > 0 ? b.v[k] : 0;
    for (unsigned k = 0; k < 7; k++)
        score[k] += sum > 0 ? (b.v[k] > 0 ? b.v[k] / sum : 0) : 1.0 / 7;
}

static float *weights_load(void)
{
    const char *data = getenv("OBSCURA_DATA"), *srcdir = getenv("srcdir");
    float *p = malloc(PARAMETERS * sizeof *p);
    for (int k = 0; k < 3 && p != NULL; k++) {
        char name[4096];
        if (k == 0 && data == NULL)
            continue;
        snprintf(name, sizeof name, "%s%s/emotion.f32", k == 0 ? data : srcdir ? srcdir : ".",
            k == 0 ? "/model" : k == 1 ? "/data/model" : "/../shared/data/model");
        FILE *f = fopen(name, "rb");
        size_t n = f == NULL ? 0 : fread(p, sizeof *p, PARAMETERS, f);
        if (f != NULL)
            fclose(f);
        if (n == PARAMETERS)
            return p;
    }
    free(p);
    return NULL;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLOW_BUILD = 1 };
#else
enum { SLOW_BUILD = 0 };
#endif

static int recognised(int emotion, uint64_t seed, const float *p)
{
    double score[7] = { 0 };
    for (unsigned frame = 0; frame < ACTOR_FRAMES; frame += 15) {
        uint8_t grey[LEVELS];
        CHECK_EQ(draw(emotion, seed, ACTOR_FRAMES, frame, grey, EDGE), 0);
        judge(score, grey, p);
    }
    int best = 0;
    for (int k = 1; k < 7; k++)
        if (score[k] > score[best])
            best = k;
    return best == emotion;
}

static void network_sees_what_is_played(void)
{
    static const int emotions[] = { HAPPY, SURPRISE, NEUTRAL };
    enum { FIRST = 9000, SEEDS = SLOW_BUILD ? 5 : 20 };
    float *p = weights_load();
    for (unsigned k = 0; k < 3; k++) {
        int n = 0;
        for (uint64_t seed = FIRST; seed < FIRST + SEEDS; seed++)
            n += recognised(emotions[k], seed, p);
        printf("# %s: %d of %d clips recognised (seeds from %d)\n",
            actor_emotion_name(emotions[k]), n, SEEDS, FIRST);
        CHECK(n >= SEEDS * 8 / 10);
    }
    free(p);
}

int main(void)
{
    CASE(same_seed_same_pictures);
    CASE(other_seeds_other_pictures);
    CASE(the_actor_acts);
    CASE(pictures_have_contrast);
    CASE(sizes_agree);
    CASE(odd_wishes_draw);
    CASE(text_keeps_levels);
    CASE(names_are_the_classes);
    CASE(wrong_wishes_are_refused);
    CASE(no_memory_is_told);
    float *p = weights_load();
    if (p != NULL)
        CASE(network_sees_what_is_played);
    else
        check_skip("network_sees_what_is_played", "no weights: set OBSCURA_DATA");
    free(p);
    return check_done();
}
