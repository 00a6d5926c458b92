/* The order of parcels and patches: ids that are integers first, by value; the others by bytes. */
#ifndef FURROW_FORMAT_ID_H
#define FURROW_FORMAT_ID_H

int id_compare(const char *a, const char *b); /* as strcmp */

#endif
