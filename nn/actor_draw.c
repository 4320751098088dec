#include "nn/actor_draw.h"

#include <math.h>

#include "net/base_mem.h"
#include "nn/actor_math.h"
#include "nn/actor_paint.h"

enum { CANVAS_EDGE = 192 };     /* smaller pictures are drawn this large, then averaged */

static const double dome_depth = 0.62;

/* Sines and cosines of the view, once per picture. */
struct camera {
    double turn_s, turn_c, nod_s, nod_c, tilt_s, tilt_c, x, y, scale;
};

struct canvas {
    unsigned edge;
    double px;                  /* edge of a pixel in the face's plane */
    double *depth, *tone, *shade, *lit;
};

static double dome(const struct face_shape *s, double x, double y)
{
    double in = face_inside(s, x, y);
    return dome_depth * (in < -0.2 ? -0.2 : in);
}

static void camera_set(struct camera *c, const struct view *v)
{
    *c = (struct camera){
        .turn_s = sin(v->turn), .turn_c = cos(v->turn), .nod_s = sin(v->nod),
        .nod_c = cos(v->nod), .tilt_s = sin(v->tilt), .tilt_c = cos(v->tilt),
        .x = v->x, .y = v->y, .scale = 1 / v->zoom,
    };
}

/* Which point (*u, *v) of the face's plane is seen at (x, y) of the picture: the dome seen under
 * the camera's angles is solved for by iteration, which contracts for the angles of an actor. */
static void camera_look(const struct camera *c, const struct face_shape *s, double x, double y,
    double *u, double *v)
{
    double dx = (x - c->x) * c->scale, dy = (y - c->y) * c->scale;
    double rx = c->tilt_c * dx + c->tilt_s * dy, ry = c->tilt_c * dy - c->tilt_s * dx;
    *u = rx;
    *v = ry;
    for (int k = 0; k < 3; k++) {
        double z = dome(s, *u, *v) - 0.3 * dome_depth;
        *u = (rx - c->turn_s * z) / c->turn_c;
        *v = (ry - c->nod_s * z) / c->nod_c;
    }
}

static void canvas_free(struct canvas *c)
{
    mem_free(c->depth);
    c->depth = NULL;
}

static int canvas_new(struct canvas *c, unsigned edge, double zoom, struct err *e)
{
    size_t n = (size_t)edge * edge;
    *c = (struct canvas){ .edge = edge, .px = 2 / (edge * zoom) };
    c->depth = mem_new(4 * n, sizeof *c->depth);
    if (c->depth == NULL)
        return err_set(e, ERR_FAILED, "no memory to draw a picture of %u x %u", edge,
            edge);
    c->tone = c->depth + n;
    c->shade = c->tone + n;
    c->lit = c->shade + n;
    return 0;
}

static void canvas_paint(struct canvas *c, const struct scene *s)
{
    struct camera cam;
    camera_set(&cam, &s->view);
    for (unsigned i = 0; i < c->edge; i++) {
        for (unsigned j = 0; j < c->edge; j++) {
            double x = (2.0 * j + 1) / c->edge - 1, y = (2.0 * i + 1) / c->edge - 1, u, v;
            struct spot p;
            camera_look(&cam, &s->shape, x, y, &u, &v);
            face_paint(&p, &s->face, &s->shape, u, v, c->px);
            size_t k = (size_t)i * c->edge + j;
            c->depth[k] = dome(&s->shape, u, v) + p.height - cam.turn_s * u - cam.nod_s * v;
            c->tone[k] = p.tone;
            c->shade[k] = p.shade;
            c->lit[k] = p.lit;
        }
    }
}

/* Light at pixel (i, j): its slope comes from the depths of its neighbours. */
static double canvas_light(const struct canvas *c, const struct light *l, unsigned i, unsigned j)
{
    unsigned n = c->edge, up = i > 0 ? i - 1 : i, down = i + 1 < n ? i + 1 : i;
    unsigned left = j > 0 ? j - 1 : j, right = j + 1 < n ? j + 1 : j;
    double sx = (c->depth[i * n + right] - c->depth[i * n + left]) / ((right - left) * c->px);
    double sy = (c->depth[down * n + j] - c->depth[up * n + j]) / ((down - up) * c->px);
    double facing = (l->z - l->x * sx - l->y * sy) / sqrt(1 + sx * sx + sy * sy);
    size_t k = (size_t)i * n + j;
    double direct = mix(0.75, facing > 0 ? facing : 0.1 * facing, c->lit[k]);
    double light = c->tone[k] * c->shade[k] * (l->ambient + l->key * direct);
    return light > 0 ? light : 0;
}

/* The grey level of a linear light value, the film being a little soft at its ends. */
static double film_grey(double light)
{
    double g = sqrt(light);
    return 255 * (g < 0.85 ? g : 0.85 + 0.15 * (1 - 1 / (1 + (g - 0.85) / 0.15)));
}

/* The sum of two uniform numbers, scaled to the standard deviation of the camera's noise. */
static double camera_noise(const struct scene *s, size_t k)
{
    double a = actor_chance(s->noise_seed, 2 * k), b = actor_chance(s->noise_seed, 2 * k + 1);
    return s->noise * 2.45 * (a + b - 1);
}

int scene_draw(const struct scene *s, uint8_t *grey, unsigned size, struct err *e)
{
    unsigned fold = (CANVAS_EDGE + size - 1) / size;
    struct canvas c;
    if (canvas_new(&c, size * fold, s->view.zoom, e) != 0)
        return ERR_FAILED;

    canvas_paint(&c, s);
    for (unsigned i = 0; i < size; i++) {
        for (unsigned j = 0; j < size; j++) {
            double sum = 0;
            for (unsigned k = 0; k < fold * fold; k++)
                sum += canvas_light(&c, &s->light, i * fold + k / fold, j * fold + k % fold);
            size_t at = (size_t)i * size + j;
            double level = film_grey(sum / (fold * fold)) + camera_noise(s, at) + 0.5;
            grey[at] = level < 0 ? 0 : level > 255 ? 255 : (uint8_t)level;
        }
    }
    canvas_free(&c);
    return 0;
}
