/*
 * cascade_xml.c: OpenCV's cascade files (cascade.h). Elements are told by their path; what a file
 * may hold beside that is passed over, what decides is checked before the cascade is used.
 */
#include <expat.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/cascade.h"
#include "nn/text.h"

enum { PATH = 160, TEXT = 4096, NUMBERS = 64, ITEMS_MOST = 100000, FILE_MOST = 32 << 20 };
enum { ROOM_STAGE, ROOM_TREE, ROOM_NODE, ROOM_LEAF, ROOM_FEATURE };

#define NUMBER_MOST 1e9         /* what is added up stays finite */
#define CASCADE "opencv_storage/cascade/"

struct parse {
    struct cascade *c;
    XML_Parser xml;
    const char *name;
    struct err *e;
    int code;
    char path[PATH];
    char text[TEXT];
    size_t ntext;
};

static int refuse(struct parse *s, const char *what)
{
    if (s->code == 0) {
        s->code = err_set(s->e, ERR_INPUT, "%s:%lu: %s", s->name,
            (unsigned long)XML_GetCurrentLineNumber(s->xml), what);
        XML_StopParser(s->xml, XML_FALSE);
    }
    return s->code;
}

/* Room for `more` items behind n of them. */
static int grow(struct parse *s, void **items, unsigned which, unsigned n, unsigned more,
    size_t size)
{
    unsigned *room = &s->c->room[which], need = n + more;
    if (need <= *room)
        return 0;
    unsigned next = *room * 2 > need ? *room * 2 : need + 64;
    void *block = need <= ITEMS_MOST ? mem_new(next, size) : NULL;
    if (block == NULL)
        return refuse(s, "more items than a cascade has, or no memory");
    if (n > 0)
        memcpy(block, *items, n * size);
    mem_free(*items);
    *items = block;
    *room = next;
    return 0;
}

/* The element's text as numbers; how many. 0 where it holds anything else, or too many. */
static unsigned numbers(struct parse *s, double v[static NUMBERS])
{
    struct text t;
    text_init(&t, (const uint8_t *)s->text, s->ntext, s->name);
    for (unsigned n = 0;; n++) {
        double next;
        int got;
        if (text_next(&t, &next, &got, NULL) != 0 || (got && fabs(next) > NUMBER_MOST))
            return 0;
        if (!got)
            return n;
        if (n == NUMBERS) {
            refuse(s, "expected at most 64 numbers");
            return 0;
        }
        v[n] = next;
    }
}

/* v as a whole number from low to high. */
static int whole(struct parse *s, int *out, double v, int low, int high)
{
    *out = low;
    if (!(v >= low && v <= high) || v != floor(v))
        return refuse(s, "expected a whole number in its range");
    *out = (int)v;
    return 0;
}

/* ---- what elements mean ---- */

/* Rectangles are checked against the window, so it has one size from the beginning. */
static void on_edge(struct parse *s)
{
    double v[NUMBERS];
    int edge;
    unsigned *to = strcmp(s->path, CASCADE "width") == 0 ? &s->c->w : &s->c->h;
    if (*to != 0)
        refuse(s, "the window has two sizes");
    else if (numbers(s, v) != 1 || whole(s, &edge, v[0], 4, CASCADE_EDGE_MAX) != 0)
        refuse(s, "expected a window's edge of 4 to 64");
    else
        *to = (unsigned)edge;
}

static void on_stage(struct parse *s)
{
    struct cascade *c = s->c;
    if (grow(s, (void **)&c->stage, ROOM_STAGE, c->nstage, 1, sizeof *c->stage) == 0)
        c->stage[c->nstage++] = (struct cascade_stage){ .first = c->ntree };
}

static void on_threshold(struct parse *s)
{
    double v[NUMBERS];
    if (numbers(s, v) != 1 || s->c->nstage == 0)
        refuse(s, "expected one stage threshold");
    else
        s->c->stage[s->c->nstage - 1].threshold = (float)v[0] - 1e-5f;
}

/* left, right, feature, threshold; again for each node of the tree. */
static void on_nodes(struct parse *s)
{
    struct cascade *c = s->c;
    double v[NUMBERS];
    unsigned n = numbers(s, v), nodes = n / 4;
    if (n == 0 || n % 4 != 0 || c->nstage == 0)
        refuse(s, "expected a tree's nodes: left, right, feature, threshold");
    if (s->code != 0
        || grow(s, (void **)&c->tree, ROOM_TREE, c->ntree, 1, sizeof *c->tree) != 0
        || grow(s, (void **)&c->node, ROOM_NODE, c->nnode, nodes, sizeof *c->node) != 0)
        return;
    c->tree[c->ntree++] = (struct cascade_tree){ .node = c->nnode, .nnode = nodes };
    c->stage[c->nstage - 1].n++;
    for (unsigned k = 0; k < n; k += 4) {
        struct cascade_node *node = &c->node[c->nnode++];
        int feature;
        if (whole(s, &node->left, v[k], -NUMBERS, NUMBERS) != 0
            || whole(s, &node->right, v[k + 1], -NUMBERS, NUMBERS) != 0
            || whole(s, &feature, v[k + 2], 0, ITEMS_MOST) != 0)
            return;
        node->feature = (unsigned)feature;
        node->threshold = (float)v[k + 3];
    }
}

static void on_leaves(struct parse *s)
{
    struct cascade *c = s->c;
    double v[NUMBERS];
    unsigned n = numbers(s, v);
    struct cascade_tree *t = c->ntree > 0 ? &c->tree[c->ntree - 1] : NULL;
    if (n == 0 || t == NULL || t->nleaf != 0)
        refuse(s, "expected the leaves of a tree");
    if (s->code != 0 || grow(s, (void **)&c->leaf, ROOM_LEAF, c->nleaf, n, sizeof *c->leaf) != 0)
        return;
    t->leaf = c->nleaf;
    t->nleaf = n;
    for (unsigned k = 0; k < n; k++)
        c->leaf[c->nleaf++] = (float)v[k];
}

static void on_feature(struct parse *s)
{
    struct cascade *c = s->c;
    if (grow(s, (void **)&c->feature, ROOM_FEATURE, c->nfeature, 1, sizeof *c->feature) == 0)
        c->feature[c->nfeature++] = (struct cascade_feature){ 0 };
}

static void on_rect(struct parse *s)
{
    struct cascade *c = s->c;
    struct cascade_feature *f = c->nfeature > 0 ? &c->feature[c->nfeature - 1] : NULL;
    double v[NUMBERS];
    int x, y, w, h;
    if (numbers(s, v) != 5 || f == NULL || f->n == CASCADE_RECTS
        || whole(s, &x, v[0], 0, (int)c->w - 1) != 0 || whole(s, &y, v[1], 0, (int)c->h - 1) != 0
        || whole(s, &w, v[2], 1, (int)c->w - x) != 0 || whole(s, &h, v[3], 1, (int)c->h - y) != 0) {
        refuse(s, "expected up to three rectangles x y w h weight inside the window");
        return;
    }
    f->rect[f->n].x = (uint8_t)x;
    f->rect[f->n].y = (uint8_t)y;
    f->rect[f->n].w = (uint8_t)w;
    f->rect[f->n].h = (uint8_t)h;
    f->rect[f->n++].weight = (float)v[4];
}

static void on_tilted(struct parse *s)
{
    double v[NUMBERS];
    if (numbers(s, v) != 1 || v[0] != 0)
        refuse(s, "tilted features are not known here");
}

static void on_type(struct parse *s)
{
    if (s->ntext != 4 || memcmp(s->text, "HAAR", 4) != 0)
        refuse(s, "expected features of type HAAR");
}

static const struct element {
    const char *path;
    int opens;                  /* told when it opens, or when it is over and its text is known */
    void (*tell)(struct parse *s);
} elements[] = {
    { CASCADE "width", 0, on_edge },
    { CASCADE "height", 0, on_edge },
    { CASCADE "featureType", 0, on_type },
    { CASCADE "stages/_", 1, on_stage },
    { CASCADE "stages/_/stageThreshold", 0, on_threshold },
    { CASCADE "stages/_/weakClassifiers/_/internalNodes", 0, on_nodes },
    { CASCADE "stages/_/weakClassifiers/_/leafValues", 0, on_leaves },
    { CASCADE "features/_", 1, on_feature },
    { CASCADE "features/_/rects/_", 0, on_rect },
    { CASCADE "features/_/tilted", 0, on_tilted },
};

static void tell(struct parse *s, int opens)
{
    for (size_t k = 0; k < sizeof elements / sizeof *elements && s->code == 0; k++)
        if (elements[k].opens == opens && strcmp(s->path, elements[k].path) == 0)
            elements[k].tell(s);
}

static void on_open(void *ctx, const char *name, const char **attributes)
{
    struct parse *s = ctx;
    size_t at = strlen(s->path), n = strlen(name);
    (void)attributes;
    if (at + n + 2 > PATH) {
        refuse(s, "elements inside elements, too deep");
        return;
    }
    snprintf(s->path + at, PATH - at, "%s%s", at > 0 ? "/" : "", name);
    s->ntext = 0;
    tell(s, 1);
}

static void on_close(void *ctx, const char *name)
{
    struct parse *s = ctx;
    (void)name;
    tell(s, 0);
    s->ntext = 0;
    char *slash = strrchr(s->path, '/');
    *(slash != NULL ? slash : s->path) = '\0';
}

static void on_text(void *ctx, const char *p, int n)
{
    struct parse *s = ctx;
    if (s->ntext + (size_t)n > TEXT) {
        refuse(s, "a text too long");
        return;
    }
    memcpy(s->text + s->ntext, p, (size_t)n);
    s->ntext += (size_t)n;
}

static void on_doctype(void *ctx, const char *a, const char *b, const char *c, int d)
{
    (void)a, (void)b, (void)c, (void)d;
    refuse(ctx, "a document type has no place in a cascade");
}

/* ---- checking ---- */

/* Children lie behind their node, so that a walk ends. */
static int child_fits(const struct cascade_tree *t, unsigned at, int child)
{
    return child > 0 ? (unsigned)child > at && (unsigned)child < t->nnode
                     : (unsigned)-child < t->nleaf;
}

static int check_tree(const struct cascade *c, const struct cascade_tree *t)
{
    for (unsigned k = 0; k < t->nnode; k++) {
        const struct cascade_node *n = &c->node[t->node + k];
        if (n->feature >= c->nfeature || !child_fits(t, k, n->left) || !child_fits(t, k, n->right))
            return -1;
    }
    return 0;
}

static int check(const struct cascade *c, const char *name, struct err *e)
{
    int bad = c->w == 0 || c->h == 0 || c->nstage == 0 || c->nfeature == 0;
    for (unsigned k = 0; k < c->ntree && !bad; k++)
        bad = check_tree(c, &c->tree[k]) != 0;
    for (unsigned k = 0; k < c->nfeature && !bad; k++)
        bad = c->feature[k].n == 0;
    return bad ? err_set(e, ERR_INPUT, "%s: expected OpenCV's cascade of HAAR features; a window, "
        "stages, features or what trees refer to is missing", name) : 0;
}

int cascade_parse(struct cascade *c, const uint8_t *p, size_t n, const char *name, struct err *e)
{
    struct parse *s = mem_new(1, sizeof *s);
    XML_Parser xml = XML_ParserCreate(NULL);
    *c = (struct cascade){ 0 };
    int code = s == NULL || xml == NULL ? err_set(e, ERR_FAILED, "%s: no memory to read it", name)
        : n > FILE_MOST ? err_set(e, ERR_INPUT, "%s: expected at most 32 MiB", name) : 0;
    if (code == 0) {
        *s = (struct parse){ .c = c, .xml = xml, .name = name, .e = e };
        XML_SetUserData(xml, s);
        XML_SetElementHandler(xml, on_open, on_close);
        XML_SetCharacterDataHandler(xml, on_text);
        XML_SetStartDoctypeDeclHandler(xml, on_doctype);
        if (XML_Parse(xml, (const char *)p, (int)n, 1) != XML_STATUS_OK)
            refuse(s, XML_ErrorString(XML_GetErrorCode(xml)));
        code = s->code != 0 ? s->code : check(c, name, e);
    }
    if (xml != NULL)
        XML_ParserFree(xml);
    mem_free(s);
    if (code != 0)
        cascade_fini(c);
    return code;
}

void cascade_fini(struct cascade *c)
{
    mem_free(c->stage);
    mem_free(c->tree);
    mem_free(c->node);
    mem_free(c->leaf);
    mem_free(c->feature);
    *c = (struct cascade){ 0 };
}
