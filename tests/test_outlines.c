/* Outlines of parcels: exact ones drawn again give the map; simplified ones stay polygons and still fit. GeoJSON. */
#include "data/outlines.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "base/file.h"
#include "base/random.h"
#include "format/geojson.h"
#include "format_test.h"

enum { SIDE_MAX = 23 };

/* Blobs of up to `ids` ids, 0 among them. */
static void draw_map(uint64_t seed, int height, int width, int ids, int32_t *map)
{
    const random_key key = random_stream(seed, RANDOM_SYNTHETIC, 1);
    uint64_t next = 0;
    uint32_t word[4];
    for (int i = 0; i < height * width; i++) {
        random_block(key, next++, word);
        const bool copies = word[0] % 4 != 0 && i > 0;
        map[i] = !copies ? (int32_t)(word[1] % (uint32_t)ids) : word[2] % 2 || i < width ? map[i - 1] : map[i - width];
    }
}

/* Is the pixel's middle inside the ring? (Crossings of a ray to the right.) */
static bool inside(const outlines *o, const outline_ring *r, double x, double y)
{
    bool in = false;
    for (size_t i = 0; i < r->count; i++) {
        const outline_vertex a = o->vertex[r->first + i], b = o->vertex[r->first + (i + 1) % r->count];
        if ((a.y > y) != (b.y > y) && x < a.x + (y - a.y) * (b.x - a.x) / (b.y - a.y)) in = !in;
    }
    return in;
}

static double doubled_area(const outlines *o, const outline_ring *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->count; i++) {
        const outline_vertex a = o->vertex[r->first + i], b = o->vertex[r->first + (i + 1) % r->count];
        sum += (double)a.x * b.y - (double)b.x * a.y;
    }
    return sum;
}

static void expect_drawn_again(const outlines *o, int height, int width, const int32_t *map)
{
    for (int i = 0; i < height * width; i++) {
        int32_t id = 0;
        for (size_t p = 0; p < o->polygons; p++) {
            bool in = false;
            for (size_t r = 0; r < o->polygon[p].rings; r++)
                if (inside(o, &o->ring[o->polygon[p].first_ring + r], i % width + 0.5, i / width + 0.5)) in = !in;
            if (in) id = o->polygon[p].id;
        }
        assert_int_equal(id, map[i]);
    }
}

/* Outer rings lie on the left as one looks at the image, with their area less that of the holes. */
static void expect_areas(const outlines *o)
{
    for (size_t p = 0; p < o->polygons; p++) {
        double area = 0;
        for (size_t r = 0; r < o->polygon[p].rings; r++) {
            const double one = -doubled_area(o, &o->ring[o->polygon[p].first_ring + r]) / 2;
            assert_true(r ? one < 0 : one > 0);
            area += one;
        }
        assert_float_equal((float)area, (float)o->polygon[p].area, 1e-3f);
        assert_true(!p || o->polygon[p - 1].id <= o->polygon[p].id);
    }
}

static void test_exact(void **state)
{
    int32_t map[SIDE_MAX * SIDE_MAX];
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        const int height = 1 + (int)(seed * 7 % SIDE_MAX), width = 1 + (int)(seed * 5 % SIDE_MAX);
        outlines o;
        draw_map(seed, height, width, 2 + (int)(seed % 5), map);
        assert_ok(outlines_trace(map, height, width, 0, &o));
        expect_drawn_again(&o, height, width, map);
        expect_areas(&o);
        outlines_free(&o);
    }
}

/* A ring around a hole, touching itself at a corner: two polygons of one id, the hole the other way round. */
static void test_hole_and_corner(void **state)
{
    const int32_t map[5 * 5] = {3, 3, 3, 0, 0, /**/ 3, 0, 3, 0, 0, /**/ 3, 3, 3, 0, 0, /**/
                                0, 0, 0, 3, 0, /**/ 0, 0, 0, 0, 0};
    outlines o;
    (void)state;
    assert_ok(outlines_trace(map, 5, 5, 0, &o));
    assert_int_equal(o.polygons, 2);
    assert_int_equal(o.polygon[0].rings, 2);
    assert_int_equal(o.polygon[0].area, 8);
    assert_int_equal(o.ring[0].count, 4);
    assert_int_equal(o.polygon[1].area, 1);
    expect_areas(&o);
    outlines_free(&o);
}

/* Every border between two parcels is drawn alike from both sides: the areas of a map without gaps add up to its own. */
static void test_simplified(void **state)
{
    int32_t map[SIDE_MAX * SIDE_MAX];
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        outlines o, exact;
        double all = 0;
        draw_map(seed, SIDE_MAX, SIDE_MAX, 3, map);
        for (int i = 0; i < SIDE_MAX * SIDE_MAX; i++) map[i]++;
        assert_ok(outlines_trace(map, SIDE_MAX, SIDE_MAX, 0.8, &o));
        assert_ok(outlines_trace(map, SIDE_MAX, SIDE_MAX, 0, &exact));
        assert_int_equal(o.rings, exact.rings);
        for (size_t r = 0; r < o.rings; r++) {
            assert_in_range(o.ring[r].count, 3, exact.ring[r].count + 64);
            all -= doubled_area(&o, &o.ring[r]) / 2;
        }
        if (seed == 0) assert_true(o.vertices < exact.vertices);
        /* Rings that would have collapsed keep their corners while their neighbours do not: single pixels. */
        assert_true(fabs(all - SIDE_MAX * SIDE_MAX) < 12);
        outlines_free(&o);
        outlines_free(&exact);
    }
}

static void test_nothing(void **state)
{
    const int32_t map[6] = {0};
    outlines o;
    (void)state;
    assert_ok(outlines_trace(map, 2, 3, 1, &o));
    assert_int_equal(o.polygons, 0);
    outlines_free(&o);
}

static cJSON *square(void)
{
    return cJSON_Parse("[[[[0,0],[1,0],[1,1],[0,0]]]]");
}

static void test_geojson(void **state)
{
    char *text;
    size_t length;
    geojson *g;
    (void)state;
    const char *path = in_scratch("a.geojson");
    assert_ok(geojson_open(path, 2154, &g));
    assert_false(file_exists(path)); /* until it is whole */
    assert_ok(geojson_feature(g, cJSON_Parse("{\"class\":\"Beet\"}"), square()));
    assert_ok(geojson_feature(g, cJSON_CreateObject(), cJSON_Parse("[[[[0,0]]],[[[1,1]]]]")));
    assert_ok(geojson_finish(g));
    assert_ok(file_read(path, 100000, &text, &length));
    cJSON *all = cJSON_Parse(text);
    assert_non_null(all);
    assert_non_null(strstr(text, "urn:ogc:def:crs:EPSG::2154"));
    const cJSON *features = cJSON_GetObjectItem(all, "features");
    assert_int_equal(cJSON_GetArraySize(features), 2);
    static const char *const types[] = {"Polygon", "MultiPolygon"};
    for (int i = 0; i < 2; i++) {
        const cJSON *geometry = cJSON_GetObjectItem(cJSON_GetArrayItem(features, i), "geometry");
        assert_string_equal(cJSON_GetObjectItem(geometry, "type")->valuestring, types[i]);
    }
    cJSON_Delete(all);
    free(text);
    assert_ok(geojson_open(in_scratch("b.geojson"), 0, &g));
    geojson_abandon(g);
    assert_false(file_exists(in_scratch("b.geojson")));
    assert_int_equal(geojson_open(in_scratch("none/c.geojson"), 0, &g), FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),   cmocka_unit_test(test_hole_and_corner), cmocka_unit_test(test_simplified),
        cmocka_unit_test(test_nothing), cmocka_unit_test(test_geojson),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
