/*
 * test_mtcnn.c: the face detector's parts against direct formulas and brute force, and where the
 * data folder is at hand, all of it against an independent implementation's figures.
 */
#include "tests/check.h"

#include <lz4frame.h>
#include <math.h>

#include "net/base_mem.h"
#include "nn/conv_row.h"
#include "nn/joblib.h"
#include "nn/mtcnn.h"
#include "nn/mtcnn_net.h"
#include "nn/mtcnn_scale.h"
#include "nn/video_in.h"
#include "tests/joblib_make.h"
#include "tests/nn_model.h"

static uint64_t seed = 20261125;

static double uniform(void)
{
    return (double)(check_random(&seed) >> 11) * 0x1p-53 * 2 - 1;
}

static float *noise(size_t n)
{
    float *p = malloc(n * sizeof *p);
    for (size_t k = 0; k < n; k++)
        p[k] = (float)uniform();
    return p;
}

/* ---- the kernel ---- */

/* out[p][c], from the definition. */
static double conv_point(const struct conv_row *r, const float *plain, unsigned p, unsigned c)
{
    double sum = r->bias[c];
    for (unsigned i = 0; i < r->runs; i++)
        for (unsigned k = 0; k < r->length; k++)
            sum += (double)r->in[p * r->step + i * r->pitch + k]
                * plain[(size_t)(i * r->length + k) * r->cout + c];
    return r->alpha != NULL && sum < 0 ? sum * r->alpha[c] : sum;
}

static void kernel_case(void (*kernel)(const struct conv_row *), unsigned n, unsigned cout,
    unsigned runs, unsigned length, int prelu)
{
    size_t k = (size_t)runs * length, step = length / 2 + 1, pitch = n * step + length;
    float *in = noise(runs * pitch), *plain = noise(k * cout), *bias = noise(cout);
    float *alpha = noise(cout);
    float *packed = malloc(conv_blocks(cout) * k * CONV_BLOCK * sizeof(float));
    float *out = malloc((size_t)n * cout * sizeof *out);
    conv_pack(packed, plain, k, cout);
    struct conv_row r = { in, step, pitch, n, runs, length, packed, bias, prelu ? alpha : NULL,
        cout, out };
    kernel(&r);
    for (unsigned p = 0; p < n; p++)
        for (unsigned c = 0; c < cout; c++)
            CHECK(fabs(out[(size_t)p * cout + c] - conv_point(&r, plain, p, c)) < 1e-4);
    free(in), free(plain), free(bias), free(alpha), free(packed), free(out);
}

static void kernel_shapes(void (*kernel)(const struct conv_row *))
{
    static const unsigned couts[] = { 1, 6, 10, 16, 17, 28, 48 };
    for (unsigned k = 0; k < sizeof couts / sizeof *couts; k++)
        for (unsigned n = 1; n <= 14; n++)
            kernel_case(kernel, n, couts[k], 1 + n % 3, 1 + (n * 5) % 30, n % 2);
}

static void kernel_portable(void)
{
    kernel_shapes(conv_row_portable);
}

static void kernel_chosen(void)
{
    kernel_shapes(conv_row);
}

/* ---- pools ---- */

static double pool_point(const float *in, unsigned h, unsigned w, unsigned c, unsigned k, int y0,
    int x0, unsigned channel)
{
    double most = -INFINITY;
    for (int y = y0; y < y0 + (int)k; y++)
        for (int x = x0; x < x0 + (int)k; x++)
            if (y >= 0 && x >= 0 && y < (int)h && x < (int)w)
                most = fmax(most, in[((size_t)y * w + (unsigned)x) * c + channel]);
    return most;
}

/* The padding of TensorFlow's SAME: ceil(n / 2) outputs, the smaller half first. */
static int same_pad(unsigned n, unsigned k)
{
    int total = (int)((n + 1) / 2 - 1) * 2 + (int)k - (int)n;
    return total > 0 ? total / 2 : 0;
}

static void pool_case(unsigned h, unsigned w, unsigned k, int same)
{
    enum { C = 3 };
    unsigned oh = same ? (h + 1) / 2 : (h - k) / 2 + 1, ow = same ? (w + 1) / 2 : (w - k) / 2 + 1;
    int top = same ? same_pad(h, k) : 0, left = same ? same_pad(w, k) : 0;
    float *in = noise((size_t)h * w * C), *out = malloc((size_t)oh * ow * C * sizeof *out);
    CHECK_EQ(mtcnn_pooled(h, k, same), oh);
    CHECK_EQ(mtcnn_pooled(w, k, same), ow);
    mtcnn_pool(out, in, h, w, C, k, same);
    for (unsigned i = 0; i < oh * ow * C; i++)
        CHECK(out[i] == pool_point(in, h, w, C, k, 2 * (int)(i / C / ow) - top,
            2 * (int)(i / C % ow) - left, i % C));
    free(in);
    free(out);
}

static void pools(void)
{
    for (unsigned h = 3; h < 12; h++)
        for (unsigned w = 3; w < 12; w++)
            for (unsigned k = 2; k <= 3; k++) {
                pool_case(h, w, k, 0);
                pool_case(h, w, k, 1);
            }
}

/* ---- resampling ---- */

static struct picture random_picture(uint32_t w, uint32_t h)
{
    struct picture p = { 0 };
    CHECK_EQ(picture_init(&p, w, h, NULL), 0);
    for (size_t k = 0; k < (size_t)w * h * 3; k++)
        p.rgb[k] = (uint8_t)check_random(&seed);
    return p;
}

/* The mean over output pixel (x, y) of a picture of w x h, by summing all overlaps. */
static double area_point(const struct picture *p, uint32_t w, uint32_t h, uint32_t x, uint32_t y,
    unsigned c)
{
    double x0 = (double)x * p->w / w, x1 = (double)(x + 1) * p->w / w, sum = 0;
    double y0 = (double)y * p->h / h, y1 = (double)(y + 1) * p->h / h;
    for (uint32_t i = 0; i < p->h; i++)
        for (uint32_t j = 0; j < p->w; j++) {
            double a = fmin(i + 1, y1) - fmax(i, y0), b = fmin(j + 1, x1) - fmax(j, x0);
            if (a > 0 && b > 0)
                sum += a * b * (p->rgb[((size_t)i * p->w + j) * 3 + c] - 127.5) / 128;
        }
    return sum / ((x1 - x0) * (y1 - y0));
}

static void shrinking(void)
{
    static const uint32_t to[][2] = { { 17, 13 }, { 9, 13 }, { 5, 3 }, { 1, 1 }, { 16, 12 } };
    struct picture p = random_picture(17, 13);
    float out[17 * 13 * 3], scratch[17 * 3];
    for (unsigned k = 0; k < sizeof to / sizeof *to; k++) {
        uint32_t w = to[k][0], h = to[k][1];
        mtcnn_shrink(out, w, h, &p, scratch);
        for (unsigned i = 0; i < w * h * 3; i++)
            CHECK(fabs(out[i] - area_point(&p, w, h, i / 3 % w, i / 3 / w, i % 3)) < 1e-5);
    }
    picture_fini(&p);
}

/* Bilinear as a sum over all pixels of triangles. */
static double patch_point(const struct picture *p, double x, double y, unsigned c)
{
    double sum = 0;
    if (x < 0 || y < 0 || x > p->w - 1 || y > p->h - 1)
        return 0;
    for (uint32_t i = 0; i < p->h; i++)
        for (uint32_t j = 0; j < p->w; j++)
            sum += fmax(0, 1 - fabs(x - j)) * fmax(0, 1 - fabs(y - i))
                * (p->rgb[((size_t)i * p->w + j) * 3 + c] - 127.5) / 128;
    return sum;
}

static void patches(void)
{
    static const double box[][4] = {
        { 0, 0, 19, 15 }, { 3.25, 2.5, 9.75, 11.5 }, { -4, -3, 8, 9 }, { 10, 8, 30, 28 },
        { -20, -20, -10, -10 },
    };
    struct picture p = random_picture(19, 15);
    float out[24 * 24 * 3];
    for (unsigned k = 0; k < sizeof box / sizeof *box; k++) {
        const double *b = box[k];
        mtcnn_patch(out, 24, &p, b[0], b[1], b[2], b[3]);
        for (unsigned i = 0; i < 24 * 24 * 3; i++) {
            double y = b[1] / 15 * 14 + (i / 3 / 24) * ((b[3] - b[1]) / 15) * 14 / 23;
            double x = b[0] / 19 * 18 + (i / 3 % 24) * ((b[2] - b[0]) / 19) * 18 / 23;
            CHECK(fabs(out[i] - patch_point(&p, x, y, i % 3)) < 1e-5);
        }
    }
    picture_fini(&p);
}

static void pyramid(void)
{
    double scale[MTCNN_LEVELS];
    CHECK_EQ(mtcnn_scales(scale, 561, 561), 10);
    CHECK_EQ((int)(561 * scale[0]), 336);
    CHECK_EQ((int)(561 * scale[9]), 15);
    CHECK_EQ(mtcnn_scales(scale, 199, 148), 6);
    CHECK_EQ((int)(148 * scale[5]), 15);
    CHECK_EQ(mtcnn_scales(scale, 5, 5), 0);
    CHECK(mtcnn_scales(scale, 8192, 4320) < MTCNN_LEVELS);
}

/* ---- boxes ---- */

static void random_boxes(struct boxes *b, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        double x = 20 * uniform(), y = 20 * uniform(), side = 12 + 8 * uniform();
        struct box one = { x, y, x + side, y + side * (1.2 + 0.3 * uniform()),
            floor(10 * uniform()) / 10, { k } };
        CHECK_EQ(boxes_add(b, &one, NULL), 0);
    }
}

static double overlap_of(const struct box *a, const struct box *b, int smaller)
{
    double w = fmin(a->x2, b->x2) - fmax(a->x1, b->x1), h = fmin(a->y2, b->y2)
        - fmax(a->y1, b->y1);
    double p = (a->x2 - a->x1) * (a->y2 - a->y1), q = (b->x2 - b->x1) * (b->y2 - b->y1);
    double both = w > 0 && h > 0 ? w * h : 0;
    return both / (smaller ? fmin(p, q) : p + q - both);
}

/* Equal scores keep their order (mark[0] numbers the boxes); a box stays when no box before it
 * overlaps it, dropped or not. */
static void boxes_case(unsigned n, int smaller)
{
    struct boxes b = { 0 }, all = { 0 };
    size_t at = 0;
    random_boxes(&b, n);
    CHECK_EQ(boxes_sort(&b, n, NULL), 0);
    for (size_t k = 0; k < b.n; k++)
        boxes_add(&all, &b.box[k], NULL);
    for (size_t k = 1; k < all.n; k++)
        CHECK(all.box[k - 1].score > all.box[k].score || (all.box[k - 1].score == all.box[k].score
            && all.box[k - 1].mark[0] < all.box[k].mark[0]));
    CHECK_EQ(boxes_suppress(&b, 0.5, smaller ? BOXES_SMALLER : BOXES_UNION, NULL), 0);
    for (size_t k = 0; k < all.n; k++) {
        int stays = 1;
        for (size_t j = 0; j < k; j++)
            stays &= overlap_of(&all.box[j], &all.box[k], smaller) <= 0.5;
        if (stays)
            CHECK(at < b.n && b.box[at].mark[0] == all.box[k].mark[0]);
        at += (size_t)stays;
    }
    CHECK_EQ(at, b.n);
    boxes_fini(&b);
    boxes_fini(&all);
}

static void suppression(void)
{
    for (unsigned n = 0; n < 200; n = n * 2 + 1) {
        boxes_case(n, 0);
        boxes_case(n, 1);
    }
}

static void squares(void)
{
    struct boxes b = { 0 };
    boxes_add(&b, &(struct box){ 1, 2, 5, 12, 0.5, { 0 } }, NULL);
    boxes_add(&b, &(struct box){ -3, 0, 5, 2, 0.4, { 0 } }, NULL);
    boxes_square(&b);
    CHECK(b.box[0].x1 == -2 && b.box[0].y1 == 2 && b.box[0].x2 == 8 && b.box[0].y2 == 12);
    CHECK(b.box[1].x1 == -3 && b.box[1].y1 == -3 && b.box[1].x2 == 5 && b.box[1].y2 == 5);
    CHECK_EQ(boxes_sort(&b, 1, NULL), 0);
    CHECK(b.n == 1 && b.box[0].score == 0.5);
    boxes_fini(&b);
}

/* ---- networks of random weights against layers written down directly ---- */

struct plain {
    unsigned h, w, c;
    double *v;
};

static double at(const struct plain *p, unsigned y, unsigned x, unsigned c)
{
    return p->v[((size_t)y * p->w + x) * p->c + c];
}

static struct plain plain_new(unsigned h, unsigned w, unsigned c)
{
    return (struct plain){ h, w, c, calloc((size_t)h * w * c, sizeof(double)) };
}

static void plain_conv(struct plain *p, const struct mtcnn_layer *l, const float *const *t)
{
    struct plain q = plain_new(p->h - l->kh + 1, p->w - l->kw + 1, l->cout);
    for (unsigned i = 0; i < q.h * q.w * q.c; i++) {
        unsigned y = i / q.c / q.w, x = i / q.c % q.w, o = i % q.c;
        double sum = t[1][o];
        for (unsigned a = 0; a < l->kh; a++)
            for (unsigned b = 0; b < l->kw; b++)
                for (unsigned c = 0; c < p->c; c++)
                    sum += at(p, y + a, x + b, c) * t[0][((a * l->kw + b) * p->c + c) * q.c + o];
        q.v[i] = l->slopes != NULL && sum < 0 ? sum * t[2][o] : sum;
    }
    free(p->v);
    *p = q;
}

static void plain_pool(struct plain *p, unsigned k, int same)
{
    unsigned oh = same ? (p->h + 1) / 2 : (p->h - k) / 2 + 1;
    unsigned ow = same ? (p->w + 1) / 2 : (p->w - k) / 2 + 1;
    int top = same ? same_pad(p->h, k) : 0, left = same ? same_pad(p->w, k) : 0;
    struct plain q = plain_new(oh, ow, p->c);
    for (unsigned i = 0; i < oh * ow * q.c; i++) {
        double most = -INFINITY;
        for (unsigned j = 0; j < k * k; j++) {
            int y = 2 * (int)(i / q.c / ow) - top + (int)(j / k);
            int x = 2 * (int)(i / q.c % ow) - left + (int)(j % k);
            if (y >= 0 && x >= 0 && y < (int)p->h && x < (int)p->w)
                most = fmax(most, at(p, (unsigned)y, (unsigned)x, i % q.c));
        }
        q.v[i] = most;
    }
    free(p->v);
    *p = q;
}

/* Width outermost, as the published networks flatten; then it is 1 x 1. */
static void plain_flatten(struct plain *p)
{
    struct plain q = plain_new(1, 1, p->h * p->w * p->c);
    for (unsigned x = 0; x < p->w; x++)
        for (unsigned y = 0; y < p->h; y++)
            for (unsigned c = 0; c < p->c; c++)
                q.v[(x * p->h + y) * p->c + c] = at(p, y, x, c);
    free(p->v);
    *p = q;
}

static void plain_dense(struct plain *p, const struct mtcnn_layer *l, const float *const *t)
{
    const struct mtcnn_layer one = { l->name, l->slopes, 1, 1, l->cin, l->cout };
    plain_conv(p, &one, t);
}

/* The three networks, as they are described. Heads follow one another in *said. */
static void run_plainly(double *said, unsigned net, const struct mtcnn_weights *w, const float *in,
    unsigned h, unsigned wide)
{
    static const struct { unsigned k; int same; } pool[MTCNN_NETS][4] = {
        { { 2, 1 } }, { { 3, 1 }, { 3, 0 } }, { { 3, 1 }, { 3, 0 }, { 2, 1 } }
    };
    struct plain p = plain_new(h, wide, 3);
    const float *const *t = w->tensor;
    const struct mtcnn_layer *l = mtcnn_layers[net];
    for (unsigned k = 0; k < h * wide * 3; k++)
        p.v[k] = in[k];
    for (unsigned k = 0; l->slopes != NULL; l++, t += 3, k++) {
        if (l->kh > 0) {
            plain_conv(&p, l, t);
            if (k < 4 && pool[net][k].k > 0)
                plain_pool(&p, pool[net][k].k, pool[net][k].same);
        } else {
            plain_flatten(&p);
            plain_dense(&p, l, t);
        }
    }
    unsigned total = net == MTCNN_O ? MTCNN_FACE : MTCNN_CELL, first = 0;
    for (; l->name != NULL; first += l->cout, l++, t += 2) {
        struct plain head = plain_new(p.h, p.w, p.c);
        memcpy(head.v, p.v, (size_t)p.h * p.w * p.c * sizeof *p.v);
        plain_dense(&head, l, t);
        for (unsigned k = 0; k < p.h * p.w; k++)
            memcpy(said + (size_t)k * total + first, head.v + (size_t)k * l->cout,
                l->cout * sizeof *said);
        free(head.v);
    }
    free(p.v);
}

/* Random weights of one network, small enough that nothing grows, through the plain file. */
static void drawn_weights(struct mtcnn_weights *w, unsigned net)
{
    struct mtcnn_weights mine = { 0 };
    size_t n;
    for (const struct mtcnn_layer *l = mtcnn_layers[net]; l->name != NULL; l++) {
        size_t k = (size_t)(l->kh > 0 ? l->kh * l->kw : 1) * l->cin * l->cout;
        mine.count += k + l->cout * (l->slopes != NULL ? 2 : 1);
    }
    mine.data = malloc(mine.count * sizeof *mine.data);
    const float *next = mine.data;
    for (const struct mtcnn_layer *l = mtcnn_layers[net]; l->name != NULL; l++) {
        unsigned fan = (l->kh > 0 ? l->kh * l->kw : 1) * l->cin;
        mine.tensor[mine.n++] = next;
        next += (size_t)fan * l->cout;
        mine.tensor[mine.n++] = next;
        next += l->cout;
        if (l->slopes != NULL) {
            mine.tensor[mine.n++] = next;
            next += l->cout;
        }
        for (float *v = mine.data + (mine.tensor[mine.n - (l->slopes != NULL ? 3 : 2)] - mine.data);
                v < next; v++)
            *v = (float)(uniform() * 1.7 / sqrt(fan));
    }
    uint8_t *file = mtcnn_weights_bytes(&mine, net, &n);
    struct err e = { 0 };
    CHECK(file != NULL && mtcnn_weights_parse(w, net, file, n, "x", &e) == 0);
    CHECK(w->count == mine.count && memcmp(w->data, mine.data, w->count * sizeof(float)) == 0);
    mem_free(file);
    free(mine.data);
}

struct rows {
    double *said;
    unsigned columns, n;
};

static int on_row(void *ctx, unsigned y, const float *cells)
{
    struct rows *r = ctx;
    CHECK_EQ(y, r->n);
    for (unsigned k = 0; k < r->columns * MTCNN_CELL; k++)
        CHECK(fabs(cells[k] - r->said[(size_t)y * r->columns * MTCNN_CELL + k]) < 1e-4);
    r->n++;
    return 0;
}

static void network_p(void)
{
    static const unsigned size[][2] = { { 11, 11 }, { 12, 15 }, { 51, 23 }, { 88, 40 } };
    struct mtcnn_weights w;
    struct err e = { 0 };
    drawn_weights(&w, MTCNN_P);
    struct mtcnn_net *net = mtcnn_net_new(&w, MTCNN_P, &e);
    for (unsigned k = 0; net != NULL && k < sizeof size / sizeof *size; k++) {
        unsigned h = size[k][0], wide = size[k][1];
        float *level = noise((size_t)h * wide * 3);
        struct rows r = { calloc((size_t)h * wide * MTCNN_CELL, sizeof(double)),
            mtcnn_cells(wide), 0 };
        run_plainly(r.said, MTCNN_P, &w, level, h, wide);
        CHECK_EQ(mtcnn_run_p(net, level, h, wide, on_row, &r, &e), 0);
        CHECK_EQ(r.n, mtcnn_cells(h));
        free(level);
        free(r.said);
    }
    CHECK(net != NULL && mtcnn_cells(10) == 0 && mtcnn_cells(11) == 1);
    mtcnn_net_free(net);
    mtcnn_weights_fini(&w);
}

static void network_patches(unsigned which, unsigned total)
{
    unsigned edge = mtcnn_patch_edge(which), n = 3;
    struct mtcnn_weights w;
    double said[MTCNN_FACE];
    drawn_weights(&w, which);
    struct mtcnn_net *net = mtcnn_net_new(&w, which, NULL);
    float *in = noise((size_t)n * edge * edge * 3);
    const float *out = mtcnn_run_patches(net, in, n);
    for (unsigned k = 0; k < n; k++) {
        run_plainly(said, which, &w, in + (size_t)k * edge * edge * 3, edge, edge);
        for (unsigned i = 0; i < total; i++)
            CHECK(fabs(out[k * total + i] - said[i]) < 1e-4);
    }
    free(in);
    mtcnn_net_free(net);
    mtcnn_weights_fini(&w);
}

static void network_r(void)
{
    network_patches(MTCNN_R, MTCNN_CELL);
}

static void network_o(void)
{
    network_patches(MTCNN_O, MTCNN_FACE);
}

/* ---- files ---- */

/* Refused, in one line that names the file. */
static void refused(unsigned net, const uint8_t *p, size_t n)
{
    struct mtcnn_weights w;
    struct err e = { 0 };
    CHECK_EQ(mtcnn_weights_parse(&w, net, p, n, "a.bin", &e), ERR_INPUT);
    CHECK(strstr(e.text, "a.bin") != NULL && strchr(e.text, '\n') == NULL && w.data == NULL);
}

static void bad_files(void)
{
    struct mtcnn_weights w;
    size_t n;
    drawn_weights(&w, MTCNN_P);
    uint8_t *file = mtcnn_weights_bytes(&w, MTCNN_P, &n);
    refused(MTCNN_R, file, n);
    for (size_t k = 0; k < n; k += k < 100 ? 1 : 997)
        refused(MTCNN_P, file, k);
    file[13] ^= 1;              /* a name */
    refused(MTCNN_P, file, n);
    file[13] ^= 1;
    file[20] ^= 1;              /* an edge */
    refused(MTCNN_P, file, n);
    file[20] ^= 1;
    memcpy(file + 200, "\0\0\x80\x7f", 4);      /* some value, somewhere, infinite or so */
    memset(file + n - 4, 0xff, 4);              /* the last value is not a number */
    refused(MTCNN_P, file, n);
    refused(MTCNN_P, (const uint8_t *)"", 0);
    refused(MTCNN_P, (const uint8_t *)"\x04\x22\x4d\x18", 4);
    mem_free(file);
    mtcnn_weights_fini(&w);
}

/* The arrays of a network as joblib writes them; slopes have edges of 1 in front. */
static void pickle_of(struct joblib_out *o, const struct mtcnn_weights *w, unsigned net)
{
    unsigned k = 0;
    for (const struct mtcnn_layer *l = mtcnn_layers[net]; l->name != NULL; l++) {
        const uint32_t dim[4] = { l->kh, l->kw, l->cin, l->cout };
        const uint32_t slopes[3] = { 1, 1, l->cout };
        joblib_array(o, l->kh == 0 ? dim + 2 : dim, l->kh == 0 ? 2 : 4, w->tensor[k++]);
        joblib_array(o, &l->cout, 1, w->tensor[k++]);
        if (l->slopes != NULL)
            joblib_array(o, l->kh == 0 ? slopes + 2 : slopes, l->kh == 0 ? 1 : 3, w->tensor[k++]);
    }
    joblib_end(o);
}

/* The published packaging of random weights is read back to the bit. */
static void packing(void)
{
    for (unsigned net = 0; net < MTCNN_NETS; net++) {
        struct mtcnn_weights w, back;
        struct err e = { 0 };
        drawn_weights(&w, net);
        struct joblib_out o = { .p = malloc(w.count * sizeof(float) + 10000) };
        pickle_of(&o, &w, net);
        size_t room = LZ4F_compressFrameBound(o.n, NULL);
        uint8_t *frame = malloc(room);
        size_t n = LZ4F_compressFrame(frame, room, o.p, o.n, NULL);
        CHECK_EQ(mtcnn_weights_parse(&back, net, frame, n, "x", &e), 0);
        if (e.code != 0)
            fprintf(stderr, "%s\n", e.text);
        CHECK(back.count == w.count && e.code == 0
            && memcmp(back.data, w.data, w.count * sizeof(float)) == 0);
        for (size_t k = 4; k < n; k += n / 17)
            refused(net, frame, k);
        refused((net + 1) % MTCNN_NETS, frame, n);
        mtcnn_weights_fini(&w);
        mtcnn_weights_fini(&back);
        free(frame);
        free(o.p);
    }
}

/* A pickle with one part replaced by another of the same length is refused. */
static void bad_pickle(const char *from, const char *to, const char *words)
{
    static const float values[6] = { 1, 2, 3, 4, 5, 6 };
    uint8_t bytes[1000];
    struct joblib_out o = { .p = bytes };
    struct joblib j;
    struct err e = { 0 };
    joblib_array(&o, (const uint32_t[2]){ 2, 3 }, 2, values);
    joblib_array(&o, (const uint32_t[1]){ 5 }, 1, values);
    joblib_end(&o);
    CHECK_EQ(joblib_parse(&j, bytes, o.n, "a.lz4", &e), 0);
    CHECK(j.n == 2 && j.array[0].dims == 2 && j.array[0].dim[1] == 3 && j.array[1].count == 5);
    CHECK(memcmp(bytes + j.array[1].at, values, 5 * sizeof(float)) == 0);
    uint8_t *at = memmem(bytes, o.n, from, strlen(from));
    CHECK(at != NULL);
    memcpy(at, to, strlen(from));
    CHECK_EQ(joblib_parse(&j, bytes, o.n, "a.lz4", &e), ERR_INPUT);
    CHECK(strstr(e.text, words) != NULL && strstr(e.text, "a.lz4: byte ") != NULL);
    if (strstr(e.text, words) == NULL)
        fprintf(stderr, "%s\n", e.text);
}

static void bad_pickles(void)
{
    bad_pickle("joblib.numpy_pickle", "posix.system_pickle", "another class");
    bad_pickle("ndarray", "memmap_", "another class");
    bad_pickle("f4", "f8", "not f4");
    bad_pickle("\x01<", "\x01>", "little-endian");
    bad_pickle("\x01" "C", "\x01" "F", "C order");
    bad_pickle("shape", "share", "shape");
    bad_pickle("K\x02", "K\xff", "longer than the file");
    bad_pickle(")\x81", "(\x81", "another class");
    bad_pickle("NNN", "NNc", "does not need");
    bad_pickle("e.", "..", "the end");
    bad_pickle("e.", "ee", "mark");
    bad_pickle("h\x0c", "h\x7f", "never written");
}

/* A detector with random weights runs on any picture, and says where it may. */
static void any_picture(void)
{
    static const uint32_t size[][2] = { { 1, 1 }, { 3, 500 }, { 12, 12 }, { 40, 30 }, { 97, 61 } };
    struct mtcnn_weights w[MTCNN_NETS];
    struct faces f;
    for (unsigned k = 0; k < MTCNN_NETS; k++)
        drawn_weights(&w[k], k);
    struct detector *d = mtcnn_open(w, NULL);
    for (unsigned k = 0; d != NULL && k < sizeof size / sizeof *size; k++) {
        struct picture p = random_picture(size[k][0], size[k][1]);
        CHECK_EQ(detector_run(d, &p, &f, NULL), 0);
        for (unsigned i = 0; i < f.n; i++)
            CHECK(f.face[i].x1 >= 0 && f.face[i].x2 <= p.w - 1 && f.face[i].y1 >= 0
                && f.face[i].y2 <= p.h - 1 && f.face[i].confidence > 0.8);
        picture_fini(&p);
    }
    CHECK(d != NULL);
    detector_close(d);
    for (unsigned k = 0; k < MTCNN_NETS; k++)
        mtcnn_weights_fini(&w[k]);
}

static void no_memory(void)
{
    struct mtcnn_weights w[MTCNN_NETS];
    for (unsigned k = 0; k < MTCNN_NETS; k++)
        drawn_weights(&w[k], k);
    struct detector *d = NULL;
    for (long k = 1; d == NULL && k < 500; k++) {
        struct err e = { 0 };
        mem_fail_at(k);
        d = mtcnn_open(w, &e);
        mem_fail_at(0);
        CHECK(d != NULL || e.code == ERR_FAILED);
    }
    CHECK(d != NULL);
    detector_close(d);
    for (unsigned k = 0; k < MTCNN_NETS; k++)
        mtcnn_weights_fini(&w[k]);
}

/* ---- the published weights ---- */

static void load(struct mtcnn_weights *w, unsigned net, int packed)
{
    char name[64];
    size_t n = 0;
    struct err e = { 0 };
    snprintf(name, sizeof name, "mtcnn/%s%s.%s", packed ? "" : "mtcnn_", mtcnn_net_name[net],
        packed ? "lz4" : "bin");
    uint8_t *p = data_read(name, &n);
    *w = (struct mtcnn_weights){ 0 };
    CHECK(p != NULL && mtcnn_weights_parse(w, net, p, n, name, &e) == 0);
    if (e.code != 0)
        fprintf(stderr, "%s\n", e.text);
    free(p);
}

/* Both packagings hold the same, and what is written is the plain one to the byte. */
static void packagings(void)
{
    for (unsigned k = 0; k < MTCNN_NETS; k++) {
        struct mtcnn_weights a, b;
        char name[64];
        size_t n = 0, m = 0;
        load(&a, k, 1);
        load(&b, k, 0);
        CHECK(a.count == b.count && a.count > 0
            && memcmp(a.data, b.data, a.count * sizeof(float)) == 0);
        snprintf(name, sizeof name, "mtcnn/mtcnn_%s.bin", mtcnn_net_name[k]);
        uint8_t *file = data_read(name, &n), *made = mtcnn_weights_bytes(&a, k, &m);
        CHECK(n == m && memcmp(file, made, n) == 0);
        free(file);
        mem_free(made);
        mtcnn_weights_fini(&a);
        mtcnn_weights_fini(&b);
    }
}

static struct detector *published(void)
{
    struct mtcnn_weights w[MTCNN_NETS];
    for (unsigned k = 0; k < MTCNN_NETS; k++)
        load(&w[k], k, 0);
    struct detector *d = mtcnn_open(w, NULL);
    for (unsigned k = 0; k < MTCNN_NETS; k++)
        mtcnn_weights_fini(&w[k]);
    CHECK(d != NULL);
    return d;
}

/* Frame `index` of a file of the data folder. */
static int frame_of(struct picture *p, const char *name, uint32_t index)
{
    size_t n = 0;
    struct video_frame f;
    struct err e = { 0 };
    int got = 1, code = 0;
    uint8_t *bytes = data_read(name, &n);
    struct video_in *v = bytes != NULL ? video_in_open_bytes(bytes, n, name, &e) : NULL;
    *p = (struct picture){ 0 };
    for (uint32_t k = 0; v != NULL && k <= index && got && code == 0; k++)
        code = video_in_next(v, p, &f, &got, &e);
    CHECK(v != NULL && code == 0 && got);
    if (e.code != 0)
        fprintf(stderr, "%s\n", e.text);
    video_in_close(v);
    free(bytes);
    return v != NULL && code == 0 && got;
}

static void near_box(const double *want, double x1, double y1, double x2, double y2, double pixels)
{
    CHECK(fabs(x1 - want[0]) <= pixels && fabs(y1 - want[1]) <= pixels);
    CHECK(fabs(x2 - x1 - want[2]) <= pixels && fabs(y2 - y1 - want[3]) <= pixels);
}

/* Stage boxes are printed rounded, so half a pixel of rounding comes on top. */
static void stages_as_published(void)
{
    static const double p[][5] = {
        { 270, 89, 61, 61, .9999669 }, { 271, 89, 71, 71, .9997212 },
        { 490, 209, 54, 54, .9992154 },
        { 187, 243, 38, 38, .9986302 }, { 480, 285, 57, 57, .9982783 },
    };
    static const double r[][5] = {
        { 269, 92, 67, 67, .99007 }, { 478, 280, 60, 60, .95358 }, { 100, 407, 42, 42, .92202 },
        { 9, 72, 30, 30, .90895 }, { 486, 205, 61, 61, .88446 }, { 7, 71, 43, 43, .87733 },
        { 187, 119, 32, 32, .79671 }, { 305, 181, 48, 48, .76366 }, { 279, 104, 50, 50, .73411 },
        { 176, 134, 58, 58, .72296 },
    };
    struct detector *d = published();
    struct picture image;
    struct faces f;
    if (!frame_of(&image, "images/mtcnn_ivan_dctfast.ppm", 0))
        return;
    CHECK_EQ(detector_run(d, &image, &f, NULL), 0);
    const struct boxes *a = mtcnn_stage(d, MTCNN_P), *b = mtcnn_stage(d, MTCNN_R);
    CHECK_EQ(a->n, 189);
    CHECK_EQ(b->n, 10);
    for (unsigned k = 0; k < 5 && a->n == 189; k++) {
        near_box(p[k], a->box[k].x1, a->box[k].y1, a->box[k].x2, a->box[k].y2, 1);
        CHECK(fabs(a->box[k].score - p[k][4]) < 1e-3);
    }
    for (unsigned k = 0; k < 10 && b->n == 10; k++) {
        near_box(r[k], b->box[k].x1, b->box[k].y1, b->box[k].x2, b->box[k].y2, 1);
        CHECK(fabs(b->box[k].score - r[k][4]) < 1e-3);
    }
    picture_fini(&image);
    detector_close(d);
}

/* A file, its faces with boxes (x, y, width, height) and confidences, and how near. */
struct known {
    const char *name;
    uint32_t frame;
    double pixels, score;
    unsigned n;
    double face[4][5];
};

static const struct known knowns[] = {
    { "images/mtcnn_ivan_dctfast.ppm", 0, 0.5, 1e-3, 2, {
        { 276.172, 91.911, 50.211, 62.702, .999997 },
        { 8.692, 71.523, 36.220, 42.747, .824991 } } },
    { "images/mtcnn_no-faces_dctfast.ppm", 0, 0.5, 1e-3, 0, { { 0 } } },
    { "images/mtcnn_no-faces.jpg", 0, 3, 0.02, 0, { { 0 } } },
    { "images/astronaut.png", 0, 0.5, 1e-3, 1, { { 181.598, 63.726, 82.955, 107.353, .999121 } } },
    { "images/pyfeat_single_face.jpg", 0, 3, 0.02, 1, {
        { 180.287, 141.360, 192.020, 259.990, .999998 } } },
    { "images/pexels_happy-baby.jpeg", 0, 3, 0.02, 1, {
        { 489.4, 130.1, 255.2, 320.4, .989831 } } },
    { "images/pexels_surprised.jpeg", 0, 3, 0.02, 0, { { 0 } } },
    { "clips/pyfeat_single_face.mp4", 0, 3, 0.02, 1, { { 220.9, 86.5, 149.0, 208.8, .999257 } } },
    { "clips/intel_head-pose-male.gif", 6, 3, 0.02, 1, { { 210.2, 43.3, 70.6, 93.5, .99995 } } },
};

static void faces_as_published(void)
{
    struct detector *d = published();
    struct picture p;
    struct faces f;
    for (size_t i = 0; i < sizeof knowns / sizeof *knowns; i++) {
        const struct known *k = &knowns[i];
        if (!frame_of(&p, k->name, k->frame))
            continue;
        CHECK_EQ(detector_run(d, &p, &f, NULL), 0);
        CHECK_EQ(f.n, k->n);
        for (unsigned j = 0; j < k->n && f.n == k->n; j++) {
            const struct face *x = &f.face[j];
            near_box(k->face[j], x->x1, x->y1, x->x2, x->y2, k->pixels);
            CHECK(fabs(x->confidence - k->face[j][4]) <= k->score);
        }
        picture_fini(&p);
    }
    detector_close(d);
}

static void landmarks_as_published(void)
{
    static const double ivan[FACE_MARKS][2] = { { 290.435, 116.421 }, { 314.516, 114.128 },
        { 304.320, 130.589 }, { 296.642, 142.620 }, { 313.752, 141.335 } };
    static const double astronaut[FACE_MARKS][2] = { { 203.541, 100.104 }, { 245.409, 102.238 },
        { 224.224, 126.420 }, { 201.789, 138.587 }, { 244.389, 140.377 } };
    struct detector *d = published();
    for (int k = 0; k < 2; k++) {
        const double (*want)[2] = k == 0 ? ivan : astronaut;
        struct picture p;
        struct faces f = { 0 };
        if (frame_of(&p, k == 0 ? "images/mtcnn_ivan_dctfast.ppm" : "images/astronaut.png", 0))
            detector_run(d, &p, &f, NULL);
        CHECK(f.n > 0 && f.face[0].marks == FACE_MARKS);
        for (unsigned i = 0; i < FACE_MARKS && f.n > 0; i++)
            CHECK(fabs(f.face[0].mark[i][0] - want[i][0]) < 0.5
                && fabs(f.face[0].mark[i][1] - want[i][1]) < 0.5);
        picture_fini(&p);
    }
    detector_close(d);
}

int main(void)
{
    CASE(kernel_portable);
    CASE(kernel_chosen);
    CASE(pools);
    CASE(shrinking);
    CASE(patches);
    CASE(pyramid);
    CASE(suppression);
    CASE(squares);
    CASE(network_p);
    CASE(network_r);
    CASE(network_o);
    CASE(bad_files);
    CASE(packing);
    CASE(bad_pickles);
    CASE(any_picture);
    CASE(no_memory);
    DATA_CASE("mtcnn/pnet.lz4", packagings);
    DATA_CASE("mtcnn/mtcnn_pnet.bin", stages_as_published);
    DATA_CASE("mtcnn/mtcnn_pnet.bin", faces_as_published);
    DATA_CASE("mtcnn/mtcnn_pnet.bin", landmarks_as_published);
    return check_done();
}
