/*
 * test_cascade.c: cascades read from XML and slid over pictures, against sums written out; what is
 * no cascade is refused; and the cascades of opencv-data, where they are installed.
 */
#include "tests/check.h"

#include <math.h>
#include <unistd.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "net/base_mem.h"
#include "nn/actor.h"
#include "nn/cascade.h"

/* A window of 8 x 8, one stage of two trees: the first has two nodes. Feature 0 is the upper half
 * less the lower one, feature 1 the left half less the right one. */
static const char xml[] =
    "<?xml version=\"1.0\"?><!-- a comment -->\n<opencv_storage>\n"
    "<cascade type_id=\"opencv-cascade-classifier\"><stageType>BOOST</stageType>\n"
    "<featureType>HAAR</featureType><height>8</height><width>8</width>\n"
    "<stageParams><maxWeakCount>2</maxWeakCount></stageParams><stageNum>1</stageNum>\n"
    "<stages><_><maxWeakCount>2</maxWeakCount><stageThreshold>1.5</stageThreshold>\n"
    "<weakClassifiers>\n"
    "<_><internalNodes>1 0 0 6.0e-01 -1 -2 1 3.0e-01</internalNodes>\n"
    "<leafValues>1. -1. 0.25</leafValues></_>\n"
    "<_><internalNodes>0 -1 1 -0.1</internalNodes><leafValues>0.0 1.0</leafValues></_>\n"
    "</weakClassifiers></_></stages>\n"
    "<features><_><rects><_>0 0 8 8 -1.</_><_>0 0 8 4 2.</_></rects><tilted>0</tilted></_>\n"
    "<_><rects><_>0 0 8 8 -1.</_><_>0 0 4 8 2.</_></rects></_></features>\n"
    "</cascade></opencv_storage>\n";

static int parse(struct cascade *c, const char *text, size_t n, struct err *e)
{
    return cascade_parse(c, (const uint8_t *)text, n, "c.xml", e);
}

static void reading(void)
{
    struct cascade c;
    struct err e = { 0 };
    CHECK_EQ(parse(&c, xml, sizeof xml - 1, &e), 0);
    CHECK(c.w == 8 && c.h == 8 && c.nstage == 1 && c.ntree == 2 && c.nnode == 3 && c.nleaf == 5);
    CHECK(c.stage[0].n == 2 && fabsf(c.stage[0].threshold - 1.5f) < 1e-4f);
    CHECK(c.node[0].left == 1 && c.node[0].right == 0 && c.node[1].left == -1
        && c.node[1].right == -2 && c.node[1].feature == 1 && c.node[1].threshold == 0.3f);
    CHECK(c.leaf[c.tree[1].leaf + 1] == 1 && c.feature[1].rect[1].w == 4
        && c.feature[1].rect[1].weight == 2);
    cascade_fini(&c);
}

/* The text with one part replaced is refused; *e tells the file, and words. */
static void refused(const char *from, const char *to, const char *words)
{
    char text[sizeof xml + 200];
    struct cascade c;
    struct err e = { 0 };
    const char *at = strstr(xml, from);
    CHECK(at != NULL);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - xml), xml, to, at + strlen(from));
    CHECK_EQ(parse(&c, text, strlen(text), &e), ERR_INPUT);
    CHECK(strstr(e.text, "c.xml") != NULL && strstr(e.text, words) != NULL);
    if (strstr(e.text, words) == NULL)
        fprintf(stderr, "%s\n", e.text);
    CHECK(c.stage == NULL && strchr(e.text, '\n') == NULL);
}

static void no_cascades(void)
{
    struct cascade c;
    struct err e = { 0 };
    refused("HAAR", "LBP", "c.xml:4: expected features of type HAAR");
    refused("<height>8<", "<height>3<", "whole number in its range");
    refused("<height>8<", "<height>x<", "edge of 4 to 64");
    refused("</cascade>", "<width>4</width></cascade>", "two sizes");
    refused("0.0 1.0", "0.0 1.0 x", "leaves");
    refused("0.0 1.0", "0.0 1e300", "leaves");
    refused("<tilted>0", "<tilted>1", "tilted");
    refused("0 0 8 4 2.", "0 5 8 4 2.", "whole number in its range");
    refused("0 0 8 4 2.", "0 0 8 4", "rectangles");
    refused("<_>0 0 8 4 2.</_>", "<_>0 0 8 4 2.</_><_>0 0 1 1 1</_><_>0 0 1 1 1</_>", "rectangles");
    refused("1 0 0 6.0e-01", "0 1 2 6.0e-01", "refer to");
    refused("1 0 0 6.0e-01", "0 2 0 6.0e-01", "refer to");
    refused("-1 -2 1 3.0e-01", "-1 -3 1 3.0e-01", "refer to");
    refused("-1 -2 1 3.0e-01", "-1 1 1 3.0e-01", "refer to");
    refused("-1 -2 1 3.0e-01", "-1 -2 1", "nodes");
    refused("1. -1. 0.25", "", "leaves");
    refused("<!-- a comment -->", "<!DOCTYPE a [<!ENTITY b \"c\">]>", "document type");
    refused("</cascade>", "</cascad>", "mismatched");
    for (size_t k = 0; k + 2 < sizeof xml; k += 3) {
        e.code = 0;
        CHECK_EQ(parse(&c, xml, k, &e), ERR_INPUT);
    }
}

/* ---- sliding ---- */

/* Whether the window at x, y passes, from the definition. */
static int passes(const uint8_t *grey, unsigned w, unsigned x, unsigned y)
{
    double sum = 0, square = 0, feature[2] = { 0 };
    for (unsigned i = 0; i < 8; i++)
        for (unsigned j = 0; j < 8; j++) {
            double v = grey[(y + i) * w + x + j];
            feature[0] += i < 4 ? v : -v;
            feature[1] += j < 4 ? v : -v;
            if (i >= 1 && j >= 1 && i < 7 && j < 7) {
                sum += v;
                square += v * v;
            }
        }
    double deviation = sqrt(square / 36 - sum * sum / 36 / 36), norm = 36 * deviation;
    if (deviation <= 10)
        return 0;
    double first = feature[0] / norm < 0.6 ? (feature[1] / norm < 0.3 ? -1 : 0.25) : 1;
    double second = feature[1] / norm < -0.1 ? 0 : 1;
    return first + second >= 1.5 - 1e-5;
}

/* A square that is bright above and dark below, on grey. */
static void draw(uint8_t *grey, unsigned w, unsigned h, unsigned x, unsigned y, unsigned edge)
{
    memset(grey, 120, (size_t)w * h);
    for (unsigned i = 0; i < edge; i++)
        memset(grey + (y + i) * w + x, i < edge / 2 ? 220 : 20, edge);
}

/* Whether the centre of a window at x, y lies in one of the finds, or the other way round. */
static int known(const struct cascade_finds *f, double x, double y)
{
    for (unsigned k = 0; k < f->n; k++)
        if (fabs(f->find[k].x - x) <= 4 && fabs(f->find[k].y - y) <= 4)
            return 1;
    return 0;
}

/* Windows of 8 pixels, two apart: too far to be alike. Those that pass are found or lie in one that
 * is; those that are found pass. The neighbour of a window that fails at once is passed over. */
static void one_size(void)
{
    enum { W = 61, H = 47 };
    uint8_t grey[W * H];
    struct cascade c;
    struct cascade_finds f = { 0 };
    unsigned n = 0;
    CHECK_EQ(parse(&c, xml, sizeof xml - 1, NULL), 0);
    draw(grey, W, H, 22, 13, 8);
    CHECK_EQ(cascade_scan(&f, &c, grey, W, H, W, 8, 8.5, 1, NULL), 0);
    for (unsigned i = 0; i + 8 <= H; i += 2)
        for (unsigned j = 0; j + 8 <= W; j += 2) {
            if (!passes(grey, W, j, i)) {
                j += 2;
                continue;
            }
            n++;
            CHECK(known(&f, j, i));
        }
    CHECK(n > f.n && f.n > 0 && known(&f, 22, 13));
    for (unsigned k = 0; k < f.n; k++)
        CHECK(f.find[k].votes == 1 && f.find[k].w == 8 && f.find[k].h == 8
            && passes(grey, W, (unsigned)f.find[k].x, (unsigned)f.find[k].y));
    cascade_fini(&c);
}

/* Squares of many sizes and places are found where they are. */
static void many_sizes(void)
{
    enum { W = 200, H = 160 };
    static uint8_t grey[W * H];
    struct cascade c;
    CHECK_EQ(parse(&c, xml, sizeof xml - 1, NULL), 0);
    for (unsigned edge = 16; edge < 120; edge = edge * 3 / 2) {
        struct cascade_finds f = { 0 };
        draw(grey, W, H, 30, 20, edge);
        CHECK_EQ(cascade_scan(&f, &c, grey, W, H, W, edge * 0.8, edge * 1.3, 2, NULL), 0);
        CHECK(f.n >= 1);
        double middle = f.find[0].y + f.find[0].h / 2;
        CHECK(fabs(middle - (20 + edge / 2.0)) < 0.15 * edge);
        for (unsigned k = 1; k < f.n; k++)
            CHECK(f.find[k].votes <= f.find[k - 1].votes);
    }
    struct cascade_finds none = { 0 };
    memset(grey, 77, sizeof grey);
    CHECK(cascade_scan(&none, &c, grey, W, H, W, 8, 200, 1, NULL) == 0 && none.n == 0);
    CHECK(cascade_scan(&none, &c, grey, 5, 5, W, 8, 200, 1, NULL) == 0 && none.n == 0);
    cascade_fini(&c);
}

static void no_memory(void)
{
    struct cascade c;
    int code = 1;
    for (long k = 1; code != 0 && k < 100; k++) {
        struct err e = { 0 };
        mem_fail_at(k);
        code = parse(&c, xml, sizeof xml - 1, &e);
        mem_fail_at(0);
        CHECK(code == 0 || e.code != 0);
    }
    CHECK_EQ(code, 0);
    cascade_fini(&c);
}

/* ---- the cascades of opencv-data ---- */

static int load(struct cascade *c, const char *name)
{
    char path[500];
    static uint8_t bytes[1 << 20];
    struct err e = { 0 };
    snprintf(path, sizeof path, "%s/%s", CASCADE_DIR, name);
    FILE *f = fopen(path, "rb");
    size_t n = f != NULL ? fread(bytes, 1, sizeof bytes, f) : 0;
    if (f != NULL)
        fclose(f);
    int code = cascade_parse(c, bytes, n, path, &e);
    if (code != 0)
        fprintf(stderr, "%s\n", e.text);
    return code;
}

/* Drawn faces of all seven emotions are found, at a place and of a size that fits the drawing, and
 * nowhere else; grey is not. */
static void drawn_faces(void)
{
    enum { EDGE = 192 };
    static uint8_t grey[EDGE * EDGE];
    struct cascade face, eye;
    struct picture p = { 0 };
    CHECK(load(&face, "haarcascade_frontalface_alt2.xml") == 0
        && load(&eye, "haarcascade_eye.xml") == 0);
    CHECK(face.nstage == 20 && face.ntree == 1047 && eye.nstage == 24);
    struct detector *d = cascade_open(&face, &eye, NULL);
    CHECK(d != NULL && picture_init(&p, EDGE, EDGE, NULL) == 0);
    for (int k = 0; d != NULL && k < 2 * ACTOR_EMOTIONS; k++) {
        struct faces f = { 0 };
        struct actor *a = actor_new(k % ACTOR_EMOTIONS, 300 + (uint64_t)k, 30, NULL);
        CHECK_EQ(actor_draw(a, 15, grey, EDGE, NULL), 0);
        for (size_t i = 0; i < sizeof grey; i++)
            memset(p.rgb + 3 * i, grey[i], 3);
        CHECK_EQ(detector_run(d, &p, &f, NULL), 0);
        CHECK(f.n >= 1 && f.face[0].confidence > 0.98);
        double w = f.face[0].x2 - f.face[0].x1, x = (f.face[0].x1 + f.face[0].x2) / 2;
        CHECK(w > EDGE / 2.5 && fabs(x - EDGE / 2.0) < EDGE / 6.0);
        actor_free(a);
    }
    struct faces none = { 0 };
    memset(p.rgb, 90, (size_t)EDGE * EDGE * 3);
    CHECK(d != NULL && detector_run(d, &p, &none, NULL) == 0 && none.n == 0);
    detector_close(d);
    picture_fini(&p);
}

int main(void)
{
    CASE(reading);
    CASE(no_cascades);
    CASE(one_size);
    CASE(many_sizes);
    CASE(no_memory);
    if (access(CASCADE_DIR "/haarcascade_frontalface_alt2.xml", R_OK) == 0)
        CASE(drawn_faces);
    else
        check_skip("drawn_faces", "no opencv-data in " CASCADE_DIR);
    return check_done();
}
