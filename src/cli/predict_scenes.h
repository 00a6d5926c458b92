/* predict over whole satellite images. */
#ifndef FURROW_CLI_PREDICT_SCENES_H
#define FURROW_CLI_PREDICT_SCENES_H

#include "cli/run_options.h"
#include "data-tools/label_parcels.h"

typedef struct scenes_arguments {
    const char *scenes, *parcels, *id, *layer;
    scenes_options options;
    furrow_scenes map; /* tile, margin */
    const char *shard;
} scenes_arguments;

/* False, with the message on stderr, for options that mean nothing together. */
bool predict_scenes_arguments_fit(const run_arguments *a, const scenes_arguments *s);

/* Labels the polygons of --parcels or, without, makes a map. Returns the exit code. */
int command_predict_scenes(run_arguments *a, const scenes_arguments *s);

#endif
