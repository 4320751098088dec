#include "nn/joblib.h"

#include <string.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"

enum { VALUES = 2048, STACK = 256, MEMO = 512, ITEMS_MOST = 64 };

enum kind {
    NONE, MARK, NUMBER, TEXT, GLOBAL, TUPLE, LIST, DICT, ARRAY, DTYPE,
    MADE_DTYPE                  /* a dtype after its BUILD */
};

enum global { WRAPPER_CLASS, NDARRAY_CLASS, DTYPE_CLASS, GLOBALS };

static const struct { const char *module, *name; } globals[GLOBALS] = {
    { "joblib.numpy_pickle", "NumpyArrayWrapper" }, { "numpy", "ndarray" }, { "numpy", "dtype" },
};

/* One object. Tuples and dictionaries refer to values [first, first + n) of the pool. */
struct value {
    enum kind kind;
    int64_t number;
    const uint8_t *text;
    unsigned first, n;
};

struct machine {
    struct reader in;
    const uint8_t *begin;
    const char *name;
    struct joblib *out;
    struct value pool[VALUES];
    unsigned npool, stack[STACK], depth, memo[MEMO], nmemo;
    int stopped;
};

static int refuse(struct machine *m, struct err *e, const char *what)
{
    return err_set(e, ERR_INPUT, "%s: byte %zu: %s; expected a joblib pickle of a list of float32 "
        "arrays", m->name, (size_t)(m->in.p - m->begin), what);
}

static int push(struct machine *m, struct value v, struct err *e)
{
    if (m->npool == VALUES || m->depth == STACK)
        return refuse(m, e, "too many objects");
    m->pool[m->npool] = v;
    m->stack[m->depth++] = m->npool++;
    return 0;
}

/* The k-th object from the top; NULL when it is not there or not of this kind. */
static struct value *peek(struct machine *m, unsigned k, enum kind kind)
{
    if (k >= m->depth || m->pool[m->stack[m->depth - 1 - k]].kind != kind)
        return NULL;
    return &m->pool[m->stack[m->depth - 1 - k]];
}

/* Objects above the last mark, copied to the end of the pool; takes them and the mark away. */
static int take_marked(struct machine *m, unsigned *first, unsigned *n, struct err *e)
{
    unsigned d = m->depth;
    while (d > 0 && m->pool[m->stack[d - 1]].kind != MARK)
        d--;
    if (d == 0)
        return refuse(m, e, "a mark is missing");
    *n = m->depth - d;
    if (*n > ITEMS_MOST || m->npool + *n > VALUES)
        return refuse(m, e, "too many objects");
    *first = m->npool;
    for (unsigned k = 0; k < *n; k++)
        m->pool[m->npool++] = m->pool[m->stack[d + k]];
    m->depth = d - 1;
    return 0;
}

static int tuple_top(struct machine *m, unsigned n, struct err *e)
{
    if (n > m->depth || m->npool + n > VALUES)
        return refuse(m, e, "a tuple of too few objects");
    struct value v = { .kind = TUPLE, .first = m->npool, .n = n };
    for (unsigned k = 0; k < n; k++) {
        unsigned at = m->stack[m->depth - n + k];
        if (m->pool[at].kind == MARK)
            return refuse(m, e, "a tuple of too few objects");
        m->pool[m->npool++] = m->pool[at];
    }
    m->depth -= n;
    return push(m, v, e);
}

static int tuple_marked(struct machine *m, struct err *e)
{
    struct value v = { .kind = TUPLE };
    if (take_marked(m, &v.first, &v.n, e) != 0)
        return e->code;
    return push(m, v, e);
}

static int text_is(const struct value *v, const char *word)
{
    return v->kind == TEXT && v->n == strlen(word) && memcmp(v->text, word, v->n) == 0;
}

static int push_text(struct machine *m, size_t n, struct err *e)
{
    const uint8_t *p = n < 4096 ? read_bytes(&m->in, n) : NULL;
    if (p == NULL)
        return refuse(m, e, "a text too long");
    return push(m, (struct value){ .kind = TEXT, .text = p, .n = (unsigned)n }, e);
}

static int push_global(struct machine *m, struct err *e)
{
    struct value *module = peek(m, 1, TEXT), *name = peek(m, 0, TEXT);
    for (int g = 0; module != NULL && name != NULL && g < GLOBALS; g++)
        if (text_is(module, globals[g].module) && text_is(name, globals[g].name)) {
            m->depth -= 2;
            return push(m, (struct value){ .kind = GLOBAL, .number = g }, e);
        }
    return refuse(m, e, "an object of another class");
}

/* NEWOBJ: a NumpyArrayWrapper without arguments. REDUCE: dtype('f4', ..). */
static int make(struct machine *m, enum global class, enum kind kind, struct err *e)
{
    const struct value *arguments = peek(m, 0, TUPLE), *of = peek(m, 1, GLOBAL);
    if (arguments == NULL || of == NULL || of->number != class)
        return refuse(m, e, "an object of another class");
    if (class == WRAPPER_CLASS && arguments->n != 0)
        return refuse(m, e, "an array wrapper with arguments");
    if (class == DTYPE_CLASS && (arguments->n == 0
            || !text_is(&m->pool[arguments->first], "f4")))
        return refuse(m, e, "an array whose type is not f4");
    m->depth -= 2;
    return push(m, (struct value){ .kind = kind }, e);
}

static int set_items(struct machine *m, struct err *e)
{
    unsigned first, n;
    if (take_marked(m, &first, &n, e) != 0)
        return e->code;
    struct value *dict = peek(m, 0, DICT);
    if (dict == NULL || dict->n != 0 || n % 2 != 0)
        return refuse(m, e, "items for something that is no empty dictionary");
    dict->first = first;
    dict->n = n;
    return 0;
}

static const struct value *item(const struct machine *m, const struct value *dict,
    const char *key)
{
    for (unsigned k = 0; k + 1 < dict->n; k += 2)
        if (text_is(&m->pool[dict->first + k], key))
            return &m->pool[dict->first + k + 1];
    return NULL;
}

/* The shape from its tuple. */
static int take_shape(struct machine *m, struct joblib_array *a, const struct value *shape,
    struct err *e)
{
    if (shape == NULL || shape->kind != TUPLE || shape->n == 0 || shape->n > JOBLIB_DIMS)
        return refuse(m, e, "an array without a shape of 1 to 4 edges");
    a->dims = shape->n;
    a->count = 1;
    for (unsigned k = 0; k < shape->n; k++) {
        const struct value *v = &m->pool[shape->first + k];
        if (v->kind != NUMBER || v->number < 1 || v->number > 1 << 20)
            return refuse(m, e, "an array with an edge outside 1 to 1048576");
        a->dim[k] = (uint32_t)v->number;
        a->count *= a->dim[k];
        if (a->count > m->in.n)
            return refuse(m, e, "an array longer than the file");
    }
    return 0;
}

/* The values stand right behind the wrapper: a byte with the padding's length and the padding,
 * where the wrapper speaks of an alignment, and the floats. */
static int take_array(struct machine *m, const struct value *state, struct err *e)
{
    const struct value *order = item(m, state, "order"), *type = item(m, state, "dtype");
    if (m->out->n == JOBLIB_ARRAYS)
        return refuse(m, e, "too many arrays");
    if (order == NULL || !text_is(order, "C"))
        return refuse(m, e, "an array that is not in C order");
    if (type == NULL || type->kind != MADE_DTYPE)
        return refuse(m, e, "an array whose type is not little-endian f4");
    struct joblib_array *a = &m->out->array[m->out->n];
    if (take_shape(m, a, item(m, state, "shape"), e) != 0)
        return e->code;
    if (item(m, state, "numpy_array_alignment_bytes") != NULL)
        read_bytes(&m->in, read_u8(&m->in));
    a->at = (size_t)(m->in.p - m->begin);
    if (read_bytes(&m->in, a->count * sizeof(float)) == NULL)
        return refuse(m, e, "an array longer than the file");
    m->out->n++;
    return 0;
}

static int build(struct machine *m, struct err *e)
{
    const struct value *dict = peek(m, 0, DICT), *tuple = peek(m, 0, TUPLE);
    struct value *dtype = peek(m, 1, DTYPE);
    if (dict != NULL && peek(m, 1, ARRAY) != NULL) {
        m->depth--;
        return take_array(m, dict, e);
    }
    if (tuple == NULL || dtype == NULL || tuple->n < 2
        || !text_is(&m->pool[tuple->first + 1], "<"))
        return refuse(m, e, "a state that is neither an array's nor a little-endian type's");
    m->depth--;
    /* Copies of it in the pool (in the memo) are the same object: they are changed as well. */
    for (unsigned k = 0; k < m->npool; k++)
        if (m->pool[k].kind == DTYPE)
            m->pool[k].kind = MADE_DTYPE;
    return 0;
}

/* Arrays above the mark go into the list; they have been taken already. */
static int append_marked(struct machine *m, struct err *e)
{
    unsigned first, n;
    if (take_marked(m, &first, &n, e) != 0)
        return e->code;
    for (unsigned k = 0; k < n; k++)
        if (m->pool[first + k].kind != ARRAY)
            return refuse(m, e, "an item that is no array");
    struct value *list = peek(m, 0, LIST);
    if (list == NULL)
        return refuse(m, e, "items for something that is no list");
    list->n += n;
    return 0;
}

static int append_one(struct machine *m, struct err *e)
{
    struct value *list = peek(m, 1, LIST);
    if (peek(m, 0, ARRAY) == NULL || list == NULL)
        return refuse(m, e, "an item that is no array in a list");
    list->n++;
    m->depth--;
    return 0;
}

static int memo_put(struct machine *m, uint32_t at, struct err *e)
{
    if (at >= MEMO || at > m->nmemo || m->depth == 0)
        return refuse(m, e, "a memo out of order");
    m->memo[at] = m->stack[m->depth - 1];
    m->nmemo += at == m->nmemo;
    return 0;
}

static int memo_get(struct machine *m, uint32_t at, struct err *e)
{
    if (at >= m->nmemo || m->depth == STACK)
        return refuse(m, e, "a memo that was never written");
    m->stack[m->depth++] = m->memo[at];
    return 0;
}

static int stop(struct machine *m, struct err *e)
{
    const struct value *list = peek(m, 0, LIST);
    if (m->depth != 1 || list == NULL || list->n != m->out->n || m->out->n == 0)
        return refuse(m, e, "the end, without a list of the arrays");
    if (m->in.n != 0)
        return refuse(m, e, "bytes behind the end");
    m->stopped = 1;
    return 0;
}

static int push_number(struct machine *m, int64_t v, struct err *e)
{
    return push(m, (struct value){ .kind = NUMBER, .number = v }, e);
}

/* Instructions that put a plain value on the stack; -1 when it is none of them. */
static int step_value(struct machine *m, uint8_t op, struct err *e)
{
    switch (op) {
    case '(': return push(m, (struct value){ .kind = MARK }, e);
    case 'N': return push(m, (struct value){ .kind = NONE }, e);
    case ']': return push(m, (struct value){ .kind = LIST }, e);
    case '}': return push(m, (struct value){ .kind = DICT }, e);
    case ')': return push(m, (struct value){ .kind = TUPLE }, e);
    case 0x88: return push_number(m, 1, e);
    case 0x89: return push_number(m, 0, e);
    case 'K': return push_number(m, read_u8(&m->in), e);
    case 'M': return push_number(m, read_u16(&m->in), e);
    case 'J': return push_number(m, (int32_t)read_u32(&m->in), e);
    case 0x8c: return push_text(m, read_u8(&m->in), e);
    case 'X': return push_text(m, read_u32(&m->in), e);
    default: return -1;
    }
}

static int step_object(struct machine *m, uint8_t op, struct err *e)
{
    switch (op) {
    case 0x85: return tuple_top(m, 1, e);
    case 0x86: return tuple_top(m, 2, e);
    case 0x87: return tuple_top(m, 3, e);
    case 't': return tuple_marked(m, e);
    case 'u': return set_items(m, e);
    case 'a': return append_one(m, e);
    case 'e': return append_marked(m, e);
    case 'b': return build(m, e);
    case 'R': return make(m, DTYPE_CLASS, DTYPE, e);
    case 0x81: return make(m, WRAPPER_CLASS, ARRAY, e);
    case 0x93: return push_global(m, e);
    case 0x94: return memo_put(m, m->nmemo, e);
    case 'q': return memo_put(m, read_u8(&m->in), e);
    case 'r': return memo_put(m, read_u32(&m->in), e);
    case 'h': return memo_get(m, read_u8(&m->in), e);
    case 'j': return memo_get(m, read_u32(&m->in), e);
    case '.': return stop(m, e);
    default: return refuse(m, e, "an instruction that such a file does not need");
    }
}

static int step(struct machine *m, struct err *e)
{
    uint8_t op = read_u8(&m->in);
    int code = 0;
    if (op == 0x80 || op == 0x95) {         /* PROTO, FRAME: lengths that nothing depends on */
        read_bytes(&m->in, op == 0x80 ? 1 : 8);
    } else {
        code = step_value(m, op, e);
        if (code < 0)
            code = step_object(m, op, e);
    }
    return code != 0 || !m->in.bad ? code : refuse(m, e, "the file ends too soon");
}

int joblib_parse(struct joblib *j, const uint8_t *p, size_t n, const char *name, struct err *e)
{
    struct machine *m = mem_new(1, sizeof *m);
    int code = 0;
    if (m == NULL)
        return err_set(e, ERR_FAILED, "%s: no memory to read it", name);
    *j = (struct joblib){ 0 };
    m->in = (struct reader){ .p = p, .n = n };
    m->begin = p;
    m->name = name;
    m->out = j;
    while (code == 0 && !m->stopped)
        code = step(m, e);
    mem_free(m);
    return code;
}
