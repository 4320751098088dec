/*
 * test_wire.c: the formats of src/wire.h: there and back, every truncation, noise.
 */
#include "check.h"
#include "src/wire.h"

static const uint64_t seed = 20261122;

/* One parser behind one face, for the mutations. */
struct format {
    const char *name;
    uint8_t *(*pack)(struct arena *a, uint64_t *random, size_t *n);
    int (*parse)(const uint8_t *p, size_t n, struct err *e);
};

static void text(char *out, size_t room, uint64_t *random)
{
    size_t n = 1 + check_random(random) % (room - 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(0x20 + check_random(random) % 95);
    out[n < room ? n : room - 1] = '\0';
}

static void bytes(void *out, size_t n, uint64_t *random)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = (uint8_t)check_random(random);
}

static struct wire_ask make_ask(uint64_t *random)
{
    struct wire_ask m = { .frames = (uint32_t)check_random(random), .h = 48, .w = 47, .c = 3,
                          .reveal = check_random(random) % 2 };
    text(m.model, sizeof m.model, random);
    text(m.protocol, sizeof m.protocol, random);
    return m;
}

static uint8_t *pack_ask(struct arena *a, uint64_t *random, size_t *n)
{
    struct wire_ask m = make_ask(random);
    return wire_ask_pack(a, &m, n);
}

static int parse_ask(const uint8_t *p, size_t n, struct err *e)
{
    struct wire_ask m;
    int code = wire_ask_parse(&m, p, n, e);
    CHECK(memchr(m.model, '\0', sizeof m.model) != NULL);
    CHECK(memchr(m.protocol, '\0', sizeof m.protocol) != NULL);
    return code;
}

static struct wire_terms make_terms(uint64_t *random, uint8_t net[static 200])
{
    struct wire_terms m = { .reveal = 1, .selected = 7, .chunks = { 40, 3, { 3, 0, 4 } },
                            .rounds = (uint32_t)check_random(random), .parties = 3, .sent = { 1, check_random(random), 3 }, .net = net,
                            .nnet = 200 };
    bytes(m.version, sizeof m.version, random);
    bytes(m.digest, sizeof m.digest, random);
    bytes(net, 200, random);
    return m;
}

static uint8_t *pack_terms(struct arena *a, uint64_t *random, size_t *n)
{
    uint8_t net[200];
    struct wire_terms m = make_terms(random, net);
    return wire_terms_pack(a, &m, n);
}

static int parse_terms(const uint8_t *p, size_t n, struct err *e)
{
    struct wire_terms m;
    int code = wire_terms_parse(&m, p, n, e);
    CHECK(code != 0 || (m.parties <= LINK_PARTIES && m.net >= p && m.net + m.nnet <= p + n));
    return code;
}

static uint8_t *pack_fault(struct arena *a, uint64_t *random, size_t *n)
{
    struct wire_fault m = { .code = (uint8_t)(1 + check_random(random) % 5) };
    text(m.text, sizeof m.text, random);
    return wire_fault_pack(a, &m, n);
}

static int parse_fault(const uint8_t *p, size_t n, struct err *e)
{
    struct wire_fault m;
    int code = wire_fault_parse(&m, p, n, e);
    for (const char *c = m.text; *c != '\0'; c++)
        CHECK(*c >= 0x20 && *c < 0x7f);
    CHECK(code != 0 || (m.code >= 1 && m.code <= 5));
    return code;
}

static uint8_t *pack_job(struct arena *a, uint64_t *random, size_t *n)
{
    struct wire_job m;
    bytes(&m, sizeof m, random);
    m.serial %= WIRE_SERIALS;
    return wire_job_pack(a, &m, n);
}

static int parse_job(const uint8_t *p, size_t n, struct err *e)
{
    struct wire_job m;
    return wire_job_parse(&m, p, n, e);
}

static uint8_t *pack_model(struct arena *a, uint64_t *random, size_t *n)
{
    uint8_t net[300];
    struct wire_model m = { .reveal = 0, .nselection = 2, .net = net, .nnet = sizeof net };
    m.selection[0] = (struct wire_selection){ .frames = 97, .selected = 7,
                                              .chunks = { 40, 3, { 3, 0, 4 } } };
    m.selection[1] = (struct wire_selection){ .frames = 15, .selected = 1 };
    text(m.name, sizeof m.name, random);
    text(m.protocol, sizeof m.protocol, random);
    bytes(m.version, sizeof m.version, random);
    bytes(net, sizeof net, random);
    return wire_model_pack(a, &m, n);
}

static int parse_model(const uint8_t *p, size_t n, struct err *e)
{
    static struct wire_model m;
    int code = wire_model_parse(&m, p, n, e);
    for (unsigned i = 0; code == 0 && i < m.nselection; i++)
        CHECK_EQ(chunks_check(&m.selection[i].chunks, m.selection[i].frames,
                              m.selection[i].selected, NULL), 0);
    CHECK(code != 0 || (m.nselection >= 1 && m.nselection <= WIRE_SELECTIONS));
    CHECK(code != 0 || (m.net >= p && m.net + m.nnet <= p + n));
    return code;
}

static uint8_t *pack_progress(struct arena *a, uint64_t *random, size_t *n)
{
    struct wire_progress m = { .gates = 1 + (uint32_t)(check_random(random) >> 33),
                               .rounds = 17, .sent = check_random(random), .frame = 3,
                               .layer = 1000 };
    m.done = (uint32_t)(check_random(random) % m.gates);
    return wire_progress_pack(a, &m, n);
}

static int parse_progress(const uint8_t *p, size_t n, struct err *e)
{
    struct wire_progress m;
    int code = wire_progress_parse(&m, p, n, e);
    CHECK(code != 0 || m.done < m.gates);
    return code;
}

static uint8_t *pack_prepared(struct arena *a, uint64_t *random, size_t *n)
{
    struct wire_prepared m = { .serial = check_random(random), .bytes = check_random(random) };
    return wire_prepared_pack(a, &m, n);
}

static int parse_prepared(const uint8_t *p, size_t n, struct err *e)
{
    struct wire_prepared m;
    return wire_prepared_parse(&m, p, n, e);
}

static uint8_t *pack_chunk(struct arena *a, uint64_t *random, size_t *n)
{
    struct wire_mark m = { .number = (uint32_t)check_random(random) }, back;
    struct err e;
    bytes(m.mark, sizeof m.mark, random);
    uint8_t *p = wire_mark_pack(a, &m, n);
    CHECK(wire_mark_parse(&back, p, *n, &e) == 0 && memcmp(&back, &m, sizeof m) == 0);
    return p;
}

static int parse_chunk(const uint8_t *p, size_t n, struct err *e)
{
    struct wire_mark m;
    return wire_mark_parse(&m, p, n, e);
}

static uint8_t *pack_limits(struct arena *a, uint64_t *random, size_t *n)
{
    struct wire_limits m = { .memory = 1 + (check_random(random) >> 1),
                             .window = (uint32_t)check_random(random) };
    return wire_limits_pack(a, &m, n);
}

static int parse_limits(const uint8_t *p, size_t n, struct err *e)
{
    struct wire_limits m;
    int code = wire_limits_parse(&m, p, n, e);
    CHECK(code != 0 || m.memory > 0);
    return code;
}

static const struct format formats[] = {
    { "CHUNK", pack_chunk, parse_chunk },
    { "LIMITS", pack_limits, parse_limits },
    { "PREPARED", pack_prepared, parse_prepared },
    { "ASK", pack_ask, parse_ask },          { "TERMS", pack_terms, parse_terms },
    { "REFUSE", pack_fault, parse_fault },   { "JOB", pack_job, parse_job },
    { "MODEL", pack_model, parse_model },    { "PROGRESS", pack_progress, parse_progress },
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

static void test_there_and_back(void)
{
    uint64_t random = seed;
    struct arena *a = arena_new(0);
    struct err e;
    for (unsigned i = 0; i < 200; i++) {
        size_t n;
        struct wire_ask ask = make_ask(&random), ask2;
        uint8_t *p = wire_ask_pack(a, &ask, &n);
        CHECK_EQ(wire_ask_parse(&ask2, p, n, &e), 0);
        CHECK(strcmp(ask.model, ask2.model) == 0 && strcmp(ask.protocol, ask2.protocol) == 0);
        CHECK(ask.frames == ask2.frames && ask.h == ask2.h && ask.w == ask2.w &&
              ask.c == ask2.c && ask.reveal == ask2.reveal);
        arena_give(p);

        uint8_t net[200];
        struct wire_terms t = make_terms(&random, net), t2;
        p = wire_terms_pack(a, &t, &n);
        CHECK_EQ(wire_terms_parse(&t2, p, n, &e), 0);
        CHECK(memcmp(t.version, t2.version, WIRE_ID) == 0);
        CHECK(memcmp(t.digest, t2.digest, WIRE_DIGEST) == 0);
        CHECK(t.rounds == t2.rounds && t.selected == t2.selected && t2.parties == 3);
        CHECK(memcmp(&t.chunks, &t2.chunks, sizeof t.chunks) == 0);
        CHECK(memcmp(t.sent, t2.sent, sizeof t.sent) == 0);
        CHECK(t2.nnet == 200 && memcmp(t2.net, net, 200) == 0);
        arena_give(p);
    }
    CHECK_EQ(arena_used(a), 0);
    arena_free(a);
}

/* Every prefix, and every message with bytes after its end, is refused; in blocks of exactly that
 * length, so that a sanitizer sees every byte read beyond. */
static void test_truncated(void)
{
    uint64_t random = seed;
    struct arena *a = arena_new(0);
    struct err e;
    for (unsigned f = 0; f < FORMATS; f++) {
        size_t n;
        uint8_t *p = formats[f].pack(a, &random, &n);
        CHECK(p != NULL && n <= WIRE_CONTROL_MAX);
        CHECK_EQ(formats[f].parse(p, n, &e), 0);
        for (size_t k = 0; k <= n + 3; k++) {
            uint8_t *q = malloc(k > 0 ? k : 1);
            memset(q, 0, k > 0 ? k : 1);
            memcpy(q, p, k < n ? k : n);
            if (k != n) {
                CHECK_EQ(formats[f].parse(q, k, &e), ERR_ABORT);
                CHECK(strstr(e.text, "malformed") != NULL);
            }
            free(q);
        }
        arena_give(p);
    }
    arena_free(a);
}

/* Lengths inside a message that promise more than there is, flags and counts out of range. */
static void test_mutated(void)
{
    uint64_t random = seed;
    struct arena *a = arena_new(0);
    struct err e;
    unsigned refused = 0;
    for (unsigned i = 0; i < 20000; i++) {
        const struct format *f = &formats[i % FORMATS];
        size_t n;
        uint8_t *p = f->pack(a, &random, &n), *q = malloc(n);
        memcpy(q, p, n);
        for (unsigned k = 0; k < 1 + i % 3; k++) {
            size_t at = check_random(&random) % (k == 0 && n > 140 ? 140 : n);
            q[at] = check_random(&random) % 2 ? 0xff : (uint8_t)check_random(&random);
        }
        int code = f->parse(q, n, &e);
        CHECK(code == 0 || code == ERR_ABORT);
        refused += code != 0;
        free(q);
        arena_give(p);
    }
    CHECK(refused > 2000);
    arena_free(a);
}

static void test_allowed(void)
{
    struct err e;
    struct message m = { .type = WIRE_ASK, .n = 100 };
    CHECK_EQ(wire_allowed(&m, WIRE_FROM_CLIENT, &e), 0);
    CHECK_EQ(wire_allowed(&m, WIRE_PEERS, &e), ERR_ABORT);
    CHECK_EQ(wire_allowed(&m, WIRE_TO_CLIENT, &e), ERR_ABORT);
    m.n = WIRE_CONTROL_MAX + 1;
    CHECK_EQ(wire_allowed(&m, WIRE_FROM_CLIENT, &e), ERR_ABORT);
    m = (struct message){ .type = WIRE_ASK, .n = 100, .stream = 1 };
    CHECK_EQ(wire_allowed(&m, WIRE_FROM_CLIENT, &e), ERR_ABORT);
    for (unsigned type = 0; type < 256; type++) {
        m = (struct message){ .type = (uint8_t)type, .n = 50 };
        if (type == 0 || type >= WIRE_TYPES)
            for (unsigned way = 1; way <= 4; way *= 2)
                CHECK_EQ(wire_allowed(&m, way, &e), ERR_ABORT);
        CHECK(wire_type_name((uint8_t)type)[0] != '\0');
    }
    m = (struct message){ .type = WIRE_GATE, .n = 1 << 20, .stream = 9999 };
    CHECK_EQ(wire_allowed(&m, WIRE_PEERS, &e), 0);
    CHECK_EQ(wire_allowed(&m, WIRE_FROM_CLIENT, &e), ERR_ABORT);
}

static void test_tensors(void)
{
    struct tensor t[WIRE_TENSORS];
    struct fixed_net net = { .nstage = 2 };
    struct wire_selection s[2] = { { .frames = 97, .selected = 7 },
                                   { .frames = 15, .selected = 1 } };
    net.stage[0] = (struct stage){ .kind = STAGE_SUMPOOL };
    net.stage[1] = (struct stage){ .kind = STAGE_LINEAR, .g = geometry_dense(1, 30, 7) };
    CHECK_EQ(wire_tensors(t, &protocol_replicated, &net, 2, s), 4);
    CHECK(t[0].kind == TENSOR_SELECTION && t[0].n == 679 && t[1].n == 15);
    CHECK(t[2].kind == TENSOR_WEIGHT && t[2].n == 210 && t[2].index == 1);
    CHECK(t[3].kind == TENSOR_BIAS && t[3].n == 7);
    s[0].chunks = (struct chunks){ 40, 3, { 3, 0, 4 } };
    CHECK_EQ(wire_tensors(t, &protocol_replicated, &net, 2, s), 4);
    CHECK_EQ(t[0].n, 280);
    s[1] = (struct wire_selection){ .frames = UINT32_MAX, .selected = UINT32_MAX };
    CHECK_EQ(wire_tensors(t, &protocol_replicated, &net, 2, s), 0);
    s[1] = (struct wire_selection){ .frames = 15 };
    CHECK_EQ(wire_tensors(t, &protocol_replicated, &net, 2, s), 0);
    net.stage[1].g.c = UINT32_MAX;
    CHECK_EQ(wire_tensors(t, &protocol_replicated, &net, 1, s), 0);
}

static void test_progress(void)
{
    uint64_t random = seed;
    struct arena *a = arena_new(0);
    struct err e;
    struct wire_progress m = { .done = 7, .gates = 9, .rounds = 77, .sent = UINT64_MAX - 5,
                               .frame = 65535, .layer = 1001 }, got;
    size_t n;
    uint8_t *p = wire_progress_pack(a, &m, &n);
    struct message head = { .type = WIRE_PROGRESS, .n = n };
    CHECK_EQ(wire_progress_parse(&got, p, n, &e), 0);
    CHECK(got.done == 7 && got.gates == 9 && got.rounds == 77 && got.sent == UINT64_MAX - 5 &&
          got.frame == 65535 && got.layer == 1001);
    CHECK_EQ(wire_allowed(&head, WIRE_TO_CLIENT, &e), 0);
    CHECK_EQ(wire_allowed(&head, WIRE_PEERS, &e), ERR_ABORT);
    CHECK_EQ(wire_allowed(&head, WIRE_FROM_CLIENT, &e), ERR_ABORT);
    arena_give(p);
    m.done = 9 + (uint32_t)(check_random(&random) % 5);     /* more than all */
    p = wire_progress_pack(a, &m, &n);
    CHECK_EQ(wire_progress_parse(&got, p, n, &e), ERR_ABORT);
    arena_give(p);
    arena_free(a);
}

static void test_limits(void)
{
    struct arena *a = arena_new(0);
    struct err e;
    struct wire_limits m = { .memory = UINT64_MAX - 3, .window = 77 }, got;
    size_t n;
    uint8_t *p = wire_limits_pack(a, &m, &n);
    struct message head = { .type = WIRE_LIMITS, .n = n };
    CHECK_EQ(wire_limits_parse(&got, p, n, &e), 0);
    CHECK(got.memory == UINT64_MAX - 3 && got.window == 77);
    CHECK_EQ(wire_allowed(&head, WIRE_PEERS, &e), 0);
    CHECK_EQ(wire_allowed(&head, WIRE_TO_CLIENT, &e), ERR_ABORT);
    CHECK_EQ(wire_allowed(&head, WIRE_FROM_CLIENT, &e), ERR_ABORT);
    arena_give(p);
    m.memory = 0;                                           /* nobody could compute */
    p = wire_limits_pack(a, &m, &n);
    CHECK_EQ(wire_limits_parse(&got, p, n, &e), ERR_ABORT);
    arena_give(p);
    arena_free(a);
}

/* The digest of what all have in common: the same each time, another for another setting. */
static void test_digest(void)
{
    struct protocol other = protocol_replicated;
    uint8_t first[WIRE_DIGEST], again[WIRE_DIGEST], name[WIRE_DIGEST], count[WIRE_DIGEST];
    const uint8_t zero[WIRE_DIGEST] = { 0 };
    struct err e;
    CHECK_EQ(wire_digest(first, &protocol_replicated, &e), 0);
    CHECK_EQ(wire_digest(again, &protocol_replicated, &e), 0);
    other.name = "replicated-rinh";
    CHECK_EQ(wire_digest(name, &other, &e), 0);
    other.name = protocol_replicated.name;
    other.parties++;
    CHECK_EQ(wire_digest(count, &other, &e), 0);
    CHECK(memcmp(first, again, WIRE_DIGEST) == 0);
    CHECK(memcmp(first, zero, WIRE_DIGEST) != 0);
    CHECK(memcmp(first, name, WIRE_DIGEST) != 0);
    CHECK(memcmp(first, count, WIRE_DIGEST) != 0);
}

/* Why a link is gone, with the party named once. */
static void test_lost(void)
{
    static const struct {
        int code, expected;
        const char *why, *text;
    } cases[] = {
        { ERR_PEER, ERR_PEER, "party 2 at [::1]:7: cut off", "lost party 2 at [::1]:7: cut off" },
        { ERR_PEER, ERR_PEER, "no link to party 2 at b:7 within 3 s",
          "no link to party 2 at b:7 within 3 s" },
        { ERR_FAILED, ERR_PEER, "out of memory", "lost party 2: out of memory" },
        { ERR_ABORT, ERR_ABORT, "it said hello twice", "lost party 2: it said hello twice" },
        { ERR_USAGE, ERR_USAGE, "wrong protocol", "lost party 2: wrong protocol" },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err why, e;
        err_set(&why, cases[i].code, "%s", cases[i].why);
        CHECK_EQ(wire_lost(&e, 2, &why), cases[i].expected);
        CHECK_EQ(e.code, cases[i].expected);
        CHECK(strcmp(e.text, cases[i].text) == 0);
    }
}

int main(void)
{
    printf("# seed %llu\n", (unsigned long long)seed);
    CASE(test_there_and_back);
    CASE(test_truncated);
    CASE(test_mutated);
    CASE(test_allowed);
    CASE(test_tensors);
    CASE(test_progress);
    CASE(test_limits);
    CASE(test_digest);
    CASE(test_lost);
    return check_done();
}
