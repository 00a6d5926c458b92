#include "data-tools/merge_styles.h"

#include "base/date.h"
#include "base/text_file.h"

static const char style_start[] = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
                                  "<qgis version=\"3.22\" styleCategories=\"Symbology\">\n";

int merge_style_classes(const tile_plan *p, const char *path)
{
    text_file *f;
    const int rc = text_file_open(path, &f);
    if (rc) return rc;
    text_put(f, style_start);
    text_put(f, " <pipe>\n"
                "  <rasterrenderer type=\"paletted\" band=\"1\" opacity=\"1\" alphaBand=\"-1\" nodataColor=\"\">\n"
                "   <colorPalette>\n");
    for (int k = 0; k < p->class_count; k++) {
        text_put_format(f, "    <paletteEntry value=\"%d\" color=\"#%06x\" alpha=\"255\" label=\"", k,
                        p->classes[k].colour);
        text_put_xml(f, p->classes[k].name);
        text_put(f, "\"/>\n");
    }
    text_put(f, "   </colorPalette>\n  </rasterrenderer>\n </pipe>\n</qgis>\n");
    return text_file_finish(f);
}

int merge_style_confidence(const char *path)
{
    text_file *f;
    const int rc = text_file_open(path, &f);
    if (rc) return rc;
    text_put(f, style_start);
    text_put(f, " <pipe>\n"
                "  <rasterrenderer type=\"singlebandgray\" band=\"1\" grayBand=\"1\" opacity=\"1\" alphaBand=\"-1\" "
                "gradient=\"BlackToWhite\">\n"
                "   <contrastEnhancement>\n    <minValue>0</minValue>\n    <maxValue>100</maxValue>\n"
                "    <algorithm>StretchToMinimumMaximum</algorithm>\n   </contrastEnhancement>\n"
                "  </rasterrenderer>\n </pipe>\n</qgis>\n");
    return text_file_finish(f);
}

int merge_names(const tile_plan *p, const char *path)
{
    text_file *f;
    const int rc = text_file_open(path, &f);
    if (rc) return rc;
    text_put_format(f, "<PAMDataset>\n  <Metadata>\n    <MDI key=\"last_image\">%s</MDI>\n  </Metadata>\n",
                    date_write(p->last_day).text);
    text_put(f, "  <PAMRasterBand band=\"1\">\n    <CategoryNames>\n");
    for (int k = 0; k < p->class_count; k++) {
        text_put(f, "      <Category>");
        text_put_xml(f, p->classes[k].name);
        text_put(f, "</Category>\n");
    }
    text_put(f, "    </CategoryNames>\n  </PAMRasterBand>\n</PAMDataset>\n");
    return text_file_finish(f);
}

/* A colour as QGIS's vector symbols have it. */
static void put_colour(text_file *f, const char *key, uint32_t colour)
{
    text_put_format(f, "       <Option name=\"%s\" type=\"QString\" value=\"%d,%d,%d,255\"/>\n", key,
                    (int)(colour >> 16 & 255), (int)(colour >> 8 & 255), (int)(colour & 255));
}

int merge_style_parcels(const tile_plan *p, const char *path)
{
    text_file *f;
    const int rc = text_file_open(path, &f);
    if (rc) return rc;
    text_put(f, style_start);
    text_put(f, " <renderer-v2 type=\"categorizedSymbol\" attr=\"crop:code\" symbollevels=\"0\" enableorderby=\"0\">\n"
                "  <categories>\n");
    for (int k = 0; k < p->class_count; k++) {
        text_put_format(f, "   <category render=\"true\" value=\"%d\" symbol=\"%d\" label=\"", k, k);
        text_put_xml(f, p->classes[k].name);
        text_put(f, "\"/>\n");
    }
    text_put(f, "  </categories>\n  <symbols>\n");
    for (int k = 0; k < p->class_count; k++) {
        text_put_format(f,
                        "   <symbol type=\"fill\" name=\"%d\" alpha=\"1\">\n"
                        "    <layer class=\"SimpleFill\" enabled=\"1\">\n     <Option type=\"Map\">\n",
                        k);
        put_colour(f, "color", p->classes[k].colour);
        put_colour(f, "outline_color", 0x232323);
        text_put(f, "     </Option>\n    </layer>\n   </symbol>\n");
    }
    text_put(f, "  </symbols>\n </renderer-v2>\n</qgis>\n");
    return text_file_finish(f);
}
