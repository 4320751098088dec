/* Films and pictures: whatever the bytes are, frames come or one line of refusal. Small frames
 * only, and a few of them: the decoders are FFmpeg's, what is ours is around them. */
#include <math.h>

#include "fuzz.h"
#include "nn/video_in.h"

enum { FRAMES = 4 };

FUZZ_TARGET(film)
{
    struct picture picture = { 0 };
    struct video_frame f;
    struct err e = { 0 };
    int got = 1;
    struct video_in *v = video_in_open_bytes(p, n, "x", &e);
    if (v == NULL)
        FUZZ_NEED((e.code == ERR_INPUT || e.code == ERR_FAILED) && strchr(e.text, '\n') == NULL);
    for (uint32_t k = 0; v != NULL && got && k < FRAMES; k++) {
        if (video_in_next(v, &picture, &f, &got, &e) != 0)
            break;
        if (got)
            FUZZ_NEED(f.index == k && picture.rgb != NULL && picture.w <= PICTURE_EDGE_MAX);
    }
    if (v != NULL)
        FUZZ_NEED(video_in_part(v) >= 0 && video_in_part(v) <= 1);
    if (v != NULL && e.code == 0 && !got)
        video_in_whole(v, &e);
    FUZZ_NEED(e.code == 0 || (e.text[0] != '\0' && strchr(e.text, '\n') == NULL));
    video_in_close(v);
    picture_fini(&picture);
    return 0;
}
