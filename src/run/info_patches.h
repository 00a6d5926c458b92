/* furrow_info of a pack of image patches. */
#ifndef FURROW_RUN_INFO_PATCHES_H
#define FURROW_RUN_INFO_PATCHES_H

#include <cjson/cJSON.h>

/* Adds what the whole pack `path` holds: patches per fold, satellites with their dates, classes, what is missing. */
int patches_info(const char *path, cJSON *out);

#endif
