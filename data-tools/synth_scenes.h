/* A corner of a made-up country: whole satellite images by date, and the register of its parcels. */
#ifndef FURROW_DATA_TOOLS_SYNTH_SCENES_H
#define FURROW_DATA_TOOLS_SYNTH_SCENES_H

#include <stdint.h>

typedef struct synth_scenes_options {
    int scenes, bands, size; /* dates; bands of each; pixels of a side, 10 m each */
    int parcels, classes;
    uint64_t seed;
} synth_scenes_options;

synth_scenes_options synth_scenes_defaults(void); /* 6 scenes of 10 bands, 500 x 500 pixels, 400 parcels of 8 crops */

/* Writes into FOLDER
 *
 *   SCENES/YYYYMMDD.tif      uint16, reflectance times 10,000; 0: no data, as beyond the edge of an orbit
 *   SCENES/YYYYMMDD_SCL.tif  uint8: 4 vegetation, 9 cloud, 0 no data
 *   parcels.geojson          four-sided polygons: ID_PARCEL, CODE_GROUP (0, 1, ...), CODE_CULTU (C00, C01, ...)
 *
 * all in EPSG:32631. A function of the options. USAGE where one is out of range; FAILED where FOLDER holds SCENES. */
int synth_scenes(const char *folder, const synth_scenes_options *options);

#endif
