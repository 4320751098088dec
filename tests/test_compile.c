/*
 * test_compile.c: whole networks, privately in the simulator, against the fixed-point twin: every
 * stage within the documented rounding of what the twin makes of the same inputs, the label that
 * of the float model, and the counters those of the plan.
 */
#include "tests/check.h"
#include "tests/nn_model.h"
#include "tests/trial.h"

#include <inttypes.h>
#include <math.h>

#include "nn/compile.h"
#include "nn/float.h"
#include "nn/lower.h"
#include "nn/model_file.h"
#include "nn/scores.h"
#include "nn/selection.h"
#include "nn/video_text.h"
#include "nn/window.h"
#include "proto/kernel.h"

static uint64_t seed = 424242;
static const struct protocol *proto;

/* A private run of some frames of a clip. */
struct run {
    const struct fixed_model *model;
    struct compile_options options;
    struct sim_options sim;
    uint64_t late_ns;               /* between chunks */
    const double *video;            /* frames * pixels in [0, 1] */
    const uint64_t *selection;
    struct compiled compiled;
    struct trial trial;
    unsigned label;
    int64_t scores[FIXED_CLASSES];
};

static void run_inputs(struct run *r)
{
    const struct fixed_net *net = &r->model->net;
    size_t frame = geometry_in(&net->stage[0].g), pixels = frame * r->options.frames;
    size_t chunk = frame * r->compiled.video_shape.c;
    uint64_t *words = calloc(r->compiled.nvideo * chunk, 8);
    fixed_encode(words, r->video, pixels, net->frac);
    for (unsigned i = 0; i < r->compiled.nvideo; i++)
        if (r->compiled.video[i] != NO_VALUE)
            trial_input(&r->trial, r->compiled.video[i], words + i * chunk,
                        &r->compiled.video_shape);
    trial_input(&r->trial, r->compiled.selection, r->selection, NULL);
    for (unsigned t = 0; t < r->compiled.turns; t++) {
        const struct compiled_weights *in = &r->compiled.turn[t];
        for (unsigned i = 0; i < net->nstage; i++)
            if (in->weight[i] != NO_VALUE) {
                trial_input(&r->trial, in->weight[i], (const uint64_t *)r->model->weight[i],
                            &net->stage[i].g);
                trial_input(&r->trial, in->bias[i], (const uint64_t *)r->model->bias[i], NULL);
            }
    }
    free(words);
}

/* Compiles, runs, joins; keep: also keep the stages of frame 0. */
static int run(struct run *r, int keep)
{
    struct err e = { 0 };
    uint64_t bits[2] = { 0 };
    if (compile(&r->compiled, proto, &r->model->net, &r->options, &e) != 0) {
        fprintf(stderr, "%s\n", e.text);
        return -1;
    }
    for (unsigned i = 0; keep && i < r->model->net.nstage; i++)
        program_keep(r->compiled.program, r->compiled.stage_value[i]);
    r->trial = (struct trial){ .program = r->compiled.program, .options = r->sim,
                               .late_ns = r->late_ns };
    run_inputs(r);
    int code = trial_run(&r->trial);
    if (code != 0) {
        fprintf(stderr, "%s\n", r->trial.err.text);
        return code;
    }
    code = trial_output(&r->trial, r->compiled.label, bits);
    r->label = (unsigned)(bits[0] & 63);
    if (code == 0 && r->compiled.scores != NO_VALUE)
        code = trial_output(&r->trial, r->compiled.scores, (uint64_t *)r->scores);
    return code;
}

static void run_free(struct run *r)
{
    trial_free(&r->trial);
    compiled_fini(&r->compiled);
}

/* With barriers and walls, too, the longest chain is as long from its end as from its beginning. */
static void chain_ends_there(const struct program *p, const struct cost *c)
{
    struct cost_chain chain;
    uint64_t longest = 0, sent = 0;
    CHECK_EQ(cost_chain(&chain, p, PART_ALL, NULL), 0);
    for (unsigned i = 0; i < proto->parties; i++) {
        longest += chain.sent[i][chain.rounds];
        sent += chain.sent[i][1];
    }
    CHECK(longest > 0 && sent == cost_total(c));
    cost_chain_fini(&chain);
}

static void counters_equal_plan(struct run *r, struct cost *c)
{
    struct err e;
    unsigned rounds = 0;
    CHECK_EQ(cost_program(c, r->compiled.program, &e), 0);
    for (unsigned i = 0; i < proto->parties; i++) {
        const struct engine_stats *s = &r->trial.party[i].stats;
        for (unsigned k = 0; k < proto->parties; k++)
            CHECK_EQ(s->sent[k], c->bytes[i][k]);
        rounds = s->rounds > rounds ? s->rounds : rounds;
    }
    CHECK_EQ(rounds, c->rounds);
    chain_ends_there(r->compiled.program, c);
}

/* ---- the emotion network on real clips ---- */

static struct fixed_model emotion_fixed;
static struct model emotion;

enum { EVERY = 15 };

/* A clip with its rule, every 15th frame, as a whole and for chunks of 15. */
struct clip {
    struct video video;
    struct selection selection;
    struct chunks chunks;
    uint64_t *rows, *chunk_rows;
};

static uint8_t *shipped(const char *name, size_t *n)
{
    char path[1024];
    const char *source = getenv("srcdir");
    snprintf(path, sizeof path, "%s/data/%s", source != NULL ? source : ".", name);
    return file_read_all(path, n);
}

static int load_emotion(void)
{
    struct err e = { .text = "data/emotion.obm cannot be read" };
    size_t n;
    uint8_t *bytes = shipped("emotion.obm", &n);
    int bad = bytes == NULL ||
              model_file_parse(&emotion, NULL, bytes, n, "emotion.obm", &e) != 0 ||
              fixed_lower(&emotion_fixed, &emotion, LOWER_FRAC, &e) != 0;
    free(bytes);
    if (bad)
        fprintf(stderr, "%s\n", e.text);
    return bad;
}

static int load_clip(struct clip *c, uint8_t *text, size_t n)
{
    struct err e;
    int bad = video_parse(&c->video, text, n, "clip", 48, 48, 1, &e) != 0 ||
              selection_every(&c->selection, EVERY, c->video.frames, &e) != 0 ||
              selection_chunks(&c->chunks, &c->selection, EVERY, &e) != 0;
    free(text);
    if (bad)
        return -1;
    c->rows = calloc((size_t)c->selection.rows * c->selection.frames, 8);
    selection_matrix(c->rows, &c->selection, &chunks_whole);
    c->chunk_rows = calloc((size_t)c->selection.rows * EVERY, 8);
    selection_matrix(c->chunk_rows, &c->selection, &c->chunks);
    return 0;
}

static void free_clip(struct clip *c)
{
    video_fini(&c->video);
    selection_fini(&c->selection);
    free(c->rows);
    free(c->chunk_rows);
}

static void float_scores(const struct clip *c, double *scores)
{
    double *logits = calloc(c->selection.rows * 7, sizeof *logits);
    for (uint32_t f = 0; f < c->selection.rows; f++) {
        float frame[2304], out[7];
        struct err e;
        for (int i = 0; i < 2304; i++)
            frame[i] = (float)video_frame(&c->video, c->selection.frame[f])[i];
        CHECK_EQ(model_run(&emotion, frame, out, &e), 0);
        for (int i = 0; i < 7; i++)
            logits[f * 7 + (uint32_t)i] = out[i];
    }
    scores_sum(scores, logits, c->selection.rows, 7, 1);
    free(logits);
}

static struct run emotion_run(const struct clip *c)
{
    return (struct run){ .model = &emotion_fixed, .video = c->video.value, .selection = c->rows,
                         .options = { .frames = c->video.frames, .selected = c->selection.rows,
                                      .reveal_scores = 1 },
                         .sim = { .seed = seed } };
}

/* What the demo clip may cost: rounds, and bytes over all parties. */
static void within_budget(const struct cost *c)
{
    int macs = proto == &protocol_syrep_mac, proofs = proto == &protocol_syrep;
    CHECK(c->rounds <= (macs ? 200 : proofs ? 140 : 120));
    CHECK(cost_total(c) <= (macs ? 700000000 : proto->parties == 4 ? 200000000
                            : proto->parties == 2 ? 400000000 : 150000000));
}

/* Label 3, and scores within 2^-7 of the float model: gives how far they are off. */
static double happy_scores(const struct run *r, const struct clip *c)
{
    double want[7], worst = 0;
    CHECK_EQ(r->label, 3);
    float_scores(c, want);
    for (int i = 0; i < 7; i++)
        worst = fmax(worst, fabs((double)r->scores[i] / (1 << COMPILE_SCORE_BITS) - want[i]));
    CHECK(worst < 1.0 / 128);
    return worst;
}

/* What the run of a whole clip gives, and what it may cost. */
static void happy_clip(struct run *r, const struct clip *c)
{
    struct cost cost;
    CHECK_EQ(c->selection.rows, 7);
    double worst = happy_scores(r, c);
    counters_equal_plan(r, &cost);
    within_budget(&cost);
    printf("# %u rounds, %.1f MB, largest score error %.5f (allowed 0.00781), memory of a party's"
           " job %.0f MB\n", cost.rounds, (double)cost_total(&cost) / 1e6, worst,
           (double)arena_peak(r->trial.party[0].arena) / 1e6);
}

static struct clip demo;

static void sample_video(void)
{
    size_t n = 0;
    struct clip c;
    uint8_t *text = data_read("sample_video.txt", &n);
    CHECK_EQ(load_clip(&c, text, n), 0);
    struct run r = emotion_run(&c);
    CHECK_EQ(run(&r, 0), 0);
    happy_clip(&r, &c);
    run_free(&r);
    free_clip(&c);
}

/* All frames wait for a slow network at once, and need no more than is forecast, with what
 * window_choose leaves free for what a forecast does not know. */
static void memory_bounded(const struct run *r)
{
    uint64_t frame = cost_frame_memory(r->compiled.program, r->options.selected);
    for (unsigned i = 0; i < proto->parties; i++) {
        uint64_t peak = arena_peak(r->trial.party[i].arena);
        CHECK(peak - peak / 8 <= frame * r->options.selected);
        CHECK(peak >= frame * r->options.selected / 8);
    }
}

static uint32_t window_for(uint64_t memory, uint32_t most)
{
    const struct compile_options o = { .frames = 600, .selected = 40 };
    uint32_t window = 0;
    struct err e;
    CHECK_EQ(window_choose(&window, proto, &emotion_fixed.net, &o, memory, most, &e), 0);
    return window;
}

/* More memory gives more frames, in proportion, from one frame to all of them. */
static void window_follows_memory(void)
{
    uint64_t gib = (uint64_t)1 << 30;
    uint32_t half = window_for(gib / 2, 0), whole = window_for(gib, 0);
    CHECK_EQ(window_for(1, 0), 1);
    CHECK_EQ(window_for(64 * gib, 0), 40);
    CHECK_EQ(window_for(64 * gib, 7), 7);
    CHECK_EQ(window_for(1, 7), 1);
    CHECK(half >= 1 && half < 40 && whole > half && whole <= 40);
    CHECK(whole == 40 || (whole >= 2 * half && whole <= 2 * half + 2));
}

/* Of a run of the demo clip's first frames; all of them must give its label. Takes what the busiest
 * party sends along, unless NULL. */
static double seconds(uint32_t selected, uint64_t latency, uint64_t rate, uint64_t *sent)
{
    struct run r = emotion_run(&demo);
    struct cost c;
    r.options.selected = selected;
    r.sim.latency_ns = latency;
    r.sim.bits_per_second = rate;
    CHECK_EQ(run(&r, 0), 0);
    double took = (double)r.trial.took / 1e9;
    memory_bounded(&r);
    if (selected == demo.selection.rows)
        happy_clip(&r, &demo);
    CHECK_EQ(cost_program(&c, r.compiled.program, &r.trial.err), 0);
    for (unsigned p = 0; sent != NULL && p < proto->parties; p++)
        *sent = cost_sent(&c, p) > *sent ? cost_sent(&c, p) : *sent;
    run_free(&r);
    return took;
}

/* semi2k-silent and semi2k-owner have the gates of semi2k between their deals and linear maps: how
 * these frames are put in time is shown once, or by TEST_LONG=1 for each. */
static int has_rounds_of_its_own(void)
{
    return check_times(0, 1) || proto == &protocol_semi2k || proto->deal_plan == NULL;
}

static double one_frame;         /* seconds of a clip of one, with 20 ms one way */

/* With 20 ms one way, the shipped clip's seven frames take the rounds of one frame; on a link of
 * 1 Gbit/s more frames than one (seven of them with TEST_LONG=1) take their bytes besides. */
static void shipped_clip(void)
{
    uint64_t sent = 0;
    const unsigned more = check_times(3, 7);
    double one = seconds(1, 20000000, 0, NULL), seven = seconds(7, 20000000, 0, &sent);
    one_frame = one;
    printf("# 20 ms one way: one frame %.3f s, seven %.3f s, ratio %.2f\n", one, seven, seven / one);
    CHECK(seven <= 1.3 * one);
    if (!has_rounds_of_its_own())
        return;
    double slow_one = seconds(1, 20000000, 1000000000, NULL);
    double slow = seconds(more, 20000000, 1000000000, NULL);
    double bytes = (more - 1) / 7.0 * (double)sent * 8 / 1e9;   /* of the others, at one party */
    printf("# at 1 Gbit/s one frame %.3f s, %u of them %.3f s\n", slow_one, more, slow);
    CHECK(slow <= 1.3 * slow_one + bytes);
}

/* Chunks come so far apart that each is through before the next: after the last one it takes no
 * longer than one frame alone, and no chunk is kept until the end. */
static void clip_in_chunks(void)
{
    enum { APART_S = 60 };
    struct run r = emotion_run(&demo);
    struct cost cost;
    r.options.chunks = &demo.chunks;
    r.selection = demo.chunk_rows;
    r.sim.latency_ns = 20000000;
    r.late_ns = APART_S * UINT64_C(1000000000);
    CHECK_EQ(run(&r, 0), 0);
    happy_scores(&r, &demo);
    counters_equal_plan(&r, &cost);
    double tail = (double)r.trial.took / 1e9 - 7.0 * APART_S;
    for (unsigned i = 0; i < proto->parties; i++)
        CHECK_EQ(r.trial.party[i].released, 7);
    printf("# one frame alone %.3f s; seven in chunks, after the last: %.3f s\n", one_frame,
           tail);
    CHECK(tail > 0 && tail <= 1.05 * one_frame);
    run_free(&r);
}

/* A layer's deal comes before the layer, and behind the one before, in whose waits it is made. Its
 * answer is made in short steps, the last of which sends it. */
static void deals_in_time(void)
{
    struct run r = emotion_run(&demo);
    struct err e = { 0 };
    unsigned deals = 0;
    uint32_t last = 0;              /* the last layer of which there was a linear map */
    CHECK_EQ(compile(&r.compiled, proto, &r.model->net, &r.options, &e), 0);
    const struct program *p = r.compiled.program;
    for (uint32_t i = 0; i < p->ngate; i++) {
        const struct gate *g = &p->gate[i];
        if (g->layer >= FIXED_STAGES)
            continue;
        if (g->kind == GATE_LINEAR)
            last = g->layer;
        if (g->kind != GATE_DEAL_LINEAR)
            continue;
        CHECK(deals == 0 ? last == 0 : last < g->layer);
        for (uint32_t k = last + 1; deals > 0 && k < g->layer; k++)
            CHECK(r.model->net.stage[k].kind != STAGE_LINEAR);
        unsigned steps = gate_steps(gate_ops(proto, g), g), speaks = 0;
        for (unsigned s = 0; s < steps; s++)
            speaks += gate_bytes(proto, g, s, 0, 1) > 0 || gate_bytes(proto, g, s, 1, 0) > 0;
        CHECK_EQ(speaks, 2);
        CHECK_EQ(steps, 2 + g->width);
        CHECK(gate_bytes(proto, g, steps - 2, 1, 0) == g->message[1]);
        CHECK(g->message[1] < 1 << 20 || g->width > 16);
        deals++;
    }
    CHECK(proto->deal_plan == NULL || deals > 5);
    compiled_fini(&r.compiled);
}

/* ---- random networks, stage by stage ---- */

/* The exact value of a linear stage before truncation, from the definition. */
static int64_t plain_linear(const struct fixed_model *m, unsigned i, const int64_t *in, uint32_t oy,
                            uint32_t ox, uint32_t o)
{
    const struct geometry *g = &m->net.stage[i].g;
    int64_t sum = m->bias[i][o];
    for (uint32_t a = 0; a < g->kh; a++)
        for (uint32_t b = 0; b < g->kw; b++) {
            int64_t y = (int64_t)oy * g->sh + a - g->top, x = (int64_t)ox * g->sw + b - g->left;
            if (y < 0 || x < 0 || y >= g->h || x >= g->w)
                continue;
            for (uint32_t c = 0; c < g->c; c++)
                sum += in[(y * g->w + x) * g->c + c] *
                       m->weight[i][((a * g->kw + b) * g->c + c) * g->oc + o];
        }
    return sum;
}

static int64_t plain_pool(const struct stage *s, const int64_t *in, uint32_t oy, uint32_t ox,
                          uint32_t o)
{
    const struct geometry *g = &s->g;
    int64_t sum = 0, top = INT64_MIN;
    for (uint32_t a = 0; a < g->kh; a++)
        for (uint32_t b = 0; b < g->kw; b++) {
            int64_t y = (int64_t)oy * g->sh + a - g->top, x = (int64_t)ox * g->sw + b - g->left;
            if (y < 0 || x < 0 || y >= g->h || x >= g->w)
                continue;
            int64_t v = in[(y * g->w + x) * g->c + o];
            sum += v;
            top = v > top ? v : top;
        }
    return s->kind == STAGE_MAXPOOL ? top : sum;
}

/* Is `got` what stage i may make of its private input? Only truncation may round: up or down. */
static int allowed(const struct fixed_model *m, unsigned i, int relu, const int64_t *in, uint32_t k,
                   int64_t got)
{
    const struct stage *s = &m->net.stage[i];
    uint32_t o = k % s->g.oc, ox = k / s->g.oc % s->g.ow, oy = k / s->g.oc / s->g.ow;
    if (s->kind == STAGE_RELU)
        return got == (in[k] < 0 ? 0 : in[k]);
    if (s->kind != STAGE_LINEAR)
        return got == plain_pool(s, in, oy, ox, o);
    int64_t v = plain_linear(m, i, in, oy, ox, o);
    for (int64_t coin = 0; coin <= (s->shift > 0); coin++) {
        int64_t t = (v >> s->shift) + coin;
        if (got == (relu && t < 0 ? 0 : t))
            return 1;
    }
    return 0;
}

/* Every stage of frame 0, each on the private run's own input. */
static unsigned wrong_values(struct run *r, const int64_t *frame)
{
    const struct fixed_net *net = &r->model->net;
    int64_t *in = calloc(geometry_in(&net->stage[0].g), 8);
    unsigned wrong = 0;
    memcpy(in, frame, geometry_in(&net->stage[0].g) * 8);
    for (unsigned i = 0; i < net->nstage; i++) {
        int last = i + 1u == net->nstage;
        size_t n = geometry_out(&net->stage[i].g);
        int64_t *out = calloc(last ? n * r->options.selected : n, 8);
        CHECK_EQ(trial_output(&r->trial, r->compiled.stage_value[i], (uint64_t *)out), 0);
        int relu = last ? net->softmax : net->stage[i].relu;
        for (uint32_t k = 0; k < n; k++)
            wrong += !allowed(r->model, i, relu, in, k, out[k]);
        free(in);
        in = out;
    }
    free(in);
    return wrong;
}

/* The scores that the private logits of all frames imply. */
static double score_error(struct run *r)
{
    const struct fixed_net *net = &r->model->net;
    size_t n = net->nclass, frames = r->options.selected;
    int64_t *logits = calloc(n * frames, 8);
    double *u = calloc(n * frames, sizeof *u), want[FIXED_CLASSES], worst = 0;
    CHECK_EQ(trial_output(&r->trial, r->compiled.stage_value[net->nstage - 1],
                          (uint64_t *)logits), 0);
    for (size_t k = 0; k < n * frames; k++)
        u[k] = ldexp((double)logits[k], -net->frac);
    scores_sum(want, u, frames, n, net->softmax);
    for (size_t k = 0; k < n; k++)
        worst = fmax(worst, fabs(ldexp((double)r->scores[k], -COMPILE_SCORE_BITS) - want[k]));
    free(logits);
    free(u);
    return worst;
}

static int one_network(uint64_t *s)
{
    enum { FRAMES = 4, SELECTED = 3 };
    struct network net;
    struct model m;
    struct fixed_model fixed;
    struct err e;
    random_network(&net, s);
    if (model_init(&m, &net, &e) != 0)
        return -1;
    random_weights(&m, s);
    int refused = fixed_lower(&fixed, &m, pick(s, 12, 15), &e);
    model_fini(&m);
    if (refused)
        return 0;
    size_t pixels = geometry_in(&fixed.net.stage[0].g);
    double *video = calloc(FRAMES * pixels, sizeof *video);
    uint64_t rows[SELECTED * FRAMES] = { 0 }, *frame = calloc(pixels, 8);
    uint32_t picked[SELECTED];
    struct selection selection = { FRAMES, SELECTED, picked };
    struct chunks chunks;
    for (size_t k = 0; k < FRAMES * pixels; k++)
        video[k] = pick(s, 0, 9) == 0 ? (double)pick(s, 0, 1) : unit(s);
    for (uint32_t k = 0; k < SELECTED; k++)
        picked[k] = pick(s, 0, FRAMES - 1);
    CHECK_EQ(selection_chunks(&chunks, &selection, pick(s, 0, FRAMES), &e), 0);
    selection_matrix(rows, &selection, &chunks);
    struct run r = { .model = &fixed, .video = video, .selection = rows,
                     .options = { .frames = FRAMES, .selected = SELECTED, .reveal_scores = 1,
                                  .slice = pick(s, 1, 40), .window = pick(s, 1, 3),
                                  .group = pick(s, 0, 3), .chunks = &chunks },
                     .late_ns = pick(s, 0, 2) * 400000,
                     .sim = { .seed = *s, .reorder = 1, .latency_ns = 100000 } };
    struct cost c;
    CHECK_EQ(run(&r, 1), 0);
    counters_equal_plan(&r, &c);
    fixed_encode(frame, video + picked[0] * pixels, pixels, fixed.net.frac);
    CHECK_EQ(wrong_values(&r, (int64_t *)frame), 0);
    double error = score_error(&r);
    CHECK(error < 1e-4);
    for (unsigned k = 0; k < fixed.net.nclass; k++)
        CHECK(r.scores[k] < r.scores[r.label] ||
              (r.scores[k] == r.scores[r.label] && k >= r.label));
    run_free(&r);
    free(video);
    free(frame);
    fixed_model_fini(&fixed);
    return 1;
}

static void random_networks(void)
{
    uint64_t s = seed;
    unsigned done = 0, wanted = check_times(20, 60) / (proto->deal_plan != NULL ? 2 : 1);
    for (int k = 0; k < 400 && done < wanted && check_bad == 0; k++) {
        uint64_t before = s;
        int ran = one_network(&s);
        CHECK(ran >= 0);
        done += ran == 1;
        if (check_bad > 0)
            fprintf(stderr, "the network of seed %" PRIu64 "\n", before);
    }
    CHECK_EQ(done, wanted);
}

int main(void)
{
    size_t length;
    uint8_t *text = shipped("demo_clip.txt", &length);
    printf("# seed %" PRIu64 "\n", seed);
    if (load_emotion() != 0 || text == NULL || load_clip(&demo, text, length) != 0)
        return 1;
    for (unsigned i = 0; (proto = protocol_at(i)) != NULL; i++) {
        printf("# %s\n", proto->name);
        CASE(random_networks);
        CASE_PLAIN(shipped_clip);
        if (has_rounds_of_its_own())
            CASE_PLAIN(clip_in_chunks);
        CASE_PLAIN(deals_in_time);
        CASE_PLAIN(window_follows_memory);
        if (!CHECK_ADDRESSES && i < check_times(1, UINT32_MAX))     /* other pixels need one protocol */
            DATA_CASE("sample_video.txt", sample_video);
    }
    free_clip(&demo);
    model_fini(&emotion);
    fixed_model_fini(&emotion_fixed);
    return check_done();
}
