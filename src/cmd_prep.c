/*
 * cmd_prep.c: `obscura prep`: a clip and a model as the text inputs of the published system, which
 * MP-SPDZ reads: Input-P0-0 (the video) and Input-P1-0 (selection matrix and parameters).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/base_mem.h"
#include "nn/video_text.h"
#include "nn/weights_text.h"
#include "src/clip.h"
#include "src/cmd.h"
#include "src/options.h"
#include "src/output.h"
#include "src/owner.h"

struct wish {
    const char *model, *clip, *select, *dir;
    struct faces_wish faces;
    uint64_t frames;
    int repeat, quiet;
};

#define AT(member) offsetof(struct wish, member)

static const struct option_row rows[] = {
    { "clip", 0, OPTION_TEXT, AT(clip), "FILE", "the video: a film, or crops as text or .obc", 0,
      0 },
    FACES_ROWS(AT(faces)),
    { "model", 'm', OPTION_TEXT, AT(model), "FILE", "the model, in any form that is read", 0, 0 },
    { "select", 0, OPTION_TEXT, AT(select), "RULE", "every:K, or a file with the matrix (every:15)",
      0, 0 },
    { "frames", 0, OPTION_COUNT, AT(frames), "N", "length of the clip, where none is given", 1,
      SELECTION_FRAMES },
    { "repeat", 0, OPTION_FLAG, AT(repeat), NULL, "parameters once for every selected frame, as "
      "the published program reads them", 0, 0 },
    { "dir", 'd', OPTION_TEXT, AT(dir), "DIR", "where the files go; made if it is not there (.)", 0,
      0 },
    { "quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "no progress line", 0, 0 },
    { 0 }
};

static const struct command command = {
    .name = "prep",
    .synopsis = "[OPTION]..",
    .summary = "Writes the published text inputs: Input-P0-0 from a clip, Input-P1-0 from a model\n"
               "and the frame selection.",
    .rows = rows,
    .notes = "Give --clip, --model, or both. What is written is read back before it gets its name.",
};

/* What is open: both files get their names at the end, or neither does. */
struct prep {
    const struct wish *w;
    struct video clip;
    struct model model;
    struct selection selection;
    struct output video_out, model_out;
    char video_path[1200], model_path[1200];
    uint32_t frames;
};

static int differs(const char *path, struct err *e)
{
    return err_set(e, ERR_FAILED, "%s: what was written does not read back as it was", path);
}

/* Whether the file holds the text. */
static int file_same(const struct output *o, const char *path, const char *text, size_t n,
                     struct err *e)
{
    size_t have;
    uint8_t *p = owner_read(whole_file_temp(o->file), n + 1, &have, e);
    if (p == NULL)
        return e->code;
    int same = have == n && memcmp(p, text, n) == 0;
    wipe(p, have);
    free(p);
    return same ? 0 : differs(path, e);
}

static int file_put(struct output *o, const char *path, const char *text, size_t n, struct err *e)
{
    if (text == NULL)
        return err_set(e, ERR_FAILED, "no memory to write %s", path);
    if (output_open(o, path, 0, e) != 0)
        return e->code;
    if (fwrite(text, 1, n, o->f) != n || fflush(o->f) != 0)
        return err_set(e, ERR_FAILED, "%s: cannot be written", path);
    return file_same(o, path, text, n, e);
}

/* Exact to the 13 decimals of the form. */
static int video_same(const struct video *a, const struct video *b)
{
    size_t n = (size_t)a->frames * video_frame_size(a);
    if (a->frames != b->frames || video_frame_size(a) != video_frame_size(b))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (a->value[i] - b->value[i] > 1e-12 || b->value[i] - a->value[i] > 1e-12)
            return 0;
    return 1;
}

static int prep_video(struct prep *p, struct err *e)
{
    const struct video *v = &p->clip;
    struct video back = { 0 };
    size_t n = 0;
    char *text = video_write(v, &n);
    int code = file_put(&p->video_out, p->video_path, text, n, e);
    if (code == 0)
        code = video_parse(&back, (const uint8_t *)text, n, p->video_path, v->h, v->w, v->c, e);
    if (code == 0 && !video_same(v, &back))
        code = differs(p->video_path, e);
    video_fini(&back);
    if (text != NULL)
        wipe(text, n);
    free(text);
    return code;
}

static int model_same(const struct model *a, const struct model *b)
{
    return a->net.nparameter == b->net.nparameter &&
           memcmp(a->data, b->data, a->net.nparameter * sizeof *a->data) == 0;
}

static int selection_same(const struct selection *a, const struct selection *b)
{
    return a->rows == b->rows && a->frames == b->frames &&
           memcmp(a->frame, b->frame, a->rows * sizeof *a->frame) == 0;
}

static int prep_model(struct prep *p, struct err *e)
{
    struct model back = { 0 };
    struct selection chosen = { 0 };
    size_t n = 0;
    char *text = weights_text_write(&p->model, &p->selection,
                                    p->w->repeat ? p->selection.rows : 1, &n);
    int code = file_put(&p->model_out, p->model_path, text, n, e);
    if (code == 0)
        code = weights_text_parse(&back, &chosen, &p->model.net, (const uint8_t *)text, n,
                                  p->model_path, p->frames, e);
    if (code == 0 && (!model_same(&p->model, &back) || !selection_same(&p->selection, &chosen)))
        code = differs(p->model_path, e);
    if (text != NULL)
        wipe(text, n);
    free(text);
    model_fini(&back);
    selection_fini(&chosen);
    return code;
}

static int prep_read(struct prep *p, struct err *e)
{
    const struct wish *w = p->w;
    struct progress progress;
    const struct clip_source source = { .faces = w->faces, .progress = &progress,
                                        .command = "prep" };
    progress_init(&progress, 0, w->quiet);
    p->frames = (uint32_t)w->frames;
    if (w->clip != NULL && clip_take(&p->clip, &source, w->clip, e) != 0)
        return e->code;
    if (w->clip != NULL)
        p->frames = p->clip.frames;
    if (w->model == NULL)
        return 0;
    if (owner_float_file(&p->model, w->model, e) != 0)
        return e->code;
    const struct network *net = &p->model.net;
    const struct video *v = &p->clip;
    if (w->clip != NULL && (net->h != v->h || net->w != v->w || net->c != v->c))
        return err_set(e, ERR_INPUT, "%s: for pictures of %ux%ux%u; the clip has %ux%ux%u",
                       w->model, net->h, net->w, net->c, v->h, v->w, v->c);
    return owner_choose(&p->selection, w->select, p->frames, e);
}

static int prep_places(struct prep *p, struct err *e)
{
    const char *dir = p->w->dir;
    if (strlen(dir) > 1000)
        return err_set(e, ERR_USAGE, "--dir: the name is too long");
    mkdir(dir, 0777);           /* if it cannot be made, opening a file in it says why */
    snprintf(p->video_path, sizeof p->video_path, "%s/Input-P0-0", dir);
    snprintf(p->model_path, sizeof p->model_path, "%s/Input-P1-0", dir);
    return 0;
}

static int prep_all(struct prep *p, struct err *e)
{
    const struct wish *w = p->w;
    int code = prep_places(p, e);
    if (code == 0)
        code = prep_read(p, e);
    if (code == 0 && w->clip != NULL)
        code = prep_video(p, e);
    if (code == 0 && w->model != NULL)
        code = prep_model(p, e);
    if (code == 0 && w->clip != NULL)
        code = output_commit(&p->video_out, e);
    if (code == 0 && w->model != NULL)
        code = output_commit(&p->model_out, e);
    if (code == 0 && w->clip != NULL)
        printf("%s: %u frames of %u x %u\n", p->video_path, p->clip.frames, p->clip.w, p->clip.h);
    if (code == 0 && w->model != NULL)
        printf("%s: %u of %u frames selected, %zu parameters%s\n", p->model_path,
               p->selection.rows, p->selection.frames, p->model.net.nparameter,
               w->repeat ? ", once for each" : "");
    return code;
}

static int run(int argc, char **argv, struct err *e)
{
    struct wish w = { .select = "every:15", .dir = "." };
    int at;
    if (options_parse(&command, argc, argv, &w, &at, e) != 0)
        return e->code;
    if (at != argc)
        return err_set(e, ERR_USAGE, "'%.40s' is too much (the clip goes with --clip)", argv[at]);
    if (w.clip == NULL && w.model == NULL)
        return err_set(e, ERR_USAGE, "give --clip, --model, or both (see obscura prep --help)");
    if (w.clip == NULL && w.frames == 0)
        return err_set(e, ERR_USAGE, "for clips of which length? Give --clip or --frames N");
    if (w.clip != NULL && w.frames != 0)
        return err_set(e, ERR_USAGE, "--frames: the clip's own length counts; give one of them");
    struct prep *p = mem_new(1, sizeof *p);
    if (p == NULL)
        return err_set(e, ERR_FAILED, "no memory");
    p->w = &w;
    int code = prep_all(p, e);
    output_drop(&p->video_out);
    output_drop(&p->model_out);
    video_fini(&p->clip);
    model_fini(&p->model);
    selection_fini(&p->selection);
    mem_free(p);
    return code;
}

int cmd_prep(int argc, char **argv)
{
    struct err e = { 0 };
    run(argc, argv, &e);
    return command_end(&command, &e);
}
