/*
 * video_out.h: grey pictures into a video file that common players open.
 *
 * The container follows the file's name (.mp4, .mkv, .avi, ...); the codec is H.264 where the
 * libraries can encode it, else MPEG-4 part 2. The file appears under its name only when it is
 * complete. Lossy: whoever needs the exact grey levels writes text (video_text.h).
 */
#ifndef OB_NN_VIDEO_OUT_H
#define OB_NN_VIDEO_OUT_H

#include <stdint.h>

#include "net/base_err.h"

struct video_out;

/* Begins a video of width x height at `rate` pictures per second. The coded picture is rounded up
 * to even edges. NULL with *e filled: ERR_USAGE for a name or size that cannot be, ERR_FAILED
 * when the file cannot be written or no encoder is there. */
struct video_out *video_out_new(const char *path, unsigned width, unsigned height, unsigned rate,
    struct err *e);

/* Adds a picture, row by row. ERR_FAILED when encoding or writing fails. */
int video_out_add(struct video_out *v, const uint8_t *grey, struct err *e);

/* Completes the file and gives it its name; v is still to be freed. */
int video_out_finish(struct video_out *v, struct err *e);

/* Frees; a video that was not finished leaves no file. NULL is legal. */
void video_out_free(struct video_out *v);

/* The name of the encoder that was chosen. */
const char *video_out_codec(const struct video_out *v);

#endif
