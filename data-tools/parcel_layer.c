#include "data-tools/parcel_layer.h"

static const geo_field fields[] = {
    {"id", GEO_TEXT},          {"crop:code", GEO_TEXT},   {"crop:name", GEO_TEXT},         {"confidence", GEO_REAL},
    {"second_code", GEO_TEXT}, {"second_name", GEO_TEXT}, {"second_confidence", GEO_REAL}, {"area", GEO_REAL},
    {"perimeter", GEO_REAL},   {"last_image", GEO_DATE},  {"centre_confidence", GEO_REAL},
};
enum { FIELDS = sizeof fields / sizeof *fields };
static const double SQUARE_METRES_PER_HECTARE = 10000;

int parcel_layer_open(const char *path, const char *crs, int32_t last_image, bool found, parcel_layer *out)
{
    *out = (parcel_layer){.last_image = date_write(last_image)};
    return geo_writer_open(path, "parcels", crs, out->last_image.text, fields, found ? FIELDS : FIELDS - 1,
                           &out->writer);
}

int parcel_layer_add(parcel_layer *l, const char *id, const parcel_choice best[2], double centre_confidence,
                     const geo_shape *shape)
{
    const geo_value values[FIELDS] = {
        {.text = id},
        {.text = best[0].code},
        {.text = best[0].name},
        {.real = best[0].probability},
        {.text = best[1].code},
        {.text = best[1].name},
        {.real = best[1].probability},
        {.real = geo_shape_area(shape) / SQUARE_METRES_PER_HECTARE},
        {.real = geo_shape_perimeter(shape)},
        {.text = l->last_image.text},
        {.real = centre_confidence},
    };
    return geo_writer_add(l->writer, shape, values);
}

int parcel_layer_finish(parcel_layer *l)
{
    geo_writer *writer = l->writer;
    l->writer = NULL;
    return geo_writer_finish(writer);
}

void parcel_layer_abandon(parcel_layer *l)
{
    geo_writer_abandon(l->writer);
    l->writer = NULL;
}
