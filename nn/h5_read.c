#include "nn/h5_read.h"

#include <string.h>

#include "net/base_mem.h"

enum { LINK_BYTES = 256 };

void h5_strings_fini(struct h5_strings *s)
{
    for (size_t i = 0; s->text != NULL && i < s->n; i++)
        mem_free(s->text[i]);
    mem_free(s->text);
    *s = (struct h5_strings){ 0 };
}

hid_t h5_open(const uint8_t *p, size_t n)
{
    hid_t file = -1, access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0)
        return -1;
    /* The library copies the image; its parameter is not const for other uses only. */
    union { const uint8_t *in; void *out; } image = { .in = p };
    if (H5Pset_fapl_core(access, 1 << 16, 0) >= 0 &&
        H5Pset_file_image(access, image.out, n) >= 0)
        file = H5Fopen("memory", H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return file;
}

/* The next part of a path into `part`; the rest, or NULL at the end or when a part is too long. */
static const char *path_part(char part[LINK_BYTES], const char *path)
{
    path += strspn(path, "/");
    size_t n = strcspn(path, "/");
    if (n == 0 || n >= LINK_BYTES)
        return NULL;
    memcpy(part, path, n);
    part[n] = '\0';
    return path + n;
}

static hid_t step_into(hid_t at, const char *part)
{
    H5L_info_t link;
    if (H5Iget_type(at) == H5I_DATASET || H5Lexists(at, part, H5P_DEFAULT) <= 0 ||
        H5Lget_info(at, part, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
        return -1;
    return H5Oopen(at, part, H5P_DEFAULT);
}

hid_t h5_object(hid_t at, const char *path, H5I_type_t type)
{
    char part[LINK_BYTES];
    hid_t here = -1;
    const char *rest = path;
    while (rest != NULL && rest[strspn(rest, "/")] != '\0') {
        rest = path_part(part, rest);
        hid_t next = rest != NULL ? step_into(here >= 0 ? here : at, part) : -1;
        if (here >= 0)
            H5Oclose(here);
        here = next;
        if (here < 0)
            return -1;
    }
    if (here >= 0 && H5Iget_type(here) != type) {
        H5Oclose(here);
        return -1;
    }
    return here;
}

int h5_has(hid_t at, const char *attribute)
{
    return H5Aexists(at, attribute) > 0;
}

static char *text_copy(const char *p, size_t room)
{
    size_t n = strnlen(p, room);
    char *text = n < H5_BYTES ? mem_new(n + 1, 1) : NULL;
    if (text != NULL)
        memcpy(text, p, n);
    return text;
}

static int read_fixed(struct h5_strings *s, hid_t attribute, hid_t type)
{
    size_t size = H5Tget_size(type);
    if (size == 0 || size > H5_BYTES || s->n * size > H5_BYTES)
        return -1;
    char *bytes = mem_new(s->n, size);
    int code = bytes != NULL && H5Aread(attribute, type, bytes) >= 0 ? 0 : -1;
    for (size_t i = 0; code == 0 && i < s->n; i++)
        if ((s->text[i] = text_copy(bytes + i * size, size)) == NULL)
            code = -1;
    mem_free(bytes);
    return code;
}

static int read_variable(struct h5_strings *s, hid_t attribute, hid_t type, hid_t space)
{
    char **bytes = mem_new(s->n, sizeof *bytes);
    hid_t memory = H5Tcopy(H5T_C_S1);
    int code = -1;
    if (bytes != NULL && memory >= 0 && H5Tset_size(memory, H5T_VARIABLE) >= 0 &&
        H5Tset_cset(memory, H5Tget_cset(type)) >= 0 && H5Aread(attribute, memory, bytes) >= 0) {
        code = 0;
        for (size_t i = 0; code == 0 && i < s->n; i++)
            if (bytes[i] == NULL || (s->text[i] = text_copy(bytes[i], H5_BYTES)) == NULL)
                code = -1;
        H5Dvlen_reclaim(memory, space, H5P_DEFAULT, bytes);
    }
    if (memory >= 0)
        H5Tclose(memory);
    mem_free(bytes);
    return code;
}

static int read_strings(struct h5_strings *s, hid_t attribute, hid_t type, hid_t space)
{
    hssize_t n = H5Sget_simple_extent_npoints(space);
    if (n < 0 || n > H5_STRINGS || H5Tget_class(type) != H5T_STRING)
        return n == 0 ? 0 : -1;     /* a layer without weights has an empty list of any type */
    s->text = mem_new(n > 0 ? (size_t)n : 1, sizeof *s->text);
    if (s->text == NULL)
        return -1;
    s->n = (size_t)n;
    if (n == 0)
        return 0;
    return H5Tis_variable_str(type) > 0 ? read_variable(s, attribute, type, space)
                                        : read_fixed(s, attribute, type);
}

int h5_strings(struct h5_strings *s, hid_t at, const char *name)
{
    *s = (struct h5_strings){ 0 };
    if (!h5_has(at, name))
        return -1;
    hid_t attribute = H5Aopen(at, name, H5P_DEFAULT), type = -1, space = -1;
    int code = -1;
    if (attribute >= 0 && (type = H5Aget_type(attribute)) >= 0 &&
        (space = H5Aget_space(attribute)) >= 0)
        code = read_strings(s, attribute, type, space);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
    if (code != 0)
        h5_strings_fini(s);
    return code;
}

/* Whether the numbers are floating point and lie in the file itself. */
static int stored_floats(hid_t dataset)
{
    hid_t type = H5Dget_type(dataset), how = H5Dget_create_plist(dataset);
    int ok = type >= 0 && how >= 0 && H5Tget_class(type) == H5T_FLOAT &&
             H5Pget_external_count(how) == 0 && H5Pget_layout(how) != H5D_VIRTUAL;
    if (type >= 0)
        H5Tclose(type);
    if (how >= 0)
        H5Pclose(how);
    return ok;
}

int h5_shape(hid_t dataset, hsize_t shape[H5_RANK])
{
    if (!stored_floats(dataset))
        return -1;
    hid_t space = H5Dget_space(dataset);
    int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    if (rank > H5_RANK || (rank > 0 && H5Sget_simple_extent_dims(space, shape, NULL) < 0))
        rank = -1;
    if (space >= 0)
        H5Sclose(space);
    return rank;
}

int h5_floats(float *out, hid_t dataset)
{
    return H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0 ? 0 : -1;
}
