/* Ctrl-C and SIGTERM. */
#ifndef FURROW_CLI_INTERRUPT_H
#define FURROW_CLI_INTERRUPT_H

/* From here on the first signal calls furrow_interrupt(): the work stops after its step and keeps what is whole; the
 * second ends the process at once. Before any other thread starts. */
void interrupt_catch(void);

#endif
