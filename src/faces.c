#include "src/faces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "net/base_mem.h"
#include "nn/cascade.h"
#include "nn/mtcnn.h"
#include "src/owner.h"

enum { PATH = 1200, WEIGHTS_MOST = 16 << 20, CASCADE_MOST = 32 << 20 };

/* ---- MTCNN ---- */

int faces_home(char *path, size_t n, struct err *e)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data != NULL && data[0] == '/')
        snprintf(path, n, "%s/obscura/mtcnn", data);
    else if (home != NULL && home[0] == '/')
        snprintf(path, n, "%s/.local/share/obscura/mtcnn", home);
    else
        return err_set(e, ERR_FAILED, "neither XDG_DATA_HOME nor HOME says where weights are: name "
            "the folder");
    return 0;
}

/* The name of a network's file in a folder: the project's own form first. */
static int weights_name(char *path, size_t n, unsigned net, const char *folder)
{
    int length = snprintf(path, n, "%s/mtcnn_%s.bin", folder, mtcnn_net_name[net]);
    if (length < 0 || (size_t)length >= n)
        return -1;
    if (access(path, F_OK) == 0)
        return 0;
    length = snprintf(path, n, "%s/%s.lz4", folder, mtcnn_net_name[net]);
    return length > 0 && (size_t)length < n ? access(path, F_OK) : -1;
}

int faces_weights(struct mtcnn_weights *w, unsigned net, const char *folder, char *found, size_t n,
    struct err *e)
{
    size_t size;
    if (weights_name(found, n, net, folder) != 0)
        return err_set(e, ERR_FAILED, "%s: neither mtcnn_%s.bin nor %s.lz4 is there (man "
            "obscura-frames says how to get them)", folder, mtcnn_net_name[net],
            mtcnn_net_name[net]);
    uint8_t *p = owner_read(found, WEIGHTS_MOST, &size, e);
    int code = p == NULL ? e->code : mtcnn_weights_parse(w, net, p, size, found, e);
    free(p);
    return code;
}

static struct detector *open_mtcnn(const char *folder, struct err *e)
{
    struct mtcnn_weights w[MTCNN_NETS] = { 0 };
    struct detector *d = NULL;
    char found[PATH];
    int code = 0;
    for (unsigned k = 0; k < MTCNN_NETS && code == 0; k++)
        code = faces_weights(&w[k], k, folder, found, sizeof found, e);
    if (code == 0)
        d = mtcnn_open(w, e);
    for (unsigned k = 0; k < MTCNN_NETS; k++)
        mtcnn_weights_fini(&w[k]);
    return d;
}

/* The first folder that has the weights: the one that was named, $OBSCURA_MTCNN, the user's, the
 * installed one. 0 when one was named, or has them. */
static int weights_folder(char *path, size_t n, const char *named)
{
    char file[PATH];
    const char *forced = named != NULL ? named : getenv("OBSCURA_MTCNN");
    if (forced != NULL && forced[0] != '\0') {
        snprintf(path, n, "%s", forced);
        return 0;
    }
    if (faces_home(path, n, NULL) == 0 && weights_name(file, sizeof file, MTCNN_P, path) == 0)
        return 0;
    return owner_data_path(path, n, "mtcnn", NULL);
}

/* ---- the cascade ---- */

#ifdef HAVE_CASCADE
static int read_cascade(struct cascade *c, const char *name, struct err *e)
{
    char path[PATH];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", CASCADE_DIR, name);
    if (access(path, R_OK) != 0)
        return err_set(e, ERR_FAILED, "%s: not there; Debian and Ubuntu: apt-get install "
            "opencv-data", path);
    uint8_t *p = owner_read(path, CASCADE_MOST, &n, e);
    int code = p == NULL ? e->code : cascade_parse(c, p, n, path, e);
    free(p);
    return code;
}

static struct detector *open_cascade(struct err *e)
{
    struct cascade face = { 0 }, eye = { 0 };
    struct detector *d = NULL;
    if (read_cascade(&face, "haarcascade_frontalface_alt2.xml", e) == 0
        && read_cascade(&eye, "haarcascade_eye.xml", e) == 0)
        d = cascade_open(&face, &eye, e);
    cascade_fini(&face);
    cascade_fini(&eye);
    return d;
}
#else
static struct detector *open_cascade(struct err *e)
{
    err_set(e, ERR_FAILED, "this program was configured without cascades");
    return NULL;
}
#endif

struct detector *faces_detector(const struct faces_wish *w, struct err *e)
{
    const char *name = w->detector != NULL ? w->detector : "auto";
    char folder[PATH];
    int is_auto = strcmp(name, "auto") == 0;
    if (!is_auto && strcmp(name, "mtcnn") != 0 && strcmp(name, "cascade") != 0) {
        err_set(e, ERR_USAGE, "--detector %.40s: expected mtcnn, cascade or auto", name);
        return NULL;
    }
    if (strcmp(name, "cascade") != 0 && weights_folder(folder, sizeof folder, w->weights) == 0)
        return open_mtcnn(folder, e);
    if (strcmp(name, "mtcnn") == 0) {
        err_set(e, ERR_FAILED, "MTCNN's weights are nowhere: name their folder with --weights (man "
            "obscura-frames says how to get them)");
        return NULL;
    }
    struct detector *d = open_cascade(e);
    if (d == NULL && is_auto)
        err_prefix(e, "no face detector: MTCNN's weights are nowhere (man obscura-frames), and "
            "the cascade");
    return d;
}
