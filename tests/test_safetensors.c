/*
 * test_safetensors.c: models as safetensors, in both layouts, from files that this test writes byte
 * by byte; the way back; and what is refused.
 */
#include "tests/check.h"

#include "net/base_mem.h"
#include "nn/float.h"
#include "nn/keras.h"
#include "nn/weights_safetensors.h"

enum { H = 5, W = 4, C = 2, FILTERS = 3, UNITS = 4, FLAT = (H - 1) * (W - 1) * FILTERS };

/* conv 2x2 with bias, batch normalisation, ReLU, flatten, dense. */
static void describe(struct network *net)
{
    struct err e;
    network_init(net, H, W, C);
    network_add(net, (struct layer){ .kind = LAYER_CONV, .kh = 2, .kw = 2, .units = FILTERS,
                                     .bias = 1, .name = "first" }, &e);
    network_add(net, (struct layer){ .kind = LAYER_BATCHNORM, .epsilon = 1e-3f, .name = "norm" },
                &e);
    network_add(net, (struct layer){ .kind = LAYER_RELU }, &e);
    network_add(net, (struct layer){ .kind = LAYER_FLATTEN }, &e);
    network_add(net, (struct layer){ .kind = LAYER_DENSE, .units = UNITS, .bias = 1,
                                     .name = "last" }, &e);
    CHECK_EQ(network_finish(net, &e), 0);
}

/* What the weights are, by meaning, whatever the file's order. */
static float conv_of(unsigned o, unsigned c, unsigned i, unsigned j)
{
    return (float)(o * 100 + c * 10 + i * 2 + j) / 64;
}

static float dense_of(unsigned o, unsigned y, unsigned x, unsigned c)
{
    return (float)(o * 1000 + y * 100 + x * 10 + c) / 1024;
}

/* A file under construction. */
struct file {
    char header[4096];
    uint8_t data[8192];
    size_t n;
    int first;
};

static void file_begin(struct file *f, const char *metadata)
{
    *f = (struct file){ .first = 1 };
    snprintf(f->header, sizeof f->header, "{%s", metadata);
    f->first = metadata[0] == '\0';
}

static void file_tensor(struct file *f, const char *name, const char *type, const char *shape,
                        const void *data, size_t bytes)
{
    size_t at = strlen(f->header);
    snprintf(f->header + at, sizeof f->header - at,
             "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
             f->first ? "" : ",", name, type, shape, f->n, f->n + bytes);
    memcpy(f->data + f->n, data, bytes);
    f->n += bytes;
    f->first = 0;
}

static uint8_t *file_end(struct file *f, size_t *n)
{
    size_t length = strlen(f->header) + 1;
    strcat(f->header, "}");
    *n = 8 + length + f->n;
    uint8_t *p = malloc(*n);
    for (int k = 0; k < 8; k++)
        p[k] = (uint8_t)(length >> 8 * k);
    memcpy(p + 8, f->header, length);
    memcpy(p + 8 + length, f->data, f->n);
    return p;
}

static const float gamma_of[FILTERS] = { 1, 2, 0.5f }, beta_of[FILTERS] = { 0.25f, -1, 3 };
static const float mean_of[FILTERS] = { 0.125f, 0, -2 }, variance_of[FILTERS] = { 1, 4, 0.25f };
static const float bias_of[UNITS] = { 1, -1, 0.5f, -0.5f };

static void put_torch(struct file *f, const char *conv, const char *norm, const char *dense)
{
    float kernel[FILTERS * C * 4], matrix[UNITS * FLAT];
    int64_t batches = 7;
    char name[80];
    size_t k = 0;
    for (unsigned o = 0; o < FILTERS; o++)
        for (unsigned c = 0; c < C; c++)
            for (unsigned i = 0; i < 2; i++)
                for (unsigned j = 0; j < 2; j++)
                    kernel[k++] = conv_of(o, c, i, j);
    k = 0;
    for (unsigned o = 0; o < UNITS; o++)
        for (unsigned c = 0; c < FILTERS; c++)
            for (unsigned y = 0; y < H - 1; y++)
                for (unsigned x = 0; x < W - 1; x++)
                    matrix[k++] = dense_of(o, y, x, c);
#define PUT(group, kind, type, shape, data)                                     \
    (snprintf(name, sizeof name, "%s." kind, group),                            \
     file_tensor(f, name, type, shape, data, sizeof(data)))
    PUT(dense, "bias", "F32", "[4]", bias_of);
    PUT(dense, "weight", "F32", "[4,36]", matrix);
    PUT(norm, "weight", "F32", "[3]", gamma_of);
    PUT(norm, "bias", "F32", "[3]", beta_of);
    PUT(norm, "running_mean", "F32", "[3]", mean_of);
    PUT(norm, "running_var", "F32", "[3]", variance_of);
    snprintf(name, sizeof name, "%s.num_batches_tracked", norm);
    file_tensor(f, name, "I64", "[]", &batches, sizeof batches);
    PUT(conv, "weight", "F32", "[3,2,2,2]", kernel);
    PUT(conv, "bias", "F32", "[3]", mean_of);
#undef PUT
}

static int parse(struct model *m, struct file *f, struct err *e)
{
    struct network net;
    size_t n;
    uint8_t *p = file_end(f, &n);
    describe(&net);
    int code = weights_safetensors_parse(m, &net, p, n, "x", e);
    free(p);
    return code;
}

static void right_values(const struct model *m)
{
    const float *kernel = m->weight[0], *matrix = m->weight[4];
    for (unsigned i = 0; i < 2; i++)
        for (unsigned j = 0; j < 2; j++)
            for (unsigned c = 0; c < C; c++)
                for (unsigned o = 0; o < FILTERS; o++)
                    CHECK(kernel[((i * 2 + j) * C + c) * FILTERS + o] == conv_of(o, c, i, j));
    for (unsigned y = 0; y < H - 1; y++)
        for (unsigned x = 0; x < W - 1; x++)
            for (unsigned c = 0; c < FILTERS; c++)
                for (unsigned o = 0; o < UNITS; o++)
                    CHECK(matrix[((y * (W - 1) + x) * FILTERS + c) * UNITS + o] ==
                          dense_of(o, y, x, c));
    CHECK(memcmp(m->weight[1], gamma_of, sizeof gamma_of) == 0);
    CHECK(memcmp(m->weight[1] + 3, beta_of, sizeof beta_of) == 0);
    CHECK(memcmp(m->weight[1] + 6, mean_of, sizeof mean_of) == 0);
    CHECK(memcmp(m->weight[1] + 9, variance_of, sizeof variance_of) == 0);
    CHECK(memcmp(m->bias[0], mean_of, sizeof mean_of) == 0);
    CHECK(memcmp(m->bias[4], bias_of, sizeof bias_of) == 0);
}

static void as_pytorch_writes_it(void)
{
    struct err e = { 0 };
    struct file f;
    struct model m;
    file_begin(&f, "\"__metadata__\":{\"format\":\"pt\"}");
    put_torch(&f, "features.0", "features.1", "classifier.10");
    CHECK_EQ(parse(&m, &f, &e), 0);
    if (m.data != NULL)
        right_values(&m);
    model_fini(&m);
}

/* By name, though sorting would put the groups otherwise. */
static void by_the_names_of_layers(void)
{
    struct err e = { 0 };
    struct file f;
    struct model m;
    file_begin(&f, "");
    put_torch(&f, "net.first", "net.norm", "net.last");
    CHECK_EQ(parse(&m, &f, &e), 0);
    if (m.data != NULL)
        right_values(&m);
    model_fini(&m);
}

/* Two dense layers whose groups are in order as numbers, not as characters. */
static void groups_in_the_order_of_numbers(void)
{
    struct err e = { 0 };
    struct network net;
    struct model m;
    struct file f;
    static const float two[4] = { 1, 2, 3, 4 }, ten[4] = { 5, 6, 7, 8 };
    size_t n;
    network_init(&net, 1, 1, 2);
    for (int k = 0; k < 2; k++)
        network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 2 }, &e);
    CHECK_EQ(network_finish(&net, &e), 0);
    file_begin(&f, "");
    file_tensor(&f, "dense_10/kernel", "F32", "[2,2]", ten, sizeof ten);
    file_tensor(&f, "dense_2/kernel", "F32", "[2,2]", two, sizeof two);
    uint8_t *p = file_end(&f, &n);
    CHECK_EQ(weights_safetensors_parse(&m, &net, p, n, "x", &e), 0);
    CHECK(memcmp(m.weight[0], two, sizeof two) == 0 && memcmp(m.weight[1], ten, sizeof ten) == 0);
    free(p);
    model_fini(&m);
}

static void every_type_of_numbers(void)
{
    static const uint16_t half[4] = { 0x3c00, 0xc000, 0x0001, 0x7bff };     /* 1 -2 2^-24 65504 */
    static const uint16_t brain[4] = { 0x3f80, 0xc000, 0x4049, 0x0000 };    /* 1 -2 3.140625 0 */
    static const double wide[4] = { 0.1, -3, 1e-3, 7 };
    struct err e = { 0 };
    struct network net;
    network_init(&net, 1, 1, 2);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 2 }, &e);
    CHECK_EQ(network_finish(&net, &e), 0);
    static const float want[3][4] = { { 1, -2, 0x1p-24f, 65504 }, { 1, -2, 3.140625f, 0 },
                                      { 0.1f, -3, 1e-3f, 7 } };
    const void *data[3] = { half, brain, wide };
    static const char *const type[3] = { "F16", "BF16", "F64" };
    for (int k = 0; k < 3; k++) {
        struct model m;
        struct file f;
        size_t n;
        file_begin(&f, "");
        file_tensor(&f, "d.kernel", type[k], "[2,2]", data[k], k == 2 ? 32 : 8);
        uint8_t *p = file_end(&f, &n);
        CHECK_EQ(weights_safetensors_parse(&m, &net, p, n, "x", &e), 0);
        CHECK(m.data != NULL && memcmp(m.data, want[k], sizeof want[k]) == 0);
        free(p);
        model_fini(&m);
    }
}

/* What is written reads back to the bit, with its architecture and class names, beside a network
 * that is another. */
static void the_way_back(void)
{
    struct err e = { 0 };
    struct file f;
    struct model m, back;
    struct network other;
    size_t n;
    file_begin(&f, "");
    put_torch(&f, "first", "norm", "last");
    CHECK_EQ(parse(&m, &f, &e), 0);
    snprintf(m.net.class_name[2], FIXED_NAME, "third one");
    uint8_t *p = weights_safetensors_bytes(&m, &n);
    CHECK((n - 4 * m.net.nparameter) % 8 == 0);
    network_default(&other);
    CHECK_EQ(weights_safetensors_parse(&back, &other, p, n, "x", &e), 0);
    CHECK(network_equal(&m.net, &back.net));
    CHECK(back.data != NULL && memcmp(m.data, back.data, 4 * m.net.nparameter) == 0);
    CHECK(strcmp(back.net.class_name[2], "third one") == 0);
    mem_free(p);
    model_fini(&m);
    model_fini(&back);
}

/* A layer takes the group called like it in whole; another's, whose name ends so, comes first. */
static void whole_names_before_their_ends(void)
{
    struct err e = { 0 };
    struct network net;
    struct model m;
    struct file f;
    static const float inner[4] = { 1, 2, 3, 4 }, outer[4] = { 5, 6, 7, 8 };
    size_t n;
    network_init(&net, 1, 1, 2);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 2, .name = "out" }, &e);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 2, .name = "block/out" }, &e);
    CHECK_EQ(network_finish(&net, &e), 0);
    file_begin(&f, "");
    file_tensor(&f, "block/out/kernel", "F32", "[2,2]", inner, sizeof inner);
    file_tensor(&f, "out/kernel", "F32", "[2,2]", outer, sizeof outer);
    uint8_t *p = file_end(&f, &n);
    CHECK_EQ(weights_safetensors_parse(&m, &net, p, n, "x", &e), 0);
    CHECK(memcmp(m.weight[0], outer, sizeof outer) == 0);
    CHECK(memcmp(m.weight[1], inner, sizeof inner) == 0);
    free(p);
    model_fini(&m);
}

/* A 2x1 picture of 2 channels, flattened twice and normalised: PyTorch has channels first, Keras
 * last. */
static void normalisations_behind_a_flattened_picture(void)
{
    static const char *const keras[] = { "n.gamma", "n.beta", "n.moving_mean",
                                         "n.moving_variance" };
    static const char *const torch[] = { "n.weight", "n.bias", "n.running_mean", "n.running_var" };
    static const float value[4] = { 1, 2, 3, 4 }, turned[4] = { 1, 3, 2, 4 };
    for (int k = 0; k < 2; k++) {
        struct err e = { 0 };
        struct network net;
        struct model m;
        struct file f;
        size_t n;
        network_init(&net, 2, 1, 2);
        network_add(&net, (struct layer){ .kind = LAYER_FLATTEN }, &e);
        network_add(&net, (struct layer){ .kind = LAYER_FLATTEN }, &e);
        network_add(&net, (struct layer){ .kind = LAYER_BATCHNORM, .name = "n" }, &e);
        CHECK_EQ(network_finish(&net, &e), 0);
        file_begin(&f, "");
        for (int part = 0; part < 4; part++)
            file_tensor(&f, k == 0 ? keras[part] : torch[part], "F32", "[4]", value, sizeof value);
        uint8_t *p = file_end(&f, &n);
        CHECK_EQ(weights_safetensors_parse(&m, &net, p, n, "x", &e), 0);
        for (int part = 0; part < 4 && m.data != NULL; part++)
            CHECK(memcmp(m.data + 4 * part, k == 0 ? value : turned, sizeof value) == 0);
        free(p);
        model_fini(&m);
    }
}

/* Layers that share a name, or have one that another is given, names that are not text, commas in
 * classes, and the softmax that Keras does not have: all come back. */
static void names_of_any_kind(void)
{
    static const char *const name[4] = { "same", "same", "layer1", "\xc3\n\xff" };
    struct err e = { 0 };
    struct network net;
    struct model m, back;
    size_t n;
    network_init(&net, 1, 1, 2);
    for (int k = 0; k < 4; k++) {
        struct layer l = { .kind = LAYER_DENSE, .units = 2 };
        snprintf(l.name, sizeof l.name, "%s", name[k]);
        network_add(&net, l, &e);
    }
    network_add(&net, (struct layer){ .kind = LAYER_APPROX_SOFTMAX, .name = "same" }, &e);
    snprintf(net.class_name[0], FIXED_NAME, "a,b\x1b");
    CHECK_EQ(network_finish(&net, &e), 0);
    CHECK(strcmp(net.class_name[0], "a,b?") == 0 && strcmp(net.layer[3].name, "???") == 0);
    CHECK_EQ(model_init(&m, &net, &e), 0);
    for (size_t i = 0; i < net.nparameter; i++)
        m.data[i] = (float)i;
    uint8_t *p = weights_safetensors_bytes(&m, &n);
    CHECK(p != NULL);
    CHECK_EQ(weights_safetensors_parse(&back, &net, p, n, "x", &e), 0);
    CHECK(network_equal(&m.net, &back.net));
    CHECK(back.data != NULL && memcmp(m.data, back.data, 4 * net.nparameter) == 0);
    CHECK(strcmp(back.net.class_name[0], "a;b?") == 0 &&
          strcmp(back.net.class_name[1], "class1") == 0);
    mem_free(p);
    model_fini(&m);
    model_fini(&back);
}

/* What stays of a name: characters of UTF-8 that are no controls. */
static void names_are_cleaned(void)
{
    static const char *const pair[][2] = {
        { "", "" }, { "plain", "plain" }, { "\x1b[2J\x7f", "?[2J?" },
        { "\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80" },
        { "cut \xe2\x82", "cut ??" }, { "\xc0\xaf", "??" }, { "\xe0\x80\xaf", "???" },
        { "\xed\xa0\x80", "???" }, { "\xf4\x90\x80\x80", "????" }, { "\xc2\x9b", "??" },
        { "\x80\xff\xf8", "???" },
    };
    for (size_t k = 0; k < sizeof pair / sizeof *pair; k++) {
        char name[40];
        snprintf(name, sizeof name, "%s", pair[k][0]);
        network_name_clean(name);
        CHECK(strcmp(name, pair[k][1]) == 0);
    }
}

/* The architecture as Keras JSON describes the same network again. */
static void architectures_there_and_back(void)
{
    struct err e = { 0 };
    struct network net, back;
    for (int k = 0; k < 2; k++) {
        if (k == 0)
            network_default(&net);
        else
            describe(&net);
        if (k == 0)
            net.layer[net.nlayer - 1].kind = LAYER_EXACT_SOFTMAX;
        else
            memcpy(net.layer[2].name, "first", 6);      /* the name of two layers */
        char *text = keras_write(&net);
        CHECK_EQ(keras_parse(&back, (const uint8_t *)text, strlen(text), "x", &e), 0);
        CHECK(network_equal(&net, &back));
        for (unsigned a = 0; a < back.nlayer; a++)
            for (unsigned b = 0; b < a; b++)
                CHECK(strcmp(back.layer[a].name, back.layer[b].name) != 0);
        free(text);
    }
}

static void refuse(const char *header, size_t data, const char *why)
{
    static uint8_t p[4096];
    struct err e = { 0 };
    struct network net;
    struct model m;
    size_t length = strlen(header);
    network_init(&net, 1, 1, 2);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 2, .name = "d" }, &e);
    CHECK_EQ(network_finish(&net, &e), 0);
    memset(p, 0, sizeof p);
    p[0] = (uint8_t)length;
    p[1] = (uint8_t)(length >> 8);
    memcpy(p + 8, header, length);
    CHECK_EQ(weights_safetensors_parse(&m, &net, p, 8 + length + data, "x", &e), ERR_INPUT);
    if (strstr(e.text, why) == NULL)
        fprintf(stderr, "# %s\n", e.text);
    CHECK(strstr(e.text, why) != NULL && m.data == NULL);
}

#define D "\"d.kernel\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":"

static void refusals(void)
{
    refuse("{" D "[0,16]}", 16, "not JSON");
    refuse("[1]", 16, "no object");
    refuse("{" D "[0,16]}," D "[0,16]}}", 16, "not JSON");
    refuse("{" D "[0,20]}}", 16, "not inside the file");
    refuse("{" D "[-4,12]}}", 16, "not inside the file");
    refuse("{" D "[0,12]}}", 16, "do not fit");
    refuse("{\"d.kernel\":{\"dtype\":\"I8\",\"shape\":[2,2],\"data_offsets\":[0,4]}}", 4, "dtype");
    refuse("{\"d.kernel\":{\"dtype\":\"F32\",\"shape\":[2,0],\"data_offsets\":[0,0]}}", 0, "shape");
    refuse("{\"d.kernel\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", 16,
           "expected the shape (2,2), found (4)");
    refuse("{\"d.kernel\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 24,
           "expected the shape (2,2), found (2,3)");
    refuse("{\"d.thing\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", 16, "its name");
    refuse("{" D "[0,16]},\"e.kernel\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[8,24]}}",
           24, "overlap");
    refuse("{" D "[0,16]},\"e.kernel\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[16,32]}}",
           32, "no layer for it");
    refuse("{" D "[0,16]},\"d.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]}}", 24,
           "no bias");
    refuse("{}", 0, "no tensors are left");
    refuse("{" D "[0,16]}}", 20, "4 bytes behind the last");
    refuse("{" D "[4,20]}}", 20, "a gap before");
    refuse("{" D "[0,16]},\"d.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],"
           "\"data_offsets\":[12,20]}}", 20, "overlap");
    refuse("{" D "[0,16]},\"d.moving_mean\":{\"dtype\":\"F32\",\"shape\":[2],"
           "\"data_offsets\":[16,24]}}", 24, "normalisation");
    refuse("{\"__metadata__\":{\"architecture\":\"{\\\"class_name\\\":\\\"Sequential\\\","
           "\\\"config\\\":[{\\\"class_name\\\":\\\"Dense\\\",\\\"config\\\":{\\\"name\\\":"
           "\\\"d\\\",\\\"units\\\":2,\\\"use_bias\\\":false,\\\"batch_input_shape\\\":"
           "[null,2]}}]}\",\"classes\":\"a,b,c\"}," D "[0,16]}}", 16, "expected 2 names");
    refuse("{\"__metadata__\":{\"architecture\":\"{}\"}," D "[0,16]}}", 16, "not the JSON");
}

static void lengths_are_checked(void)
{
    struct err e = { 0 };
    struct network net;
    struct model m;
    struct file f;
    size_t n;
    describe(&net);
    file_begin(&f, "");
    put_torch(&f, "first", "norm", "last");
    uint8_t *p = file_end(&f, &n);
    for (size_t k = 0; k < n; k += k < 64 ? 1 : 7) {
        uint8_t *cut = malloc(k + 1);
        memcpy(cut, p, k);
        CHECK_EQ(weights_safetensors_parse(&m, &net, cut, k, "x", &e), ERR_INPUT);
        free(cut);
    }
    memset(p, 0xff, 8);
    CHECK_EQ(weights_safetensors_parse(&m, &net, p, n, "x", &e), ERR_INPUT);
    free(p);
}

int main(void)
{
    CASE(as_pytorch_writes_it);
    CASE(by_the_names_of_layers);
    CASE(groups_in_the_order_of_numbers);
    CASE(every_type_of_numbers);
    CASE(the_way_back);
    CASE(architectures_there_and_back);
    CASE(whole_names_before_their_ends);
    CASE(normalisations_behind_a_flattened_picture);
    CASE(names_of_any_kind);
    CASE(names_are_cleaned);
    CASE(refusals);
    CASE(lengths_are_checked);
    return check_done();
}
