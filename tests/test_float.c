/* The float engine against an evaluation in double from the definitions, and against the float
 * reference of the shipped model where the data is at hand. */
#include "nn/float.h"

#include <jansson.h>
#include <time.h>

#include "nn/scores.h"
#include "nn/video_text.h"
#include "nn/weights_raw.h"
#include "tests/nn_model.h"

static double milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void compare(const struct model *m, struct evaluator *en, uint64_t *seed)
{
    size_t n = (size_t)m->net.h * m->net.w * m->net.c;
    double *frame = malloc(n * sizeof *frame), *out[NETWORK_LAYERS];
    float *pixels = malloc(n * sizeof *pixels);
    for (size_t k = 0; k < n; k++) {
        pixels[k] = (float)unit(seed);
        frame[k] = (double)pixels[k];
    }
    plain_run(m, frame, out);
    evaluator_run(en, pixels);
    double scale = 1;
    for (unsigned i = 0; i < m->net.nlayer; i++) {
        size_t wrong = 0, count = geometry_out(&m->net.layer[i].g);
        for (size_t k = 0; k < count; k++)
            scale = fmax(scale, fabs(out[i][k]));
        for (size_t k = 0; k < count; k++)
            wrong += !(fabs((double)evaluator_layer(en, i)[k] - out[i][k]) <= 1e-4 * scale);
        CHECK_EQ(wrong, 0);
        free(i > 0 ? out[i - 1] : NULL);
    }
    free(out[m->net.nlayer - 1]);
    free(frame);
    free(pixels);
}

static void random_networks(void)
{
    uint64_t seed = 20240611;
    printf("# seed %llu\n", (unsigned long long)seed);
    for (unsigned i = 0; i < 200; i++) {
        struct network net;
        struct model m;
        random_network(&net, &seed);
        CHECK_EQ(model_init(&m, &net, NULL), 0);
        random_weights(&m, &seed);
        struct evaluator *en = evaluator_new(&m);
        compare(&m, en, &seed);
        compare(&m, en, &seed);     /* an engine forgets the frame before */
        evaluator_free(en);
        model_fini(&m);
    }
}

/* A network small enough to do by hand: 3x3 picture, 2x2 convolution with stride 1 and padding
 * `same`, ReLU, 2x2 maximum, flatten, dense, approximate softmax. */
static void by_hand(void)
{
    struct network net;
    struct model m;
    network_init(&net, 3, 3, 1);
    network_add(&net, (struct layer){ .kind = LAYER_CONV, .kh = 2, .kw = 2, .units = 1, .bias = 1,
                                      .same = 1 }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_RELU }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_MAXPOOL, .kh = 2, .kw = 2 }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_FLATTEN }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 2, .bias = 1 }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_APPROX_SOFTMAX }, NULL);
    CHECK_EQ(network_finish(&net, NULL), 0);
    CHECK_EQ(model_init(&m, &net, NULL), 0);
    static const float weights[] = { 1, -1, 2, 0, -2.5f,        /* kernel, bias */
                                     1, 0, 0, 1, 1, 1, -1, 2, 0.5f, 3 };
    memcpy(m.data, weights, sizeof weights);
    /* Picture 1 2 3 / 4 5 6 / 7 8 9, padded below and right:
     * x - right + 2 below - 2.5: 1-2+8, 2-3+10, 3-0+12 / 4-5+14, 5-6+16, 6+18 / -1, -1, 9
     *   = 4.5 6.5 12.5 / 10.5 12.5 21.5 / -3.5 -3.5 6.5
     * maxima of 2x2: 12.5 21.5 / 12.5 21.5
     * dense: 12.5 + 12.5 - 21.5 + 0.5 = 4; 21.5 + 12.5 + 43 + 3 = 80 */
    static const float frame[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    float logits[2];
    CHECK_EQ(model_run(&m, frame, logits, NULL), 0);
    CHECK(fabsf(logits[0] - 4) < 1e-5f && fabsf(logits[1] - 80) < 1e-4f);
    struct evaluator *en = evaluator_new(&m);
    evaluator_run(en, frame);
    CHECK(fabsf(evaluator_layer(en, 5)[0] - 4.0f / 84) < 1e-6f);
    evaluator_free(en);
    model_fini(&m);
}

static void scores(void)
{
    const double logits[] = { 1, -1, 3,  -1, -2, -3,  2, 2, 0 };
    double s[3];
    scores_sum(s, logits, 3, 3, 1);
    CHECK(fabs(s[0] - (0.25 + 1.0 / 3 + 0.5)) < 1e-12);
    CHECK(fabs(s[1] - (1.0 / 3 + 0.5)) < 1e-12);
    CHECK(fabs(s[2] - (0.75 + 1.0 / 3)) < 1e-12);
    scores_sum(s, logits, 3, 3, 0);
    CHECK(fabs(s[0] - 2) < 1e-12 && fabs(s[1] + 1) < 1e-12 && fabs(s[2]) < 1e-12);
    CHECK_EQ(scores_label((const double[]){ 1, 2, 2, 0 }, 4), 1);
    CHECK_EQ(scores_label((const double[]){ 0, 0, 0 }, 3), 0);
    CHECK_EQ(scores_label((const double[]){ -3, -2, -1 }, 3), 2);
    softmax_exact(s, (const double[]){ 1000, 1000 + log(3), -1000 }, 3);
    CHECK(fabs(s[0] - 0.25) < 1e-12 && fabs(s[1] - 0.75) < 1e-12 && s[2] < 1e-12);
}

struct sums {
    double sum, top;
};

/* Which layer of the default network each entry of the reference means. */
static void reference_layers(const struct sums *sums, json_t *reference)
{
    static const struct {
        const char *name;
        unsigned layer;
    } of[] = {
        { "c1_before_relu", 0 }, { "pool1", 2 }, { "c2_before_relu", 3 }, { "c3_before_relu", 5 },
        { "pool2", 7 }, { "c4_before_relu", 8 }, { "c5_before_relu", 10 }, { "pool3", 12 },
        { "f1_before_relu", 14 }, { "f2_before_relu", 17 }, { "logits", 20 }
    };
    json_t *layers = json_object_get(reference, "layers");
    CHECK_EQ(json_object_size(layers), sizeof of / sizeof *of);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        json_t *at = json_object_get(layers, of[i].name);
        double sum = json_number_value(json_object_get(at, "sum_abs"));
        double top = json_number_value(json_object_get(at, "max_abs"));
        CHECK(sum > 0);
        CHECK(fabs(sums[of[i].layer].sum - sum) < 1e-5 * sum);
        CHECK(fabs(sums[of[i].layer].top - top) < 1e-4);
    }
}

static void reference_frames(const struct model *m, const struct video *v, json_t *reference)
{
    struct sums sums[NETWORK_LAYERS] = { 0 };
    struct evaluator *en = evaluator_new(m);
    double logits[7 * 7], s[7], worst = 0, best = 1e9;
    for (unsigned f = 0; f < 7; f++) {
        unsigned frame = (unsigned)json_integer_value(
            json_array_get(json_object_get(reference, "selected_frames"), f));
        float pixels[48 * 48];
        for (size_t k = 0; k < 48 * 48; k++)
            pixels[k] = (float)video_frame(v, frame)[k];
        double start = milliseconds();
        evaluator_run(en, pixels);
        best = fmin(best, milliseconds() - start);
        for (unsigned i = 0; i < m->net.nlayer; i++)
            for (size_t k = 0; k < geometry_out(&m->net.layer[i].g); k++) {
                double x = fabs((double)evaluator_layer(en, i)[k]);
                sums[i].sum += x;
                sums[i].top = fmax(sums[i].top, x);
            }
        json_t *want = json_array_get(json_object_get(reference, "logits"), f);
        for (unsigned i = 0; i < 7; i++) {
            logits[f * 7 + i] = (double)evaluator_logits(en)[i];
            worst = fmax(worst, fabs(logits[f * 7 + i] -
                                     json_number_value(json_array_get(want, i))));
        }
    }
    printf("# largest difference of a logit %.2e; %.1f ms a frame\n", worst, best);
    CHECK(worst < 1e-4);
    scores_sum(s, logits, 7, 7, 1);
    for (unsigned i = 0; i < 7; i++)
        CHECK(fabs(s[i] - json_number_value(json_array_get(
            json_object_get(reference, "scores_sum"), i))) < 1e-4);
    CHECK_EQ(scores_label(s, 7), json_integer_value(json_object_get(reference, "label")));
    reference_layers(sums, reference);
    evaluator_free(en);
}

static void shipped_model(void)
{
    size_t nw = 0, nv = 0, nr = 0;
    uint8_t *w = data_read("model/emotion.f32", &nw), *v = data_read("sample_video.txt", &nv);
    uint8_t *r = data_read("model/reference.json", &nr);
    struct network net;
    struct model m;
    struct video video;
    json_t *reference = json_loadb((char *)r, nr, 0, NULL);
    network_default(&net);
    CHECK(reference != NULL);
    CHECK_EQ(weights_raw_parse(&m, &net, w, nw, "emotion.f32", NULL), 0);
    CHECK_EQ(video_parse(&video, v, nv, "sample_video.txt", 48, 48, 1, NULL), 0);
    CHECK_EQ(video.frames, 97);
    reference_frames(&m, &video, reference);
    json_decref(reference);
    video_fini(&video);
    model_fini(&m);
    free(w);
    free(v);
    free(r);
}

int main(void)
{
    CASE(by_hand);
    CASE(random_networks);
    CASE(scores);
    DATA_CASE("model/reference.json", shipped_model);
    return check_done();
}
