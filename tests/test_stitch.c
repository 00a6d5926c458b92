/* Parcels across the edges of tiles: a land of known rectangles comes back whole, whatever each tile calls them and however
 * ragged it sees their rims; what one tile tells apart is never joined; files of tiles are trusted for nothing. */
#include <math.h>

#include "data/stitch.h"
#include "format/npy.h"

#include "tests/land_test.h"

static land country;
static int32_t drawn[LAND_HEIGHT][LAND_WIDTH];

/* Runs a stitch over tiles [across * down]. */
static stitch *stitched(const tile_plan *p, const tile_parcels *tiles)
{
    stitch *s;
    assert_ok(stitch_new(p, &s));
    for (int row = 0; row < p->down; row++) {
        const tile_parcels *here = tiles + row * p->across;
        assert_ok(stitch_compare(s, row, row ? here - p->across : NULL, here));
    }
    assert_ok(stitch_join(s));
    memset(drawn, 0x55, sizeof drawn);
    for (int row = 0; row < p->down; row++) {
        const tile_parcels *here = tiles + row * p->across;
        const tile_span y = tile_span_of(p, LAND_HEIGHT, row);
        assert_ok(stitch_draw(s, row, row ? here - p->across : NULL, here, row + 1 < p->down ? here + p->across : NULL,
                              drawn[y.from]));
    }
    return s;
}

static tile_parcels *tiles_new(const tile_plan *p, uint32_t noise, int32_t lost, int lost_in)
{
    tile_parcels *tiles = calloc((size_t)(p->across * p->down), sizeof *tiles);
    for (int i = 0; i < p->across * p->down; i++) land_tile(&country, p, i, noise, i == lost_in ? lost : -1, &tiles[i]);
    return tiles;
}

static void tiles_drop(const tile_plan *p, tile_parcels *tiles)
{
    for (int i = 0; i < p->across * p->down; i++) tile_parcels_free(&tiles[i]);
    free(tiles);
}

/* ---- known rectangles ---------------------------------------------------------------------------------------------- */

static void rectangles_come_back(void **state)
{
    static const int sizes[][2] = {{48, 8}, {40, 4}, {33, 5}, {64, 20}, {30, 3}, {150, 10}};
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            land_make(&country, seed);
            const tile_plan p = land_plan(sizes[k][0], sizes[k][1]);
            tile_parcels *tiles = tiles_new(&p, 0, 0, -1);
            stitch *s = stitched(&p, tiles);
            assert_int_equal(stitch_count(s), country.count);
            assert_memory_equal(drawn, country.id, sizeof drawn);
            for (int n = 1; n <= country.count; n++) {
                const stitched_parcel *one = stitch_parcel(s, n);
                assert_int_equal(one->pixels, country.area[n]);
                assert_int_equal((one->right - one->left) * (one->bottom - one->top), country.area[n]);
                assert_int_equal(drawn[one->top][one->left], n);
            }
            stitch_free(s);
            tiles_drop(&p, tiles);
        }
}

/* Inside, where tiles agree, a parcel has one number, and no other parcel has it. */
static void ragged_rims(void **state)
{
    int parcels = 0;
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        int number[LAND_PARCELS] = {0};
        land_make(&country, seed);
        const tile_plan p = land_plan(48, 8);
        tile_parcels *tiles = tiles_new(&p, 35, 0, -1);
        stitch *s = stitched(&p, tiles);
        assert_int_equal(stitch_count(s), country.count);
        for (int y = 0; y < LAND_HEIGHT; y++)
            for (int x = 0; x < LAND_WIDTH; x++) {
                const int32_t id = country.id[y][x];
                if (is_rim(&country, x, y)) continue;
                if (!number[id]) number[id] = drawn[y][x];
                assert_int_equal(drawn[y][x], number[id]);
            }
        for (int a = 1; a <= country.count; a++)
            for (int b = 1; b < a; b++) assert_true(!number[a] || number[a] != number[b]);
        parcels += country.count;
        stitch_free(s);
        tiles_drop(&p, tiles);
    }
    assert_true(parcels > 400);
}

/* The facts' mean over a parcel's tiles, weighed by pixels: computed here from the drawn map. */
static void facts_are_weighed(void **state)
{
    (void)state;
    land_make(&country, 3);
    const tile_plan p = land_plan(48, 8);
    tile_parcels *tiles = tiles_new(&p, 0, 0, -1);
    stitch *s = stitched(&p, tiles);
    static double sum[LAND_PARCELS][1 + LAND_CLASSES];
    memset(sum, 0, sizeof sum);
    for (int i = 0; i < p.across * p.down; i++) {
        const tile_span x = tile_span_of(&p, LAND_WIDTH, i % p.across), y = tile_span_of(&p, LAND_HEIGHT, i / p.across);
        for (int Y = y.from; Y < y.to; Y++)
            for (int X = x.from; X < x.to; X++) {
                const int id = tiles[i].pixel[(Y - y.start) * p.side + X - x.start];
                for (int c = 0; id && c <= LAND_CLASSES; c++)
                    sum[drawn[Y][X]][c] += (double)tiles[i].fact[(id - 1) * (1 + LAND_CLASSES) + c];
            }
    }
    for (int n = 1; n <= country.count; n++) {
        double fact[1 + LAND_CLASSES];
        stitch_fact(s, n, fact);
        for (int c = 0; c <= LAND_CLASSES; c++) assert_true(fabs(fact[c] - sum[n][c] / country.area[n]) < 1e-9);
    }
    stitch_free(s);
    tiles_drop(&p, tiles);
}

/* ---- tiles that do not agree --------------------------------------------------------------------------------------- */

/* Two tiles side by side, of 32 x 32 with margins of 8 on 48 x 32: the left one decides columns 0 to 23. */
static tile_plan two_tiles(void)
{
    tile_plan p = land_plan(32, 8);
    p.grid.width = 48;
    p.grid.height = 32;
    assert_ok(tiles_lay(&p));
    assert_int_equal(p.across * p.down, 2);
    return p;
}

static void tile_blank(tile_parcels *t)
{
    *t = (tile_parcels){.pixel = calloc(32 * 32, sizeof *t->pixel), .fact = calloc(100, sizeof *t->fact)};
}

static void two_blank(tile_parcels t[2])
{
    for (int k = 0; k < 2; k++) tile_blank(&t[k]);
}

static void two_free(tile_parcels t[2])
{
    for (int k = 0; k < 2; k++) tile_parcels_free(&t[k]);
}

/* Parcel `id` of a tile, in columns and rows of the whole. */
static void rectangle(tile_parcels *t, int start, int id, int left, int top, int right, int bottom)
{
    if (id > t->count) t->count = id;
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            if (x >= start && x < start + 32) t->pixel[y * 32 + x - start] = (uint16_t)id;
}

static int32_t two[32][48];

static stitch *two_stitched(const tile_plan *p, const tile_parcels *tiles)
{
    stitch *s;
    assert_ok(stitch_new(p, &s));
    assert_ok(stitch_compare(s, 0, NULL, tiles));
    assert_ok(stitch_join(s));
    assert_ok(stitch_draw(s, 0, NULL, tiles, NULL, two[0]));
    return s;
}

/* Only the left tile has found it: it reaches as far as that tile sees it. The right one's margin alone gives nothing. */
static void found_by_one(void **state)
{
    const tile_plan p = two_tiles();
    tile_parcels t[2];
    (void)state;
    two_blank(t);
    rectangle(&t[0], 0, 1, 10, 4, 30, 12);
    rectangle(&t[1], 16, 1, 17, 20, 22, 30);
    stitch *s = two_stitched(&p, t);
    assert_int_equal(stitch_count(s), 1);
    assert_int_equal(stitch_parcel(s, 1)->pixels, 20 * 8);
    assert_int_equal(stitch_parcel(s, 1)->right, 30);
    for (int y = 20; y < 30; y++)
        for (int x = 0; x < 48; x++) assert_int_equal(two[y][x], 0);
    stitch_free(s);
    /* Both have found it, the right one smaller: there, the right one decides. */
    rectangle(&t[1], 16, 2, 10, 4, 28, 12);
    s = two_stitched(&p, t);
    assert_int_equal(stitch_count(s), 1);
    assert_int_equal(stitch_parcel(s, 1)->pixels, 18 * 8);
    stitch_free(s);
    two_free(t);
}

/* What the left tile takes for one parcel are two in the right one: these stay two. */
static void told_apart(void **state)
{
    const tile_plan p = two_tiles();
    tile_parcels t[2];
    (void)state;
    two_blank(t);
    rectangle(&t[0], 0, 1, 10, 4, 48, 24);
    rectangle(&t[1], 16, 1, 10, 4, 48, 14);
    rectangle(&t[1], 16, 2, 10, 14, 48, 24);
    stitch *s = two_stitched(&p, t);
    assert_int_equal(stitch_count(s), 2);
    assert_int_equal(two[4][10], two[4][40]);
    assert_int_not_equal(two[4][40], two[20][40]);
    stitch_free(s);
    two_free(t);
}

/* Neighbours that overlap a little, one seen by each tile. */
static void strangers_stay_apart(void **state)
{
    const tile_plan p = two_tiles();
    tile_parcels t[2];
    (void)state;
    two_blank(t);
    rectangle(&t[0], 0, 1, 4, 4, 40, 16);
    rectangle(&t[1], 16, 1, 4, 12, 48, 24);
    stitch *s = two_stitched(&p, t);
    assert_int_equal(stitch_count(s), 2);
    stitch_free(s);
    two_free(t);
}

/* Four tiles around a corner: what three of them take for one parcel are two in the first, of which each looks like it in
 * what that tile shares with another. Around the circle the two would become one. */
static void circles_join_nothing_of_one_tile(void **state)
{
    static int32_t four[48][48];
    tile_plan p = land_plan(32, 8);
    tile_parcels t[4];
    stitch *s;
    (void)state;
    p.grid.width = p.grid.height = 48;
    assert_ok(tiles_lay(&p));
    for (int k = 0; k < 4; k++) {
        tile_blank(&t[k]);
        t[k].count = k ? 1 : 2;
        for (int i = 0; i < 32 * 32; i++) t[k].pixel[i] = (uint16_t)(k || i % 32 >= 20 ? 1 : i / 32 >= 16 ? 2 : 0);
    }
    assert_ok(stitch_new(&p, &s));
    assert_ok(stitch_compare(s, 0, NULL, t));
    assert_ok(stitch_compare(s, 1, t, t + 2));
    assert_ok(stitch_join(s));
    assert_ok(stitch_draw(s, 0, NULL, t, t + 2, four[0]));
    assert_ok(stitch_draw(s, 1, t, t + 2, NULL, four[24]));
    assert_int_equal(stitch_count(s), 2);
    assert_int_equal(four[4][22], four[44][4]);
    assert_int_not_equal(four[20][4], four[4][22]);
    assert_int_equal(stitch_parcel(s, four[20][4])->pixels, 20 * 8);
    stitch_free(s);
    for (int k = 0; k < 4; k++) tile_parcels_free(&t[k]);
}

/* Found by two tiles that share but a corner: one parcel, also in the middles of those beside them. */
static void assert_across_a_corner(bool other)
{
    static int32_t four[48][48];
    tile_plan p = land_plan(32, 8);
    tile_parcels t[4];
    stitch *s;
    p.grid.width = p.grid.height = 48;
    assert_ok(tiles_lay(&p));
    for (int k = 0; k < 4; k++) {
        tile_blank(&t[k]);
        t[k].count = (k == 0 || k == 3) != other;
        for (int y = 12; y < 36; y++)
            for (int x = 12; x < 36; x++) {
                const int row = y - (k / 2 ? 16 : 0), column = x - (k % 2 ? 16 : 0);
                if (row >= 0 && row < 32 && column >= 0 && column < 32)
                    t[k].pixel[row * 32 + column] = (uint16_t)t[k].count;
            }
    }
    assert_ok(stitch_new(&p, &s));
    assert_ok(stitch_compare(s, 0, NULL, t));
    assert_ok(stitch_compare(s, 1, t, t + 2));
    assert_ok(stitch_join(s));
    assert_ok(stitch_draw(s, 0, NULL, t, t + 2, four[0]));
    assert_ok(stitch_draw(s, 1, t, t + 2, NULL, four[24]));
    assert_int_equal(stitch_count(s), 1);
    assert_int_equal(stitch_parcel(s, 1)->pixels, 24 * 24 - 2 * 4 * 4);
    stitch_free(s);
    for (int k = 0; k < 4; k++) tile_parcels_free(&t[k]);
}

static void across_a_corner(void **state)
{
    (void)state;
    assert_across_a_corner(false);
    assert_across_a_corner(true);
}

static void unseen_stays_unseen(void **state)
{
    const tile_plan p = two_tiles();
    tile_parcels t[2];
    (void)state;
    two_blank(t);
    rectangle(&t[0], 0, 1, 10, 4, 30, 12);
    for (int i = 0; i < 32 * 32; i++) t[1].pixel[i] = PARCEL_UNSEEN;
    stitch *s = two_stitched(&p, t);
    assert_int_equal(stitch_parcel(s, 1)->pixels, 14 * 8);
    assert_int_equal(two[5][23], 1);
    assert_int_equal(two[5][24], -1);
    stitch_free(s);
    two_free(t);
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

static void no_parcels_without_margins(void **state)
{
    tile_plan p = land_plan(48, 8);
    (void)state;
    p.margin = 0;
    assert_int_equal(tiles_lay(&p), USAGE);
    assert_message("parcels are joined by what two tiles share");
}

static void files_of_a_tile(void **state)
{
    tile_plan p = land_plan(48, 8), q;
    tile_parcels a, b;
    (void)state;
    land_make(&country, 5);
    assert_ok(tiles_begin(&p, scratch));
    assert_ok(tiles_open(scratch, &q));
    assert_true(q.parcels);
    tiles_free(&q);
    land_tile(&country, &p, 6, 0, -1, &a);
    assert_false(tile_parcels_are_done(&p, scratch, 6));
    assert_ok(tile_parcels_save(&p, scratch, 6, &a));
    assert_true(tile_parcels_are_done(&p, scratch, 6));
    assert_ok(tile_parcels_load(&p, scratch, 6, &b));
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.pixel, b.pixel, sizeof *a.pixel * 48 * 48);
    assert_memory_equal(a.fact, b.fact, sizeof *a.fact * (size_t)a.count * (1 + LAND_CLASSES));
    tile_parcels_free(&b);
    a.pixel[50] = (uint16_t)(a.count + 1);
    assert_ok(tile_parcels_save(&p, scratch, 6, &a));
    assert_refused(tile_parcels_load(&p, scratch, 6, &b), "row 1, column 2: ");
    a.pixel[50] = PARCEL_UNSEEN;
    assert_ok(tile_parcels_save(&p, scratch, 6, &a));
    assert_refused(tile_parcels_load(&p, scratch, 6, &b), "row 1, column 2: 65535, wanted a line");
    a.pixel[50] = 0;
    a.fact[1] = NAN;
    assert_ok(tile_parcels_save(&p, scratch, 6, &a));
    assert_refused(tile_parcels_load(&p, scratch, 6, &b), "parcel 1: nan in column 1, wanted 0 to 1");
    a.fact[1] = a.fact[2] = a.fact[3] = 0.1f;
    assert_ok(tile_parcels_save(&p, scratch, 6, &a));
    assert_refused(tile_parcels_load(&p, scratch, 6, &b), "probabilities sum to 0.3");
    const size_t wrong[2] = {2, 3};
    assert_ok(npy_save(in_scratch("tiles/1_1_parcels.npy"), NUMBER_F32, 2, wrong, a.fact));
    const int index = p.across + 1;
    assert_ok(tile_parcels_save(&p, scratch, index, &a));
    assert_ok(npy_save(in_scratch("tiles/1_1_parcels.npy"), NUMBER_F32, 2, wrong, a.fact));
    assert_false(tile_parcels_are_done(&p, scratch, index));
    assert_refused(tile_parcels_load(&p, scratch, index, &b), "wanted float32 N x 4");
    tile_parcels_free(&a);
    /* nothing seen, nothing found */
    a = (tile_parcels){.pixel = calloc(48 * 48, sizeof *a.pixel)};
    assert_ok(tile_parcels_save(&p, scratch, 0, &a));
    assert_true(tile_parcels_are_done(&p, scratch, 0));
    assert_ok(tile_parcels_load(&p, scratch, 0, &b));
    assert_int_equal(b.count, 0);
    tile_parcels_free(&b);
    tile_parcels_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rectangles_come_back), cmocka_unit_test(ragged_rims),
        cmocka_unit_test(facts_are_weighed),    cmocka_unit_test(found_by_one),
        cmocka_unit_test(told_apart),           cmocka_unit_test(strangers_stay_apart),
        cmocka_unit_test(across_a_corner),      cmocka_unit_test(circles_join_nothing_of_one_tile),
        cmocka_unit_test(unseen_stays_unseen),  cmocka_unit_test(no_parcels_without_margins),
        cmocka_unit_test(files_of_a_tile),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
