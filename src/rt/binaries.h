/* The form of a folder of binaries, which binaries_save.c writes and binaries.c reads; docs/fpga.md describes it. */
#ifndef FURROW_RT_BINARIES_H
#define FURROW_RT_BINARIES_H

#define BINARIES_INDEX  "programs.json"
#define BINARIES_FORMAT "programs"
enum { BINARIES_VERSION = 1, BINARIES_HASH = 17 /* characters of a hash as text */ };

#endif
