/* Network descriptions: shapes, counts, refusals, the table. */
#include "nn/network.h"

#include "tests/check.h"

static void default_network(void)
{
    static const uint32_t shape[][3] = {
        { 44, 44, 64 }, { 44, 44, 64 }, { 20, 20, 64 }, { 18, 18, 64 }, { 18, 18, 64 },
        { 16, 16, 64 }, { 16, 16, 64 }, { 7, 7, 64 }, { 5, 5, 128 }, { 5, 5, 128 },
        { 3, 3, 128 }, { 3, 3, 128 }, { 1, 1, 128 }, { 1, 1, 128 }, { 1, 1, 1024 },
        { 1, 1, 1024 }, { 1, 1, 1024 }, { 1, 1, 1024 }, { 1, 1, 1024 }, { 1, 1, 1024 },
        { 1, 1, 7 }, { 1, 1, 7 }
    };
    struct network net;
    size_t macs = 0, relus = 0;
    network_default(&net);
    CHECK_EQ(net.nlayer, sizeof shape / sizeof *shape);
    for (unsigned i = 0; i < net.nlayer; i++) {
        const struct geometry *g = &net.layer[i].g;
        CHECK(g->oh == shape[i][0] && g->ow == shape[i][1] && g->oc == shape[i][2]);
        macs += layer_macs(&net.layer[i]);
        relus += layer_relus(&net.layer[i]);
    }
    CHECK_EQ(net.nparameter, 1485831);
    CHECK_EQ(macs, 28835840);
    CHECK_EQ(relus, 167424 + 7);
    CHECK_EQ(net.nclass, 7);
    CHECK(strcmp(net.class_name[3], "happy") == 0);
    CHECK(strcmp(net.class_name[6], "neutral") == 0);
}

/* Shape and padding of one window layer, or 0 when it was refused. */
static int window(struct geometry *g, uint32_t in, uint32_t k, uint32_t s, int same)
{
    struct network net;
    network_init(&net, in, in, 2);
    network_add(&net, (struct layer){ .kind = LAYER_MAXPOOL, .kh = k, .kw = k, .sh = s, .sw = s,
                                      .same = same != 0 }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_FLATTEN }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 3 }, NULL);
    if (network_finish(&net, NULL) != 0)
        return 0;
    *g = net.layer[0].g;
    return 1;
}

/* Against counting the windows one by one. */
static void windows(void)
{
    for (uint32_t in = 1; in < 12; in++)
        for (uint32_t k = 1; k < 8; k++)
            for (uint32_t s = 1; s < 5; s++) {
                struct geometry g;
                uint32_t fits = 0, starts = 0;
                for (uint32_t p = 0; p < in; p += s) {
                    starts++;
                    fits += p + k <= in;
                }
                CHECK_EQ(window(&g, in, k, s, 0), fits > 0);
                if (fits > 0)
                    CHECK(g.oh == fits && g.ow == fits && g.top == 0 && g.left == 0);
                CHECK(window(&g, in, k, s, 1));
                uint32_t reach = (starts - 1) * s + k;
                CHECK_EQ(g.oh, starts);
                CHECK_EQ(g.top, reach > in ? (reach - in) / 2 : 0);
            }
}

static void global_pool(void)
{
    struct network net;
    network_init(&net, 5, 6, 3);
    network_add(&net, (struct layer){ .kind = LAYER_AVGPOOL }, NULL);
    CHECK_EQ(network_finish(&net, NULL), 0);
    CHECK(net.layer[0].g.kh == 5 && net.layer[0].g.kw == 6);
    CHECK_EQ(net.nclass, 3);
    CHECK(strcmp(net.class_name[2], "class2") == 0);
}

/* A network of the given layers on 6x6x1 must be refused with `text` in the message. */
static void refused(const struct layer *l, size_t n, const char *text)
{
    struct network net;
    struct err e = { 0 };
    network_init(&net, 6, 6, 1);
    for (size_t i = 0; i < n; i++)
        CHECK_EQ(network_add(&net, l[i], &e), 0);
    CHECK_EQ(network_finish(&net, &e), ERR_INPUT);
    CHECK_EQ(e.code, ERR_INPUT);
    if (strstr(e.text, text) == NULL) {
        fprintf(stderr, "message: %s\n", e.text);
        CHECK(strstr(e.text, text) != NULL);
    }
}

#define REFUSED(text, ...)                                                      \
    do {                                                                        \
        const struct layer ls[] = { __VA_ARGS__ };                              \
        refused(ls, sizeof ls / sizeof *ls, text);                              \
    } while (0)

static void refusals(void)
{
    const struct layer dense = { .kind = LAYER_DENSE, .units = 3 };
    const struct layer flat = { .kind = LAYER_FLATTEN };
    REFUSED("layer 1 (convolution", { .kind = LAYER_CONV, .kh = 7, .kw = 3, .units = 2 });
    REFUSED("larger than its input", { .kind = LAYER_CONV, .kh = 7, .kw = 3, .units = 2 });
    REFUSED("window must be", { .kind = LAYER_CONV, .units = 2 });
    REFUSED("number of outputs", flat, { .kind = LAYER_DENSE });
    REFUSED("must be the last layer", flat, dense, { .kind = LAYER_EXACT_SOFTMAX },
            { .kind = LAYER_RELU });
    REFUSED("must be the last layer", { .kind = LAYER_APPROX_SOFTMAX });
    REFUSED("not known", { .kind = 77 }, flat, dense);
    REFUSED("ends in 65 values; 2 to 64", flat, { .kind = LAYER_DENSE, .units = 65 });
    REFUSED("ends in 1 values", flat, { .kind = LAYER_DENSE, .units = 1 });
    REFUSED("epsilon", { .kind = LAYER_BATCHNORM, .epsilon = -1 }, flat, dense);
    REFUSED("stride", { .kind = LAYER_MAXPOOL, .kh = 1, .kw = 1, .sh = 99999 }, flat, dense);
    REFUSED("parameters", flat, { .kind = LAYER_DENSE, .units = 60000000 }, dense);

    struct network net;
    struct err e;
    network_init(&net, 0, 6, 1);
    CHECK_EQ(network_finish(&net, &e), ERR_INPUT);
    network_init(&net, 6, 6, 1);
    CHECK_EQ(network_finish(&net, &e), ERR_INPUT);
    network_init(&net, 30000, 30000, 4000);
    network_add(&net, flat, NULL);
    CHECK_EQ(network_finish(&net, &e), ERR_INPUT);
    network_init(&net, 6, 6, 1);
    for (unsigned i = 0; i < NETWORK_LAYERS; i++)
        CHECK_EQ(network_add(&net, flat, &e), 0);
    CHECK_EQ(network_add(&net, flat, &e), ERR_INPUT);
}

static void equality(void)
{
    struct network a, b;
    network_default(&a);
    network_default(&b);
    snprintf(b.layer[2].name, sizeof b.layer[2].name, "other");
    CHECK(network_equal(&a, &b));
    b.layer[2].kind = LAYER_MAXPOOL;
    CHECK(!network_equal(&a, &b));
    network_default(&b);
    b.layer[2].g.sh = 1;
    CHECK(!network_equal(&a, &b));
}

static void table(void)
{
    struct network net;
    char *text = NULL;
    size_t n = 0, lines = 0;
    FILE *f = open_memstream(&text, &n);
    network_default(&net);
    network_print(&net, f);
    fclose(f);
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    CHECK_EQ(lines, net.nlayer + 3);
    CHECK(strstr(text, "28835840") != NULL && strstr(text, "1485831") != NULL);
    CHECK(strstr(text, "average pool") != NULL && strstr(text, "18x18x64") != NULL);
    free(text);
}

int main(void)
{
    CASE(default_network);
    CASE(windows);
    CASE(global_pool);
    CASE(refusals);
    CASE(equality);
    CASE(table);
    return check_done();
}
