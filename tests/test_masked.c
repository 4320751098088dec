/*
 * test_masked.c: `trio` and `quad` gate by gate: what any two parties both know of a value is
 * equal, and in quad every wrong message makes two honest parties claim different things.
 */
#include "tests/masked_play.h"

#include <inttypes.h>

static uint64_t state = 20260311;

/* ---- identities, in plain integers ---- */

/* v_t = C + P + 2^(64-f) T N for all combinations of top bits, to within the coin. */
static void truncation_identity(void)
{
    static const int64_t edge[] = { 0, 1, -1, 8191, 8192, -8192, -8193, (1ll << 61), -(1ll << 61),
                                    (1ll << 62) - 1, -(1ll << 62) };
    unsigned bad = 0, wraps = 0;
    for (unsigned f = 1; f <= 32; f++)
        for (unsigned i = 0; i < 2000; i++) {
            int64_t v = i < 11 * 4 ? edge[i / 4] : (int64_t)check_random(&state) >> (1 + i % 62);
            v = v >= 1ll << 62 || v < -(1ll << 62) ? v / 2 : v;
            uint64_t r = check_random(&state), c;
            r = i % 4 == 0 ? 0 : i % 4 == 1 ? UINT64_MAX : i % 4 == 2 ? r | 1ull << 63 : r;
            c = (uint64_t)v + (1ull << 62) + r;
            uint64_t top = r >> 63, low = 1 - (c >> 63);
            uint64_t t = (c >> f) - (1ull << (62 - f)) - (r >> f) + ((top * low) << (64 - f));
            int64_t coin = (int64_t)t - (v >> f);
            uint64_t carry = (((uint64_t)v & ((1ull << f) - 1)) + (r & ((1ull << f) - 1))) >> f;
            bad += coin != (int64_t)carry;
            wraps += top & low;
        }
    CHECK_EQ(bad, 0);
    CHECK(wraps > 100);
}

/* g and p of a block as inner products of S_v with the thermometer, for all a and b. */
static void block_identity(void)
{
    for (unsigned k = 1; k <= 3; k++)
        for (unsigned a = 0; a < 1u << k; a++)
            for (unsigned b = 0; b < 1u << k; b++) {
                unsigned size = 1u << k, g = 0, p = b >= size - 1;
                for (unsigned v = 1; v < size; v++) {
                    g ^= (a == v) & (b >= size - v);
                    p ^= (a == v) & ((b >= size - v) ^ (b >= size - 1 - v) ^ (b >= size - 1));
                }
                CHECK_EQ(g, a + b >= size);
                CHECK_EQ(p, a + b == size - 1);
            }
}

/* y = k v + (1 - 2 k) m_b v is (m_b ^ k) v; a masked sum gives the same with the mask's on top. */
static void injection_identity(void)
{
    for (int i = 0; i < 1000; i++) {
        uint64_t k = check_random(&state) & 1, m = check_random(&state) & 1;
        uint64_t c = check_random(&state), p = check_random(&state), t = check_random(&state) & 1;
        uint64_t n = check_random(&state) & 1, v = c + p + ((t * n) << 51);
        uint64_t w[5], y[2];
        for (int j = 0; j < 5; j++)
            w[j] = check_random(&state);
        for (int j = 0; j < 2; j++) {
            uint64_t one = j == 0;
            uint64_t part = one * m * c + w[1] + p * (one * m + w[2]);
            uint64_t wrap = k * (one * n + w[3]) + (1 - 2 * k) * (one * m * n + w[4]);
            y[j] = k * (one * c + w[0]) + (1 - 2 * k) * part + ((t * wrap) << 51);
        }
        CHECK((y[0] - y[1] + k * p) == (m ^ k) * v);
    }
}

/* ---- programs ---- */

enum { N = 70, KINDS = 11, ROWS = 5, COLUMNS = 3 };

static const char *const kind_name[KINDS] = { "reshare", "trunc", "relu", "wide relu", "plain relu",
                                              "sign", "and", "b2a", "turn", "linear", "chain" };

/* A program of one kind; x, y: elements as they go in; bits for AND and B2A. */
static struct program *program_of(const struct protocol *proto, int kind, unsigned turn)
{
    struct program *p = program_new(proto);
    p->turn = (uint8_t)turn;
    enum value_kind in = kind == 6 || kind == 7 ? VALUE_BITS : VALUE_SHARE;
    uint32_t x = program_external(p, in, N), y = program_external(p, in, N), z;
    switch (kind) {
    case 0: gate_reshare(p, gate_mul(p, x, y)); break;
    case 1: gate_trunc(p, gate_mul(p, x, y), 13); break;
    case 2: gate_relu(p, gate_mul(p, x, y), 14, 18); break;
    case 3: gate_relu(p, gate_mul(p, x, y), 20, 40); break;
    case 4: gate_relu(p, x, 0, 24); break;
    case 5: gate_sign(p, x, 24); break;
    case 6: gate_and(p, x, y); break;
    case 7: gate_b2a(p, x); break;
    case 8:
        p->turn = (uint8_t)((turn + 1 + turn % (proto->parties - 1)) % proto->parties);
        z = program_value(p, VALUE_SHARE, N);
        gate_turn_into(p, x, z, 0);
        break;
    case 9: {
        const struct geometry g = geometry_dense(ROWS, N / ROWS, COLUMNS);
        uint32_t w = program_external_weight(p, &g);
        gate_reshare(p, gate_linear(p, &g, x, w, program_external(p, VALUE_SHARE, COLUMNS), 0,
                                    ROWS));
        break;
    }
    default:
        z = gate_sign(p, gate_trunc(p, gate_mul(p, x, y), 10), 30);
        gate_b2a(p, gate_and(p, z, z));
    }
    CHECK_EQ(program_check(p, NULL), 0);
    return p;
}

static int64_t small(unsigned bits)
{
    return (int64_t)check_random(&state) >> (64 - bits);
}

static void play_start(struct play *y, const struct protocol *proto, int kind, unsigned turn,
                       uint64_t *vx, uint64_t *vy)
{
    *y = (struct play){ .program = program_of(proto, kind, turn) };
    y->seed = check_random(&state);
    for (int i = 0; i < N; i++) {
        vx[i] = (uint64_t)small(17);
        vy[i] = (uint64_t)small(kind == 2 ? 14 : 20);
    }
    play_input(y, 0, vx, &state);
    play_input(y, 1, vy, &state);
    if (kind == 9) {
        play_input(y, 3, vx, &state);
        play_weight(y, 2, vy, &state);
    }
}

/* ---- invariants ---- */

/* All that two parties both know of a value is equal. In trio item 0 of a pair is a plane. */
static void check_common(const struct play *y, uint32_t v)
{
    const struct protocol *proto = y->program->proto;
    const struct value *is = &y->program->value[v];
    size_t n = value_stride(proto, (enum value_kind)is->kind, is->n);
    uint64_t one[N], other[N];
    for (unsigned a = 0; a < proto->parties; a++)
        for (unsigned b = 0; b < proto->parties; b++) {
            unsigned ra = turn_role(proto, is->turn, a), rb = turn_role(proto, is->turn, b);
            unsigned items = a == b ? 0 : proto->parties == 4 ? masked_items(ra, rb) : 1;
            for (unsigned i = 0; i < items; i++) {
                masked_common(one, y->value[a][v], n, n, (enum value_kind)is->kind, ra, rb, i);
                masked_common(other, y->value[b][v], n, n, (enum value_kind)is->kind, rb, ra, i);
                CHECK(memcmp(one, other, n * 8) == 0);
            }
        }
}

static void joined(const struct play *y, uint32_t v, uint64_t *out)
{
    const struct protocol *proto = y->program->proto;
    const struct value *is = &y->program->value[v];
    const uint64_t *piece[LINK_PARTIES] = { NULL };
    for (unsigned a = 0; a < proto->parties; a++)
        piece[turn_role(proto, is->turn, a)] = y->value[a][v];
    CHECK_EQ(proto->output_join(out, piece, value_stride(proto, (enum value_kind)is->kind, is->n),
                                (enum value_kind)is->kind, NULL), 0);
}

/* A dealer is told nothing: it knows all masks. */
static void check_dealer(const struct play *y)
{
    const struct protocol *proto = y->program->proto;
    for (unsigned i = 0; i < y->program->ngate; i++)
        for (unsigned s = 0; s < y->gate[i].steps; s++)
            for (unsigned a = 0; a < proto->parties; a++)
                CHECK_EQ(y->gate[i].bytes[s][a][gate_party(proto, &y->program->gate[i], D)], 0);
}

static void invariants_of(const struct protocol *proto)
{
    for (int kind = 0; kind < KINDS; kind++)
        for (unsigned turn = 0; turn < proto->parties; turn++) {
            struct play y;
            uint64_t vx[N], vy[N], out[N];
            play_start(&y, proto, kind, turn, vx, vy);
            play_run(&y, NULL);
            CHECK(lockstep_agree(play_last(&y)));
            check_dealer(&y);
            for (uint32_t v = 0; v < y.program->nvalue; v++)
                if (y.program->value[v].kind == VALUE_SHARE ||
                    y.program->value[v].kind == VALUE_BITS)
                    check_common(&y, v);
            joined(&y, y.program->gate[y.program->ngate - 1].out, out);
            for (int i = 0; i < N && kind == 8; i++)
                CHECK(out[i] == vx[i]);
            for (int i = 0; i < N && kind == 0; i++)
                CHECK(out[i] == vx[i] * vy[i]);
            for (int i = 0; i < ROWS * COLUMNS && kind == 9; i++) {
                uint64_t sum = vx[i % COLUMNS];
                for (int k = 0; k < N / ROWS; k++)
                    sum += vx[i / COLUMNS * (N / ROWS) + k] * vy[k * COLUMNS + i % COLUMNS];
                CHECK(out[i] == sum);
            }
            play_end(&y);
        }
}

static void invariants(void)
{
    invariants_of(&protocol_trio);
    invariants_of(&protocol_quad);
}

static void every_turn_to_every_turn(void)
{
    const struct protocol *const protos[] = { &protocol_trio, &protocol_quad };
    for (int k = 0; k < 2; k++)
        for (unsigned from = 0; from < protos[k]->parties; from++)
            for (unsigned to = 0; to < protos[k]->parties; to++) {
                struct play y = { .program = program_new(protos[k]) };
                uint64_t x[N], out[N];
                y.program->turn = (uint8_t)from;
                uint32_t v = program_external(y.program, VALUE_SHARE, N);
                y.program->turn = (uint8_t)to;
                uint32_t z = program_value(y.program, VALUE_SHARE, N);
                gate_turn_into(y.program, v, z, 0);
                y.seed = check_random(&state);
                for (int i = 0; i < N; i++)
                    x[i] = check_random(&state);
                play_input(&y, v, x, &state);
                play_run(&y, NULL);
                CHECK(lockstep_agree(play_last(&y)));
                check_common(&y, z);
                joined(&y, z, out);
                CHECK(memcmp(out, x, sizeof x) == 0);
                play_end(&y);
            }
}

/* Clients: what owners make, joined by the roles, is a sharing with equal common items. */
static void inputs_fit_together(void)
{
    const struct protocol *const protos[] = { &protocol_trio, &protocol_quad };
    for (int k = 0; k < 2; k++) {
        struct play y = { .program = program_new(protos[k]) };
        uint32_t v = program_external(y.program, VALUE_SHARE, N);
        uint8_t *message[LINK_PARTIES];
        uint64_t x[N], out[N];
        for (int i = 0; i < N; i++)
            x[i] = check_random(&state);
        for (unsigned r = 0; r < protos[k]->parties; r++)
            message[r] = malloc(protos[k]->input[OWNER_CLIP].bytes(N, r));
        CHECK_EQ(protos[k]->input[OWNER_CLIP].split(message, x, N, NULL), 0);
        for (unsigned r = 0; r < protos[k]->parties; r++) {
            y.value[r][v] = calloc(3 * N, 8);
            protos[k]->input[OWNER_CLIP].join(y.value[r][v], message[r], N, r);
            free(message[r]);
        }
        check_common(&y, v);
        joined(&y, v, out);
        CHECK(memcmp(out, x, sizeof x) == 0);
        for (unsigned r = 0; r < protos[k]->parties; r++)
            free(y.value[r][v]);
        program_free(y.program);
    }
}

/* Each plane of each role, changed in one word, is found out by the output's owner (quad: any
 * plane; trio has two holders of each). */
static void outputs_must_agree(void)
{
    const struct protocol *const protos[] = { &protocol_trio, &protocol_quad };
    for (int k = 0; k < 2; k++)
        for (int bits = 0; bits < 2; bits++) {
            struct play y = { .program = program_new(protos[k]) };
            enum value_kind kind = bits ? VALUE_BITS : VALUE_SHARE;
            uint32_t v = program_external(y.program, kind, N);
            uint64_t x[N] = { 5, 6 }, out[N];
            const uint64_t *piece[LINK_PARTIES] = { NULL };
            size_t n = value_stride(protos[k], kind, N);
            play_input(&y, v, x, &state);
            for (unsigned r = 0; r < protos[k]->parties; r++)
                piece[r] = y.value[r][v];
            for (unsigned r = 0; r < protos[k]->parties; r++)
                for (size_t i = 0; i < protos[k]->planes[kind] * n; i += i % n == 0 ? 1 : n - 1) {
                    y.value[r][v][i] ^= 1ull << 63;
                    CHECK_EQ(protos[k]->output_join(out, piece, n, kind, NULL), ERR_ABORT);
                    y.value[r][v][i] ^= 1ull << 63;
                }
            CHECK_EQ(protos[k]->output_join(out, piece, n, kind, NULL), 0);
            for (unsigned r = 0; r < protos[k]->parties; r++)
                free(y.value[r][v]);
            program_free(y.program);
        }
}

/* ---- cheats ---- */

static void try_cheat(struct play *y, const struct cheat *c, int kind)
{
    play_run(y, c);
    int agree = lockstep_honest_agree(play_last(y), c->from);
    if (agree)
        fprintf(stderr, "%s: gate %u, step %u, from %u to %u, byte %zu, kind %d: not found out\n",
                kind_name[kind], c->gate, c->step, c->from, c->to, c->at, c->kind);
    CHECK_EQ(agree, 0);
    play_again(y);
}

/* Every message of every gate: the first word, the last, and some between. */
static unsigned cheat_messages(struct play *y, int kind)
{
    struct cheat all[PLAY_GATES * 64];
    unsigned count = 0, tried = 0;
    play_run(y, NULL);
    for (unsigned i = 0; i < y->program->ngate; i++)
        for (unsigned s = 0; s < y->gate[i].steps; s++)
            for (unsigned a = 0; a < 4; a++)
                for (unsigned b = 0; b < 4; b++)
                    if (y->gate[i].bytes[s][a][b] > 0)
                        all[count++] = (struct cheat){ .gate = i, .step = s, .from = a, .to = b,
                                                       .at = y->gate[i].bytes[s][a][b] };
    play_again(y);
    for (unsigned i = 0; i < count; i++)
        for (int k = 0; k < 12; k++) {
            struct cheat c = all[i];
            c.random = check_random(&state);
            c.at = k < 3 ? 0 : k < 6 ? c.at - 1 : c.random % c.at;
            c.kind = k % 3;
            try_cheat(y, &c, kind);
            tried++;
        }
    return tried;
}

static void every_wrong_message_is_found_out(void)
{
    unsigned tried = 0;
    for (int kind = 0; kind < KINDS; kind++)
        for (unsigned turn = 0; turn < 4; turn++) {
            struct play y;
            uint64_t vx[N], vy[N];
            if (turn > 0 && kind != 8)
                continue;
            play_start(&y, &protocol_quad, kind, turn, vx, vy);
            tried += cheat_messages(&y, kind);
            play_end(&y);
        }
    printf("# %u wrong messages\n", tried);
    CHECK(tried > 500);
}

/* A party that sends nothing but random words, to everybody, all the time. */
static void a_wild_party_is_found_out(void)
{
    for (int kind = 0; kind < KINDS; kind++) {
        struct play y;
        uint64_t vx[N], vy[N];
        play_start(&y, &protocol_quad, kind, (unsigned)kind % 4, vx, vy);
        play_run(&y, NULL);
        unsigned sends[4] = { 0 };
        for (unsigned i = 0; i < y.program->ngate; i++)
            for (unsigned s = 0; s < y.gate[i].steps; s++)
                for (unsigned a = 0; a < 16; a++)
                    sends[a / 4] += y.gate[i].bytes[s][a / 4][a % 4] > 0;
        play_again(&y);
        for (unsigned from = 0; from < 4; from++) {
            const struct cheat c = { .gate = PLAY_GATES, .from = from, .kind = 3,
                                     .random = check_random(&state) };
            if (sends[from] > 0)
                try_cheat(&y, &c, kind);
        }
        play_end(&y);
    }
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE(truncation_identity);
    CASE(block_identity);
    CASE(injection_identity);
    CASE(invariants);
    CASE(every_turn_to_every_turn);
    CASE(inputs_fit_together);
    CASE(outputs_must_agree);
    CASE(every_wrong_message_is_found_out);
    CASE(a_wild_party_is_found_out);
    return check_done();
}
