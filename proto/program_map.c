/*
 * program_map.c: public sparse matrices, and the gates that apply them.
 */
#include "proto/program_build.h"

#include "net/base_mem.h"

struct map *map_new(struct program *p, uint32_t rows, uint32_t columns, size_t terms)
{
    if (terms >= UINT32_MAX)
        p->failed = 1;
    if (program_grow(p, &p->map, p->nmap, &p->map_room, sizeof *p->map) != 0)
        return NULL;
    struct map *m = &p->map[p->nmap++];
    *m = (struct map){ .rows = rows, .columns = columns, .room = (uint32_t)terms };
    m->row = mem_new((size_t)rows + 1, sizeof *m->row);
    m->col = mem_new(terms + 1, sizeof *m->col);
    m->coef = mem_new(terms + 1, sizeof *m->coef);
    m->constant = mem_new(rows, sizeof *m->constant);
    if (m->row == NULL || m->col == NULL || m->coef == NULL || m->constant == NULL) {
        p->failed = 1;
        return NULL;
    }
    return m;
}

void map_term(struct map *m, uint32_t row, uint32_t column, int64_t coef)
{
    if (m == NULL)
        return;
    if (row >= m->rows || row < m->at || column >= m->columns || m->terms == m->room) {
        m->failed = 1;
        return;
    }
    m->at = row;
    m->col[m->terms] = column;
    m->coef[m->terms] = coef;
    m->row[row + 1] = ++m->terms;
}

void map_constant(struct map *m, uint32_t row, int64_t constant)
{
    if (m != NULL && row < m->rows)
        m->constant[row] = constant;
    else if (m != NULL)
        m->failed = 1;
}

/* Rows without terms end where the row before them ends. */
static void map_close(struct map *m)
{
    for (uint32_t r = 0; r < m->rows; r++)
        if (m->row[r + 1] < m->row[r])
            m->row[r + 1] = m->row[r];
}

static uint32_t gate_map(struct program *p, enum gate_kind kind, uint32_t x, uint32_t y,
                         struct map *m, enum value_kind values)
{
    size_t columns = value_size(p, x, (int)values, (int)values);
    if (y != NO_VALUE)
        columns += value_size(p, y, (int)values, (int)values);
    if (p->failed || m == NULL || m->failed || columns != m->columns) {
        p->failed = 1;
        return NO_VALUE;
    }
    map_close(m);
    struct gate gate = gate_blank(p, kind);
    gate.in[0] = x;
    gate.in[1] = y;
    gate.shape = (uint32_t)(m - p->map);
    gate.n = m->rows;
    gate.out = program_value(p, values, m->rows);
    gate_enter(p, &gate);
    return gate.out;
}

uint32_t gate_affine(struct program *p, uint32_t x, uint32_t y, struct map *m)
{
    return gate_map(p, GATE_AFFINE, x, y, m, VALUE_SHARE);
}

uint32_t gate_bitmap(struct program *p, uint32_t x, uint32_t y, struct map *m)
{
    return gate_map(p, GATE_BITMAP, x, y, m, VALUE_BITS);
}
