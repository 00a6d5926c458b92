/* predict over whole images. Polygons are labelled in three steps: their pixels go into a pack with the normalisation of
 * the configuration's pack, the network predicts on that, and the predictions join the polygons. */
#include "cli/predict_scenes.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/table.h"
#include "data-tools/merge_tiles.h"
#include "data-tools/pack_geotiff.h"

enum { PATH_BYTES = 4096 };

typedef struct job {
    run_arguments *a;
    const scenes_arguments *s;
    cJSON *config;
    char pack[PATH_BYTES], predictions[PATH_BYTES], out[PATH_BYTES], set[PATH_BYTES + 16];
} job;

static const char *of_data(const job *j, const char *key)
{
    const char *text = text_of(member(j->config, "data"), key);
    return *text ? text : NULL;
}

static int paths_make(job *j)
{
    const char *folder = j->a->options.out;
    const int most = PATH_BYTES - 1;
    mkdir(folder, 0777);
    if (snprintf(j->pack, sizeof j->pack, "%s/parcels.h5", folder) > most ||
        snprintf(j->predictions, sizeof j->predictions, "%s/predictions.json", folder) > most ||
        snprintf(j->out, sizeof j->out, "%s/parcels.gpkg", folder) > most) {
        fprintf(stderr, "furrow: --out is longer than %d bytes\n", PATH_BYTES);
        return FURROW_USAGE;
    }
    snprintf(j->set, sizeof j->set, "data.pack=%s", j->pack);
    return FURROW_OK;
}

/* No memory for it: j->config stays NULL. */
static int config_take(job *j)
{
    char *text;
    const int code = furrow_config(&j->a->options, &text);
    if (code) return code;
    j->config = cJSON_Parse(text);
    free(text);
    return FURROW_OK;
}

static int pixels_pack(const job *j)
{
    pack_geotiff_options o = pack_geotiff_defaults();
    o.scenes = j->s->options;
    o.parcels.id = j->s->id;
    o.parcels.layer = j->s->layer;
    o.norm = of_data(j, "pack");
    return pack_geotiff(j->s->scenes, j->s->parcels, j->pack, &o, NULL);
}

/* The same run, but for its pack. */
static int predict(const job *j, char **json)
{
    furrow_run_options o = j->a->options;
    const char *sets[TEXT_LIST_MAX + 1];
    for (int i = 0; i < o.sets; i++) sets[i] = o.set[i];
    sets[o.sets++] = j->set;
    o.set = sets;
    return furrow_predict(&o, json);
}

static int label(const job *j, size_t *written)
{
    const label_parcels_options o = {
        .scenes = j->s->options,
        .layer = j->s->layer,
        .id = j->s->id,
        .names_pack = of_data(j, "pack"),
        .nomenclature = of_data(j, "nomenclature"),
    };
    return label_parcels(j->s->scenes, j->s->parcels, j->predictions, &o, j->out, written);
}

static void show(const cJSON *document)
{
    const cJSON *one, *classes = member(document, "classes");
    const int width = names_width(classes, "class");
    print_padded("class", width);
    printf(" %10s\n", "parcels");
    cJSON_ArrayForEach(one, classes) {
        print_padded(one->string, width);
        printf(" %10s\n", figure(one->valuedouble, 0));
    }
    printf("%s parcels: %s\n", figure(number_of(document, "written"), 0), text_of(document, "gpkg"));
}

/* The document to *text; NULL where there is no memory for one. */
static int steps(job *j, char **text)
{
    char *predicted = NULL;
    size_t written = 0;
    int code = config_take(j);
    if (code || !j->config) return code;
    code = pixels_pack(j);
    if (!code) code = predict(j, &predicted);
    if (!code) code = label(j, &written);
    if (!code)
        *text = document_extended(predicted, (const entry[]){TEXT("gpkg", j->out), NUMBER("written", written), {0}});
    free(predicted);
    return code;
}

static int label_polygons(run_arguments *a, const scenes_arguments *s)
{
    job j = {.a = a, .s = s};
    char *text = NULL;
    int code = paths_make(&j);
    if (code) return code;
    code = steps(&j, &text);
    cJSON_Delete(j.config);
    return command_end(code, text, a->json, show);
}

/* ---- maps ---------------------------------------------------------------------------------------------------------- */

static void show_map(const cJSON *document)
{
    print_counts(document);
    printf("%s of %s tiles made, %s were there\n", figure(number_of(document, "made"), 0),
           figure(number_of(document, "tiles"), 0), figure(number_of(document, "kept"), 0));
    if (member(document, "gpkg"))
        printf("%s: %s parcels, joined across tiles; instances.tif, classes.tif and confidence.tif beside it, with "
               "styles for QGIS\n",
               text_of(document, "gpkg"), figure(number_of(document, "parcels"), 0));
    else if (member(document, "map"))
        printf("%s and confidence.tif, with styles for QGIS beside them\n", text_of(document, "map"));
    else
        printf("furrow merge %s joins them when all shards are done\n", text_of(document, "out"));
}

static bool shard_read(const char *text, furrow_scenes *map)
{
    char end;
    if (!text) return true;
    return sscanf(text, "%d/%d%c", &map->shard, &map->shards, &end) == 2 && map->shards >= 1 && map->shard >= 1 &&
           map->shard <= map->shards;
}

/* Joins the tiles, and says so in the document. */
static int merge(const furrow_run_options *o, char **json)
{
    merge_result result;
    char map[PATH_BYTES], parcels[PATH_BYTES];
    const int code = merge_tiles(o->out, o->tolerance, &result);
    if (code) return code;
    snprintf(map, sizeof map, "%s/classes.tif", o->out);
    snprintf(parcels, sizeof parcels, "%s/parcels.gpkg", o->out);
    char *extended =
        document_extended(*json, (const entry[]){
                                     TEXT("map", map),
                                     result.has_parcels ? (entry)TEXT("gpkg", parcels) : (entry){0},
                                     result.has_parcels ? (entry)NUMBER("parcels", result.parcels) : (entry){0},
                                     {0},
                                 });
    free(*json);
    *json = extended;
    return FURROW_OK;
}

static int make_map(run_arguments *a, const scenes_arguments *s)
{
    furrow_scenes map = s->map;
    char *json = NULL;
    map.folder = s->scenes;
    map.bands = s->options.bands;
    map.mask = s->options.mask;
    map.mask_values = s->options.mask_values;
    map.no_data = s->options.no_data;
    if (!shard_read(s->shard, &map)) {
        fprintf(stderr, "furrow: --shard is \"%s\"; wanted I/N, such as 2/8\n", s->shard);
        return FURROW_USAGE;
    }
    a->options.scenes = &map;
    int code = furrow_predict(&a->options, &json);
    if (!code && !s->shard) code = merge(&a->options, &json);
    if (code) {
        free(json);
        json = NULL;
    }
    return command_end(code, json, a->json, show_map);
}

/* An option that means nothing here, and where that is; option NULL: none. */
typedef struct stray {
    const char *option, *where;
} stray;

static stray stray_option(const run_arguments *a, const scenes_arguments *s)
{
    const scenes_options *o = &s->options;
    const bool map = s->scenes && !s->parcels;
    const char *where = s->scenes ? "with --parcels" : "without --scenes";
    if (!s->scenes && s->parcels) return (stray){"parcels", where};
    if (!s->scenes && (o->bands || o->mask || o->mask_values || o->no_data))
        return (stray){"bands, --mask and --no-data", where};
    if (!s->parcels && s->id) return (stray){"id", s->scenes ? "without --parcels" : where};
    if (!s->parcels && s->layer) return (stray){"layer", s->scenes ? "without --parcels" : where};
    if (!map && s->map.tile) return (stray){"tile", where};
    if (!map && s->map.margin >= 0) return (stray){"margin", where};
    if (!map && s->shard) return (stray){"shard", where};
    if (s->parcels && a->options.tolerance > 0) return (stray){"tolerance", where};
    if (s->shard && a->options.tolerance > 0) return (stray){"tolerance", "with --shard: give it to merge"};
    return (stray){NULL, NULL};
}

bool predict_scenes_arguments_fit(const run_arguments *a, const scenes_arguments *s)
{
    const stray found = stray_option(a, s);
    if (found.option) fprintf(stderr, "furrow: --%s means nothing %s\n", found.option, found.where);
    return !found.option;
}

int command_predict_scenes(run_arguments *a, const scenes_arguments *s)
{
    return s->parcels ? label_polygons(a, s) : make_map(a, s);
}
