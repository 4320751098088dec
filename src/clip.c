#include "src/clip.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/base_mem.h"
#include "nn/clip_file.h"
#include "src/owner.h"

enum { PEEK = 4096 };

/* A text, good or bad, is told from a film by having no control characters where it begins. */
static int bytes_are_film(const uint8_t *p, size_t n)
{
    if (clip_file_likely(p, n))
        return 0;
    for (size_t k = 0; k < n; k++)
        if ((p[k] < ' ' && (p[k] < '\t' || p[k] > '\r')) || p[k] > '~')
            return 1;
    return 0;
}

int clip_is_pipe(const char *path)
{
    struct stat st;
    return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && S_ISFIFO(st.st_mode));
}

int clip_is_film(const char *path)
{
    uint8_t p[PEEK];
    if (clip_is_pipe(path))
        return 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, p, sizeof p) : 0;
    if (fd >= 0)
        close(fd);
    return n > 0 && bytes_are_film(p, (size_t)n);
}

void clip_seen(struct clip_seen *s, const struct extract *x)
{
    *s = (struct clip_seen){ .decoded = x->decoded, .looked = x->n, .several = x->several };
    for (uint32_t k = 0; k < x->n; k++)
        s->verdict[x->frame[k].verdict]++;
}

void clip_words(char *text, size_t n, const struct clip_seen *s, const char *detector)
{
    int at = snprintf(text, n, "%u frame%s, %u looked at with %s:", s->decoded,
        s->decoded == 1 ? "" : "s", s->looked, detector);
    for (int v = 0; v < ALIGN_VERDICTS && at > 0 && (size_t)at < n; v++)
        if (s->verdict[v] > 0 || v == ALIGN_TAKEN)
            at += snprintf(text + at, n - (size_t)at, "%s %u %s", v > 0 ? "," : "", s->verdict[v],
                align_word(v));
}

int clip_enough(const struct clip_seen *s, uint32_t frames, const char *path, const char *detector,
    struct err *e)
{
    char words[160];
    if (2 * (uint64_t)(s->looked - s->verdict[ALIGN_TAKEN]) <= frames)
        return 0;
    clip_words(words, sizeof words, s, detector);
    return err_set(e, ERR_INPUT, "%s: %s; expected a face in half of the %u frames at least "
        "(obscura frames --preview shows what was found; --detector chooses another)", path, words,
        frames);
}

void clip_tell(const struct clip_source *s, const struct clip_seen *seen, const char *path)
{
    uint32_t taken = seen->verdict[ALIGN_TAKEN];
    if (taken < seen->looked)
        fprintf(stderr, "obscura %s: note: %s: no face in %u of %u frames; the last face before "
            "stands in\n", s->command, path, seen->looked - taken, seen->looked);
    if (seen->several > 0)
        fprintf(stderr, "obscura %s: note: %s: more than one face in %u of %u frames; the largest "
            "was taken\n", s->command, path, seen->several, seen->looked);
}

static void on_progress(void *ctx, const struct extract *x, double part)
{
    const struct clip_source *s = ctx;
    char detail[64];
    snprintf(detail, sizeof detail, "frame %u, %u faces", x->decoded, x->taken);
    progress_show(s->progress, "looking for faces", part, detail);
}

/* Every frame's face, or a refusal that says how many there were. */
static int take_faces(struct video *v, const struct clip_source *s, struct detector *d,
    struct video_in *in, const char *path, struct err *e)
{
    struct extract x = { 0 };
    struct clip_seen seen;
    struct extract_options o = { .detector = d, .every = s->every > 0 ? s->every : 1,
        .least = CLIP_CONFIDENCE, .ctx = (void *)(uintptr_t)s,
        .progress = s->progress != NULL ? on_progress : NULL };
    int code = extract_run(&x, in, &o, e);
    if (s->progress != NULL)
        progress_clear(s->progress);
    if (code == 0) {
        clip_seen(&seen, &x);
        code = clip_enough(&seen, seen.looked, path, detector_name(d), e);
    }
    if (code == 0)
        clip_tell(s, &seen, path);
    if (code == 0)
        code = extract_video(v, &x, 1, e);
    extract_fini(&x);
    return code;
}

int clip_take_film(struct video *v, const struct clip_source *s, const char *path, struct err *e)
{
    struct video_in *in = video_in_open(path, e);
    struct detector *d = in == NULL ? NULL : faces_detector(&s->faces, e);
    int code = d == NULL ? e->code : take_faces(v, s, d, in, path, e);
    detector_close(d);
    video_in_close(in);
    return code;
}

int clip_take(struct video *v, const struct clip_source *s, const char *path, struct err *e)
{
    size_t n;
    if (clip_is_film(path))
        return clip_take_film(v, s, path, e);
    uint8_t *p = owner_read(path, OWNER_CLIP_LIMIT, &n, e);
    if (p == NULL)
        return e->code;
    int code = n > 0 ? owner_clip(v, p, n, path, e)
                     : err_set(e, ERR_INPUT, "%s: the file is empty", path);
    wipe(p, n);
    free(p);
    return code;
}
