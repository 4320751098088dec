#include "nn/video_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 65536 };

/* Waits before it reads: a pipe that nobody has opened for writing yet would else seem to be at its
 * end, and a reader that waits in read() could not be stopped. */
static int pipe_read(void *ctx, uint8_t *to, int n)
{
    struct video_bytes *b = ctx;
    for (;;) {
        struct pollfd on[2] = { { .fd = b->fd, .events = POLLIN },
                                { .fd = b->stop, .events = POLLIN } };
        if (poll(on, 2, -1) < 0 && errno != EINTR)
            return AVERROR(errno);
        if (on[1].revents != 0)
            return AVERROR_EXIT;
        if (on[0].revents == 0)
            continue;
        ssize_t r = read(b->fd, to, (size_t)n);
        if (r < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (r <= 0)
            return r == 0 ? AVERROR_EOF : AVERROR(errno);
        b->at += r;
        return (int)r;
    }
}

static int64_t pipe_seek(void *ctx, int64_t offset, int whence)
{
    struct video_bytes *b = ctx;
    (void)offset;
    if ((whence & ~AVSEEK_FORCE) != AVSEEK_SIZE)
        b->jumped = 1;
    return AVERROR(ESPIPE);
}

static int bytes_read(void *ctx, uint8_t *to, int n)
{
    struct video_bytes *b = ctx;
    int64_t left = b->n - b->at;
    if (left <= 0)
        return AVERROR_EOF;
    if (n > left)
        n = (int)left;
    if (b->fd >= 0) {
        ssize_t r;
        do
            r = pread(b->fd, to, (size_t)n, b->at);
        while (r < 0 && errno == EINTR);
        if (r <= 0)
            return r == 0 ? AVERROR_EOF : AVERROR(errno);
        n = (int)r;
    } else {
        memcpy(to, b->p + b->at, (size_t)n);
    }
    b->at += n;
    return n;
}

static int64_t bytes_seek(void *ctx, int64_t offset, int whence)
{
    struct video_bytes *b = ctx;
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return b->n;
    int64_t from = whence == SEEK_CUR ? b->at : whence == SEEK_END ? b->n : 0;
    if (offset < -from || offset > INT64_MAX - from)
        return AVERROR(EINVAL);
    return b->at = from + offset;
}

int video_bytes_none(const char *name, struct err *e)
{
    return err_set(e, ERR_INPUT, "%s: empty: expected a film or a picture, found 0 bytes", name);
}

static int bytes_io(struct video_bytes *b, const char *name, struct err *e)
{
    if (b->n == 0 && !b->piped)
        return video_bytes_none(name, e);
    uint8_t *buffer = av_malloc(BUFFER);
    b->io = buffer != NULL ? avio_alloc_context(buffer, BUFFER, 0, b,
        b->piped ? pipe_read : bytes_read, NULL, b->piped ? pipe_seek : bytes_seek) : NULL;
    if (b->io != NULL) {
        b->io->seekable = b->piped ? 0 : AVIO_SEEKABLE_NORMAL;
        return 0;
    }
    av_free(buffer);
    return err_set(e, ERR_FAILED, "%s: no memory", name);
}

int video_bytes_open(struct video_bytes *b, const char *path, struct err *e)
{
    struct stat st;
    *b = (struct video_bytes){ .stop = -1 };
    b->fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                                   : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (b->fd < 0 || fstat(b->fd, &st) != 0)
        return err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno));
    b->piped = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
    if (!b->piped && !S_ISREG(st.st_mode))
        return err_set(e, ERR_INPUT, "%s: expected a regular file or a pipe", path);
    b->n = b->piped ? 0 : st.st_size;
    if (b->piped && (b->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
        return err_set(e, ERR_FAILED, "%s: %s", path, strerror(errno));
    return bytes_io(b, path, e);
}

int video_bytes_take(struct video_bytes *b, const uint8_t *p, size_t n, const char *name,
    struct err *e)
{
    *b = (struct video_bytes){ .fd = -1, .stop = -1, .p = p, .n = (int64_t)n };
    return bytes_io(b, name, e);
}

void video_bytes_stop(const struct video_bytes *b)
{
    const uint64_t one = 1;
    if (b->stop < 0)
        return;
    while (write(b->stop, &one, sizeof one) < 0 && errno == EINTR)
        continue;       /* EAGAIN means that the counter is full: it is readable */
}

void video_bytes_close(struct video_bytes *b)
{
    if (b->io != NULL)
        av_freep(&b->io->buffer);
    avio_context_free(&b->io);
    if (b->fd >= 0)
        close(b->fd);
    if (b->stop >= 0)
        close(b->stop);
}
