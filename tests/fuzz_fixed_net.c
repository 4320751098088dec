/*
 * The public description of a network, as it comes from Bob or a party: what is accepted is written
 * back to the same bytes, and a party can ask what its tensors and its private run would be.
 */
#include "fuzz.h"
#include "nn/compile.h"
#include "proto/cost.h"
#include "src/wire.h"

static void try_program(const struct fixed_net *net, const struct compile_options *o)
{
    struct compiled c;
    struct cost cost;
    struct err e = { 0 };
    if (compile(&c, &protocol_replicated, net, o, &e) != 0) {
        FUZZ_NEED(e.code != 0 && e.text[0] != '\0');
        return;
    }
    FUZZ_NEED(cost_program(&cost, c.program, &e) == 0 && cost.rounds > 0);
    FUZZ_NEED(cost_total(&cost) >= cost_sent(&cost, 0));
    compiled_fini(&c);
}

FUZZ_TARGET(fixed_net)
{
    static struct fixed_net net;
    static struct tensor t[WIRE_TENSORS];
    struct err e = { 0 };
    struct choices c = { p, n };
    struct compile_options o = { .frames = 1 + choose_u8(&c) % 8, .window = 2 };
    o.selected = 1 + choose_u8(&c) % o.frames;
    o.reveal_scores = (int)(o.frames & 1);
    if (fixed_net_read(&net, c.p, c.n, &e) != 0) {
        FUZZ_NEED(e.code == ERR_INPUT && e.text[0] != '\0');
        return 0;
    }
    size_t back;
    uint8_t *bytes = fixed_net_write(&net, &back);
    FUZZ_NEED(bytes != NULL && back == c.n && memcmp(bytes, c.p, back) == 0);
    free(bytes);
    const struct wire_selection s = { .frames = o.frames, .selected = o.selected };
    if (wire_tensors(t, &protocol_replicated, &net, 1, &s) > 0)
        try_program(&net, &o);
    return 0;
}
