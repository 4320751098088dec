/*
 * cmd_frames.c: `obscura frames`: a film or a picture into aligned grey face crops.
 *
 * Options, files and words; nn/extract.h does the work.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/base_mem.h"
#include "nn/clip_file.h"
#include "nn/png_out.h"
#include "nn/sheet.h"
#include "src/clip.h"
#include "src/cmd.h"
#include "src/outcome.h"
#include "src/output.h"

enum { PATH = 1200 };

struct wish {
    struct faces_wish faces;
    const char *output, *preview, *convert;
    uint64_t every;
    double confidence;
    int fill, partial, json, quiet;
};

#define AT(m) offsetof(struct wish, m)

static const struct option_row rows[] = {
    { "every", 0, OPTION_COUNT, AT(every), "K", "look at frames 0, K, 2K, .. (1)", 1, 1e6 },
    FACES_ROWS(AT(faces)),
    { "confidence", 0, OPTION_REAL, AT(confidence), "X",
      "a face counts above this confidence (0.98)", 0, 1 },
    { "output", 'o', OPTION_TEXT, AT(output), "FILE",
      "write the crops: compact if it ends in .obc, else published text", 0, 0 },
    { "preview", 0, OPTION_TEXT, AT(preview), "FILE.png",
      "write a contact sheet: what was found, what was rejected and why", 0, 0 },
    { "fill", 0, OPTION_FLAG, AT(fill), NULL,
      "a frame without a face gets the crop of the last with one", 0, 0 },
    { "partial", 0, OPTION_FLAG, AT(partial), NULL,
      "take a damaged film as far as it can be decoded", 0, 0 },
    { "convert-weights", 0, OPTION_TEXT, AT(convert), "DIR", "only convert MTCNN's weights "
      "in DIR, to the folder of -o or your own", 0, 0 },
    { "json", 'j', OPTION_FLAG, AT(json), NULL, "print one JSON object", 0, 0 },
    { "quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "no progress line", 0, 0 },
    { .name = NULL }
};

static const struct command command = {
    .name = "frames", .synopsis = "[OPTION].. CLIP",
    .summary = "Finds the face in each frame of a film or a picture, levels the eyes, and cuts it\n"
        "out as 48 x 48 grey levels: a clip for obscura classify.",
    .rows = rows,
    .notes = "CLIP is anything that FFmpeg's libraries decode from one file. Of several faces the\n"
        "largest is taken."
};

/* ---- weights ---- */

/* All folders on the way, as mkdir -p. */
static int make_folders(char *path, struct err *e)
{
    for (char *p = path + 1;; p++) {
        char was = *p;
        if (was != '/' && was != '\0')
            continue;
        *p = '\0';
        int bad = mkdir(path, 0777) != 0 && errno != EEXIST;
        *p = was;
        if (bad)
            return err_set(e, ERR_FAILED, "%s: %s", path, strerror(errno));
        if (was == '\0')
            return 0;
    }
}

static int write_file(const char *path, const uint8_t *p, size_t n, struct err *e)
{
    struct output out;
    if (output_open(&out, path, 0, e) != 0)
        return e->code;
    if (fwrite(p, 1, n, out.f) == n)
        return output_commit(&out, e);
    output_drop(&out);
    return err_set(e, ERR_FAILED, "%s: writing failed; is the disk full?", path);
}

static int write_weights(const struct mtcnn_weights *w, unsigned net, const char *folder,
    struct err *e)
{
    char path[PATH + 32];
    size_t n;
    uint8_t *p = mtcnn_weights_bytes(w, net, &n);
    snprintf(path, sizeof path, "%s/mtcnn_%s.bin", folder, mtcnn_net_name[net]);
    int code = p == NULL ? err_set(e, ERR_FAILED, "%s: no memory", path)
        : write_file(path, p, n, e);
    mem_free(p);
    if (code == 0)
        puts(path);
    return code;
}

/* All three are read before the first is written. */
static int convert(const struct wish *w, struct err *e)
{
    struct mtcnn_weights net[MTCNN_NETS] = { 0 };
    char folder[PATH], found[PATH];
    int code = w->output != NULL ? snprintf(folder, sizeof folder, "%s", w->output) < 1
        : faces_home(folder, sizeof folder, e);
    if (code != 0)
        return w->output != NULL ? err_set(e, ERR_USAGE, "--output: give a folder") : e->code;
    for (unsigned k = 0; k < MTCNN_NETS && code == 0; k++)
        code = faces_weights(&net[k], k, w->convert, found, sizeof found, e);
    if (code == 0)
        code = make_folders(folder, e);
    for (unsigned k = 0; k < MTCNN_NETS; k++) {
        if (code == 0)
            code = write_weights(&net[k], k, folder, e);
        mtcnn_weights_fini(&net[k]);
    }
    return code;
}

/* ---- results ---- */

static int is_compact(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".obc") == 0;
}

static int write_clip(const struct wish *w, const struct extract *x, struct err *e)
{
    struct video v;
    size_t n = 0;
    if (extract_video(&v, x, w->fill, e) != 0)
        return e->code;
    int compact = is_compact(w->output);
    uint8_t *p = compact ? clip_file_bytes(&v, &n) : (uint8_t *)video_write(&v, &n);
    int code = p == NULL ? err_set(e, ERR_FAILED, "%s: no memory", w->output)
        : write_file(w->output, p, n, e);
    if (p != NULL)
        wipe(p, n);
    if (compact)
        mem_free(p);
    else
        free(p);
    video_fini(&v);
    return code;
}

static int write_preview(const char *path, const struct sheet *s, struct err *e)
{
    struct picture p = { 0 };
    size_t n;
    int code = sheet_picture(s, &p, e);
    uint8_t *png = code == 0 ? png_bytes(&p, &n, e) : NULL;
    code = png != NULL ? write_file(path, png, n, e) : e->code;
    mem_free(png);
    picture_fini(&p);
    return code;
}

static json_t *frame_json(const struct extract_frame *f)
{
    json_t *j = json_pack("{s:I, s:s, s:i, s:f, s:f}", "frame", (json_int_t)f->at.index, "verdict",
        align_word(f->verdict), "faces", (int)f->faces, "confidence", f->confidence, "degrees",
        f->radians * 180 / 3.14159265358979323846);
    if (j == NULL)
        return NULL;
    json_object_set_new(j, "seconds", isfinite(f->at.seconds) ? json_real(f->at.seconds)
        : json_null());
    json_object_set_new(j, "box", f->confidence > 0 ? json_pack("[f,f,f,f]", f->box[0], f->box[1],
        f->box[2], f->box[3]) : json_null());
    return j;
}

static json_t *result_json(const struct extract *x, const struct wish *w, const char *clip,
    const char *detector)
{
    json_t *list = json_array();
    for (uint32_t k = 0; k < x->n; k++)
        json_array_append_new(list, frame_json(&x->frame[k]));
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s?, s:s?, s:o}", "clip", clip,
        "detector", detector, "frames", (json_int_t)x->decoded, "looked_at", (json_int_t)x->n,
        "taken", (json_int_t)x->taken, "several", (json_int_t)x->several, "crops",
        (json_int_t)(w->fill && x->taken > 0 ? x->n : x->taken), "output", w->output, "preview",
        w->preview, "looked", list);
}

static int report(const struct extract *x, const struct wish *w, const char *clip,
    const char *detector, struct err *e)
{
    char words[160];
    struct clip_seen seen;
    if (w->json)
        return json_print(result_json(x, w, clip, detector), 1, e);
    clip_seen(&seen, x);
    clip_words(words, sizeof words, &seen, detector);
    printf("%s: %s\n", clip, words);
    if (x->several > 0)
        printf("%s: more than one face in %u frames; the largest was taken\n", clip, x->several);
    if (w->output != NULL)
        printf("%s: %u crops\n", w->output, w->fill ? x->n : x->taken);
    if (w->preview != NULL)
        puts(w->preview);
    return 0;
}

/* ---- the command ---- */

struct look {
    struct sheet *sheet;
    struct progress progress;
};

static void on_look(void *ctx, const struct picture *p, const struct extract_frame *f,
    const uint8_t *crop)
{
    struct look *l = ctx;
    if (l->sheet != NULL)
        sheet_add(l->sheet, p, f, crop);
}

static void on_progress(void *ctx, const struct extract *x, double part)
{
    struct look *l = ctx;
    char detail[64];
    snprintf(detail, sizeof detail, "frame %u, %u faces", x->decoded, x->taken);
    progress_show(&l->progress, "looking for faces", part, detail);
}

/* The sheet is written first, and also when there was no face: it shows why. */
static int finish(const struct extract *x, const struct wish *w, const struct look *l,
    const char *clip, const char *detector, struct err *e)
{
    char words[160];
    struct clip_seen seen;
    clip_seen(&seen, x);
    clip_words(words, sizeof words, &seen, detector);
    if (w->preview != NULL && write_preview(w->preview, l->sheet, e) != 0)
        return e->code;
    if (x->taken == 0)
        return err_set(e, ERR_INPUT, "%s: no face that counts: %s%s", clip, words,
            w->preview != NULL ? "" : " (--preview shows them)");
    if (w->output != NULL && write_clip(w, x, e) != 0)
        return e->code;
    return report(x, w, clip, detector, e);
}

static int film(const struct wish *w, const char *clip, struct detector *d, struct video_in *v,
    struct err *e)
{
    struct extract x = { 0 };
    struct look l = { .sheet = w->preview != NULL ? sheet_new(e) : NULL };
    const struct extract_options o = {
        .detector = d, .every = (uint32_t)w->every, .least = w->confidence,
        .partial = w->partial, .ctx = &l, .look = on_look, .progress = on_progress
    };
    progress_init(&l.progress, 0, w->quiet);
    int code = w->preview != NULL && l.sheet == NULL ? e->code : extract_run(&x, v, &o, e);
    progress_clear(&l.progress);
    if (code == 0)
        code = finish(&x, w, &l, clip, detector_name(d), e);
    sheet_free(l.sheet);
    extract_fini(&x);
    return code;
}

static int run(const struct wish *w, const char *clip, struct err *e)
{
    struct video_in *v = video_in_open(clip, e);
    struct detector *d = v == NULL ? NULL : faces_detector(&w->faces, e);
    int code = d == NULL ? e->code : film(w, clip, d, v, e);
    detector_close(d);
    video_in_close(v);
    return code;
}

int cmd_frames(int argc, char **argv)
{
    struct err e = { 0 };
    struct wish w = { .every = 1, .confidence = CLIP_CONFIDENCE };
    int at;
    if (options_parse(&command, argc, argv, &w, &at, &e) != 0)
        return command_end(&command, &e);
    if (w.convert != NULL ? at != argc : argc - at != 1)
        err_set(&e, ERR_USAGE, w.convert != NULL ? "--convert-weights takes no CLIP"
            : "one CLIP (see obscura frames --help)");
    else if (w.convert != NULL)
        convert(&w, &e);
    else
        run(&w, argv[at], &e);
    return command_end(&command, &e);
}
