#include "src/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/base_mem.h"
#include "nn/clip_file.h"
#include "nn/lower.h"
#include "nn/model_file.h"
#include "nn/weights_h5.h"
#include "nn/weights_safetensors.h"
#include "src/number.h"

enum { CLIP_EDGE = 48, NETWORK_LIMIT = 1 << 24 };

int owner_clip(struct video *v, const uint8_t *p, size_t n, const char *path, struct err *e)
{
    if (!clip_file_likely(p, n))
        return video_parse(v, p, n, path, CLIP_EDGE, CLIP_EDGE, 1, e);
    if (clip_file_parse(v, p, n, path, e) != 0)
        return e->code;
    if (v->h == CLIP_EDGE && v->w == CLIP_EDGE && v->c == 1)
        return 0;
    err_set(e, ERR_INPUT, "%s: frames of %ux%ux%u; expected %dx%dx1", path, v->h, v->w, v->c,
            CLIP_EDGE, CLIP_EDGE);
    video_fini(v);
    return ERR_INPUT;
}

uint8_t *owner_read(const char *path, size_t limit, size_t *n, struct err *e)
{
    struct stat st;
    uint8_t *data = NULL;
    size_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > limit) {
        err_set(e, ERR_INPUT, "%s: expected a regular file of at most %zu bytes", path, limit);
        goto out;
    }
    data = malloc((size_t)st.st_size + 1);
    if (data == NULL)
        err_set(e, ERR_FAILED, "%s: no memory for %lld bytes", path, (long long)st.st_size);
    while (data != NULL && got < (size_t)st.st_size) {
        ssize_t r = read(fd, data + got, (size_t)st.st_size - got);
        if (r > 0) {
            got += (size_t)r;
        } else if (r == 0 || errno != EINTR) {
            err_set(e, ERR_INPUT, "%s: %s at byte %zu", path,
                    r == 0 ? "became shorter while it was read" : strerror(errno), got);
            free(data);
            data = NULL;
        }
    }
    if (data != NULL)
        data[got] = 0;
    *n = got;

out:
    if (fd >= 0)
        close(fd);
    return data;
}

/* "x.h5" has its architecture in "x.json", if that is there. */
static uint8_t *read_architecture(char path[static 1024], const char *model, size_t *n)
{
    const char *dot = strrchr(model, '.');
    *n = 0;
    if (dot == NULL || strchr(dot, '/') != NULL || strlen(model) > 1000)
        return NULL;
    snprintf(path, 1024, "%.*s.json", (int)(dot - model), model);
    return access(path, R_OK) == 0 ? owner_read(path, NETWORK_LIMIT, n, NULL) : NULL;
}

/* network NULL: the .json beside a file of a kind that can have one. */
static int model_parse(struct model *m, struct selection *selection, const uint8_t *p, size_t n,
                       const char *path, const char *network, uint32_t frames, struct err *e)
{
    char json_path[1024];
    struct model_source source = { .bytes = p, .n = n, .name = path, .frames = frames };
    uint8_t *json = NULL;
    if (network != NULL && (json = owner_read(network, NETWORK_LIMIT, &source.njson, e)) == NULL)
        return e->code;
    if (network == NULL && (weights_h5_likely(p, n) || (weights_safetensors_likely(p, n) &&
                                                        !weights_safetensors_described(p, n))))
        json = read_architecture(json_path, path, &source.njson);
    source.json = json;
    source.json_name = network != NULL ? network : json_path;
    int code = model_open_parse(m, selection, &source, e);
    free(json);
    return code;
}

int owner_model(struct fixed_model *m, struct selection *selection, const uint8_t *p, size_t n,
                const char *path, uint32_t frames, struct err *e)
{
    struct model *loose = mem_new(1, sizeof *loose);
    if (loose == NULL)
        return err_set(e, ERR_FAILED, "%s: no memory for a model", path);
    int code = model_parse(loose, selection, p, n, path, NULL, frames, e);
    if (code == 0 && fixed_lower(m, loose, LOWER_FRAC, e) != 0)
        code = err_prefix(e, "%s", path);
    model_fini(loose);
    mem_free(loose);
    return code;
}

int owner_import(struct model *m, struct selection *selection, const char *path,
                 const char *network, struct err *e)
{
    size_t n;
    uint8_t *p = owner_read(path, OWNER_MODEL_LIMIT, &n, e);
    if (p == NULL)
        return e->code;
    int code = model_parse(m, selection, p, n, path, network, 0, e);
    wipe(p, n);
    free(p);
    return code;
}

int owner_float_file(struct model *m, const char *path, struct err *e)
{
    struct selection none = { 0 };
    int code = owner_import(m, &none, path, NULL, e);
    selection_fini(&none);
    return code;
}

int owner_model_file(struct fixed_model *m, struct selection *selection, const char *path,
                     uint32_t frames, struct err *e)
{
    size_t n;
    uint8_t *p = owner_read(path, OWNER_MODEL_LIMIT, &n, e);
    if (p == NULL)
        return e->code;
    int code = owner_model(m, selection, p, n, path, frames, e);
    wipe(p, n);
    free(p);
    return code;
}

/* ---- selections ---- */

static int take_range(uint32_t frames[static OWNER_SELECTIONS], unsigned *n, const char *text,
                      struct err *e)
{
    char low[32];
    const char *dash = strchr(text, '-');
    uint64_t a, b;
    snprintf(low, sizeof low, "%.*s", dash == NULL ? 31 : (int)(dash - text), text);
    if (number_count(&a, low, 1, SELECTION_FRAMES, e) != 0)
        return e->code;
    b = a;
    if (dash != NULL && number_count(&b, dash + 1, a, SELECTION_FRAMES, e) != 0)
        return e->code;
    for (; a <= b; a++) {
        if (*n == OWNER_SELECTIONS)
            return err_set(e, ERR_USAGE, "more than %d clip lengths", OWNER_SELECTIONS);
        if (*n > 0 && frames[*n - 1] >= a)
            return err_set(e, ERR_USAGE, "clip lengths must ascend: %llu comes after %u",
                           (unsigned long long)a, frames[*n - 1]);
        frames[(*n)++] = (uint32_t)a;
    }
    return 0;
}

int owner_frames(uint32_t frames[static OWNER_SELECTIONS], unsigned *n, const char *text,
                 struct err *e)
{
    *n = 0;
    for (const char *p = text;;) {
        char item[64];
        size_t k = strcspn(p, ",");
        snprintf(item, sizeof item, "%.*s", k < 63 ? (int)k : 63, p);
        if (take_range(frames, n, item, e) != 0)
            return err_prefix(e, "--frames %.60s", text);
        if (p[k] == '\0')
            return 0;
        p += k + 1;
    }
}

static int selections_one(struct owner_selections *s, struct selection *one, uint32_t chunk,
                          struct err *e)
{
    if (s->n == OWNER_SELECTIONS)
        return err_set(e, ERR_USAGE, "more than %d clip lengths", OWNER_SELECTIONS);
    struct chunks *chunks = &s->chunks[s->n];
    if (selection_chunks(chunks, one, chunk, e) != 0)
        return e->code;
    size_t cells = (size_t)one->rows * chunks_frames(chunks, one->frames);
    uint64_t *b = cells < ((size_t)1 << 28) ? malloc(cells * sizeof *b) : NULL;
    if (b == NULL)
        return err_set(e, ERR_FAILED, "no memory for a selection matrix of %u x %u", one->rows,
                       one->frames);
    selection_matrix(b, one, chunks);
    s->frames[s->n] = one->frames;
    s->selected[s->n] = one->rows;
    s->rows[s->n++] = b;
    return 0;
}

/* A file with the matrix for clips of so many frames. */
static int selection_file(struct selection *one, const char *path, uint32_t frames, struct err *e)
{
    size_t n;
    uint8_t *p = owner_read(path, OWNER_MODEL_LIMIT, &n, e);
    if (p == NULL)
        return e->code;
    int code = selection_parse(one, p, n, path, frames, e);
    wipe(p, n);
    free(p);
    return code;
}

int owner_choose(struct selection *one, const char *select, uint32_t frames, struct err *e)
{
    uint32_t k = 0;
    if (selection_option(select, &k, e) != 0)
        return err_prefix(e, "--select");
    return k > 0 ? selection_every(one, k, frames, e) : selection_file(one, select, frames, e);
}

int owner_select(struct owner_selections *s, const char *select, const uint32_t *frames,
                 unsigned n, struct selection *own, uint32_t chunk, struct err *e)
{
    int code = 0;
    uint32_t k = 0;
    if (select == NULL || select[0] == '\0') {
        if (own->rows == 0)
            return err_set(e, ERR_USAGE, "the model file holds no selection: give --select every:K "
                           "or --select FILE");
        if (n > 1 || (n == 1 && frames[0] != own->frames))
            return err_set(e, ERR_USAGE, "the model file's selection is for clips of %u frames "
                           "only: give --select every:K for others", own->frames);
        return selections_one(s, own, chunk, e);
    }
    if (selection_option(select, &k, e) != 0)
        return err_prefix(e, "--select");
    if (n == 0)
        return err_set(e, ERR_USAGE, "for which clip lengths? Give --frames N[,N..]");
    if (k == 0 && n > 1)
        return err_set(e, ERR_USAGE, "a selection file is for one clip length, not %u", n);
    for (unsigned i = 0; i < n && code == 0; i++) {
        struct selection one = { 0 };
        code = owner_choose(&one, select, frames[i], e);
        if (code == 0)
            code = selections_one(s, &one, chunk, e);
        selection_fini(&one);
    }
    return code;
}

void owner_selections_free(struct owner_selections *s)
{
    for (unsigned i = 0; i < s->n; i++) {
        wipe(s->rows[i], (size_t)chunks_frames(&s->chunks[i], s->frames[i]) * s->selected[i] *
                             sizeof *s->rows[i]);
        free(s->rows[i]);
    }
    s->n = 0;
}

void owner_selections_give(const struct owner_selections *s, struct bob_conf *conf)
{
    conf->nselection = s->n;
    for (unsigned i = 0; i < s->n; i++) {
        conf->selection[i].frames = s->frames[i];
        conf->selection[i].selected = s->selected[i];
        conf->selection[i].chunks = s->chunks[i];
        conf->selection[i].rows = s->rows[i];
    }
}

/* ---- installed files ---- */

int owner_data_path(char *path, size_t n, const char *name, struct err *e)
{
    const char *forced = getenv("OBSCURA_DATADIR");
    char self[1024];
    if (forced != NULL && forced[0] != '\0') {
        snprintf(path, n, "%s/%s", forced, name);
        if (access(path, R_OK) == 0)
            return 0;
        return err_set(e, ERR_FAILED, "%s: %s (OBSCURA_DATADIR names the folder)", path,
                       strerror(errno));
    }
    ssize_t k = readlink("/proc/self/exe", self, sizeof self - 1);
    self[k > 0 ? k : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL) {        /* beside the program in a build folder, or in the source tree */
        *slash = '\0';
        snprintf(path, n, "%s/data/%s", self, name);
        if (access(path, R_OK) == 0)
            return 0;
    }
    snprintf(path, n, "%s/%s", OB_DATADIR, name);
    if (access(path, R_OK) == 0)
        return 0;
    return err_set(e, ERR_FAILED, "%s: not installed; name the file with --model or --clip, or set "
                   "OBSCURA_DATADIR", path);
}
