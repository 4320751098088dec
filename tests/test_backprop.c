/* Gradients against finite differences in double, of every layer and of whole networks. The
 * function that is differentiated is evaluated from the definitions (nn_model.h), not by the code
 * under test. */
#include <math.h>

#include "nn/backprop.h"
#include "tests/nn_model.h"

enum { LOT = 3 };

struct trial {
    struct model m;
    struct blas blas;
    struct backprop *bp;
    unsigned n;
    uint8_t label[LOT];
    float *pixel;                       /* n inputs */
    double smoothing;
};

static size_t input_size(const struct network *net)
{
    return (size_t)net->h * net->w * net->c;
}

static void trial_begin(struct trial *t, const struct network *net, uint64_t *seed)
{
    struct err e = { 0 };
    *t = (struct trial){ .n = pick(seed, 1, LOT), .smoothing = pick(seed, 0, 1) ? 0.2 : 0 };
    CHECK_EQ(model_init(&t->m, net, &e), 0);
    CHECK_EQ(blas_open(&t->blas, &e), 0);
    t->bp = backprop_new(&t->m, &t->blas, LOT, &e);
    CHECK(t->bp != NULL);
    size_t size = input_size(net);
    t->pixel = malloc(t->n * size * sizeof *t->pixel);
    for (size_t k = 0; k < t->n * size; k++)
        t->pixel[k] = (float)unit(seed);
    for (unsigned s = 0; s < t->n; s++)
        t->label[s] = (uint8_t)pick(seed, 0, net->nclass - 1);
}

static void trial_end(struct trial *t)
{
    backprop_free(t->bp);
    blas_close(&t->blas);
    model_fini(&t->m);
    free(t->pixel);
}

static void trial_forward(struct trial *t, const struct chance *drop)
{
    memcpy(backprop_input(t->bp), t->pixel, t->n * input_size(&t->m.net) * sizeof(float));
    backprop_forward(t->bp, t->n, drop);
}

/* --- the reference ---------------------------------------------------------------------------- */

static void norm_reference(const struct model *m, unsigned i, double **x, unsigned n)
{
    const struct layer *l = &m->net.layer[i];
    size_t c = l->g.c, values = geometry_out(&l->g);
    const float *p = m->weight[i];
    for (size_t o = 0; o < c; o++) {
        double mean = 0, variance = 0, count = (double)(n * (values / c));
        for (unsigned s = 0; s < n; s++)
            for (size_t k = o; k < values; k += c)
                mean += x[s][k] / count;
        for (unsigned s = 0; s < n; s++)
            for (size_t k = o; k < values; k += c)
                variance += (x[s][k] - mean) * (x[s][k] - mean) / count;
        for (unsigned s = 0; s < n; s++)
            for (size_t k = o; k < values; k += c)
                x[s][k] = (double)p[o] * (x[s][k] - mean) /
                              sqrt(variance + (double)l->epsilon) + (double)p[c + o];
    }
}

static double cross_entropy(const double *u, size_t n, unsigned label, double smoothing)
{
    double sum = 0, loss = 0;
    for (size_t k = 0; k < n; k++)
        sum += exp(u[k]);
    for (size_t k = 0; k < n; k++)
        loss -= ((k == label ? 1 - smoothing : 0) + smoothing / (double)n) * log(exp(u[k]) / sum);
    return loss;
}

/* One layer for all samples; x[s] are blocks from malloc and are replaced. */
static void layer_reference(const struct trial *t, unsigned i, double **x, int training)
{
    const struct layer *l = &t->m.net.layer[i];
    size_t values = geometry_out(&l->g);
    if (l->kind == LAYER_BATCHNORM && training) {
        norm_reference(&t->m, i, x, t->n);
        return;
    }
    for (unsigned s = 0; s < t->n; s++) {
        double *y = plain_layer(&t->m, i, x[s]);
        for (size_t k = 0; k < values && l->kind == LAYER_DROPOUT && training; k++)
            y[k] *= (double)backprop_dropout(t->bp, i)[s * values + k];
        free(x[s]);
        x[s] = y;
    }
}

/* The loss from the definitions; logits may be NULL. */
static double loss_reference(const struct trial *t, int training, double *logits)
{
    const struct network *net = &t->m.net;
    double *x[LOT], loss = 0;
    size_t size = input_size(net);
    for (unsigned s = 0; s < t->n; s++) {
        x[s] = malloc(size * sizeof **x);
        for (size_t k = 0; k < size; k++)
            x[s][k] = (double)t->pixel[s * size + k];
    }
    for (unsigned i = 0; i < net->nlayer; i++)
        if (net->layer[i].kind != LAYER_EXACT_SOFTMAX && net->layer[i].kind != LAYER_APPROX_SOFTMAX)
            layer_reference(t, i, x, training);
    for (unsigned s = 0; s < t->n; s++) {
        loss += cross_entropy(x[s], net->nclass, t->label[s], t->smoothing);
        for (size_t k = 0; k < net->nclass && logits != NULL; k++)
            logits[s * net->nclass + k] = x[s][k];
        free(x[s]);
    }
    return loss;
}

/* The derivative of the loss along w + h direction, from both sides; *kink when they differ. */
static double slope(struct trial *t, const float *direction, double middle, int *kink)
{
    size_t n = t->m.net.nparameter;
    const double h = 0x1p-15;
    float *was = malloc(n * sizeof *was);
    memcpy(was, t->m.data, n * sizeof *was);
    for (size_t k = 0; k < n; k++)
        t->m.data[k] = was[k] + (float)h * direction[k];
    double above = loss_reference(t, 1, NULL);
    for (size_t k = 0; k < n; k++)
        t->m.data[k] = was[k] - (float)h * direction[k];
    double below = loss_reference(t, 1, NULL);
    memcpy(t->m.data, was, n * sizeof *was);
    free(was);
    double right = (above - middle) / h, left = (middle - below) / h;
    *kink = fabs(right - left) > 0.01 * (fabs(right) + fabs(left)) + 1e-3;
    return (above - below) / (2 * h);
}

/* --- cases ------------------------------------------------------------------------------------ */

static int is_statistic(const struct network *net, size_t k)
{
    size_t at = 0;
    for (unsigned i = 0; i < net->nlayer; i++) {
        const struct layer *l = &net->layer[i];
        if (l->kind == LAYER_BATCHNORM && k >= at + 2 * (size_t)l->g.c && k < at + l->nweight)
            return 1;
        at += l->nweight + l->nbias;
    }
    return 0;
}

static float *gradient(struct trial *t, double *loss)
{
    struct chance drop = chance_of(5, 6, 7, 8);
    float *grad = calloc(t->m.net.nparameter, sizeof *grad);
    trial_forward(t, &drop);
    *loss = backprop_loss(t->bp, t->n, t->label, t->smoothing, NULL);
    backprop_backward(t->bp, t->n, t->label, t->smoothing, 1, grad);
    return grad;
}

/* Weights as small as they are in training, so that float and double agree well. */
static void mild_weights(struct model *m, uint64_t *seed)
{
    random_weights(m, seed);
    for (unsigned i = 0; i < m->net.nlayer; i++) {
        const struct layer *l = &m->net.layer[i];
        float scale = l->kind == LAYER_BATCHNORM ? 1 : 1.7f / sqrtf((float)geometry_depth(&l->g));
        for (size_t k = 0; k < l->nweight; k++)
            m->weight[i][k] *= scale;
    }
}

/* A network with `kind` in the middle, between layers with weights. */
static void network_around(struct network *net, unsigned kind, uint64_t *seed)
{
    do {
        network_init(net, pick(seed, 3, 8), pick(seed, 3, 8), pick(seed, 1, 3));
        network_add(net, (struct layer){ .kind = LAYER_CONV, .kh = pick(seed, 1, 3),
            .kw = pick(seed, 1, 3), .units = pick(seed, 1, 4), .same = pick(seed, 0, 1),
            .bias = 1 }, NULL);
        network_add(net, (struct layer){ .kind = (uint8_t)kind, .kh = pick(seed, 1, 3),
            .kw = pick(seed, 1, 3), .sh = pick(seed, 1, 2), .sw = pick(seed, 1, 2),
            .same = pick(seed, 0, 1), .bias = pick(seed, 0, 1), .units = pick(seed, 1, 5),
            .epsilon = 1e-2f, .rate = 0.4f }, NULL);
        network_add(net, (struct layer){ .kind = LAYER_FLATTEN }, NULL);
        network_add(net, (struct layer){ .kind = LAYER_DENSE, .units = pick(seed, 2, 7),
                                         .bias = 1 }, NULL);
        network_add(net, (struct layer){ .kind = LAYER_APPROX_SOFTMAX }, NULL);
    } while (network_finish(net, NULL) != 0);
}

/* Every parameter's derivative; returns how many were at a kink and not compared. */
static size_t compare_all(struct trial *t)
{
    double loss;
    float *grad = gradient(t, &loss), *direction = calloc(t->m.net.nparameter, sizeof *direction);
    double middle = loss_reference(t, 1, NULL);
    size_t kinks = 0, wrong = 0;
    CHECK(fabs(loss - middle) <= 1e-4 * (1 + fabs(middle)));
    for (size_t k = 0; k < t->m.net.nparameter; k++) {
        int kink = 0;
        if (is_statistic(&t->m.net, k))
            continue;
        direction[k] = 1;
        double expected = slope(t, direction, middle, &kink);
        direction[k] = 0;
        kinks += kink != 0;
        wrong += !kink && !(fabs(expected - (double)grad[k]) <= 1e-3 * (1 + fabs(expected)));
    }
    CHECK_EQ(wrong, 0);
    free(direction);
    free(grad);
    return kinks;
}

static void check_kind(unsigned kind)
{
    uint64_t seed = 100 + kind;
    size_t kinks = 0, all = 0;
    for (unsigned i = 0; i < 12; i++) {
        struct network net;
        struct trial t;
        network_around(&net, kind, &seed);
        trial_begin(&t, &net, &seed);
        mild_weights(&t.m, &seed);
        kinks += compare_all(&t);
        all += net.nparameter;
        trial_end(&t);
    }
    CHECK(kinks <= all / 20);
}

static void gradient_of_convolution(void) { check_kind(LAYER_CONV); }
static void gradient_of_average_pool(void) { check_kind(LAYER_AVGPOOL); }
static void gradient_of_max_pool(void) { check_kind(LAYER_MAXPOOL); }
static void gradient_of_dense(void) { check_kind(LAYER_DENSE); }
static void gradient_of_relu(void) { check_kind(LAYER_RELU); }
static void gradient_of_batch_norm(void) { check_kind(LAYER_BATCHNORM); }
static void gradient_of_dropout(void) { check_kind(LAYER_DROPOUT); }

static void gradient_of_random_networks(void)
{
    uint64_t seed = 77;
    for (unsigned i = 0; i < 40; i++) {
        struct network net;
        struct trial t;
        random_network(&net, &seed);
        for (unsigned k = 0; k < net.nlayer; k++) {
            net.layer[k].rate = 0.3f;
            net.layer[k].epsilon = 0.05f;
        }
        trial_begin(&t, &net, &seed);
        mild_weights(&t.m, &seed);
        compare_all(&t);
        trial_end(&t);
    }
}

/* The published network along random directions: every parameter counts in each. */
static void gradient_of_the_published_network(void)
{
    uint64_t seed = 9;
    struct network net;
    struct trial t;
    double loss;
    network_default(&net);
    trial_begin(&t, &net, &seed);
    mild_weights(&t.m, &seed);
    float *grad = gradient(&t, &loss), *direction = malloc(net.nparameter * sizeof *direction);
    double middle = loss_reference(&t, 1, NULL);
    CHECK(fabs(loss - middle) <= 1e-4 * fabs(middle));
    for (unsigned k = 0; k < 3; k++) {
        int kink;
        double along = 0, size = 0;
        for (size_t i = 0; i < net.nparameter; i++) {
            direction[i] = check_random(&seed) & 1 ? 0.125f : -0.125f;
            along += (double)grad[i] * (double)direction[i];
            size += (double)grad[i] * (double)grad[i] / 64;
        }
        double expected = slope(&t, direction, middle, &kink);
        CHECK(fabs(expected - along) <= 0.01 * sqrt(size));
    }
    free(direction);
    free(grad);
    trial_end(&t);
}

/* Outside training: no dropout, the model's own statistics. */
static void logits_outside_training(void)
{
    uint64_t seed = 31;
    for (unsigned i = 0; i < 100; i++) {
        struct network net;
        struct trial t;
        double logits[LOT * NETWORK_CLASSES];
        random_network(&net, &seed);
        trial_begin(&t, &net, &seed);
        mild_weights(&t.m, &seed);
        trial_forward(&t, NULL);
        double loss = loss_reference(&t, 0, logits);
        for (size_t k = 0; k < t.n * net.nclass; k++)
            CHECK(fabs((double)backprop_logits(t.bp)[k] - logits[k]) <=
                  1e-4 * (1 + fabs(logits[k])));
        size_t right = 0, expected = 0;
        double got = backprop_loss(t.bp, t.n, t.label, t.smoothing, &right);
        CHECK(fabs(got - loss) <= 1e-4 * (1 + loss));
        for (unsigned s = 0; s < t.n; s++) {
            size_t top = 0;
            for (size_t k = 1; k < net.nclass; k++)
                if (logits[s * net.nclass + k] > logits[s * net.nclass + top])
                    top = k;
            expected += top == t.label[s];
        }
        CHECK_EQ(right, expected);
        trial_end(&t);
    }
}

/* The statistics that stand where mean and variance have no derivative. */
static void statistics_of_batch_norm(void)
{
    struct network net;
    struct trial t;
    uint64_t seed = 4;
    double loss;
    network_init(&net, 1, 1, 2);
    network_add(&net, (struct layer){ .kind = LAYER_BATCHNORM, .epsilon = 1e-3f }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 2 }, NULL);
    CHECK_EQ(network_finish(&net, NULL), 0);
    do {
        trial_begin(&t, &net, &seed);
        if (t.n != 3)
            trial_end(&t);
    } while (t.n != 3);
    const float pixel[] = { 1, 10, 2, 20, 6, 60 };      /* means 3, 30; variances 14/3, 1400/3 */
    memcpy(t.pixel, pixel, sizeof pixel);
    random_weights(&t.m, &seed);
    float *grad = gradient(&t, &loss);
    const double expected[] = { 3 * 3, 3 * 30, 14, 1400 };
    for (unsigned k = 0; k < 4; k++)
        CHECK(fabs((double)grad[4 + k] - expected[k]) < 1e-3);
    free(grad);
    trial_end(&t);
}

static void dropout_keeps_its_share(void)
{
    struct network net;
    struct trial t;
    uint64_t seed = 12;
    network_init(&net, 20, 20, 50);
    network_add(&net, (struct layer){ .kind = LAYER_DROPOUT, .rate = 0.25f }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_AVGPOOL }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 2 }, NULL);
    CHECK_EQ(network_finish(&net, NULL), 0);
    trial_begin(&t, &net, &seed);
    struct chance a = chance_of(1, 2, 3, 4), b = chance_of(1, 2, 3, 5);
    double sum = 0, kept = 0, differ = 0;
    float *first = malloc(20000 * sizeof *first);
    trial_forward(&t, &a);
    memcpy(first, backprop_dropout(t.bp, 0), 20000 * sizeof *first);
    trial_forward(&t, &b);
    for (size_t k = 0; k < 20000; k++) {
        sum += (double)first[k];
        kept += first[k] > 0;
        differ += (first[k] > 0) != (backprop_dropout(t.bp, 0)[k] > 0);
    }
    /* 15000 of 20000 with a deviation of 61; two lots differ in 2 x 0.75 x 0.25 of all. */
    CHECK(fabs(kept - 15000) < 5 * 61);
    CHECK(fabs(sum - 20000) < 5 * 82);
    CHECK(fabs(differ - 7500) < 5 * 69);
    free(first);
    trial_end(&t);
}

int main(void)
{
    CASE(gradient_of_convolution);
    CASE(gradient_of_average_pool);
    CASE(gradient_of_max_pool);
    CASE(gradient_of_dense);
    CASE(gradient_of_relu);
    CASE(gradient_of_batch_norm);
    CASE(gradient_of_dropout);
    CASE(gradient_of_random_networks);
    CASE(gradient_of_the_published_network);
    CASE(logits_outside_training);
    CASE(statistics_of_batch_norm);
    CASE(dropout_keeps_its_share);
    return check_done();
}
