/*
 * A party under attack by clients and by the other parties: the input is a list of moves, among
 * them messages of every type that are right but for what the input changes. Whatever came: what
 * the party holds is bounded, all of it is given back when the attackers have gone, and it then
 * takes a model and answers a good ASK with its terms.
 */
#include "fuzz.h"
#include "fuzz_host.h"
#include "net/base_log.h"
#include "src/party_st.h"

enum { MOVES = 400, FRAMES = 4, SELECTED = 2, GOOD = 18, GOOD_JOB = 0x600d, MEMORY = 8 << 20 };

struct attack {
    struct fuzz_host f;
    struct party *party;
    struct choices c;
    struct arena *arena;            /* for messages that are packed here */
    uint8_t net[4096];
    size_t nnet;
    struct tensor tensor[WIRE_TENSORS];
    unsigned ntensor;
    struct wire_selection selection;    /* of clips as a whole, or in chunks of one frame */
    uint64_t answered;              /* the job whose gates are answered, and how far */
    uint32_t gate;
    int stormed;
};

static unsigned attacker(struct choices *c)
{
    static const unsigned nodes[] = { 16, 17, 1, 2 };
    return nodes[choose_u8(c) % 4];
}

/* Sends a packed message after changing some of its bytes. */
static void send_packed(struct attack *a, unsigned node, uint8_t type, uint64_t job, uint8_t *p,
                        size_t n, unsigned changes)
{
    if (p == NULL)
        return;                 /* mem_fail_at hit us instead */
    for (; changes > 0; changes--) {
        size_t at = choose_u16(&a->c) % n;
        p[at] ^= choose_u8(&a->c);
    }
    fh_deliver(&a->f, node, (struct message){ .type = type, .job = job, .n = n }, p, n);
    arena_give(p);
}

static void send_ask(struct attack *a, unsigned node, uint64_t job, const char *model,
                     unsigned changes)
{
    struct wire_ask m = { .frames = FRAMES, .h = 4, .w = 4, .c = 1,
                          .reveal = changes & 1 };
    size_t n;
    snprintf(m.model, sizeof m.model, "%s", model);
    snprintf(m.protocol, sizeof m.protocol, "%s", protocol_replicated.name);
    uint8_t *p = wire_ask_pack(a->arena, &m, &n);
    send_packed(a, node, WIRE_ASK, job, p, n, changes);
}

static void send_model(struct attack *a, unsigned node, uint64_t job, const char *model,
                       unsigned changes)
{
    struct wire_model m = { .reveal = 1, .nselection = 1, .net = a->net,
                            .nnet = (uint32_t)a->nnet };
    size_t n;
    m.selection[0] = a->selection;
    snprintf(m.name, sizeof m.name, "%s", model);
    snprintf(m.protocol, sizeof m.protocol, "%s", protocol_replicated.name);
    uint8_t *p = wire_model_pack(a->arena, &m, &n);
    send_packed(a, node, WIRE_MODEL, job, p, n, changes);
}

static void send_tensor(struct attack *a, unsigned node, uint64_t job, unsigned k)
{
    const struct tensor *t = &a->tensor[k % a->ntensor];
    struct message m = { .type = WIRE_TENSOR, .job = job, .stream = k % a->ntensor,
                         .n = protocol_replicated.input[OWNER_CLIP].bytes(t->n, 0) };
    fh_deliver(&a->f, node, m, (const uint8_t *)"some words", 10);
}

static void send_meeting(struct attack *a, unsigned node, uint64_t job, unsigned changes)
{
    const struct fh_sent *terms = fh_latest(&a->f, WIRE_TERMS);
    struct wire_job m = { .nonce = { (uint8_t)node } };
    size_t n;
    if (terms != NULL) {
        memcpy(m.digest, terms->digest, WIRE_DIGEST);
        job = changes < 4 ? terms->head.job : job;
    }
    uint8_t *p = wire_job_pack(a->arena, &m, &n);
    send_packed(a, node, WIRE_JOB, job, p, n, changes % 4);
}

/* A mark of a chunk, or of a tensor of the model. */
static void send_mark(struct attack *a, unsigned node, uint64_t job, unsigned changes)
{
    struct wire_mark m = { .number = changes >> 1 };
    size_t n;
    uint8_t *p = wire_mark_pack(a->arena, &m, &n);
    send_packed(a, node, changes & 1 ? WIRE_CHUNK : WIRE_HELD, job, p, n, changes % 3);
}

/* As the party says itself: its peers' messages look much like its own. */
static void send_gate(struct attack *a, unsigned node)
{
    unsigned at = choose_u8(&a->c), tries = 0;
    while (tries < FH_SENT && a->f.sent[(at + tries) % FH_SENT].head.type != WIRE_GATE)
        tries++;
    struct message m = a->f.sent[(at + tries) % FH_SENT].head;
    const uint8_t *p;
    uint8_t change = choose_u8(&a->c);
    if (tries == FH_SENT)
        return;
    m.stream += change & 3;
    m.seq += change >> 2 & 3;
    m.n += (size_t)(change >> 4 & 3) * 8;
    m.depth = (uint16_t)(m.depth + (change >> 6));
    size_t n = choose_bytes(&a->c, &p, 8);
    fh_deliver(&a->f, node, m, p, n);
}

/* What both peers owe the next gates of a job that runs: the right words or others, who knows? */
static void answer(struct attack *a, uint64_t id, unsigned gates)
{
    const struct protocol *proto = &protocol_replicated;
    struct job *j;
    a->gate = a->answered == id ? a->gate : 0;
    a->answered = id;
    for (; gates > 0 && (j = job_find(a->party, id)) != NULL && j->engine != NULL &&
         a->gate < j->compiled.program->ngate; gates--, a->gate++) {
        struct gate g = j->compiled.program->gate[a->gate];
        unsigned steps = gate_steps(gate_ops(proto, &g), &g);
        for (unsigned s = 0; s < steps; s++)
            for (unsigned from = 1; from < proto->parties; from++) {
                struct message m = { .type = WIRE_GATE, .job = id, .stream = a->gate, .seq = s,
                                     .n = gate_bytes(proto, &g, s, from, 0) };
                if (m.n > 0)
                    fh_deliver(&a->f, from, m, (const uint8_t *)"words", 5);
            }
    }
}

static void send_any(struct attack *a, unsigned node, uint64_t job)
{
    const uint8_t *p;
    struct message m = { .job = job };
    m.type = choose_u8(&a->c) % 32;
    m.n = choose_u8(&a->c);
    m.stream = choose_u8(&a->c);
    m.seq = choose_u8(&a->c);
    if (m.n >= 250)
        m.n = (m.n - 249) * 100000000;
    size_t n = choose_bytes(&a->c, &p, m.n < 64 ? m.n : 64);
    fh_announce(&a->f, node, m, p, n);
}

static void send_fault(struct attack *a, unsigned node, uint64_t job, unsigned changes)
{
    struct wire_fault m = { .code = ERR_ABORT, .text = "no more" };
    size_t n;
    uint8_t *p = wire_fault_pack(a->arena, &m, &n);
    send_packed(a, node, WIRE_ABORT, job, p, n, changes);
}

static void send_input(struct attack *a, unsigned node, uint64_t job, uint32_t stream)
{
    size_t frames = chunks_frames(&a->selection.chunks, FRAMES);
    struct message m = { .type = WIRE_INPUT, .job = job, .stream = stream,
                         .n = protocol_replicated.input[OWNER_CLIP].bytes(frames * 16, 0) };
    fh_announce(&a->f, node, m, (const uint8_t *)"a clip", 6);
    if (choose_u8(&a->c) & 1)
        fh_finish(&a->f, node);
}

static void work_all(struct attack *a)
{
    while (a->f.todo != NULL)
        fh_work_run(&a->f);
}

static void provide(struct attack *a, unsigned node, uint64_t job, const char *name)
{
    send_model(a, node, job, name, 0);
    for (unsigned i = 0; i < a->ntensor; i++)
        send_tensor(a, node, job, i);
    work_all(a);
    fh_deliver(&a->f, node, (struct message){ .type = WIRE_MODEL_USE, .job = job }, NULL, 0);
}

/* So many jobs asked for and given up that the party forgets those before. Once: it is slow. */
static void storm(struct attack *a)
{
    for (uint64_t id = 1000; !a->stormed && id < 1000 + PARTY_TOMBS; id++) {
        send_ask(a, 16, id, "a", 0);
        send_fault(a, 16, id, 0);
        work_all(a);
    }
    a->stormed = 1;
}

static void send_limits(struct attack *a, unsigned node, unsigned changes)
{
    struct wire_limits m = { .memory = MEMORY, .window = 2 };
    size_t n;
    uint8_t *p = wire_limits_pack(a->arena, &m, &n);
    send_packed(a, node, WIRE_LIMITS, 0, p, n, changes);
}

/* A node is there, and says what a peer has to. */
static void come_up(struct attack *a, unsigned node)
{
    int fresh = !a->f.up[node];
    fh_up(&a->f, node);
    if (fresh && node < LINK_PARTIES)
        send_limits(a, node, 0);
}

static void move_message(struct attack *a, unsigned what, unsigned node, uint64_t job,
                         unsigned changes)
{
    const char *name = changes & 4 ? "b" : "a";
    switch (what) {
    case 0:
        send_ask(a, node, job, name, changes & 3);
        if (changes == 0)       /* the plan is made */
            work_all(a);
        break;
    case 1:
        send_model(a, node, job, name, changes & 3);
        break;
    case 2:
        send_tensor(a, node, job, changes);
        break;
    case 3:
        fh_deliver(&a->f, node, (struct message){ .type = WIRE_MODEL_USE, .job = job }, NULL, 0);
        break;
    case 4:
        send_input(a, node, job, a->selection.chunks.n > 0 ? changes % FRAMES : 0);
        break;
    case 5:
        send_meeting(a, node, job, changes);
        break;
    case 6:
        send_gate(a, node);
        break;
    case 9:
        answer(a, job, changes << changes);
        break;
    case 7:
        send_fault(a, node, job, changes & 1);
        break;
    case 8:
        provide(a, node, job, name);
        break;
    case 17:
        send_limits(a, node, changes & 3);
        break;
    case 20:
        send_mark(a, node, job, changes);
        break;
    default:
        send_any(a, node, job);
    }
}

static void move(struct attack *a)
{
    unsigned what = choose_u8(&a->c) % 22, node = attacker(&a->c);
    uint8_t more = choose_u8(&a->c);
    uint64_t job = 1 + more % 6;
    switch (what) {
    case 10:
        fh_down(&a->f, node);
        break;
    case 11:
        if (more & 1)
            come_up(a, node);
        else
            fh_up(&a->f, node);
        break;
    case 12:
        fh_work_run(&a->f);
        break;
    case 13:
        fh_pass(&a->f, (uint64_t)more * more * 1000000);
        break;
    case 14:
        fh_finish(&a->f, node);
        break;
    case 15:
        fh_leave(&a->f);
        a->f.host.events->drained(a->f.host.ctx, node);
        break;
    case 16:
        mem_fail_at(more % 32);
        break;
    case 19:
        storm(a);
        break;
    case 18:
        work_all(a);
        break;
    default:
        move_message(a, what, node, job, more >> 4 & 7);
    }
}

/* ---- what must hold ---- */

static unsigned count_models(const struct model *m)
{
    unsigned n = 0;
    for (; m != NULL; m = m->next) {
        FUZZ_NEED(arena_used(m->arena) <= MEMORY);
        n++;
    }
    return n;
}

static unsigned count_jobs(const struct job *j)
{
    unsigned n = 0;
    for (; j != NULL; j = j->next) {
        FUZZ_NEED(j->arena == NULL || arena_used(j->arena) <= MEMORY);
        n++;
    }
    return n;
}

static void bounded(const struct party *p)
{
    FUZZ_NEED(count_models(p->models) <= p->conf.max_models + 1);
    FUZZ_NEED(count_models(p->uploads) <= 4);
    FUZZ_NEED(count_jobs(p->jobs) <= 3 * p->conf.max_jobs);
    FUZZ_NEED(arena_used(p->control) <= PARTY_CONTROL && arena_used(p->sink) <= MEMORY);
    count_models(p->dying_models);
    count_jobs(p->dying);
}

/* Everybody leaves, and the machine finishes what it was at. */
static void calm(struct attack *a)
{
    for (unsigned i = 0; i < FH_NODES; i++)
        fh_down(&a->f, i);
    work_all(a);
    fh_leave(&a->f);
    for (unsigned i = 0; i < 4; i++)
        fh_pass(&a->f, 1000000000);
    FUZZ_NEED(party_idle(a->party) && a->party->clients == NULL);
    FUZZ_NEED(arena_used(a->party->control) == 0 && arena_used(a->party->sink) == 0);
}

/* A name under which the good client may provide: one that is free, or its own; 0 if others hold
 * all models that the party takes. */
static int good_name(const struct attack *a, char name[static 2])
{
    int full = count_models(a->party->models) >= a->party->conf.max_models;
    for (name[0] = 'a', name[1] = '\0'; name[0] <= 'z'; name[0]++) {
        const struct model *m = model_find(a->party, name);
        if (m == NULL ? !full : strcmp(m->giver, party_client(a->party, GOOD)->name) == 0)
            return 1;
    }
    return 0;
}

static void still_good(struct attack *a)
{
    char name[2];
    for (unsigned i = 1; i < 3; i++) {
        fh_down(&a->f, i);          /* it may have come up without a word */
        come_up(a, i);
    }
    fh_up(&a->f, GOOD);
    if (!good_name(a, name))
        return;
    provide(a, GOOD, GOOD_JOB, name);
    const struct fh_sent *s = fh_latest(&a->f, WIRE_MODEL_DONE);
    FUZZ_NEED(s != NULL && s->to == GOOD && s->head.job == GOOD_JOB);
    send_ask(a, GOOD, GOOD_JOB + 1, name, 0);
    work_all(a);
    s = fh_latest(&a->f, WIRE_TERMS);
    FUZZ_NEED(s != NULL && s->to == GOOD && s->head.job == GOOD_JOB + 1);
}

static void begin(struct attack *a, int chunked)
{
    static const struct party_conf conf = {
        .proto = &protocol_replicated, .reveal_scores = 1, .max_jobs = 2, .max_models = 2,
        .job_timeout = 5, .job_memory = MEMORY, .window = 2
    };
    a->selection = (struct wire_selection){ .frames = FRAMES, .selected = SELECTED };
    if (chunked)
        a->selection.chunks = (struct chunks){ 1, FRAMES, { 1, 0, 1, 0 } };
    static struct fixed_net net;
    struct err e;
    log_configure("error");
    fh_init(&a->f);
    fh_net(&net);
    uint8_t *bytes = fixed_net_write(&net, &a->nnet);
    FUZZ_NEED(bytes != NULL && a->nnet <= sizeof a->net);
    memcpy(a->net, bytes, a->nnet);
    free(bytes);
    a->ntensor = wire_tensors(a->tensor, &protocol_replicated, &net, 1,
                              &a->selection);
    a->arena = arena_new(0);
    a->party = party_new(&a->f.host, &conf, &e);
    FUZZ_NEED(a->party != NULL && a->arena != NULL && a->ntensor > 0);
}

FUZZ_TARGET(party)
{
    static struct attack a;
    a.c = (struct choices){ p, n };
    a.answered = 0;
    a.stormed = 0;
    uint8_t first = choose_u8(&a.c);
    begin(&a, first >> 1 & 1);
    static const unsigned nodes[] = { 1, 2, 16, 17 };
    for (unsigned i = 0; i < 4; i++)
        come_up(&a, nodes[i]);
    if (first & 1)
        provide(&a, 16, 9, "a");
    for (unsigned i = 0; i < MOVES && a.c.n > 0; i++) {
        move(&a);
        bounded(a.party);
    }
    mem_fail_at(0);
    calm(&a);
    still_good(&a);
    party_stop(a.party);
    while (a.f.todo != NULL)
        fh_work_run(&a.f);
    fh_leave(&a.f);
    party_free(a.party);
    arena_free(a.arena);
    return 0;
}
