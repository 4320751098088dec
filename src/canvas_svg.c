#include "src/canvas.h"

static void svg_line(struct canvas *c, const double from[2], const double to[2], unsigned wide,
                     uint32_t colour)
{
    fprintf(c->f, "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"#%06x\" stroke-width=\"%u\"/>\n",
            from[0], from[1], to[0], to[1], colour, wide);
}

static void svg_box(struct canvas *c, const double at[2], const double size[2], uint32_t colour)
{
    fprintf(c->f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#%06x\"/>\n",
            at[0], at[1], size[0], size[1], colour);
}

static void svg_dot(struct canvas *c, const double at[2], double radius, uint32_t colour)
{
    fprintf(c->f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"#%06x\"/>\n", at[0], at[1],
            radius, colour);
}

static void svg_text(struct canvas *c, const double at[2], enum canvas_place place, int up,
                     const char *text)
{
    static const char *const anchor[] = { "start", "middle", "end" };
    fprintf(c->f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"", at[0], at[1], anchor[place]);
    if (up)
        fprintf(c->f, " transform=\"rotate(-90 %.1f %.1f)\"", at[0], at[1]);
    fputc('>', c->f);
    for (; *text != '\0'; text++)
        if (*text == '<' || *text == '&')
            fputs(*text == '<' ? "&lt;" : "&amp;", c->f);
        else
            fputc(*text, c->f);
    fputs("</text>\n", c->f);
}

static const struct canvas_ops ops = {
    .line = svg_line, .box = svg_box, .dot = svg_dot, .text = svg_text
};

void canvas_svg(struct canvas *c, unsigned w, unsigned h, FILE *f)
{
    *c = (struct canvas){ .ops = &ops, .f = f };
    fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
            "viewBox=\"0 0 %u %u\" font-family=\"sans-serif\" font-size=\"11\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", w, h, w, h);
}
