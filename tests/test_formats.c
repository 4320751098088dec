/* The text formats, raw weights, Keras' JSON, and the project's own model file: round trips, and
 * what bad input gets. HDF5 has test_h5. */
#include <locale.h>
#include <time.h>
#include <unistd.h>

#include "net/base_mem.h"
#include "nn/keras.h"
#include "nn/lower.h"
#include "nn/model_file.h"
#include "nn/text.h"
#include "nn/video_text.h"
#include "nn/weights_raw.h"
#include "nn/weights_text.h"
#include "tests/nn_model.h"

/* The message must hold `text`. */
static void says(const struct err *e, const char *text)
{
    if (strstr(e->text, text) == NULL) {
        fprintf(stderr, "message: %s\nexpected: %s\n", e->text, text);
        CHECK(!"the message says so");
    }
}

/* A copy of exactly n bytes, so that a sanitizer sees a step too far. */
static uint8_t *exact(const void *p, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    memcpy(copy, p, n);
    return copy;
}

static double number(const char *text)
{
    struct text t;
    struct err e;
    double v = NAN;
    int got = 0;
    uint8_t *p = exact(text, strlen(text));
    text_init(&t, p, strlen(text), "n");
    if (text_next(&t, &v, &got, &e) != 0 || !got)
        v = NAN;
    free(p);
    return v;
}

static void numbers(void)
{
    static const char *const plain[] = {
        "0", "1", "-1", "+3", "0.5", ".5", "5.", "1e-3", "1E3", "-0.25e+2", "123456789012345",
        "0.1450980454683", "3.141592653589793", "1e22", "1e-22", "00012.500", "0e99999", "1e-5000",
        "9007199254740992", "0.000000000000000000000000000001"
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        CHECK(fabs(number(plain[i]) - strtod(plain[i], NULL)) <= 0x1p-53 *
              fabs(strtod(plain[i], NULL)));
    static const char *const wrong[] = {
        "nan", "inf", "-inf", "Infinity", "-", "+", ".", "e5", "1e", "1e+", "1,5", "0x10", "1.2.3",
        "--1", "1e400", "1f", "abc", "\x80", "1;"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(isnan(number(wrong[i])));
    CHECK(isnan(number("")) && isnan(number(" \n\t ")));
}

static int print_as(char *text, size_t n, unsigned how, double v)
{
    switch (how) {
    case 0:
        return snprintf(text, n, "%.13f", v);
    case 1:
        return snprintf(text, n, "%.17g", v);
    case 2:
        return snprintf(text, n, "%.9g", v);
    case 3:
        return snprintf(text, n, "%.6e", v);
    case 4:
        return snprintf(text, n, "%.0f", v);
    }
    return snprintf(text, n, "%.25f", v);
}

/* Against the C library, on numbers as programs print them. */
static void random_numbers(void)
{
    uint64_t seed = 99;
    printf("# seed %llu\n", (unsigned long long)seed);
    for (unsigned i = 0; i < 200000; i++) {
        char text[400];
        double v = ldexp(unit(&seed) - 0.5, (int)pick(&seed, 0, 120) - 60);
        print_as(text, sizeof text, i % 6, v);
        double want = strtod(text, NULL), got = number(text);
        CHECK(fabs(got - want) <= 0x1p-52 * fabs(want));
        if (i % 6 == 2)
            CHECK((float)got >= (float)want && (float)got <= (float)want);
        if (i % 6 == 0 && fabs(v) < 10)
            CHECK(got >= want && got <= want);      /* at most 15 digits: exact */
    }
}

/* 10 million values of 13 decimals in about a second; and no locale changes them. */
static void speed_and_locale(void)
{
    size_t count = 1000000, got;
    char *text = malloc(16 * count);
    float *values;
    struct timespec a, b;
    for (size_t k = 0; k < count; k++)
        memcpy(text + 16 * k, "0.1450980454683\n", 16);
    setlocale(LC_ALL, "de_DE.UTF-8");
    clock_gettime(CLOCK_MONOTONIC, &a);
    CHECK_EQ(text_floats(&values, &got, (uint8_t *)text, 16 * count, "t", NULL), 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    setlocale(LC_ALL, "C");
    CHECK_EQ(got, count);
    CHECK(fabsf(values[count - 1] - 0.1450980454683f) < 1e-9f);
    printf("# %.0f ns a value\n", ((double)(b.tv_sec - a.tv_sec) * 1e9 +
                                   (double)(b.tv_nsec - a.tv_nsec)) / (double)count);
    mem_free(values);
    free(text);
}

static void video_round_trip(void)
{
    uint64_t seed = 3;
    struct video v, back;
    size_t n;
    CHECK_EQ(video_init(&v, 3, 4, 5, 1, NULL), 0);
    for (size_t k = 0; k < 60; k++)
        v.value[k] = (double)pick(&seed, 0, 255) / 255;
    char *text = video_write(&v, &n);
    CHECK_EQ(n, 60 * 16);
    CHECK_EQ(video_parse(&back, (uint8_t *)text, n, "v", 4, 5, 1, NULL), 0);
    CHECK_EQ(back.frames, 3);
    for (size_t k = 0; k < 60; k++)
        CHECK(fabs(back.value[k] - v.value[k]) < 1e-13);
    CHECK(video_frame(&back, 2) == back.value + 40);
    free(text);
    video_fini(&v);
    video_fini(&back);
}

static void video_refused(const char *text, const char *message)
{
    struct video v;
    struct err e = { 0 };
    uint8_t *p = exact(text, strlen(text));
    CHECK_EQ(video_parse(&v, p, strlen(text), "clip", 1, 2, 1, &e), ERR_INPUT);
    CHECK(v.value == NULL);
    says(&e, message);
    free(p);
}

static void video_refusals(void)
{
    video_refused("", "clip: 0 values");
    video_refused("0.5 1 0", "clip: 3 values; expected a whole number of frames of 1x2x1");
    video_refused("0.5 1\n0 nan\n", "clip:2:3: expected a finite decimal number; found `nan`");
    video_refused("0.5 1.0000001", "clip:1:5: frame 0: expected a pixel between 0 and 1");
    video_refused("0.5 1\n0 -0.1", "clip:2:3: frame 1: expected a pixel between 0 and 1");
    video_refused("1 1e999", "clip:1:3: expected a number below 1e308");
    video_refused("1 \x01\xff", "found `??`");
    struct video v;
    CHECK_EQ(video_init(&v, 0, 1, 1, 1, NULL), ERR_INPUT);
    CHECK_EQ(video_init(&v, 1 << 20, 1 << 15, 1 << 15, 1, NULL), ERR_INPUT);
}

static void selections(void)
{
    struct selection s;
    struct err e = { 0 };
    uint32_t k;
    CHECK_EQ(selection_every(&s, 15, 97, NULL), 0);
    CHECK(s.rows == 7 && s.frames == 97 && s.frame[6] == 90);
    uint64_t b[7 * 97], sum = 0;
    selection_matrix(b, &s, &chunks_whole);
    for (size_t i = 0; i < 7 * 97; i++)
        sum += b[i];
    CHECK(sum == 7 && b[3 * 97 + 45] == 1);
    selection_fini(&s);
    CHECK_EQ(selection_every(&s, 15, 0, &e), ERR_INPUT);
    CHECK(selection_option("every:15", &k, &e) == 0 && k == 15);
    CHECK(selection_option("rows.txt", &k, &e) == 0 && k == 0);
    static const char *const wrong[] = { "every:", "every:0", "every:-1", "every:1x",
                                         "every:99999999999999999999" };
    for (size_t i = 0; i < 5; i++)
        CHECK_EQ(selection_option(wrong[i], &k, &e), ERR_USAGE);

    const char *good = "0 1 0\n0 0 1\n1 0 0\n1 0 0\n";
    CHECK_EQ(selection_parse(&s, (const uint8_t *)good, strlen(good), "b", 3, NULL), 0);
    CHECK(s.rows == 4 && s.frame[0] == 1 && s.frame[1] == 2 && s.frame[2] == 0);
    selection_fini(&s);
}

static void selection_refused(const char *text, const char *message)
{
    struct selection s;
    struct err e = { 0 };
    CHECK_EQ(selection_parse(&s, (const uint8_t *)text, strlen(text), "b", 3, &e), ERR_INPUT);
    CHECK(s.frame == NULL && s.rows == 0);
    says(&e, message);
}

static void selection_refusals(void)
{
    selection_refused("0 1 0 1", "b: 4 values; expected rows of 3");
    selection_refused("", "b: 0 values");
    selection_refused("0 1 0\n0 0 0\n", "b:2:1: selection matrix, row 2, column 1");
    selection_refused("0 1 0\n1 0 1\n", "b:2:5: selection matrix, row 2, column 3");
    selection_refused("0 0.5 0", "b:1:3: selection matrix, row 1, column 2");
    selection_refused("0 1.0000001 0", "b:1:3:");
    selection_refused("0 1 -1", "b:1:5:");
    selection_refused("0 1 x", "b:1:5: expected a finite decimal number");
}

/* A small model: 4x4 picture, convolution, ReLU, pool, dense: 2x2x1x2 + 2 + 8x2 + 2 = 28. */
static void small_network(struct network *net)
{
    network_init(net, 4, 4, 1);
    network_add(net, (struct layer){ .kind = LAYER_CONV, .kh = 2, .kw = 2, .units = 2, .bias = 1,
                                     .same = 1, .name = "first" }, NULL);
    network_add(net, (struct layer){ .kind = LAYER_RELU }, NULL);
    network_add(net, (struct layer){ .kind = LAYER_AVGPOOL, .kh = 2, .kw = 2, .sh = 2, .sw = 2 },
                NULL);
    network_add(net, (struct layer){ .kind = LAYER_FLATTEN }, NULL);
    network_add(net, (struct layer){ .kind = LAYER_DENSE, .units = 2, .bias = 1 }, NULL);
    network_add(net, (struct layer){ .kind = LAYER_EXACT_SOFTMAX }, NULL);
    CHECK_EQ(network_finish(net, NULL), 0);
    CHECK_EQ(net->nparameter, 28);
}

static void small_model(struct model *m)
{
    uint64_t seed = 21;
    struct network net;
    small_network(&net);
    CHECK_EQ(model_init(m, &net, NULL), 0);
    random_weights(m, &seed);
}

static int same_weights(const struct model *a, const struct model *b)
{
    return network_equal(&a->net, &b->net) &&
           memcmp(a->data, b->data, a->net.nparameter * sizeof(float)) == 0;
}

static void raw(void)
{
    struct model m, back;
    struct err e;
    small_model(&m);
    size_t n = 28 * 4;
    for (size_t k = 0; k <= n + 4; k++) {
        uint8_t *p = calloc(1, k + 1);
        memcpy(p, m.data, k < n ? k : n);
        CHECK_EQ(weights_raw_parse(&back, &m.net, p, k, "w", &e), k == n ? 0 : ERR_INPUT);
        CHECK(k == n ? same_weights(&m, &back) : back.data == NULL);
        model_fini(&back);
        free(p);
    }
    says(&e, "w: 116 bytes; the network has 28 parameters of 4 bytes, 112 in all");
    m.data[17] = INFINITY;
    CHECK_EQ(weights_raw_parse(&back, &m.net, (uint8_t *)m.data, n, "w", &e), ERR_INPUT);
    says(&e, "w: parameter 18 of 28 is not a finite number");
    model_fini(&m);
}

/* Writes with the given selection and copies, reads back with and without knowing N. */
static void published_case(const struct model *m, uint32_t every, uint32_t frames,
                           unsigned copies)
{
    struct selection s = { 0 }, t;
    struct model back;
    struct err e = { 0 };
    size_t n;
    if (every > 0)
        CHECK_EQ(selection_every(&s, every, frames, NULL), 0);
    char *text = weights_text_write(m, &s, copies, &n);
    for (int known = 0; known < 2; known++) {
        CHECK_EQ(weights_text_parse(&back, &t, &m->net, (uint8_t *)text, n, "p",
                                    known ? frames : 0, &e), 0);
        CHECK(same_weights(m, &back));
        CHECK(t.rows == s.rows && t.frames == s.frames);
        for (uint32_t i = 0; i < s.rows && i < t.rows; i++)
            CHECK_EQ(t.frame[i], s.frame[i]);
        model_fini(&back);
        selection_fini(&t);
    }
    if (e.code != 0)
        fprintf(stderr, "%s\n", e.text);
    selection_fini(&s);
    free(text);
}

static void published(void)
{
    struct model m;
    small_model(&m);
    published_case(&m, 0, 97, 1);
    published_case(&m, 15, 97, 1);
    published_case(&m, 15, 97, 7);
    published_case(&m, 15, 15, 1);
    published_case(&m, 15, 16, 2);
    published_case(&m, 3, 40, 14);
    published_case(&m, 1, 5, 1);
    published_case(&m, 1, 5, 5);
    model_fini(&m);
}

/* `text` with value number k replaced must be refused with `message`. */
static void published_refused(const struct model *m, const char *text, size_t k,
                              const char *instead, const char *message)
{
    struct model back;
    struct selection s;
    struct err e = { 0 };
    const char *at = text;
    for (size_t i = 0; i < k; i++)
        at += strcspn(at, " \n") + 1;
    size_t head = (size_t)(at - text), n = strlen(text) + strlen(instead) + 1;
    char *changed = malloc(n);
    snprintf(changed, n, "%.*s%s%s", (int)head, text, instead, at + strcspn(at, " \n"));
    CHECK_EQ(weights_text_parse(&back, &s, &m->net, (uint8_t *)changed, strlen(changed), "p", 4,
                                &e), ERR_INPUT);
    CHECK(back.data == NULL && s.frame == NULL);
    says(&e, message);
    free(changed);
}

static void published_refusals(void)
{
    struct model m;
    struct selection s;
    size_t n;
    small_model(&m);
    CHECK_EQ(selection_every(&s, 2, 4, NULL), 0);
    char *text = weights_text_write(&m, &s, 2, &n);       /* 2 x 4, then 28 values twice */
    published_refused(&m, text, 8 + 28 + 5, "0.125", "p:36:1: parameter 6 of copy 2 differs");
    published_refused(&m, text, 8 + 5, "0.125", "p:36:1: parameter 6 of copy 2 differs");
    published_refused(&m, text, 2, "1", "p:1:5: selection matrix, row 1, column 3");
    published_refused(&m, text, 8 + 3, "nan", "p:6:1: expected a finite decimal number");
    published_refused(&m, text, 8 + 3, "1e39", "p:6:1: expected a number below 3.4e38");
    published_refused(&m, text, 8 + 3, "", "p: 63 values; expected 28 parameters alone");
    published_refused(&m, text, 8 + 3, "1 2", "p: 65 values");
    free(text);
    selection_fini(&s);
    model_fini(&m);
}

/* Every cut of a text of integers is refused, but for those that leave it whole. */
static void published_cuts(void)
{
    struct model m, back;
    struct selection s;
    size_t n;
    small_model(&m);
    for (size_t k = 0; k < m.net.nparameter; k++)
        m.data[k] = (float)k;
    char *text = weights_text_write(&m, NULL, 1, &n);
    for (size_t k = 0; k < n; k++) {
        uint8_t *cut = exact(text, k);
        int code = weights_text_parse(&back, &s, &m.net, cut, k, "p", 0, NULL);
        /* a cut within the last number can leave a shorter one */
        CHECK(code == ERR_INPUT || k + 15 > n);
        model_fini(&back);
        free(cut);
    }
    free(text);
    model_fini(&m);
}

static const char small_json[] =
    "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":["
    "{\"class_name\":\"Conv2D\",\"config\":{\"name\":\"first\",\"filters\":2,\"kernel_size\":[2,2],"
    "\"padding\":\"same\",\"activation\":\"relu\",\"batch_input_shape\":[null,4,4,1]}},"
    "{\"class_name\":\"AveragePooling2D\",\"config\":{\"name\":\"p\",\"pool_size\":[2,2]}},"
    "{\"class_name\":\"Flatten\",\"config\":{\"name\":\"f\"}},"
    "{\"class_name\":\"Dense\",\"config\":{\"name\":\"d\",\"units\":2,\"activation\":\"softmax\"}}"
    "]}}";

static void keras_small(void)
{
    struct network net, want;
    small_network(&want);
    CHECK_EQ(keras_parse(&net, (const uint8_t *)small_json, strlen(small_json), "j", NULL), 0);
    CHECK(network_equal(&net, &want));
    CHECK(strcmp(net.layer[0].name, "first") == 0);
    for (size_t k = 0; k < strlen(small_json); k++) {
        uint8_t *cut = exact(small_json, k);
        CHECK_EQ(keras_parse(&net, cut, k, "j", NULL), ERR_INPUT);
        free(cut);
    }
}

/* A Keras 3 functional model: InputLayer, chain by history, objects for policies. */
static void keras_functional(void)
{
#define LINK(name) "\"inbound_nodes\":[{\"args\":[{\"class_name\":\"__keras_tensor__\"," \
                   "\"config\":{\"shape\":[null,4],\"keras_history\":[\"" name "\",0,0]}}]," \
                   "\"kwargs\":{}}]"
    static const char text[] =
        "{\"class_name\":\"Functional\",\"config\":{\"layers\":["
        "{\"class_name\":\"InputLayer\",\"config\":{\"name\":\"in\",\"batch_shape\":[null,8,8,3]},"
        "\"inbound_nodes\":[]},"
        "{\"class_name\":\"Conv2D\",\"config\":{\"name\":\"c\",\"filters\":4,\"kernel_size\":3,"
        "\"strides\":[2,2],\"groups\":1,\"dilation_rate\":[1,1],\"use_bias\":false,"
        "\"activation\":{\"class_name\":\"function\",\"config\":\"linear\"}}," LINK("in") "},"
        "{\"class_name\":\"BatchNormalization\",\"config\":{\"name\":\"b\",\"axis\":[3],"
        "\"epsilon\":0.01}," LINK("c") "},"
        "{\"class_name\":\"ReLU\",\"config\":{\"name\":\"r\",\"max_value\":null,"
        "\"negative_slope\":[0.0],\"threshold\":0.0}," LINK("b") "},"
        "{\"class_name\":\"GlobalMaxPooling2D\",\"config\":{\"name\":\"g\",\"keepdims\":false},"
        LINK("r") "},"
        "{\"class_name\":\"BatchNormalization\",\"config\":{\"name\":\"b2\",\"axis\":1}," LINK("g")
        "},"
        "{\"class_name\":\"Dense\",\"config\":{\"name\":\"d\",\"units\":5},"
        "\"inbound_nodes\":[[[\"b2\",0,0,{}]]]},"
        "{\"class_name\":\"Softmax\",\"config\":{\"name\":\"s\",\"axis\":-1}," LINK("d") "}"
        "]}}";
    struct network net;
    struct err e = { 0 };
    if (keras_parse(&net, (const uint8_t *)text, strlen(text), "j", &e) != 0)
        fprintf(stderr, "%s\n", e.text);
    CHECK_EQ(net.nlayer, 7);
    CHECK(net.layer[0].g.oh == 3 && net.layer[0].nbias == 0 && net.layer[0].g.oc == 4);
    CHECK(net.layer[1].kind == LAYER_BATCHNORM && fabsf(net.layer[1].epsilon - 0.01f) < 1e-9f);
    CHECK(net.layer[3].kind == LAYER_MAXPOOL && net.layer[3].g.kh == 3);
    CHECK_EQ(net.nclass, 5);

    char *branch = strdup(text), *at = strstr(branch, "\"b2\",0");
    memcpy(at, "\"xx\"", 4);
    CHECK_EQ(keras_parse(&net, (uint8_t *)branch, strlen(branch), "j", &e), ERR_INPUT);
    says(&e, "layer d (Dense): only models whose layers form a chain");
    free(branch);
}

/* small_json with `from` replaced. */
static void keras_refused(const char *from, const char *to, const char *message)
{
    struct network net;
    struct err e = { 0 };
    char text[2048];
    const char *at = strstr(small_json, from);
    CHECK(at != NULL);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - small_json), small_json, to,
             at + strlen(from));
    CHECK_EQ(keras_parse(&net, (uint8_t *)text, strlen(text), "j", &e), ERR_INPUT);
    CHECK_EQ(net.nlayer, 0);
    says(&e, message);
}

static void keras_refusals(void)
{
    keras_refused("Sequential", "Sequel", "class_name is Sequel");
    keras_refused("Flatten", "LSTM", "j: layer f (LSTM): this kind of layer is not supported");
    keras_refused("\"relu\"", "\"tanh\"", "layer first (Conv2D): activation tanh");
    keras_refused("\"same\"", "\"causal\"", "padding must be valid or same");
    keras_refused("[2,2],\"padding", "[2,0],\"padding", "window must be");
    keras_refused("[2,2],\"padding", "\"2\",\"padding", "window must be");
    keras_refused("\"filters\":2,", "\"filters\":2,\"dilation_rate\":[2,2],", "dilation");
    keras_refused("\"filters\":2,", "\"filters\":2,\"groups\":2,", "groups");
    keras_refused("\"filters\":2,", "\"filters\":2,\"data_format\":\"channels_first\",",
                  "channels_last");
    keras_refused("\"filters\":2,", "\"filters\":-2,", "filters must be");
    keras_refused("\"batch_input_shape\":[null,4,4,1]", "\"trainable\":true", "input shape");
    keras_refused("[null,4,4,1]", "[null,null,4,1]", "input shape");
    keras_refused("[null,4,4,1]", "[null,1,1,1]", "layer 3 (average pool p)");
    keras_refused("\"units\":2", "\"units\":1e3", "units must be");
    keras_refused("\"Flatten\",\"config\"", "\"Flatten\",\"conf\"", "no config");
    keras_refused("{\"name\":\"f\"}}", "{\"name\":\"f\"}}}", "j:1:");
    static const char *const other[] = { "", "[]", "null", "{}", "{\"class_name\":\"Sequential\"}",
                                         "{\"class_name\":\"Sequential\",\"config\":[1]}" };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        struct network net;
        CHECK_EQ(keras_parse(&net, (const uint8_t *)other[i], strlen(other[i]), "j", NULL),
                 ERR_INPUT);
    }
}

static void model_file(void)
{
    struct model m, back;
    struct fixed_model q;
    struct fixed_net cached;
    struct err e = { 0 };
    size_t n;
    small_model(&m);
    snprintf(m.net.class_name[1], FIXED_NAME, "second");
    CHECK_EQ(fixed_lower(&q, &m, 14, NULL), 0);
    uint8_t *p = model_file_bytes(&m, &q.net, &n);
    CHECK_EQ(model_file_parse(&back, &cached, p, n, "f", &e), 0);
    CHECK(same_weights(&m, &back) && memcmp(&back.net, &m.net, sizeof m.net) == 0);
    CHECK(memcmp(&cached, &q.net, sizeof cached) == 0);
    model_fini(&back);
    for (size_t k = 0; k < n; k++) {
        uint8_t *cut = exact(p, k);
        CHECK_EQ(model_file_parse(&back, &cached, cut, k, "f", &e), ERR_INPUT);
        CHECK(back.data == NULL);
        free(cut);
    }
    for (size_t k = 0; k < 8 * n; k++) {
        p[k / 8] ^= (uint8_t)(1 << k % 8);
        CHECK_EQ(model_file_parse(&back, NULL, p, n, "f", &e), ERR_INPUT);
        p[k / 8] ^= (uint8_t)(1 << k % 8);
    }
    says(&e, "f: damaged: its content does not have the digest at its end");
    mem_free(p);

    p = model_file_bytes(&m, NULL, &n);
    CHECK_EQ(model_file_parse(&back, &cached, p, n, "f", &e), 0);
    CHECK_EQ(cached.nstage, 0);
    model_fini(&back);
    mem_free(p);
    fixed_model_fini(&q);
    model_fini(&m);
}

static void model_file_on_disk(void)
{
    char path[] = "test_formats_XXXXXX", other[64];
    struct model m, back;
    struct err e = { 0 };
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    small_model(&m);
    CHECK_EQ(model_file_write(path, &m, NULL, &e), 0);
    FILE *f = fopen(path, "rb");
    uint8_t bytes[4096];
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    CHECK_EQ(model_file_parse(&back, NULL, bytes, n, path, &e), 0);
    CHECK(same_weights(&m, &back));
    model_fini(&back);
    unlink(path);
    snprintf(other, sizeof other, "%s/none/model", path);
    CHECK_EQ(model_file_write(other, &m, NULL, &e), ERR_FAILED);
    says(&e, path);
    model_fini(&m);
}

static int open_with(struct model *m, struct selection *s, const void *p, size_t n, int json,
                     struct err *e)
{
    struct model_source source = { .bytes = p, .n = n, .name = "x", .json_name = "x.json" };
    if (json) {
        source.json = (const uint8_t *)small_json;
        source.njson = strlen(small_json);
    }
    return model_open_parse(m, s, &source, e);
}

/* Every format through the one door. */
static void recognition(void)
{
    struct model m, back;
    struct selection s, every;
    struct err e = { 0 };
    size_t n;
    small_model(&m);
    CHECK_EQ(open_with(&back, &s, m.data, 28 * 4, 1, &e), 0);
    CHECK(same_weights(&m, &back) && s.rows == 0);
    model_fini(&back);
    uint8_t *file = model_file_bytes(&m, NULL, &n);
    CHECK_EQ(open_with(&back, &s, file, n, 0, &e), 0);
    CHECK(same_weights(&m, &back));
    model_fini(&back);
    mem_free(file);
    CHECK_EQ(selection_every(&every, 15, 97, NULL), 0);
    char *text = weights_text_write(&m, &every, 7, &n);
    CHECK_EQ(open_with(&back, &s, text, n, 1, &e), 0);
    CHECK(same_weights(&m, &back) && s.rows == 7 && s.frames == 97);
    model_fini(&back);
    selection_fini(&s);
    selection_fini(&every);
    free(text);
    CHECK_EQ(open_with(&back, &s, m.data, 28 * 4, 0, &e), ERR_INPUT);
    says(&e, "x: 112 bytes of no known format");
    CHECK_EQ(open_with(&back, &s, "", 0, 1, &e), ERR_INPUT);
    says(&e, "the file is empty");
    CHECK_EQ(open_with(&back, &s, small_json, strlen(small_json), 0, &e), ERR_INPUT);
    says(&e, "architecture without weights");
    CHECK_EQ(open_with(&back, &s, "\x89HDF\r\n\x1a\nxx", 10, 1, &e), ERR_INPUT);
    says(&e, "x: not a whole HDF5 file");
    CHECK_EQ(open_with(&back, &s, "OBMODEL\nx", 9, 1, &e), ERR_INPUT);
    says(&e, "x: cut short");
    model_fini(&m);
}

/* Random bytes, and random changes of good files, get an answer and no harm. */
static void noise(void)
{
    uint64_t seed = 2718;
    struct model m, back;
    struct selection s;
    size_t n;
    small_model(&m);
    char *text = weights_text_write(&m, NULL, 1, &n);
    printf("# seed %llu\n", (unsigned long long)seed);
    for (unsigned i = 0; i < 3000; i++) {
        int json = (int)pick(&seed, 0, 2);
        size_t length = json == 2 ? strlen(small_json) : pick(&seed, 0, (unsigned)n);
        uint8_t *p = exact(json == 2 ? small_json : text, length);
        for (unsigned k = pick(&seed, 0, 5); k > 0 && length > 0; k--)
            p[pick(&seed, 0, (unsigned)length - 1)] = (uint8_t)check_random(&seed);
        if (json == 2) {
            struct network net;
            int code = keras_parse(&net, p, length, "x", NULL);
            CHECK(code == 0 || code == ERR_INPUT);
        } else if (open_with(&back, &s, p, length, json, NULL) == 0) {
            model_fini(&back);
            selection_fini(&s);
        }
        free(p);
    }
    free(text);
    model_fini(&m);
}

static void sample_video(void)
{
    size_t n = 0;
    struct video v;
    uint8_t *p = data_read("sample_video.txt", &n);
    CHECK_EQ(video_parse(&v, p, n, "sample_video.txt", 48, 48, 1, NULL), 0);
    CHECK_EQ(v.frames, 97);
    for (size_t k = 0; k < 97 * 48 * 48; k++) {
        double grey = v.value[k] * 255;
        CHECK(fabs(grey - round(grey)) < 1e-4);
    }
    video_fini(&v);
    free(p);
}

int main(void)
{
    CASE(numbers);
    CASE(random_numbers);
    CASE(speed_and_locale);
    CASE(video_round_trip);
    CASE(video_refusals);
    CASE(selections);
    CASE(selection_refusals);
    CASE(raw);
    CASE(published);
    CASE(published_refusals);
    CASE(published_cuts);
    CASE(keras_small);
    CASE(keras_functional);
    CASE(keras_refusals);
    CASE(model_file);
    CASE(model_file_on_disk);
    CASE(recognition);
    CASE(noise);
    DATA_CASE("sample_video.txt", sample_video);
    return check_done();
}
