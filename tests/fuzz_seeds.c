/* Writes good inputs for the fuzz targets, made by the program's own writers, into FOLDER/NAME. */
#include <math.h>
#include <sys/stat.h>

#include "fuzz_host.h"
#include "net/frame.h"
#include "joblib_make.h"
#include "net/hello.h"
#include "nn/clip_file.h"
#include "nn/model_file.h"
#include "nn/mtcnn_weights.h"
#include "nn/png_out.h"
#include "nn/video_text.h"
#include "nn/weights_safetensors.h"
#include "nn/weights_text.h"

static const char json[] =
    "{\"class_name\":\"Sequential\",\"config\":{\"layers\":["
    "{\"class_name\":\"Conv2D\",\"config\":{\"name\":\"c\",\"filters\":2,\"kernel_size\":[2,2],"
    "\"strides\":[1,1],\"padding\":\"same\",\"use_bias\":true,\"activation\":\"relu\","
    "\"batch_input_shape\":[null,4,4,1]}},"
    "{\"class_name\":\"AveragePooling2D\",\"config\":{\"name\":\"p\",\"pool_size\":[2,2]}},"
    "{\"class_name\":\"BatchNormalization\",\"config\":{\"name\":\"b\",\"axis\":-1}},"
    "{\"class_name\":\"Flatten\",\"config\":{\"name\":\"f\"}},"
    "{\"class_name\":\"Dropout\",\"config\":{\"name\":\"d\",\"rate\":0.5}},"
    "{\"class_name\":\"Dense\",\"config\":{\"name\":\"e\",\"units\":3,"
    "\"activation\":\"softmax\"}}]}}";

static const char functional[] =
    "{\"class_name\":\"Functional\",\"config\":{\"layers\":["
    "{\"class_name\":\"InputLayer\",\"config\":{\"name\":\"i\",\"batch_shape\":[null,4,4,1]},"
    "\"inbound_nodes\":[]},"
    "{\"class_name\":\"GlobalMaxPooling2D\",\"config\":{\"name\":\"g\"},"
    "\"inbound_nodes\":[[[\"i\",0,0,{}]]]},"
    "{\"class_name\":\"Dense\",\"config\":{\"name\":\"e\",\"units\":2},"
    "\"inbound_nodes\":[[[\"g\",0,0,{}]]]}]}}";

static const char *folder;
static int failed;

/* The parts one after the other: FOLDER/name/which. */
static void put(const char *name, const char *which, const void *a, size_t na, const void *b,
                size_t nb)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", folder, name, which);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(a, 1, na, f) != na || (nb > 0 && fwrite(b, 1, nb, f) != nb) ||
        fclose(f) != 0) {
        fprintf(stderr, "%s: could not be written\n", path);
        failed = 1;
    }
}

#define PUT_TEXT(name, which, text) put(name, which, text, sizeof(text) - 1, NULL, 0)

static void put_models(void)
{
    static struct network net;
    static struct fixed_net fixed;
    static struct model m;
    struct selection s;
    size_t n, ntensors;
    uint8_t head[4] = { 1, 4, (sizeof json - 1) & 255, (sizeof json - 1) >> 8 };
    char with_json[4 + sizeof json - 1];
    network_init(&net, 4, 4, 1);
    network_add(&net, (struct layer){ .kind = LAYER_CONV, .kh = 2, .kw = 2, .units = 2, .same = 1,
                                      .bias = 1 }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_RELU }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_AVGPOOL, .kh = 2, .kw = 2, .sh = 2,
                                      .sw = 2 }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_BATCHNORM, .epsilon = 1e-3f }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_FLATTEN }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 3, .bias = 1 }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_EXACT_SOFTMAX }, NULL);
    FUZZ_NEED(network_finish(&net, NULL) == 0 && model_init(&m, &net, NULL) == 0);
    for (size_t i = 0; i < net.nparameter; i++)
        m.data[i] = (float)(i % 7 + 1) / 8;
    fh_net(&fixed);
    uint8_t *file = model_file_bytes(&m, &fixed, &n);
    put("model", "own", "\0\4", 2, file, n);
    FUZZ_NEED(selection_every(&s, 2, 4, NULL) == 0);
    char *text = weights_text_write(&m, &s, s.rows, &n);
    uint8_t *tensors = weights_safetensors_bytes(&m, &ntensors);
    FUZZ_NEED(tensors != NULL);
    memcpy(with_json, head, 4);
    memcpy(with_json + 4, json, sizeof json - 1);
    put("model", "text", with_json, sizeof with_json, text, n);
    put("model", "raw", with_json, sizeof with_json, m.data, net.nparameter * sizeof(float));
    put("model", "safetensors", "\0\0", 2, tensors, ntensors);
    put("safetensors", "own", tensors, ntensors, NULL, 0);
    put("keras", "sequential", json, sizeof json - 1, NULL, 0);
    put("keras", "functional", functional, sizeof functional - 1, NULL, 0);
    mem_free(file);
    mem_free(tensors);
    free(text);
    selection_fini(&s);
    model_fini(&m);
}

static void put_texts(void)
{
    struct video v;
    size_t n;
    FUZZ_NEED(video_init(&v, 2, 2, 3, 1, NULL) == 0);
    for (unsigned i = 0; i < 12; i++)
        v.value[i] = i / 11.0;
    char *text = video_write(&v, &n);
    put("video", "written", "\2\3\1", 3, text, n);
    put("video", "forms", "\1\2\1", 3, "1 0\n+1e0 .5\t1.\r\n5e-1 0.00001e4\n", 32);
    put("selection", "two", "\3\0", 2, "1 0 0\n0 0 1\n", 12);
    put("selection", "every", "ev", 2, "every:15", 8);
    put("settings", "assign", "peer 1.address=b.example:7701", 29, NULL, 0);
    free(text);
    video_fini(&v);
}

/* Pictures, crops, and weights of a face detector. */
static void put_faces(void)
{
    static uint8_t pickle[2000];
    static const float values[12] = { 1, -2, 3 };
    struct joblib_out o = { .p = pickle };
    struct picture picture = { 0 };
    struct video v;
    size_t n;
    FUZZ_NEED(video_init(&v, 2, 3, 3, 1, NULL) == 0 && picture_init(&picture, 9, 7, NULL) == 0);
    v.value[5] = 1;
    uint8_t *clip = clip_file_bytes(&v, &n);
    put("clip", "two", "\1", 1, clip, n);
    mem_free(clip);
    video_fini(&v);
    uint8_t *png = png_bytes(&picture, &n, NULL);
    FUZZ_NEED(png != NULL);
    put("film", "png", png, n, NULL, 0);
    PUT_TEXT("film", "ppm", "P6\n2 2\n255\n0123456789ab");
    PUT_TEXT("film", "gif",
        "GIF89a\2\0\2\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\2\0\2\0\0\2\3D\2\5\0;");
    mem_free(png);
    picture_fini(&picture);
    joblib_array(&o, (const uint32_t[4]){ 1, 2, 2, 3 }, 4, values);
    joblib_array(&o, (const uint32_t[1]){ 5 }, 1, values);
    joblib_end(&o);
    put("joblib", "two", "\3", 1, pickle, o.n);
    PUT_TEXT("joblib", "plain",
        "\0MTCNNW01\15\0\0\0\7conv1.w\4\3\0\0\0\3\0\0\0\3\0\0\0\12\0\0\0");
    PUT_TEXT("joblib", "lz4", "\1\x04\x22\x4d\x18\x60\x40\x82\1\0\0\x80]\0\0\0\0");
}

static void put_links(void)
{
    const struct hello h = { .wire = HELLO_WIRE, .program = "0.1.0", .role = 1, .parties = 3,
                             .lanes = 1, .protocol = "replicated-ring" };
    struct message m = { .type = WIRE_GATE, .job = 7, .stream = 3, .seq = 1, .n = 16 };
    uint8_t hello[HELLO_SIZE], two[2 * FRAME_HEAD + 16 + HELLO_SIZE];
    hello_put(hello, &h);
    frame_put(two, &m);
    memset(two + FRAME_HEAD, 5, 16);
    put("frame", "hello", hello, sizeof hello, NULL, 0);
    put("frame", "gate", two, FRAME_HEAD, NULL, 0);
    m = (struct message){ .type = FRAME_HELLO, .n = HELLO_SIZE };
    frame_put(two + FRAME_HEAD + 16, &m);
    memcpy(two + 2 * FRAME_HEAD + 16, hello, sizeof hello);
    put("intake", "two", "\7\0\20\0\3\0\1\0", 8, two, sizeof two);
}

static void put_control(struct arena *a, const uint8_t *net, size_t nnet)
{
    struct wire_ask ask = { .model = "default", .protocol = "replicated-ring", .frames = 97,
                            .h = 48, .w = 48, .c = 1 };
    struct wire_terms terms = { .selected = 7, .chunks = { 50, 2, { 4, 3 } }, .rounds = 9,
                                .parties = 3, .net = net, .nnet = (uint32_t)nnet };
    struct wire_fault fault = { .code = ERR_PEER, .text = "lost" };
    struct wire_job job = { .digest = { 1 }, .nonce = { 2 } };
    struct wire_model model = { .name = "default", .protocol = "replicated-ring", .net = net,
                                .nselection = 1, .nnet = (uint32_t)nnet };
    size_t n;
    model.selection[0] = (struct wire_selection){ .frames = 97, .selected = 7,
                                                  .chunks = { 50, 2, { 4, 3 } } };
    uint8_t *p = wire_ask_pack(a, &ask, &n);
    put("wire", "ask", "\0", 1, p, n);
    arena_give(p);
    p = wire_terms_pack(a, &terms, &n);
    put("wire", "terms", "\1", 1, p, n);
    arena_give(p);
    p = wire_fault_pack(a, &fault, &n);
    put("wire", "fault", "\2", 1, p, n);
    arena_give(p);
    p = wire_job_pack(a, &job, &n);
    put("wire", "job", "\3", 1, p, n);
    arena_give(p);
    p = wire_model_pack(a, &model, &n);
    put("wire", "model", "\4", 1, p, n);
    arena_give(p);
}

/* Moves: see fuzz_party.c and fuzz_client.c. */
static void put_moves(void)
{
    static const uint8_t job[] = {
        1,  0, 0, 0,  4, 0, 0, 1,  12, 0, 0,  5, 2, 0,  5, 3, 0,  12, 0, 0,  12, 0, 0,
        6, 2, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8,  13, 0, 90,  7, 0, 0 };
    static const uint8_t run[] = {
        1,  0, 0, 0,  4, 0, 0, 1,  18, 0, 0,  5, 2, 0,  5, 3, 0,  9, 0, 0x78,  18, 0, 0,
        9, 0, 0x78,  18, 0, 0,  9, 0, 0x78,  18, 0, 0,  15, 0, 0,  13, 0, 90 };
    static const uint8_t upload[] = { 0,  1, 1, 3,  2, 1, 3,  12, 0, 0,  2, 1, 0x13,  2, 1, 0x23,
                                      8, 0, 2,  3, 1, 3,  11, 0, 0,  10, 0, 0 };
    static const uint8_t alice[] = { 3,  2, 0,  2, 1,  2, 2,  5, 0,  5, 1,  5, 2,  6, 0,  6, 1,
                                     6, 2,  7, 0,  7, 1,  7, 2 };
    static const uint8_t bob[] = { 0,  10, 0,  10, 1,  10, 2,  12, 0,  12, 1,  12, 2,  13, 0 };
    static const uint8_t chunks[] = {
        3,  0, 0, 0,  4, 0, 0, 1,  4, 0, 0x20, 1,  18, 0, 0,  5, 2, 0,  5, 3, 0,  9, 0, 0x78,
        18, 0, 0,  9, 0, 0x78,  18, 0, 0,  9, 0, 0x78,  18, 0, 0,  15, 0, 0,  13, 0, 90 };
    static const uint8_t stream[] = { 13,  2, 0,  2, 1,  2, 2,  17, 0,  5, 0,  5, 1,  17, 0,  5, 2,
                                      17, 0,  17, 0,  5, 0,  5, 1,  5, 2,  17, 0xff };
    put("party", "chunks", chunks, sizeof chunks, NULL, 0);
    put("client", "stream", stream, sizeof stream, NULL, 0);
    put("party", "job", job, sizeof job, NULL, 0);
    put("party", "run", run, sizeof run, NULL, 0);
    put("party", "upload", upload, sizeof upload, NULL, 0);
    put("client", "alice", alice, sizeof alice, NULL, 0);
    put("client", "bob", bob, sizeof bob, NULL, 0);
}

int main(int argc, char **argv)
{
    static struct fixed_net net;
    size_t n;
    if (argc != 2) {
        fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
        return 2;
    }
    folder = argv[1];
    fh_net(&net);
    uint8_t *bytes = fixed_net_write(&net, &n);
    struct arena *a = arena_new(0);
    FUZZ_NEED(bytes != NULL && a != NULL);
    put("fixed_net", "small", "\3\1", 2, bytes, n);
    put_control(a, bytes, n);
    put_models();
    put_texts();
    put_faces();
    put_links();
    put_moves();
    arena_free(a);
    free(bytes);
    return failed;
}
