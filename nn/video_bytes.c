#include "nn/video_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 65536 };

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

static int bytes_io(struct video_bytes *b, const char *name, struct err *e)
{
    uint8_t *buffer = b->n > 0 ? av_malloc(BUFFER) : NULL;
    if (b->n == 0)
        return err_set(e, ERR_INPUT, "%s: empty: expected a film or a picture, found 0 bytes",
            name);
    b->io = buffer != NULL ? avio_alloc_context(buffer, BUFFER, 0, b, bytes_read, NULL, bytes_seek)
                           : NULL;
    if (b->io != NULL)
        return 0;
    av_free(buffer);
    return err_set(e, ERR_FAILED, "%s: no memory", name);
}

int video_bytes_open(struct video_bytes *b, const char *path, struct err *e)
{
    struct stat st;
    *b = (struct video_bytes){ .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
    if (b->fd < 0 || fstat(b->fd, &st) != 0)
        return err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INPUT, "%s: expected a regular file", path);
    b->n = st.st_size;
    return bytes_io(b, path, e);
}

int video_bytes_take(struct video_bytes *b, const uint8_t *p, size_t n, const char *name,
    struct err *e)
{
    *b = (struct video_bytes){ .fd = -1, .p = p, .n = (int64_t)n };
    return bytes_io(b, name, e);
}

void video_bytes_close(struct video_bytes *b)
{
    if (b->io != NULL)
        av_freep(&b->io->buffer);
    avio_context_free(&b->io);
    if (b->fd >= 0)
        close(b->fd);
}
