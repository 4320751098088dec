/* Lowering, proven ranges and the fixed-point twin, against evaluations of their own: 128-bit
 * integers straight from the definitions, doubles, and the float reference of the shipped model. */
#include "nn/fixed.h"

#include <math.h>

#include "net/base_mem.h"
#include "nn/fixed_range.h"
#include "nn/float.h"
#include "nn/lower.h"
#include "nn/scores.h"
#include "nn/video_text.h"
#include "nn/weights_raw.h"
#include "tests/nn_model.h"

typedef __int128 wide;

/* Extremes of what a stage has shown: of values before and after truncation, and differences
 * within a window. */
struct seen {
    wide product, value;
};

static wide size_of(wide v)
{
    return v < 0 ? -(v + 1) : v;        /* fits b bits exactly when this is below 2^(b-1) */
}

static wide most(wide a, wide b)
{
    return a > b ? a : b;
}

/* One output of stage i from its input, in 128 bits; the truncation is floor. */
static wide stage_value(const struct fixed_model *m, unsigned i, const int64_t *in, size_t k,
                        struct seen *seen)
{
    const struct stage *s = &m->net.stage[i];
    const struct geometry *g = &s->g;
    long o = (long)(k % g->oc), x = (long)(k / g->oc % g->ow), y = (long)(k / g->oc / g->ow);
    wide sum = s->kind == STAGE_LINEAR ? m->bias[i][o] : 0, low = 0, high = 0;
    int first = 1;
    for (long a = 0; a < (long)g->kh; a++)
        for (long b = 0; b < (long)g->kw; b++) {
            long row = y * (long)g->sh + a - (long)g->top;
            long col = x * (long)g->sw + b - (long)g->left;
            if (row < 0 || col < 0 || row >= (long)g->h || col >= (long)g->w)
                continue;
            const int64_t *v = in + (row * (long)g->w + col) * (long)g->c;
            for (long c = 0; s->kind == STAGE_LINEAR && c < (long)g->c; c++)
                sum += (wide)v[c] * m->weight[i][((a * (long)g->kw + b) * (long)g->c + c) *
                                                 (long)g->oc + o];
            if (s->kind == STAGE_LINEAR)
                continue;
            sum += v[o];
            low = first || v[o] < low ? v[o] : low;
            high = first || v[o] > high ? v[o] : high;
            first = 0;
        }
    wide out = s->kind == STAGE_MAXPOOL ? high : sum;
    if (s->kind == STAGE_LINEAR) {
        seen->product = most(seen->product, sum < 0 ? -sum : sum);
        out = sum >> s->shift;
    }
    seen->value = most(seen->value, size_of(out));
    if (s->kind == STAGE_MAXPOOL)
        seen->value = most(seen->value, size_of(low - high));
    return (s->relu || s->kind == STAGE_RELU) && out < 0 ? 0 : out;
}

/* All stages of the twin's floor run against the definitions, and the ranges. */
static void twin_exact(const struct fixed_model *m, const int64_t *frame)
{
    int64_t out[FIXED_CLASSES], *act[FIXED_STAGES];
    struct err e;
    if (fixed_twin(m, FIXED_FLOOR, frame, out, act, &e) != 0) {
        fprintf(stderr, "%s\n", e.text);
        CHECK(!"the twin refused");
        return;
    }
    for (unsigned i = 0; i < m->net.nstage; i++) {
        const struct stage *s = &m->net.stage[i];
        const int64_t *in = i == 0 ? frame : act[i - 1];
        struct seen seen = { 0, 0 };
        size_t wrong = 0;
        for (size_t k = 0; k < geometry_out(&s->g); k++)
            wrong += stage_value(m, i, in, k, &seen) != act[i][k];
        CHECK_EQ(wrong, 0);
        CHECK(seen.value < (wide)1 << (s->width - 1));
        if (s->kind == STAGE_LINEAR)
            CHECK(seen.product < (wide)1 << s->product_bits);
    }
    CHECK(memcmp(out, act[m->net.nstage - 1], m->net.nclass * sizeof *out) == 0);
    for (unsigned i = 0; i < m->net.nstage; i++)
        free(act[i]);
}

static void random_frame(int64_t *frame, double *pixels, size_t n, unsigned frac, uint64_t *seed)
{
    unsigned how = pick(seed, 0, 3);        /* sometimes black and white only */
    for (size_t k = 0; k < n; k++)
        pixels[k] = how == 0 ? (double)pick(seed, 0, 1) : unit(seed);
    fixed_encode((uint64_t *)frame, pixels, n, frac);
}

static void lower_ok(struct fixed_model *q, const struct model *m, unsigned frac)
{
    struct err e = { 0 };
    if (fixed_lower(q, m, frac, &e) != 0)
        fprintf(stderr, "%s\n", e.text);
    CHECK_EQ(e.code, 0);
}

/* The default network with random weights, as training would begin. */
static void default_network(void)
{
    uint64_t seed = 77;
    struct network net;
    struct model m;
    struct fixed_model q;
    static int64_t frame[48 * 48];
    static double pixels[48 * 48];
    printf("# seed %llu\n", (unsigned long long)seed);
    network_default(&net);
    CHECK_EQ(model_init(&m, &net, NULL), 0);
    for (unsigned i = 0; i < net.nlayer; i++)
        for (size_t k = 0; k < net.layer[i].nweight; k++)
            m.weight[i][k] = (float)((2 * unit(&seed) - 1) *
                                     sqrt(6.0 / (double)geometry_depth(&net.layer[i].g)));
    for (unsigned i = 0; i < net.nlayer; i++)
        for (size_t k = 0; k < net.layer[i].nbias; k++)
            m.bias[i][k] = (float)(0.2 * unit(&seed) - 0.1);
    lower_ok(&q, &m, 14);
    CHECK_EQ(q.net.nstage, 11);
    random_frame(frame, pixels, 48 * 48, 14, &seed);
    twin_exact(&q, frame);
    fixed_model_fini(&q);
    model_fini(&m);
}

static int is_known_refusal(const struct err *e)
{
    return strstr(e->text, "average pool with padding `same`") != NULL ||
           strstr(e->text, "use fewer fraction bits") != NULL;
}

/* Logits of the twin against the double evaluation: the difference must be what rounding can
 * explain, relative to the largest activation on the way. */
static void twin_near(const struct model *m, const struct fixed_model *q, const int64_t *frame,
                      const double *pixels)
{
    double *plain[NETWORK_LAYERS], scale = 1;
    unsigned last = m->net.nlayer - 1;
    plain_run(m, pixels, plain);
    for (unsigned i = 0; i <= last; i++)
        for (size_t k = 0; k < geometry_out(&m->net.layer[i].g); k++)
            scale = fmax(scale, fabs(plain[i][k]));
    unsigned at = q->net.softmax ? last - 1 : last;
    int64_t out[FIXED_CLASSES];
    for (int r = FIXED_FLOOR; r <= FIXED_NEAREST; r++) {
        struct err e = { 0 };
        CHECK_EQ(fixed_twin(q, (enum fixed_rounding)r, frame, out, NULL, &e), 0);
        for (unsigned i = 0; e.code == 0 && i < q->net.nclass; i++) {
            double got = ldexp((double)out[i], -(int)q->net.frac), want = plain[at][i];
            if (m->net.layer[at].kind == LAYER_RELU)
                got = fmax(got, 0);         /* the softmax behind it does the same */
            CHECK(fabs(got - want) < 0.01 * scale);
        }
    }
    for (unsigned i = 0; i <= last; i++)
        free(plain[i]);
}

static void random_networks(void)
{
    uint64_t seed = 4711;
    unsigned lowered = 0, refused = 0, pools = 0, norms = 0, strides = 0;
    printf("# seed %llu\n", (unsigned long long)seed);
    for (unsigned n = 0; n < 400; n++) {
        struct network net;
        struct model m;
        struct fixed_model q;
        struct err e;
        unsigned frac = pick(&seed, 12, 16);
        random_network(&net, &seed);
        CHECK_EQ(model_init(&m, &net, NULL), 0);
        random_weights(&m, &seed);
        if (fixed_lower(&q, &m, frac, &e) != 0) {
            CHECK(is_known_refusal(&e));
            CHECK(q.net.nstage == 0 && q.weight[0] == NULL);
            refused++;
            model_fini(&m);
            continue;
        }
        lowered++;
        for (unsigned i = 0; i < net.nlayer; i++) {
            pools += net.layer[i].kind == LAYER_MAXPOOL;
            norms += net.layer[i].kind == LAYER_BATCHNORM;
            strides += net.layer[i].kind == LAYER_CONV && net.layer[i].sh == 2;
        }
        int64_t frame[9 * 9 * 3];
        double pixels[9 * 9 * 3];
        for (unsigned f = 0; f < 3; f++) {
            random_frame(frame, pixels, (size_t)net.h * net.w * net.c, frac, &seed);
            twin_exact(&q, frame);
            twin_near(&m, &q, frame, pixels);
        }
        fixed_model_fini(&q);
        model_fini(&m);
    }
    printf("# %u networks lowered, %u refused; %u max pools, %u batch normalisations, %u strided "
           "convolutions\n", lowered, refused, pools, norms, strides);
    CHECK(lowered >= 250 && refused < 100 && pools > 20 && norms > 20 && strides > 20);
}

/* One dense layer: the extreme pictures of black and white pixels reach the bounds exactly. */
static void bounds_are_tight(void)
{
    uint64_t seed = 31;
    for (unsigned n = 0; n < 200; n++) {
        struct stage s = { .kind = STAGE_LINEAR, .shift = (uint8_t)pick(&seed, 1, 16),
                           .g = geometry_dense(1, 8, 1) };
        int64_t w[8], bias = (int64_t)pick(&seed, 0, 1 << 20) - (1 << 19);
        wide low = bias, high = bias;
        for (unsigned k = 0; k < 8; k++)
            w[k] = (int64_t)pick(&seed, 0, 1 << 14) - (1 << 13);
        for (unsigned corner = 0; corner < 256; corner++) {
            wide v = bias;
            for (unsigned k = 0; k < 8; k++)
                v += (corner >> k & 1) != 0 ? (wide)w[k] * (1 << 14) : 0;
            low = v < low ? v : low;
            high = most(high, v);
        }
        struct range in, out;
        CHECK_EQ(range_pixels(&in, 8, 14, NULL), 0);
        CHECK_EQ(range_stage(&out, &in, &s, w, &bias, NULL), 0);
        CHECK(out.low[0] == (int64_t)(low >> s.shift) - 1);
        CHECK(out.high[0] == (int64_t)(high >> s.shift) + 1);
        wide top = most(-low, high);
        CHECK(top < (wide)1 << s.product_bits && top >= (wide)1 << (s.product_bits - 1));
        wide value = most(size_of(out.low[0]), size_of(out.high[0]));
        CHECK(value < (wide)1 << (s.width - 1) && (s.width == 1 ||
                                                   value >= (wide)1 << (s.width - 2)));
        range_fini(&in);
        range_fini(&out);
    }
}

static void rounding_up(void)
{
    struct err e;
    for (unsigned width = 2; width <= 61; width++)
        for (unsigned shift = 1; shift <= 24; shift++) {
            struct stage s = { .kind = STAGE_LINEAR, .shift = (uint8_t)shift,
                               .width = (uint8_t)width, .product_bits = 37 };
            int fits = width <= 48 && width <= 61 - shift;
            CHECK_EQ(range_round(&s, &e), fits ? 0 : ERR_INPUT);
            if (fits) {
                CHECK(s.width >= width && s.width >= 16 && s.width <= 61 - shift);
                CHECK_EQ(s.product_bits, 40);
            }
        }
}

/* A chain of dense layers whose products grow beyond 61 bits must be refused, and by a smaller
 * precision it fits. */
static void too_wide(void)
{
    struct network net;
    struct model m;
    struct fixed_model q;
    struct err e = { 0 };
    network_init(&net, 1, 1, 64);
    for (unsigned i = 0; i < 5; i++)
        network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 64 }, NULL);
    CHECK_EQ(network_finish(&net, NULL), 0);
    CHECK_EQ(model_init(&m, &net, NULL), 0);
    for (size_t k = 0; k < net.nparameter; k++)
        m.data[k] = 1.5f;           /* each layer multiplies by 96: 2^33 at the end */
    CHECK_EQ(fixed_lower(&q, &m, 16, &e), ERR_INPUT);
    CHECK(strstr(e.text, "fixed-point stage 5 with 16 fraction bits") != NULL);
    CHECK(strstr(e.text, "fewer fraction bits") != NULL);
    CHECK_EQ(fixed_lower(&q, &m, 8, &e), 0);
    fixed_model_fini(&q);

    m.data[7] = 0x1p31f;
    CHECK_EQ(fixed_lower(&q, &m, 8, &e), ERR_INPUT);
    CHECK(strstr(e.text, "stage 1") != NULL && strstr(e.text, "2^30") != NULL);
    m.data[7] = NAN;
    CHECK_EQ(fixed_lower(&q, &m, 8, &e), ERR_INPUT);
    CHECK_EQ(fixed_lower(&q, &m, 7, &e), ERR_USAGE);
    CHECK_EQ(fixed_lower(&q, &m, 17, &e), ERR_USAGE);
    model_fini(&m);
}

/* Structure: what is merged, folded and inserted. */
static void structure(const struct layer *l, size_t n, const uint8_t *kinds, size_t nkind,
                      int softmax)
{
    uint64_t seed = 5;
    struct network net;
    struct model m;
    struct fixed_model q;
    network_init(&net, 6, 6, 2);
    for (size_t i = 0; i < n; i++)
        network_add(&net, l[i], NULL);
    CHECK_EQ(network_finish(&net, NULL), 0);
    CHECK_EQ(model_init(&m, &net, NULL), 0);
    random_weights(&m, &seed);
    lower_ok(&q, &m, 14);
    CHECK_EQ(q.net.nstage, nkind);
    for (size_t i = 0; i < nkind && i < q.net.nstage; i++)
        CHECK_EQ(q.net.stage[i].kind * 2 + q.net.stage[i].relu, kinds[i]);
    CHECK_EQ(q.net.softmax, softmax);
    int64_t frame[72];
    double pixels[72];
    random_frame(frame, pixels, 72, 14, &seed);
    twin_exact(&q, frame);
    twin_near(&m, &q, frame, pixels);
    fixed_model_fini(&q);
    model_fini(&m);
}

enum { LIN = 2 * STAGE_LINEAR, LINRELU = LIN + 1, SUM = 2 * STAGE_SUMPOOL,
       MAX = 2 * STAGE_MAXPOOL, RELU = 2 * STAGE_RELU };

#define STRUCTURE(softmax, expected, ...)                                           \
    do {                                                                            \
        const struct layer ls[] = { __VA_ARGS__ };                                  \
        structure(ls, sizeof ls / sizeof *ls, expected, sizeof expected, softmax);  \
    } while (0)

static void structures(void)
{
    const struct layer conv = { .kind = LAYER_CONV, .kh = 3, .kw = 3, .units = 4, .bias = 1 };
    const struct layer same = { .kind = LAYER_CONV, .kh = 3, .kw = 3, .units = 4, .bias = 1,
                                .same = 1 };
    const struct layer relu = { .kind = LAYER_RELU }, flat = { .kind = LAYER_FLATTEN };
    const struct layer avg = { .kind = LAYER_AVGPOOL, .kh = 2, .kw = 2, .sh = 2, .sw = 2 };
    const struct layer max = { .kind = LAYER_MAXPOOL, .kh = 2, .kw = 2, .sh = 2, .sw = 2 };
    const struct layer hang = { .kind = LAYER_AVGPOOL, .kh = 3, .kw = 3, .sh = 2, .sw = 2,
                                .same = 1 };
    const struct layer norm = { .kind = LAYER_BATCHNORM, .epsilon = 1e-3f };
    const struct layer dense = { .kind = LAYER_DENSE, .units = 3, .bias = 1 };
    const struct layer soft = { .kind = LAYER_EXACT_SOFTMAX };
    const struct layer global = { .kind = LAYER_AVGPOOL };
    const uint8_t plain[] = { LINRELU, SUM, LIN };
    STRUCTURE(1, plain, conv, relu, avg, flat, dense, soft);
    STRUCTURE(0, plain, conv, relu, avg, flat, dense);
    STRUCTURE(1, plain, conv, relu, hang, flat, dense, soft);       /* factors by position */
    STRUCTURE(1, plain, conv, norm, relu, avg, norm, flat, dense, soft);
    STRUCTURE(1, plain, conv, relu, avg, flat, norm, dense, relu, soft);
    STRUCTURE(1, plain, conv, relu, global, soft);                  /* a diagonal stage ends it */
    const uint8_t pools[] = { LINRELU, SUM, MAX, LIN };
    STRUCTURE(1, pools, same, relu, avg, max, relu, flat, dense, soft);
    const uint8_t alone[] = { LIN, MAX, RELU, LIN };
    STRUCTURE(1, alone, same, max, relu, flat, dense, soft);
    const uint8_t late[] = { LIN, MAX, LINRELU, LIN };              /* offset before a ReLU */
    STRUCTURE(1, late, same, max, norm, relu, flat, dense, soft);
    const uint8_t input[] = { LINRELU, LIN };
    STRUCTURE(0, input, norm, conv, relu, flat, dense);
    const uint8_t padded[] = { LIN, LINRELU, LIN };         /* an offset does not cross padding */
    STRUCTURE(0, padded, norm, same, relu, flat, dense);
    const uint8_t rectified[] = { LINRELU, LIN };
    STRUCTURE(0, rectified, flat, dense, relu);
}

static void unfoldable(void)
{
    uint64_t seed = 6;
    struct network net;
    struct model m;
    struct fixed_model q;
    struct err e;
    network_init(&net, 6, 6, 1);
    network_add(&net, (struct layer){ .kind = LAYER_AVGPOOL, .kh = 3, .kw = 3, .sh = 2, .sw = 2,
                                      .same = 1 }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_CONV, .kh = 3, .kw = 3, .units = 4,
                                      .name = "second" }, NULL);
    CHECK_EQ(network_finish(&net, NULL), 0);
    CHECK_EQ(model_init(&m, &net, NULL), 0);
    random_weights(&m, &seed);
    CHECK_EQ(fixed_lower(&q, &m, 14, &e), ERR_INPUT);
    CHECK(strstr(e.text, "layer 2 (convolution second)") != NULL);
    model_fini(&m);
}

static void small_model(struct fixed_model *q)
{
    uint64_t seed = 9;
    struct network net;
    struct model m;
    network_init(&net, 5, 5, 1);
    network_add(&net, (struct layer){ .kind = LAYER_CONV, .kh = 2, .kw = 2, .units = 2, .bias = 1,
                                      .same = 1 }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_RELU }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_AVGPOOL, .kh = 2, .kw = 2, .sh = 2, .sw = 2 },
                NULL);
    network_add(&net, (struct layer){ .kind = LAYER_FLATTEN }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 3, .bias = 1 }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_APPROX_SOFTMAX }, NULL);
    CHECK_EQ(network_finish(&net, NULL), 0);
    CHECK_EQ(model_init(&m, &net, NULL), 0);
    random_weights(&m, &seed);
    lower_ok(q, &m, 14);
    model_fini(&m);
}

/* The public bytes: there and back, and no other bytes mean anything. */
static void public_bytes(void)
{
    struct fixed_model q;
    struct fixed_net back;
    struct err e;
    size_t n, same = 0, refused = 0;
    small_model(&q);
    uint8_t *p = fixed_net_write(&q.net, &n);
    CHECK_EQ(fixed_net_read(&back, p, n, &e), 0);
    CHECK(memcmp(&back, &q.net, sizeof back) == 0);
    for (size_t k = 0; k < n; k++) {
        uint8_t *cut = malloc(k + 1);       /* so that a sanitizer sees a step too far */
        memcpy(cut, p, k);
        CHECK_EQ(fixed_net_read(&back, cut, k, &e), ERR_INPUT);
        CHECK_EQ(back.nstage, 0);
        free(cut);
    }
    uint8_t *longer = calloc(1, n + 1);
    memcpy(longer, p, n);
    CHECK_EQ(fixed_net_read(&back, longer, n + 1, &e), ERR_INPUT);
    free(longer);
    for (size_t k = 0; k < 8 * n; k++) {
        size_t m;
        p[k / 8] ^= (uint8_t)(1 << k % 8);
        if (fixed_net_read(&back, p, n, &e) == 0) {
            uint8_t *again = fixed_net_write(&back, &m);
            CHECK(m == n && memcmp(again, p, n) == 0);
            free(again);
            same++;
        } else {
            refused++;
        }
        p[k / 8] ^= (uint8_t)(1 << k % 8);
    }
    CHECK(same > 0 && refused > 6 * n);
    free(p);
    fixed_model_fini(&q);
}

/* Values that leave their range are found. */
static void twin_watches(void)
{
    struct fixed_model q;
    struct err e;
    int64_t frame[25], out[3];
    small_model(&q);
    for (unsigned k = 0; k < 25; k++)
        frame[k] = 1 << 14;
    CHECK_EQ(fixed_twin(&q, FIXED_NEAREST, frame, out, NULL, &e), 0);
    frame[4] = (1 << 14) + 1;
    CHECK_EQ(fixed_twin(&q, FIXED_NEAREST, frame, out, NULL, &e), ERR_INPUT);
    CHECK(strstr(e.text, "value 5 of the frame") != NULL);
    frame[4] = -1;
    CHECK_EQ(fixed_twin(&q, FIXED_NEAREST, frame, out, NULL, &e), ERR_INPUT);
    frame[4] = 0;
    q.bias[0][1] = INT64_C(1) << (q.net.stage[0].shift + q.net.stage[0].width);
    CHECK_EQ(fixed_twin(&q, FIXED_NEAREST, frame, out, NULL, &e), ERR_INPUT);
    CHECK(strstr(e.text, "stage 1, row 0, column 0, channel 1") != NULL);
    CHECK_EQ(fixed_prove(&q, &e), 0);       /* with its new bias the model has new ranges */
    CHECK_EQ(fixed_twin(&q, FIXED_NEAREST, frame, out, NULL, &e), 0);
    fixed_model_fini(&q);
}

static void encoding(void)
{
    const double x[] = { 0, 1, 0.5, 1.0 / 255, 0.99999, 1e-9 };
    uint64_t y[6];
    fixed_encode(y, x, 6, 14);
    const uint64_t want[] = { 0, 16384, 8192, 64, 16384, 0 };
    CHECK(memcmp(y, want, sizeof y) == 0);
    fixed_encode(y, x, 6, 8);
    CHECK(y[1] == 256 && y[3] == 1);
}

/* Every allocation of a lowering fails once. */
static void no_memory(void)
{
    uint64_t seed = 12;
    struct network net;
    struct model m;
    struct fixed_model q;
    random_network(&net, &seed);
    CHECK_EQ(model_init(&m, &net, NULL), 0);
    random_weights(&m, &seed);
    unsigned failed = 0;
    for (long k = 1; k < 1000; k++) {
        struct err e = { 0 };
        mem_fail_at(k);
        int code = fixed_lower(&q, &m, 14, &e);
        mem_fail_at(0);
        if (code == 0)
            break;
        failed++;
        CHECK_EQ(code, ERR_FAILED);
        CHECK(q.weight[0] == NULL);
    }
    CHECK(failed > 8 && failed < 999);
    fixed_model_fini(&q);
    model_fini(&m);
}

static void print_stages(const struct fixed_model *q)
{
    static const char *const kinds[] = { "", "linear", "sum pool", "max pool", "relu" };
    printf("# stage  kind      shift  width  product bits\n");
    for (unsigned i = 0; i < q->net.nstage; i++) {
        const struct stage *s = &q->net.stage[i];
        printf("# %5u  %-8s  %5u  %5u  %12u\n", i + 1, kinds[s->kind], s->shift, s->width,
               s->product_bits);
    }
}

/* Largest difference of a score between the twin and the float reference. */
static double score_error(const struct fixed_model *q, enum fixed_rounding r,
                          const struct video *v, const double *want)
{
    double logits[49], s[7], worst = 0;
    static uint64_t frame[48 * 48];
    int64_t out[7];
    for (unsigned f = 0; f < 7; f++) {
        struct err e;
        fixed_encode(frame, video_frame(v, 15 * f), 48 * 48, q->net.frac);
        CHECK_EQ(fixed_twin(q, r, (const int64_t *)frame, out, NULL, &e), 0);
        for (unsigned i = 0; i < 7; i++)
            logits[f * 7 + i] = ldexp((double)out[i], -(int)q->net.frac);
    }
    scores_sum(s, logits, 7, 7, 1);
    for (unsigned i = 0; i < 7; i++)
        worst = fmax(worst, fabs(s[i] - want[i]));
    CHECK_EQ(scores_label(s, 7), scores_label(want, 7));
    return worst;
}

static void float_scores(double s[7], const struct model *m, const struct video *v)
{
    double logits[49];
    struct evaluator *en = evaluator_new(m);
    for (unsigned f = 0; f < 7; f++) {
        float pixels[48 * 48];
        for (unsigned k = 0; k < 48 * 48; k++)
            pixels[k] = (float)video_frame(v, 15 * f)[k];
        evaluator_run(en, pixels);
        for (unsigned i = 0; i < 7; i++)
            logits[f * 7 + i] = (double)evaluator_logits(en)[i];
    }
    evaluator_free(en);
    scores_sum(s, logits, 7, 7, 1);
}

static void shipped_model(void)
{
    size_t nw = 0, nv = 0;
    uint8_t *w = data_read("model/emotion.f32", &nw), *t = data_read("sample_video.txt", &nv);
    struct network net;
    struct model m;
    struct video v;
    double want[7];
    network_default(&net);
    CHECK_EQ(weights_raw_parse(&m, &net, w, nw, "emotion.f32", NULL), 0);
    CHECK_EQ(video_parse(&v, t, nv, "sample_video.txt", 48, 48, 1, NULL), 0);
    float_scores(want, &m, &v);
    for (unsigned frac = 12; frac <= 16; frac++) {
        struct fixed_model q;
        lower_ok(&q, &m, frac);
        double low = score_error(&q, FIXED_FLOOR, &v, want);
        double high = score_error(&q, FIXED_CEIL, &v, want);
        double near = score_error(&q, FIXED_NEAREST, &v, want);
        printf("# %u fraction bits: score error floor %.1e, ceiling %.1e, nearest %.1e\n", frac,
               low, high, near);
        CHECK(low < 0x1p-7 && high < 0x1p-7 && near < 0x1p-7);
        for (unsigned i = 0; i < q.net.nstage; i++)
            CHECK(q.net.stage[i].shift <= 16);
        if (frac == LOWER_FRAC)
            print_stages(&q);
        fixed_model_fini(&q);
    }
    video_fini(&v);
    model_fini(&m);
    free(w);
    free(t);
}

int main(void)
{
    CASE(encoding);
    CASE(bounds_are_tight);
    CASE(rounding_up);
    CASE(default_network);
    CASE(structures);
    CASE(unfoldable);
    CASE(random_networks);
    CASE(too_wide);
    CASE(public_bytes);
    CASE(twin_watches);
    CASE(no_memory);
    DATA_CASE("model/emotion.f32", shipped_model);
    return check_done();
}
