#include "nn/window.h"

#include "proto/cost.h"

enum {
    SAMPLE = 8,         /* frames of the program from which a frame's memory is known */
    HELD = 2            /* chunks of a clip: one is read while the next comes */
};

/* What a plan does not know of, such as the gaps between blocks, has an eighth. */
static uint64_t spare(uint64_t memory)
{
    return memory - memory / 8;
}

int window_choose(uint32_t *window, const struct protocol *proto, const struct fixed_net *net,
                  const struct compile_options *o, uint64_t memory, uint32_t most, struct err *e)
{
    struct compiled c;
    struct compile_options sample = *o;
    uint32_t chunks = o->chunks != NULL ? chunks_count(o->chunks) : 1;
    sample.frames = o->chunks != NULL ? chunks_frames(o->chunks, o->frames) : o->frames;
    sample.chunks = NULL;
    sample.selected = o->selected < SAMPLE ? o->selected : SAMPLE;
    sample.selected = sample.selected < sample.frames ? sample.selected : sample.frames;
    sample.window = sample.selected;
    if (compile(&c, proto, net, &sample, e) != 0)
        return e->code;
    uint64_t frame = cost_frame_memory(c.program, sample.selected);
    uint64_t chunk = (uint64_t)c.program->value[c.video[0]].words * 8;
    uint64_t clip = chunk * (chunks < HELD ? chunks : HELD);
    compiled_fini(&c);
    if (frame == 0)
        return err_set(e, ERR_FAILED, "out of memory while planning");
    uint64_t n = spare(memory) > clip ? (spare(memory) - clip) / frame : 1;
    n = n > o->selected ? o->selected : n;
    n = most != 0 && n > most ? most : n;
    *window = n > 0 ? (uint32_t)n : 1;
    return 0;
}
