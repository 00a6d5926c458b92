/* The text of the files in cl/ (*.cl, *.clh), embedded when the program is built: the Makefile generates the source of
 * these two functions. */
#ifndef FURROW_RT_KERNEL_TEXT_H
#define FURROW_RT_KERNEL_TEXT_H

const char *kernel_text(const char *file_name); /* "gemm.cl"; NULL when there is no such file */
const char *kernel_text_name(int index);        /* every file's name, sorted; NULL from their count on */

#endif
