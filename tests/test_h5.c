/* Keras weights in HDF5: files of all three layouts, made here with the HDF5 library, and what bad
 * ones get. */
#include <hdf5.h>

#include "net/base_mem.h"
#include "nn/model_file.h"
#include "nn/weights_h5.h"
#include "nn/weights_raw.h"
#include "tests/nn_model.h"

/* How a file is made; zero is a good file of weights only. */
struct recipe {
    int full;               /* a full model: model_config and /model_weights */
    int numbered;           /* the layout of newer versions */
    int variable;           /* strings of variable length */
    int latest;             /* the newest format */
    int doubles, big_endian;
    int crowded;            /* many groups and attributes beside */
    int pieces;             /* layer_names0, layer_names1 */
    /* Faults. */
    int integers, missing_bias, missing_layer, extra_layer, unknown_array, soft_link,
        external_link, external_data, compressed, no_names, listed_only, nan, missing_variance;
};

static const char json[] =
    "{\"class_name\":\"Sequential\",\"config\":{\"layers\":["
    "{\"class_name\":\"Conv2D\",\"config\":{\"name\":\"conv2d_7\",\"filters\":3,"
    "\"kernel_size\":[2,2],\"use_bias\":false,\"batch_input_shape\":[null,5,5,2]}},"
    "{\"class_name\":\"BatchNormalization\",\"config\":{\"name\":\"bn\",\"axis\":-1,"
    "\"scale\":false}},"
    "{\"class_name\":\"Activation\",\"config\":{\"name\":\"a\",\"activation\":\"relu\"}},"
    "{\"class_name\":\"Flatten\",\"config\":{\"name\":\"f\"}},"
    "{\"class_name\":\"Dense\",\"config\":{\"name\":\"dense_9\",\"units\":4}}]}}";

static void the_network(struct network *net)
{
    network_init(net, 5, 5, 2);
    network_add(net, (struct layer){ .kind = LAYER_CONV, .kh = 2, .kw = 2, .units = 3,
                                     .name = "conv2d_7" }, NULL);
    network_add(net, (struct layer){ .kind = LAYER_BATCHNORM, .epsilon = 1e-3f, .name = "bn" },
                NULL);
    network_add(net, (struct layer){ .kind = LAYER_RELU, .name = "a" }, NULL);
    network_add(net, (struct layer){ .kind = LAYER_FLATTEN, .name = "f" }, NULL);
    network_add(net, (struct layer){ .kind = LAYER_DENSE, .units = 4, .bias = 1,
                                     .name = "dense_9" }, NULL);
    CHECK_EQ(network_finish(net, NULL), 0);
}

static void the_model(struct model *m)
{
    uint64_t seed = 88;
    struct network net;
    the_network(&net);
    CHECK_EQ(model_init(m, &net, NULL), 0);
    random_weights(m, &seed);
}

/* An attribute of n strings. */
static void put_strings(hid_t at, const char *name, const char *const *text, hsize_t n,
                        const struct recipe *r)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, NULL);
    size_t room = 1;
    for (size_t i = 0; i < n; i++)
        room = strlen(text[i]) > room ? strlen(text[i]) : room;
    if (r->variable)
        H5Tset_size(type, H5T_VARIABLE);
    else
        H5Tset_size(type, room);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    hid_t attribute = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    char *fixed = calloc(n + 1, room + 1);
    for (size_t i = 0; i < n; i++)
        memcpy(fixed + i * room, text[i], strlen(text[i]));
    CHECK(H5Awrite(attribute, type, r->variable ? (const void *)text : fixed) >= 0);
    free(fixed);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

/* A layer without weights: Keras writes an empty list of numbers. */
static void put_empty(hid_t at, const char *name)
{
    hsize_t none = 0;
    hid_t space = H5Screate_simple(1, &none, NULL);
    H5Aclose(H5Acreate2(at, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
}

static void put_array(hid_t at, const char *name, const float *x, int rank, const hsize_t *shape,
                      const struct recipe *r)
{
    hid_t space = H5Screate_simple(rank, shape, NULL), how = H5Pcreate(H5P_DATASET_CREATE);
    hid_t type = r->integers ? H5T_STD_I32LE : r->doubles ? H5T_IEEE_F64LE
                 : r->big_endian ? H5T_IEEE_F32BE : H5T_IEEE_F32LE;
    if (r->compressed) {
        H5Pset_chunk(how, rank, shape);
        H5Pset_shuffle(how);
        H5Pset_deflate(how, 4);
    }
    if (r->external_data)
        H5Pset_external(how, "/etc/passwd", 0, H5F_UNLIMITED);
    hid_t d = H5Dcreate2(at, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    CHECK(d >= 0);
    if (!r->external_data)
        CHECK(H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
    H5Dclose(d);
    H5Pclose(how);
    H5Sclose(space);
}

static hid_t group(hid_t at, const char *name)
{
    return H5Gcreate2(at, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
}

/* A layer's group, with its arrays in a folder of the same name, as Keras does. */
static void put_layer(hid_t root, const char *name, const char *const *arrays, unsigned n,
                      const float *const *x, const int *rank, const hsize_t (*shape)[4],
                      const struct recipe *r)
{
    const char *names[4];
    char path[4][64];
    hid_t outer = group(root, name), inner = r->numbered ? group(outer, "vars")
                                                         : group(outer, name);
    for (unsigned i = 0; i < n; i++) {
        char base[64], number[4] = { (char)('0' + i), 0 };
        snprintf(base, sizeof base, "%s:0", arrays[i]);
        snprintf(path[i], sizeof path[i], "%s/%s:0", name, arrays[i]);
        names[i] = path[i];
        put_array(inner, r->numbered ? number : base, x[i], rank[i], shape[i], r);
    }
    if (!r->numbered && n > 0)
        put_strings(outer, "weight_names", names, n, r);
    else if (!r->numbered)
        put_empty(outer, "weight_names");
    H5Gclose(inner);
    H5Gclose(outer);
}

static void put_layers(hid_t root, const struct model *m, const struct recipe *r)
{
    static const int ranks[] = { 1, 1, 1, 1 };
    const hsize_t conv[1][4] = { { 2, 2, 2, 3 } };
    const hsize_t three[4][4] = { { 3 }, { 3 }, { 3 }, { 3 } };
    const hsize_t dense[2][4] = { { 48, 4 }, { 4 } };
    float spoilt[64];
    memcpy(spoilt, m->weight[0], 24 * sizeof(float));
    spoilt[5] = r->nan ? NAN : spoilt[5];
    const float *norm = m->weight[1];
    const char *kernel = r->unknown_array ? "depthwise_kernel" : "kernel";
    put_layer(root, r->numbered ? "conv2d" : "conv2d_7", (const char *const[]){ kernel }, 1,
              (const float *const[]){ spoilt }, (const int[]){ 4 }, conv, r);
    const float *const four[] = { norm, norm + 3, norm + 6, norm + 9 };
    static const char *const names[] = { "gamma", "beta", "moving_mean", "moving_variance" };
    if (r->numbered)
        put_layer(root, "bn", names, 4, four, ranks, three, r);
    else if (!r->missing_layer)     /* without gamma */
        put_layer(root, "bn", names + 1, r->missing_variance ? 2 : 3, four + 1, ranks, three, r);
    put_layer(root, "a", NULL, 0, NULL, NULL, NULL, r);
    put_layer(root, "dense_9", (const char *const[]){ "kernel", "bias" },
              r->missing_bias ? 1 : 2, (const float *const[]){ m->weight[4], m->bias[4] },
              (const int[]){ 2, 1 }, dense, r);
    if (r->extra_layer)
        put_layer(root, "more", (const char *const[]){ "bias" }, 1,
                  (const float *const[]){ m->bias[4] }, ranks, dense + 1, r);
}

static void put_names(hid_t root, const struct recipe *r)
{
    const char *const names[] = { "conv2d_7", "bn", "a", r->listed_only ? "gone" : "dense_9",
                                  "more" };
    const char *const without[] = { "conv2d_7", "a", "dense_9" };
    if (r->no_names)
        return;
    if (r->missing_layer) {
        put_strings(root, "layer_names", without, 3, r);
    } else if (r->pieces) {
        put_strings(root, "layer_names0", names, 2, r);
        put_strings(root, "layer_names1", names + 2, 2, r);
    } else {
        put_strings(root, "layer_names", names, r->extra_layer ? 5 : 4, r);
    }
}

/* The file as bytes from malloc. */
static uint8_t *make(const struct model *m, const struct recipe *r, size_t *n)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, 4096, 0);
    if (r->latest)
        H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate("made", H5F_ACC_TRUNC, H5P_DEFAULT, access), root = file;
    const char *const config[] = { json };
    if (r->full) {
        put_strings(file, "model_config", config, 1, r);
        root = group(file, "model_weights");
    }
    if (r->numbered)
        root = group(file, "layers");
    for (unsigned i = 0; i < (r->crowded ? 300u : 0); i++) {
        char name[16];
        snprintf(name, sizeof name, "other%u", i);
        if (i < 100)
            put_strings(root, name, (const char *const[]){ name }, 1, r);
        H5Gclose(group(root, name));
    }
    put_layers(root, m, r);
    if (!r->numbered)
        put_names(root, r);
    if (r->soft_link || r->external_link) {
        H5Ldelete(root, "dense_9", H5P_DEFAULT);
        if (r->soft_link)
            H5Lcreate_soft("/conv2d_7", root, "dense_9", H5P_DEFAULT, H5P_DEFAULT);
        else
            H5Lcreate_external("/tmp/other.h5", "/dense_9", root, "dense_9", H5P_DEFAULT,
                               H5P_DEFAULT);
    }
    if (root != file)
        H5Gclose(root);
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    ssize_t size = H5Fget_file_image(file, NULL, 0);
    uint8_t *image = malloc((size_t)size);
    CHECK(H5Fget_file_image(file, image, (size_t)size) == size);
    H5Fclose(file);
    H5Pclose(access);
    *n = (size_t)size;
    return image;
}

/* A good file: same weights, with gamma = 1 where the file left it out. */
static void good(struct recipe r)
{
    struct model m, back;
    struct err e = { 0 };
    struct network net;
    size_t n;
    the_model(&m);
    uint8_t *image = make(&m, &r, &n);
    CHECK(weights_h5_likely(image, n));
    network_default(&net);          /* must not be taken when the file has its architecture */
    if (!r.full)
        the_network(&net);
    CHECK_EQ(weights_h5_parse(&back, &net, image, n, "k", &e), 0);
    if (e.code != 0)
        fprintf(stderr, "%s\n", e.text);
    for (unsigned k = 0; !r.numbered && k < 3; k++)
        m.weight[1][k] = 1;
    CHECK(e.code == 0 && network_equal(&back.net, &m.net));
    CHECK(e.code == 0 && memcmp(back.data, m.data, m.net.nparameter * sizeof(float)) == 0);
    model_fini(&back);
    model_fini(&m);
    free(image);
}

static void layouts(void)
{
    good((struct recipe){ 0 });
    good((struct recipe){ .variable = 1 });
    good((struct recipe){ .full = 1 });
    good((struct recipe){ .full = 1, .variable = 1 });
    good((struct recipe){ .latest = 1 });
    good((struct recipe){ .latest = 1, .variable = 1, .full = 1 });
    good((struct recipe){ .big_endian = 1 });
    good((struct recipe){ .crowded = 1 });
    good((struct recipe){ .doubles = 1, .pieces = 1 });
    good((struct recipe){ .numbered = 1 });
}

static void bad(struct recipe r, const char *message)
{
    struct model m, back;
    struct err e = { 0 };
    struct network net;
    size_t n;
    the_model(&m);
    uint8_t *image = make(&m, &r, &n);
    the_network(&net);
    CHECK_EQ(weights_h5_parse(&back, &net, image, n, "k", &e), ERR_INPUT);
    CHECK(back.data == NULL);
    if (strstr(e.text, message) == NULL) {
        fprintf(stderr, "message: %s\nexpected: %s\n", e.text, message);
        CHECK(!"the message says so");
    }
    model_fini(&m);
    free(image);
}

static void refusals(void)
{
    bad((struct recipe){ .integers = 1 }, "floating point");
    bad((struct recipe){ .missing_bias = 1 }, "dense_9: the file has no array `bias` for it");
    bad((struct recipe){ .missing_variance = 1 }, "the file has no array `moving_variance`");
    bad((struct recipe){ .missing_layer = 1 }, "layer 2 (batch normalisation bn)");
    bad((struct recipe){ .extra_layer = 1 }, "weights for more, and the network has no further");
    bad((struct recipe){ .unknown_array = 1 }, "the network has no such array here");
    bad((struct recipe){ .soft_link = 1 }, "dense_9 is listed in layer_names but");
    bad((struct recipe){ .external_link = 1 }, "dense_9 is listed in layer_names but");
    bad((struct recipe){ .external_data = 1 }, "inside the file");
    bad((struct recipe){ .compressed = 1 }, "without chunks or compression");
    bad((struct recipe){ .no_names = 1 }, "not as Keras saves weights");
    bad((struct recipe){ .listed_only = 1 }, "gone is listed in layer_names but");
    bad((struct recipe){ .nan = 1 }, "parameter 6 of");
    bad((struct recipe){ .nan = 1, .full = 1 }, "parameter 6 of");
}

/* A file whose convolution has another window than the network's. */
static void wrong_shape(void)
{
    struct model m, back;
    struct err e = { 0 };
    struct network net;
    size_t n;
    the_model(&m);
    uint8_t *image = make(&m, &(struct recipe){ 0 }, &n);
    network_init(&net, 5, 5, 2);
    network_add(&net, (struct layer){ .kind = LAYER_CONV, .kh = 3, .kw = 2, .units = 3 }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_FLATTEN }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 4 }, NULL);
    CHECK_EQ(network_finish(&net, NULL), 0);
    CHECK_EQ(weights_h5_parse(&back, &net, image, n, "k", &e), ERR_INPUT);
    CHECK(strstr(e.text, "k: layer 1 (convolution 1), conv2d_7/kernel:0: expected the shape "
                 "(3,2,2,3), found (2,2,2,3)") != NULL);
    free(image);
    model_fini(&m);
}

static void cut_short(void)
{
    struct model m, back;
    struct network net;
    size_t n;
    the_model(&m);
    the_network(&net);
    uint8_t *image = make(&m, &(struct recipe){ .full = 1 }, &n);
    for (size_t k = 0; k < n; k += k < 512 ? 1 : 61) {
        uint8_t *cut = malloc(k + 1);
        memcpy(cut, image, k);
        CHECK_EQ(weights_h5_parse(&back, &net, cut, k, "k", NULL), ERR_INPUT);
        free(cut);
    }
    free(image);
    model_fini(&m);
}

/* Changed bytes get an answer and no harm: a refusal, or a model. */
static void noise(void)
{
    uint64_t seed = 1234;
    struct model m, back;
    struct network net;
    unsigned refused = 0, taken = 0;
    the_model(&m);
    the_network(&net);
    printf("# seed %llu\n", (unsigned long long)seed);
    for (unsigned kind = 0; kind < 4; kind++) {
        size_t n;
        struct recipe r = { .full = kind == 1, .variable = kind == 1, .numbered = kind == 2,
                            .latest = kind == 3 };
        uint8_t *image = make(&m, &r, &n), *p = malloc(n);
        for (unsigned i = 0; i < 5000; i++) {
            memcpy(p, image, n);
            for (unsigned k = pick(&seed, 1, 6); k > 0; k--)
                p[pick(&seed, 0, (unsigned)n - 1)] = (uint8_t)check_random(&seed);
            int code = weights_h5_parse(&back, &net, p, n, "k", NULL);
            CHECK(code == 0 || code == ERR_INPUT);
            refused += code != 0;
            taken += code == 0;
            model_fini(&back);
        }
        free(image);
        free(p);
    }
    CHECK(refused > 1000 && taken > 1000);
    model_fini(&m);
}

static void shipped_model(void)
{
    size_t nh = 0, nj = 0, nr = 0;
    uint8_t *h = data_read("model/emotion.h5", &nh), *j = data_read("model/emotion.json", &nj);
    uint8_t *r = data_read("model/emotion.f32", &nr);
    struct model_source source = { .bytes = h, .n = nh, .name = "emotion.h5", .json = j,
                                   .njson = nj, .json_name = "emotion.json" };
    struct network net;
    struct model a, b;
    struct selection s;
    struct err e = { 0 };
    network_default(&net);
    CHECK_EQ(weights_raw_parse(&b, &net, r, nr, "emotion.f32", &e), 0);
    for (int beside = 0; beside < 2; beside++) {
        CHECK_EQ(model_open_parse(&a, &s, &source, &e), 0);
        CHECK_EQ(a.net.nparameter, net.nparameter);
        CHECK(memcmp(a.data, b.data, net.nparameter * sizeof(float)) == 0);
        CHECK(strcmp(a.net.class_name[3], "happy") == 0);
        model_fini(&a);
        source.json = NULL;         /* then the default network is taken */
    }
    model_fini(&b);
    free(h);
    free(j);
    free(r);
}

int main(void)
{
    CASE(layouts);
    CASE(refusals);
    CASE(wrong_shape);
    CASE(cut_short);
    CASE(noise);
    DATA_CASE("model/emotion.h5", shipped_model);
    return check_done();
}
