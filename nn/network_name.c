/*
 * network_name.c: names of layers and classes. See network.h.
 */
#include <string.h>

#include "nn/network.h"

/* Bytes of the UTF-8 character at p; 0 where there is none, or a control character. */
static unsigned utf8_length(const unsigned char *p)
{
    static const uint32_t least[5] = { 0, 0x20, 0xa0, 0x800, 0x10000 };
    unsigned n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    uint32_t code = n == 1 ? *p : *p & (0x7fu >> n);
    if (*p == 0x7f || (*p >= 0x80 && *p < 0xc0) || *p >= 0xf8)
        return 0;
    for (unsigned i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3fu);
    }
    return code < least[n] || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff ? 0 : n;
}

void network_name_clean(char *name)
{
    while (*name != '\0') {
        unsigned n = utf8_length((const unsigned char *)name);
        if (n == 0)
            *name = '?';
        name += n > 0 ? n : 1;
    }
}

int network_classes(struct network *net, const char *text)
{
    for (unsigned c = 0; c < net->nclass; c++) {
        size_t n = strcspn(text, ",");
        if (n == 0 || n >= FIXED_NAME || (text[n] == '\0') != (c + 1 == net->nclass))
            return -1;
        memcpy(net->class_name[c], text, n);
        memset(net->class_name[c] + n, 0, FIXED_NAME - n);
        network_name_clean(net->class_name[c]);
        text += n + 1;
    }
    return 0;
}

/* Whether layer i may not have its own name alone. */
static int name_taken(const struct network *net, unsigned i)
{
    for (unsigned k = 0; k < net->nlayer && net->layer[i].nweight == 0; k++)
        if (k != i && strcmp(net->layer[k].name, net->layer[i].name) == 0 &&
            (k < i || net->layer[k].nweight > 0))
            return 1;
    return 0;
}

static int titles_differ(char title[static NETWORK_LAYERS][NETWORK_NAME], unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < i; k++)
            if (strcmp(title[i], title[k]) == 0)
                return 0;
    return 1;
}

void network_titles(char title[static NETWORK_LAYERS][NETWORK_NAME], const struct network *net)
{
    enum { ROOM = NETWORK_NAME - 16 };      /* what stays of a name with numbers behind */
    for (unsigned i = 0; i < net->nlayer; i++) {
        const struct layer *l = &net->layer[i];
        if (name_taken(net, i))
            snprintf(title[i], NETWORK_NAME, "%.*s_%u_%u", ROOM, l->name, l->kind, i + 1);
        else
            memcpy(title[i], l->name, NETWORK_NAME);
        network_name_clean(title[i]);
    }
    if (titles_differ(title, net->nlayer))
        return;
    for (unsigned i = 0; i < net->nlayer; i++)
        snprintf(title[i], NETWORK_NAME, "layer%u", i + 1);
}
