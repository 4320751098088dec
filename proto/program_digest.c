/*
 * program_digest.c: SHA-256 over everything in a program that the parties must agree on.
 */
#include <string.h>

#include <openssl/evp.h>

#include "net/base_bytes.h"
#include "proto/program.h"
#include "proto/protocol.h"

static void digest_u32(EVP_MD_CTX *md, uint32_t v)
{
    uint8_t b[4];
    put_u32(b, v);
    EVP_DigestUpdate(md, b, sizeof b);
}

static void digest_gate(EVP_MD_CTX *md, const struct gate *g)
{
    const uint32_t field[] = { g->kind, g->turn, g->shift, g->width, g->from,
                               g->wall, g->frame, g->layer, g->in[0],
                               g->in[1], g->in[2], g->in[3], g->after, g->out, g->first, g->n,
                               g->in_first, g->shape, g->held_first };
    for (size_t i = 0; i < sizeof field / sizeof field[0]; i++)
        digest_u32(md, field[i]);
}

static void digest_map(EVP_MD_CTX *md, const struct map *m)
{
    digest_u32(md, m->rows);
    digest_u32(md, m->columns);
    for (uint32_t r = 0; r <= m->rows; r++)
        digest_u32(md, m->row[r]);
    for (uint32_t k = 0; k < m->row[m->rows]; k++) {
        digest_u32(md, m->col[k]);
        EVP_DigestUpdate(md, &m->coef[k], sizeof m->coef[k]);
    }
    EVP_DigestUpdate(md, m->constant, m->rows * sizeof *m->constant);
}

/* The gates have their numbers in it: these are their places in the randomness. */
void program_deals_digest(const struct program *p, uint8_t digest[static 32])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    memset(digest, 0, 32);
    if (p->failed || md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(md);
        return;
    }
    EVP_DigestUpdate(md, p->proto->name, strlen(p->proto->name) + 1);
    for (uint32_t i = 0; i < p->ngate; i++) {
        const struct gate *g = &p->gate[i];
        if (!gate_in_part(g, PART_DEALS))
            continue;
        digest_u32(md, i);
        digest_gate(md, g);
        if (g->kind == GATE_DEAL_LINEAR)
            EVP_DigestUpdate(md, &p->geometry[g->shape], sizeof p->geometry[g->shape]);
    }
    EVP_DigestFinal_ex(md, digest, NULL);
    EVP_MD_CTX_free(md);
}

void program_digest(const struct program *p, uint8_t digest[static 32])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    memset(digest, 0, 32);
    if (p->failed || md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(md);
        return;
    }
    EVP_DigestUpdate(md, p->proto->name, strlen(p->proto->name) + 1);
    const uint32_t count[] = { p->nvalue, p->ngate, p->ngeometry, p->nmap, p->nheld };
    for (size_t i = 0; i < sizeof count / sizeof count[0]; i++)
        digest_u32(md, count[i]);
    for (uint32_t i = 0; i < p->nvalue; i++) {
        const struct value *v = &p->value[i];
        digest_u32(md, (uint32_t)v->kind | (uint32_t)v->external << 8 | (uint32_t)v->keep << 16 |
                       (uint32_t)v->turn << 24);
        digest_u32(md, v->late);
        digest_u32(md, v->n);
    }
    for (uint32_t i = 0; i < p->ngate; i++)
        digest_gate(md, &p->gate[i]);
    for (uint32_t i = 0; i < p->nheld; i++)
        digest_u32(md, p->held[i]);
    for (uint32_t i = 0; i < p->ngeometry; i++)
        EVP_DigestUpdate(md, &p->geometry[i], sizeof p->geometry[i]);
    for (uint32_t i = 0; i < p->nmap; i++)
        digest_map(md, &p->map[i]);
    EVP_DigestFinal_ex(md, digest, NULL);
    EVP_MD_CTX_free(md);
}
