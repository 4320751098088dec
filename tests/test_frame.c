/* Frame headers and hellos: known bytes, round trips, refusals, and feeding byte by byte. */
#include "net/base_bytes.h"
#include "net/frame.h"
#include "net/hello.h"
#include "tests/check.h"

static void known_bytes(void)
{
    static const uint8_t expect[FRAME_HEAD] = {
        0x04, 0x03, 0x02, 0x01, 0x2a, 0x00, 0xcd, 0xab, 0x88, 0x77, 0x66, 0x55,
        0x44, 0x33, 0x22, 0x11, 0xef, 0xbe, 0xad, 0xde, 0x0d, 0xf0, 0xfe, 0xca,
    };
    const struct message m = { .type = 42, .depth = 0xabcd, .job = 0x1122334455667788,
                               .stream = 0xdeadbeef, .seq = 0xcafef00d, .n = 0x01020304 };
    uint8_t head[FRAME_HEAD];
    frame_put(head, &m);
    CHECK(memcmp(head, expect, sizeof head) == 0);
}

static int same(const struct message *a, const struct message *b)
{
    return a->type == b->type && a->depth == b->depth && a->job == b->job
        && a->stream == b->stream && a->seq == b->seq && a->n == b->n;
}

/* Headers in one string, cut at random into pieces. */
static void pieces(void)
{
    enum { COUNT = 200 };
    static uint8_t all[COUNT * FRAME_HEAD];
    static struct message sent[COUNT];
    uint64_t seed = 4242;
    printf("# seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < COUNT; i++) {
        sent[i] = (struct message){
            .type = (uint8_t)(check_random(&seed) % 240), .depth = (uint16_t)check_random(&seed),
            .job = check_random(&seed), .stream = (uint32_t)check_random(&seed),
            .seq = (uint32_t)check_random(&seed), .n = check_random(&seed) % LINK_MESSAGE_MAX,
        };
        frame_put(all + i * FRAME_HEAD, &sent[i]);
    }
    for (unsigned most = 1; most < 100; most = 2 * most + 1) {
        struct frame_reader r = { .have = 0 };
        size_t at = 0, got = 0;
        while (at < sizeof all) {
            size_t piece = 1 + check_random(&seed) % most, left = sizeof all - at;
            piece = piece < left ? piece : left;
            at += frame_feed(&r, all + at, piece);
            if (r.have < FRAME_HEAD)
                continue;
            struct message m;
            CHECK_EQ(frame_get(&m, r.head, NULL), 0);
            CHECK(same(&m, &sent[got++]));
            r.have = 0;
        }
        CHECK_EQ(got, COUNT);
    }
}

static void refusals(void)
{
    struct message m = { .type = 5, .n = LINK_MESSAGE_MAX };
    uint8_t head[FRAME_HEAD];
    struct err e;
    frame_put(head, &m);
    CHECK_EQ(frame_get(&m, head, &e), 0);
    put_u32(head, LINK_MESSAGE_MAX + 1);
    CHECK_EQ(frame_get(&m, head, &e), ERR_ABORT);
    CHECK(strstr(e.text, "1073741825 bytes") != NULL);
    put_u32(head, 0xffffffff);
    CHECK_EQ(frame_get(&m, head, &e), ERR_ABORT);
    put_u32(head, 1);
    head[5] = 1;
    CHECK_EQ(frame_get(&m, head, &e), ERR_ABORT);
    head[5] = 0;
    for (unsigned type = FRAME_BYE + 1; type < 256; type++) {
        head[4] = (uint8_t)type;
        CHECK_EQ(frame_get(&m, head, &e), ERR_ABORT);
    }
    head[4] = FRAME_BYE;
    put_u32(head, FRAME_CONTROL_MAX);
    CHECK_EQ(frame_get(&m, head, &e), 0);
    put_u32(head, FRAME_CONTROL_MAX + 1);
    CHECK_EQ(frame_get(&m, head, &e), ERR_ABORT);
}

static struct hello example(void)
{
    struct hello h = { .wire = HELLO_WIRE, .program = "1.2.3", .protocol = "replicated-ring",
                       .role = 2, .parties = 3, .lane = 2, .lanes = 4 };
    for (unsigned i = 0; i < HELLO_DIGEST; i++)
        h.digest[i] = (uint8_t)(3 * i);
    for (unsigned i = 0; i < HELLO_RUN; i++)
        h.run[i] = (uint8_t)(200 + i);
    return h;
}

static void hello_round_trip(void)
{
    struct hello h = example(), got;
    uint8_t b[HELLO_SIZE];
    struct err e;
    hello_put(b, &h);
    CHECK(memcmp(b, "OBSCURA\0\2\0\0\0" "1.2.3\0", 18) == 0);
    CHECK(b[60] == 2 && b[61] == 3 && b[62] == 2 && b[63] == 4 && b[64 + 31] == 93);
    CHECK(b[96] == 200 && b[111] == 215);
    CHECK_EQ(hello_get(&got, b, sizeof b, &e), 0);
    CHECK(strcmp(got.program, h.program) == 0 && strcmp(got.protocol, h.protocol) == 0);
    CHECK(got.role == 2 && got.parties == 3 && memcmp(got.digest, h.digest, HELLO_DIGEST) == 0);
    CHECK(got.lane == 2 && got.lanes == 4 && memcmp(got.run, h.run, HELLO_RUN) == 0);
    CHECK_EQ(hello_compare(&h, &got, &e), 0);
    for (size_t n = 0; n < sizeof b; n++)
        CHECK_EQ(hello_get(&got, b, n, &e), ERR_PEER);
}

static void hello_differs(void)
{
    const struct hello ours = example();
    struct hello h = ours, got;
    uint8_t b[HELLO_SIZE];
    struct err e;
    strcpy(h.protocol, "sy-rep-ring");
    CHECK_EQ(hello_compare(&ours, &h, &e), ERR_PEER);
    CHECK(strstr(e.text, "sy-rep-ring") != NULL && strstr(e.text, "replicated-ring") != NULL);
    h = ours;
    h.parties = 4;
    CHECK_EQ(hello_compare(&ours, &h, &e), ERR_PEER);
    CHECK(strstr(e.text, "4 parties") != NULL);
    h = ours;
    strcpy(h.program, "9.9");
    CHECK_EQ(hello_compare(&ours, &h, &e), ERR_PEER);
    CHECK(strstr(e.text, "9.9") != NULL);
    h = ours;
    h.digest[31] ^= 1;
    CHECK_EQ(hello_compare(&ours, &h, &e), ERR_PEER);
    CHECK(strstr(e.text, "digest") != NULL);
    h = ours;
    h.lane = 0;
    CHECK_EQ(hello_compare(&ours, &h, &e), 0);
    h.lanes = 2;
    CHECK_EQ(hello_compare(&ours, &h, &e), ERR_PEER);
    CHECK(strstr(e.text, "links of 2 connections, we of 4") != NULL);
    static const uint8_t malformed[][2] = { { 0, 0 }, { 4, 4 }, { 0, HELLO_LANES + 1 } };
    for (unsigned i = 0; i < 3; i++) {
        hello_put(b, &ours);
        memcpy(b + 62, malformed[i], 2);
        CHECK_EQ(hello_get(&got, b, sizeof b, &e), ERR_PEER);
        CHECK(strstr(e.text, "malformed") != NULL);
    }
    h = ours;
    h.wire = 77;
    hello_put(b, &h);
    CHECK_EQ(hello_get(&got, b, sizeof b, &e), ERR_PEER);
    CHECK(strstr(e.text, "version 77") != NULL);
    b[0] = 'X';
    CHECK_EQ(hello_get(&got, b, sizeof b, &e), ERR_PEER);
    memcpy(h.protocol, "bad\n\x1b[31m", 10);
    h.wire = HELLO_WIRE;
    hello_put(b, &h);
    CHECK_EQ(hello_get(&got, b, sizeof b, &e), 0);
    CHECK(strcmp(got.protocol, "bad??[31m") == 0);
}

int main(void)
{
    CASE(known_bytes);
    CASE(pieces);
    CASE(refusals);
    CASE(hello_round_trip);
    CASE(hello_differs);
    return check_done();
}
