/* pack geotiff: data sets from whole satellite images and a register's polygons. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "data-tools/geotiff_patches.h"
#include "data-tools/pack_geotiff.h"

/* ---- parcels as sets of pixels ------------------------------------------------------------------------------------ */

static void show_pixelset(const cJSON *document)
{
    printf("%s: %s parcels of %s dates, %s bands, %s to %s pixels, %s\n", text_of(document, "out"),
           figure(number_of(document, "parcels"), 0), figure(number_of(document, "dates"), 0),
           figure(number_of(document, "bands"), 0), figure(number_of(document, "least_pixels"), 0),
           figure(number_of(document, "most_pixels"), 0), text_of(document, "type"));
    printf("%s nomenclatures, %s of the pixels filled over time, %s parcels left out\n",
           figure(number_of(document, "nomenclatures"), 0), percent_figure(100 * number_of(document, "filled")),
           figure(number_of(document, "left_out"), 0));
}

static char *describe_pixelset(const char *path, const pack_geotiff_result *r)
{
    return document_text((const entry[]){
        TEXT("out", path),
        NUMBER("parcels", r->parcels),
        NUMBER("left_out", r->left_out),
        NUMBER("dates", r->dates),
        NUMBER("resumed", r->resumed),
        NUMBER("bands", r->bands),
        NUMBER("least_pixels", r->least_pixels),
        NUMBER("most_pixels", r->most_pixels),
        TEXT("type", r->type),
        NUMBER("nomenclatures", r->nomenclatures),
        NUMBER("filled", r->missing),
        {0},
    });
}

/* ---- image patches ------------------------------------------------------------------------------------------------ */

static void show_patches(const cJSON *document)
{
    const cJSON *fold;
    printf("%s: %s patches of %s x %s pixels, %s to %s dates of %s bands, %s classes; in folds",
           text_of(document, "out"), figure(number_of(document, "patches"), 0), figure(number_of(document, "size"), 0),
           figure(number_of(document, "size"), 0), figure(number_of(document, "least_dates"), 0),
           figure(number_of(document, "most_dates"), 0), figure(number_of(document, "bands"), 0),
           figure(number_of(document, "classes"), 0));
    cJSON_ArrayForEach(fold, member(document, "folds")) printf(" %s", figure(fold->valuedouble, 0));
    printf("\n%s parcels, %s of them in several folds, %s left out; %s patches without a parcel, %s never seen\n",
           figure(number_of(document, "parcels"), 0), figure(number_of(document, "in_several_folds"), 0),
           figure(number_of(document, "left_out"), 0), figure(number_of(document, "without_parcels"), 0),
           figure(number_of(document, "unseen"), 0));
    printf("furrow pack pastis %s OUT.h5 makes a pack of it\n", text_of(document, "out"));
}

static char *describe_patches(const char *path, const geotiff_patches_options *o, const geotiff_patches_result *r)
{
    return document_text((const entry[]){
        TEXT("out", path),
        NUMBER("patches", r->patches),
        NUMBER("size", o->size),
        NUMBER("least_dates", r->least_dates),
        NUMBER("most_dates", r->most_dates),
        NUMBER("bands", r->bands),
        NUMBER("classes", r->classes),
        VALUE("folds", document_numbers(r->fold, o->folds)),
        NUMBER("parcels", r->parcels),
        NUMBER("in_several_folds", r->void_elsewhere),
        NUMBER("left_out", r->left_out),
        NUMBER("without_parcels", r->without_parcels),
        NUMBER("unseen", r->unseen),
        NUMBER("resumed", r->resumed),
        {0},
    });
}

/* ---- the command --------------------------------------------------------------------------------------------------- */

static int make_patches(const text_list *words, geotiff_patches_options *o, const pack_geotiff_options *given,
                        bool json)
{
    geotiff_patches_result result = {0};
    const geotiff_patches_options defaults = geotiff_patches_defaults();
    if (!o->size) o->size = defaults.size;
    if (!o->folds) o->folds = defaults.folds;
    o->scenes = given->scenes;
    o->parcels = given->parcels;
    const int code = geotiff_patches(words->item[1], words->item[2], words->item[3], o, &result);
    return command_end(code, code ? NULL : describe_patches(words->item[3], o, &result), json, show_patches);
}

/* An option that means nothing in this form; NULL: none. */
static const char *stray_option(const char *as, const pack_geotiff_options *o, const geotiff_patches_options *p)
{
    const bool patches = !strcmp(as, "pastis");
    if (!patches && p->size) return "size";
    if (!patches && p->folds) return "folds";
    if (strcmp(as, "pixelset") != 0 && o->norm) return "norm";
    if (strcmp(as, "pixelset") != 0 && o->compress) return "compress";
    return NULL;
}

int command_pack_geotiff(int argc, char **argv)
{
    text_list words = {0};
    pack_geotiff_options o = pack_geotiff_defaults();
    geotiff_patches_options patches = {0};
    const char *as = "pixelset";
    bool json = false, done;
    const option options[] = {
        {"as", OPTION_TEXT, &as, 0, 0, "pixelset|folder|pastis",
         "an HDF5 pack (pixelset), the published folder of .npy, or a folder of image patches"},
        {"id", OPTION_TEXT, &o.parcels.id, 0, 0, "FIELD", "the parcels' id (ID_PARCEL, id, else the feature's number)"},
        {"label", OPTION_TEXT, &o.parcels.labels, 0, 0, "FIELD,...", "labels: a field for each nomenclature"},
        {"layer", OPTION_TEXT, &o.parcels.layer, 0, 0, "NAME", "the layer of PARCELS, where it has several"},
        {"touched", OPTION_FLAG, &o.parcels.touched, 0, 0, NULL,
         "all pixels that a polygon touches, not those alone whose centre it holds"},
        {"buffer", OPTION_REAL, &o.parcels.buffer, 0, 1000000, "METRES", "leave out what is nearer to a parcel's edge"},
        {"least-pixels", OPTION_INT, &o.parcels.least_pixels, 1, 1 << 30, "N", "leave out parcels with fewer (1)"},
        {"most-pixels", OPTION_INT, &o.parcels.most_pixels, 1, 1 << 30, "N", "leave out parcels with more (1000000)"},
        {"bands", OPTION_TEXT, &o.scenes.bands, 0, 0, "B02,B03,...",
         "these, in this order (of files with several bands: 1,2,3)"},
        {"mask", OPTION_TEXT, &o.scenes.mask, 0, 0, "BAND",
         "the band that hides the ground; none (SCL where there is one)"},
        {"mask-values", OPTION_TEXT, &o.scenes.mask_values, 0, 0, "3,8,...",
         "its values that do (of SCL 0,1,3,8,9,10; else all but 0)"},
        {"no-data", OPTION_TEXT, &o.scenes.no_data, 0, 0, "VALUE",
         "a pixel that was not seen; none (what the files say)"},
        {"size", OPTION_INT, &patches.size, 8, 4096, "S", "pixels of a patch's side (128)"},
        {"folds", OPTION_INT, &patches.folds, 1, PATCH_FOLDS_MAX, "K", "folds of patches, apart from each other (5)"},
        {"norm", OPTION_TEXT, &o.norm, 0, 0, "FILE",
         "the normalisation of another pack, or of a .pkl (that of the pixels)"},
        {"compress", OPTION_FLAG, &o.compress, 0, 0, NULL, "deflate the pixels: a smaller pack, slower to read"},
        OPTION_JSON(json),
        {0},
    };
    const command_syntax syntax = {
        "pack geotiff SCENES PARCELS OUT [--as pixelset|folder|pastis] [--id FIELD] [--label FIELD,...] ...",
        "Cuts parcels or patches out of whole satellite images. SCENES: a folder of *.tif or *.jp2 on one grid with "
        "the\n"
        "date (YYYYMMDD) in their names, a file a date or a file a band (..._20170104_B02.tif). PARCELS: polygons as\n"
        "GeoJSON, GeoPackage or shapefile, in any coordinate system. Of parcels, what was hidden or has no data at a\n"
        "date is put on the straight line between the dates around it; each image is read once, and the same command\n"
        "goes on where an interrupted one stopped. OUT: a pack (OUT.h5), with --as folder the published DATA and "
        "META,\n"
        "with --as pastis patches with classes and parcel ids, which pack pastis packs. OUT.left-out.csv lists the\n"
        "parcels that cannot be used.",
        options,
        &words,
        4,
        4};
    int code = command_begin(&syntax, argc, argv, &done);
    if (done) return code;
    if (strcmp(as, "pixelset") != 0 && strcmp(as, "folder") != 0 && strcmp(as, "pastis") != 0) {
        fprintf(stderr, "furrow: --as is \"%s\"; wanted pixelset, folder or pastis\n", as);
        return FURROW_USAGE;
    }
    const char *stray = stray_option(as, &o, &patches);
    if (stray) {
        fprintf(stderr, "furrow: --%s means nothing with --as %s\n", stray, as);
        return FURROW_USAGE;
    }
    if (!strcmp(as, "pastis")) return make_patches(&words, &patches, &o, json);
    o.folder = !strcmp(as, "folder");
    pack_geotiff_result result = {0};
    code = pack_geotiff(words.item[1], words.item[2], words.item[3], &o, &result);
    return command_end(code, code ? NULL : describe_pixelset(words.item[3], &result), json, show_pixelset);
}
