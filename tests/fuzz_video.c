/* Clips as text; the first three bytes are the shape of a frame. What is accepted lies in [0, 1],
 * and reads back from what is written of it. */
#include <math.h>

#include "fuzz.h"
#include "nn/video_text.h"

FUZZ_TARGET(video)
{
    struct video v, back;
    struct err e = { 0 };
    struct choices c = { p, n };
    uint32_t side[3];
    for (unsigned i = 0; i < 3; i++)
        side[i] = choose_u8(&c);
    if (video_parse(&v, c.p, c.n, "x", side[0], side[1], side[2], &e) != 0) {
        FUZZ_NEED(e.code == ERR_INPUT && e.text[0] != '\0' && v.value == NULL);
        return 0;
    }
    size_t count = v.frames * video_frame_size(&v);
    FUZZ_NEED(v.frames > 0 && v.h == side[0] && v.w == side[1] && v.c == side[2]);
    for (size_t i = 0; i < count; i++)
        FUZZ_NEED(v.value[i] >= 0 && v.value[i] <= 1);
    size_t length;
    char *text = video_write(&v, &length);
    FUZZ_NEED(text != NULL);
    FUZZ_NEED(video_parse(&back, (const uint8_t *)text, length, "back", v.h, v.w, v.c, &e) == 0);
    FUZZ_NEED(back.frames == v.frames);
    for (size_t i = 0; i < count; i++)
        FUZZ_NEED(fabs(back.value[i] - v.value[i]) < 1e-12);
    video_fini(&back);
    video_fini(&v);
    free(text);
    return 0;
}
