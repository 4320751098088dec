/*
 * test_client.c: what clients and parties do with whole inputs, for every protocol: the parts of
 * all turns add up to the input, packed operands are those of the turns, and marks find an owner
 * who does not give everybody the same. The framework's own care for turns and marks is also held
 * with a protocol made for it: `replicated-ring` as if it were turned and its inputs compared.
 */
#include "tests/check.h"
#include "tests/sha256.h"
#include "tests/sharings.h"

#include <inttypes.h>

#include "net/base_mem.h"
#include "proto/client.h"

enum { GUARD = 64, MOST = 1500 };

static uint64_t state = 20260205;
static struct protocol turned;
static const struct protocol *proto;
static unsigned turns;          /* that the input is shared for */
static enum owner of;           /* whose it is */

/* ---- replicated-ring, turned and with marks ---- */

static unsigned turned_items(unsigned role, unsigned other)
{
    return role == other ? 0 : 1;
}

/* Roles r and r + 1 both hold x_{r+1}: plane 1 of the former, plane 0 of the latter. */
static void turned_common(uint64_t *out, const uint64_t *share, size_t stride, size_t words,
                          enum value_kind kind, unsigned role, unsigned other, unsigned item)
{
    (void)kind;
    (void)item;
    memcpy(out, share + ((role + 1) % 3 == other ? stride : 0), words * sizeof *out);
}

static const struct protocol *protocol_of(unsigned i)
{
    const struct protocol *p = protocol_at(i);
    if (p != NULL || i == 0 || protocol_at(i - 1) == NULL)
        return p;
    turned = protocol_replicated;
    turned.name = "replicated-ring, turned and marked";
    turned.flags |= PROTOCOL_TURNED;
    turned.items = turned_items;
    turned.common = turned_common;
    return &turned;
}

/* ---- an input at all parties ---- */

struct input {
    size_t n;
    uint64_t x[MOST];
    uint8_t *message[LINK_PARTIES];
    size_t bytes[LINK_PARTIES], words;
    uint64_t *share[LINK_PARTIES];
};

static int guarded(const uint8_t *p)
{
    for (int i = 0; i < GUARD; i++)
        if (p[i] != 0xa5)
            return 0;
    return 1;
}

static void input_join(struct input *in, unsigned p)
{
    memset(in->share[p], 0xa5, in->words * 8 + GUARD);
    client_join(proto, of, in->share[p], in->message[p], in->n, turns, p);
    CHECK(guarded((uint8_t *)(in->share[p] + in->words)));
}

static void input_make(struct input *in, size_t n)
{
    struct err e;
    in->n = n;
    in->words = turns * client_share_stride(proto, n);
    for (size_t i = 0; i < n; i++)
        in->x[i] = check_random(&state);
    for (unsigned p = 0; p < proto->parties; p++) {
        in->bytes[p] = client_bytes(proto, of, n, turns, p);
        in->message[p] = malloc(in->bytes[p] + GUARD);
        in->share[p] = malloc(in->words * 8 + GUARD);
        memset(in->message[p], 0xa5, in->bytes[p] + GUARD);
    }
    CHECK_EQ(client_split(proto, of, in->message, in->x, n, turns, &e), 0);
    for (unsigned p = 0; p < proto->parties; p++) {
        CHECK(guarded(in->message[p] + in->bytes[p]));
        input_join(in, p);
    }
}

static void input_free(struct input *in)
{
    for (unsigned p = 0; p < proto->parties; p++) {
        free(in->message[p]);
        free(in->share[p]);
    }
}

/* What the parties hold in one turn, joined. 0, or the protocol's word on it. */
static int turn_value(const struct input *in, unsigned turn, uint64_t *out)
{
    const uint64_t *piece[LINK_PARTIES];
    struct err e;
    for (unsigned p = 0; p < proto->parties; p++)
        piece[turn_role(proto, turn, p)] =
            in->share[p] + turn * client_share_stride(proto, in->n);
    return proto->output_join(out, piece, in->n, VALUE_SHARE, &e);
}

static void mark(const struct input *in, unsigned p, unsigned q, uint8_t out[static CLIENT_MARK])
{
    CHECK_EQ(client_mark(proto, out, in->share[p], in->n, turns, p, q), 0);
}

/* Pairs whose marks differ, as bits 4 p + q with p < q. */
static unsigned pairs_differ(const struct input *in)
{
    unsigned pairs = 0;
    for (unsigned q = 1; q < proto->parties; q++)
        for (unsigned p = 0; p < q; p++) {
            uint8_t a[CLIENT_MARK], b[CLIENT_MARK];
            mark(in, p, q, a);
            mark(in, q, p, b);
            pairs |= (unsigned)(memcmp(a, b, CLIENT_MARK) != 0) << (4 * p + q);
        }
    return pairs;
}

static const size_t sizes[] = { 1, 2, 3, 7, 8, 9, 511, 512, 513, 1025, MOST };

static void shares_add_up(void)
{
    static struct input in;
    static uint64_t out[MOST];
    for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        input_make(&in, sizes[k]);
        for (unsigned t = 0; t < turns; t++) {
            CHECK_EQ(turn_value(&in, t, out), 0);
            CHECK(memcmp(out, in.x, in.n * 8) == 0);
        }
        input_free(&in);
    }
}

/* Nothing that a party gets is the same for two sharings of one input, or for two turns. */
static void sharings_are_fresh(void)
{
    static struct input a, b;
    struct err e;
    input_make(&a, 64);
    input_make(&b, 64);
    CHECK_EQ(client_split(proto, of, b.message, a.x, 64, turns, &e), 0);
    for (unsigned p = 0; p < proto->parties; p++) {
        input_join(&b, p);
        unsigned alike = 0;
        size_t stride = client_share_stride(proto, 64), words = value_piece(proto, VALUE_SHARE, 64);
        for (unsigned t = 0; t < turns; t++)
            for (size_t k = 0; k < words; k++) {
                alike += a.share[p][t * stride + k] == b.share[p][t * stride + k];
                alike += t > 0 && a.share[p][t * stride + k] == a.share[p][k];
            }
        CHECK_EQ(alike, 0);
    }
    input_free(&a);
    input_free(&b);
}

/* Where a model is one party's own, the others get the same of any model, and it the model. */
static void models_are_their_owners(void)
{
    static struct input a, b;
    unsigned owners = 0;
    input_make(&a, 64);
    input_make(&b, 64);
    for (unsigned p = 0; p < proto->parties; p++) {
        int owner = sharing_is_known(proto, of, p);
        CHECK_EQ(a.bytes[p], owner ? sizeof(uint64_t[64]) : 1);
        CHECK((memcmp(a.message[p], b.message[p], a.bytes[p]) == 0) == !owner);
        CHECK((memcmp(a.share[p], a.x, sizeof(uint64_t[64])) == 0) == owner);
        owners += owner;
    }
    CHECK_EQ(owners, 1);
    CHECK((proto->flags & PROTOCOL_OWNED) != 0 && sharing_is_known(proto, of, 1));
    input_free(&a);
    input_free(&b);
}

static void packs_are_those_of_the_turns(void)
{
    static const struct geometry g = { .h = 5, .w = 4, .c = 3, .kh = 2, .kw = 3, .sh = 1, .sw = 1,
                                       .oh = 4, .ow = 2, .oc = 7 };
    static struct input in;
    size_t stride = client_pack_stride(proto, &g), words = proto->weight_words(&g);
    size_t all = stride * turns;
    uint64_t *packed = aligned_alloc(64, all * 8), *one = aligned_alloc(64, stride * 8);
    input_make(&in, geometry_depth(&g) * g.oc);
    for (unsigned p = 0; p < proto->parties; p++) {
        memset(packed, 0, all * 8);
        CHECK_EQ(client_pack(proto, packed, in.share[p], &g, turns, p), 0);
        for (unsigned t = 0; t < turns; t++) {
            memset(one, 0, stride * 8);
            CHECK_EQ(proto->weight_pack(one, in.share[p] + t * client_share_stride(proto, in.n), &g,
                                        turn_role(proto, t, p)), 0);
            CHECK(memcmp(one, packed + t * stride, words * 8) == 0);
        }
        mem_fail_at(1);
        int code = client_pack(proto, packed, in.share[p], &g, turns, p);
        CHECK(code == 0 || code == ERR_FAILED);
        mem_fail_at(0);
    }
    input_free(&in);
    free(packed);
    free(one);
}

/* ---- marks ---- */

/* The mark as client.h writes it down, with another SHA-256. */
static void mark_again(const struct input *in, unsigned p, unsigned q,
                       uint8_t out[static CLIENT_MARK])
{
    static uint64_t words[MOST];
    struct sha256 s;
    sha256_start(&s);
    for (unsigned t = 0; t < turns; t++) {
        unsigned a = turn_role(proto, t, p), b = turn_role(proto, t, q);
        for (unsigned item = 0; item < proto->items(a, b); item++) {
            proto->common(words, in->share[p] + t * client_share_stride(proto, in->n), in->n, in->n,
                          VALUE_SHARE, a, b, item);
            sha256_add(&s, words, in->n * 8);
        }
    }
    sha256_end(&s, out);
}

static void marks_of_the_honest_agree(void)
{
    static struct input in;
    static const uint8_t none[CLIENT_MARK];
    for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        input_make(&in, sizes[k]);
        CHECK_EQ(pairs_differ(&in), 0);
        for (unsigned p = 0; p < proto->parties; p++)
            for (unsigned q = 0; q < proto->parties; q++) {
                uint8_t a[CLIENT_MARK], b[CLIENT_MARK];
                if (p == q)
                    continue;
                mark(&in, p, q, a);
                if (proto->items == NULL) {
                    CHECK(memcmp(a, none, CLIENT_MARK) == 0);
                    continue;
                }
                CHECK_EQ(proto->items(p, q), proto->items(q, p));
                mark_again(&in, p, q, b);
                CHECK(memcmp(a, b, CLIENT_MARK) == 0);
            }
        input_free(&in);
    }
}

/* An owner changes one byte of what one party gets: some pair notices, or else what the parties
 * hold is still a sharing, of another value: the owner's right. */
static void changes_are_noticed(void)
{
    static struct input in;
    static uint64_t out[MOST];
    unsigned noticed = 0, own = 0;
    CHECK(proto->items != NULL || (proto->flags & PROTOCOL_MALICIOUS) == 0);
    if (proto->items == NULL)
        return;
    input_make(&in, 5);
    for (unsigned p = 0; p < proto->parties; p++) {
        for (size_t i = 0; i < in.bytes[p]; i++) {
            uint8_t change = (uint8_t)(1u << check_random(&state) % 8);
            in.message[p][i] ^= change;
            input_join(&in, p);
            unsigned pairs = pairs_differ(&in), bad = 0;
            for (unsigned a = 0; a < proto->parties; a++)
                for (unsigned b = a + 1; b < proto->parties; b++)
                    bad += a != p && b != p && (pairs >> (4 * a + b) & 1);
            CHECK_EQ(bad, 0);           /* pairs that it does not concern */
            for (unsigned t = 0; pairs == 0 && t < turns; t++)
                CHECK_EQ(turn_value(&in, t, out), 0);
            noticed += pairs != 0;
            own += pairs == 0;
            in.message[p][i] ^= change;
        }
        input_join(&in, p);
    }
    printf("# %u bytes are noticed by some pair, %u bytes are one party's alone\n", noticed, own);
    CHECK(noticed > 0);
    CHECK_EQ(pairs_differ(&in), 0);
    input_free(&in);
}

/* The first and the last word of a long input count, and those where hashing goes in pieces. */
static void every_word_counts(void)
{
    static const size_t at[] = { 0, 511, 512, 1023, 1024, MOST - 1 };
    static struct input in;
    if (proto->items == NULL)
        return;
    input_make(&in, MOST);
    for (unsigned t = 0; t < turns; t++)
        for (unsigned p = 0; p < proto->parties; p++)
            for (unsigned plane = 0; plane < proto->planes[VALUE_SHARE]; plane++) {
                unsigned first = 0;
                for (unsigned k = 0; k < sizeof at / sizeof *at; k++) {
                    uint64_t *word = in.share[p] + t * client_share_stride(proto, in.n) +
                                     plane * in.n + at[k];
                    *word ^= UINT64_C(1) << 63;
                    unsigned pairs = pairs_differ(&in);
                    first = k == 0 ? pairs : first;
                    CHECK_EQ(pairs, first);     /* one word is as good as another */
                    *word ^= UINT64_C(1) << 63;
                }
            }
    input_free(&in);
}

/* ---- the sharings of other tests (sharings.h) ---- */

/* They are what the protocol says: they join to the value, pairs agree on what both know, and what
 * the eye holds does not change with the value. */
static void sharings_of_tests_hold(void)
{
    enum { N = 70 };
    static const uint64_t value[2] = { 5 << 14, (uint64_t)-7 << 14 };
    for (int bits = 0; bits < 2; bits++)
        for (unsigned eye = 0; eye <= proto->parties; eye++) {
            enum value_kind kind = bits ? VALUE_BITS : VALUE_SHARE;
            uint64_t share[2][LINK_PARTIES][N * SHARING_PLANES], out[N], x[N];
            for (unsigned v = 0; v < 2; v++) {
                struct eye e = { eye < proto->parties ? eye : NOBODY, 11, 22 };
                uint64_t *to[LINK_PARTIES];
                const uint64_t *piece[LINK_PARTIES];
                struct err err;
                unsigned turn = proto->flags & PROTOCOL_TURNED ? 1 : 0;
                for (unsigned p = 0; p < proto->parties; p++)
                    piece[turn_role(proto, turn, p)] = to[p] = share[v][p];
                for (unsigned i = 0; i < N; i++)
                    x[i] = value[v];
                if (sharing_make(proto, of, &e, turn, kind, x, N, to) != 0)
                    return;
                CHECK_EQ(proto->output_join(out, piece, N, kind, &err), 0);
                CHECK(memcmp(out, x, sizeof x) == 0);
                for (unsigned a = 0; a < proto->parties && proto->items != NULL; a++)
                    for (unsigned b = 0; b < a; b++) {
                        uint64_t one[N], two[N];
                        CHECK_EQ(proto->items(a, b), proto->items(b, a));
                        for (unsigned i = 0; i < proto->items(a, b); i++) {
                            proto->common(one, piece[a], N, N, kind, a, b, i);
                            proto->common(two, piece[b], N, N, kind, b, a, i);
                            CHECK(memcmp(one, two, sizeof one) == 0);
                        }
                    }
            }
            if (eye < proto->parties)
                CHECK((memcmp(share[0][eye], share[1][eye], proto->planes[kind] * N * 8) == 0) ==
                      !sharing_is_known(proto, of, eye));
        }
}

static void cases(void)
{
    printf("# %s, %u turns%s\n", proto->name, turns, of == OWNER_MODEL ? ", of a model" : "");
    if (proto != &turned)
        CASE(sharings_of_tests_hold);
    CASE(shares_add_up);
    if (of == OWNER_MODEL)
        CASE(models_are_their_owners);
    else
        CASE(sharings_are_fresh);
    CASE(packs_are_those_of_the_turns);
    CASE(marks_of_the_honest_agree);
    CASE(changes_are_noticed);
    CASE(every_word_counts);
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    for (unsigned i = 0; (proto = protocol_of(i)) != NULL; i++)
        for (int all = 0; all < 1 + (protocol_turns(proto) > 1); all++) {
            turns = all ? protocol_turns(proto) : 1;
            for (of = OWNER_CLIP; of < OWNERS; of++)
                if (protocol_sharing(proto, of) == &proto->input[of])
                    cases();
        }
    return check_done();
}
