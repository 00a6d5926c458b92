/* The parcels of batches: turned as the frames are, sizes and classes as published, and a patch's own instances, heat map
 * and zones in the place of those that are made. */
#include "patches_test.h"

#include <math.h>
#include <stdio.h>

#include "data/instances.h"

enum { SIDE = 6, PIXELS = SIDE * SIDE };

/* Three rectangles; their labels, of the first pixel each, are the patch's number modulo 4. */
static int32_t parcel_at(int patch, int pixel)
{
    const int row = pixel / SIDE, column = pixel % SIDE;
    (void)patch;
    if (row < 3 && column < 3) return 30;
    if (row < 2 && column > 3) return 10;
    return row > 3 ? 20 : 0;
}

/* One parcel on the left, which the labels of patch 4 call background, one on the right; a heat map with a centre; zones
 * of stripes. */
static double own_at(enum patch_target target, int patch, int pixel)
{
    const int column = pixel % SIDE;
    if (target == PATCH_HEATMAP) return pixel == 8 ? 1 : (double)(pixel + patch) / 64;
    if (target == PATCH_ZONES) return 1 + pixel / SIDE % 2;
    return column < 2 ? 5 : column > 3 ? 9 : 0;
}

static const uint8_t none[PATCHES] = {0}, some[PATCHES] = {[1] = PATCH_AS_MADE, [2] = PATCH_OWN, [4] = PATCH_OWN};
static const small_patches made = {.type = NUMBER_I16, .height = SIDE, .width = SIDE, .parcel = parcel_at};

static small_patches with(const uint8_t *instances, const uint8_t *heat, const uint8_t *zones)
{
    small_patches p = made;
    p.origin[PATCH_INSTANCES] = instances;
    p.origin[PATCH_HEATMAP] = heat;
    p.origin[PATCH_ZONES] = zones;
    p.target = own_at;
    return p;
}

/* ---- what is wanted ------------------------------------------------------------------------------------------------ */

static bool is_own(const small_patches *p, enum patch_target target, int patch)
{
    return p->origin[target] && p->origin[target][patch] == PATCH_OWN;
}

/* What the patch's targets are before it is turned. */
static instance_set wanted_of(const small_patches *p, int patch)
{
    int32_t ids[PIXELS];
    uint8_t labels[PIXELS];
    const bool own = is_own(p, PATCH_INSTANCES, patch);
    for (int i = 0; i < PIXELS; i++) {
        ids[i] = own ? (int32_t)own_at(PATCH_INSTANCES, patch, i) : parcel_at(patch, i);
        labels[i] = own ? 1 : (uint8_t)patch_label(patch, i);
    }
    instance_set s;
    const instance_source source = {SIDE, SIDE, ids, labels, NULL, 0};
    assert_ok(instances_make(&source, &s));
    for (int i = 0; i < PIXELS; i++) {
        if (is_own(p, PATCH_HEATMAP, patch)) s.heat[i] = own_at(PATCH_HEATMAP, patch, i);
        if (is_own(p, PATCH_ZONES, patch)) s.zone[i] = (int32_t)own_at(PATCH_ZONES, patch, i);
    }
    return s;
}

/* Rows and columns of the turned patch that hold a pixel of the parcel, its pixels, and the class of its first as
 * stored. */
static parcel_fact fact_of(const instance_set *s, int patch, int turn, int id)
{
    parcel_fact f = {0};
    for (int i = 0; i < SIDE; i++) {
        bool row = false, column = false;
        for (int k = 0; k < SIDE; k++) {
            row |= s->instance[patch_stored_place(SIDE, turn, i * SIDE + k)] == id;
            column |= s->instance[patch_stored_place(SIDE, turn, k * SIDE + i)] == id;
            f.area += s->instance[i * SIDE + k] == id;
        }
        f.height += row;
        f.width += column;
    }
    for (int i = PIXELS - 1; i >= 0; i--)
        if (s->instance[i] == id) f.class = patch_label(patch, i);
    return f;
}

static void assert_patch(const small_patches *p, const patch_batch *b, int i)
{
    const int patch = (int)b->sample[i], turn = b->turn[i];
    const parcel_maps *m = b->parcels;
    instance_set s = wanted_of(p, patch);
    for (int pixel = 0, at = i * PIXELS; pixel < PIXELS; pixel++, at++) {
        const int from = patch_stored_place(SIDE, turn, pixel);
        assert_true(m->heatmap[at] == (float)s.heat[from]);
        assert_int_equal(m->instance[at], s.instance[from]);
        assert_int_equal(m->zone[at], s.zone[from]);
        assert_int_equal(m->label[at], patch_label(patch, from));
    }
    assert_int_equal(m->first[i + 1] - m->first[i], s.instances + 1);
    for (int id = 1; id <= (int)s.instances; id++) {
        const parcel_fact *f = &m->fact[m->first[i] + id], wanted = fact_of(&s, patch, turn, id);
        assert_true(f->area > 0);
        assert_memory_equal(f, &wanted, sizeof wanted);
    }
    instances_free(&s);
}

/* ---- batches ------------------------------------------------------------------------------------------------------- */

static patches *open_set(const small_patches *p)
{
    patches *s = NULL;
    patches_options o = patches_defaults();
    o.augment = true;
    small_patches_write(p);
    assert_ok(patches_open(&o, true, &s));
    return s;
}

static int first_batch(const small_patches *p, uint64_t epoch, patches **s, patch_loader **l, const patch_batch **b)
{
    static const uint32_t order[PATCHES] = {2, 4, 1, 0, 5, 6, 3};
    const patch_pass pass = {order, PATCHES, PATCHES, true, true, true, 3, epoch};
    *s = open_set(p);
    assert_true(patches_have_parcels(*s));
    assert_ok(patch_loader_start(*s, &pass, l));
    return patch_loader_next(*l, b);
}

static void passes(const small_patches *p)
{
    int turns = 0;
    for (uint64_t epoch = 0; epoch < 6; epoch++) {
        patches *s;
        patch_loader *l;
        const patch_batch *b;
        assert_ok(first_batch(p, epoch, &s, &l, &b));
        for (int i = 0; i < PATCHES; i++) {
            assert_patch(p, b, i);
            turns |= 1 << b->turn[i];
        }
        patch_loader_stop(l);
        patches_close(s);
    }
    assert_int_equal(turns, 0xFF);
}

static void made_of_parcels(void **state)
{
    (void)state;
    passes(&made);
    const small_patches marked = with(none, none, none);
    passes(&marked);
}

static void of_its_own(void **state)
{
    (void)state;
    for (int own = 1; own < 8; own++) { /* each with the others and without; stripes need instances of its own too */
        const small_patches p = with(own & 1 ? some : NULL, own & 2 ? some : NULL, (own & 5) == 5 ? some : NULL);
        passes(&p);
    }
}

/* Instances of its own are parcels, whether it has ids or not. */
static void without_ids(void **state)
{
    static const uint8_t all[PATCHES] = {PATCH_OWN, PATCH_OWN, PATCH_OWN, PATCH_OWN, PATCH_OWN, PATCH_OWN, PATCH_OWN};
    small_patches p = with(all, NULL, NULL);
    (void)state;
    p.parcel = NULL;
    passes(&p);
    p.origin[PATCH_INSTANCES] = some;
    patches *s = open_set(&p);
    assert_false(patches_have_parcels(s));
    patches_close(s);
}

/* ---- trouble ------------------------------------------------------------------------------------------------------- */

static double lie;
static enum patch_target lying;
static double lie_at(enum patch_target target, int patch, int pixel)
{
    return target == lying && pixel == 14 ? lie : own_at(target, patch, pixel);
}

static void assert_lie(enum patch_target target, double value, const char *what)
{
    small_patches p = with(some, some, some);
    patches *s;
    patch_loader *l;
    const patch_batch *b;
    char wanted[120];
    p.target = lie_at;
    lie = value;
    lying = target;
    assert_int_equal(first_batch(&p, 0, &s, &l, &b), FAILED);
    snprintf(wanted, sizeof wanted, "patch 12: %s at row 2, column 2, wanted 0 to ", what);
    assert_holds(error_message(), wanted);
    assert_holds(error_message(), data_path);
    patch_loader_stop(l);
    patches_close(s);
}

static void lies(void **state)
{
    (void)state;
    assert_lie(PATCH_HEATMAP, (double)NAN, "heat map of its own: nan");
    assert_lie(PATCH_HEATMAP, -0.5, "heat map of its own: -0.5");
    assert_lie(PATCH_HEATMAP, 1.5, "heat map of its own: 1.5");
    assert_lie(PATCH_ZONES, -1, "zones of its own: -1");
    assert_lie(PATCH_ZONES, 3, "zones of its own: 3");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_test_setup, data_test_teardown)
    const struct CMUnitTest tests[] = {TEST(made_of_parcels), TEST(of_its_own), TEST(without_ids), TEST(lies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
