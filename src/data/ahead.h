/* A thread that fills slots ahead of the caller who empties them. What a slot is, and how it is filled, is the user's;
 * the slots go round: item i is filled into slot i % slots. */
#ifndef FURROW_DATA_AHEAD_H
#define FURROW_DATA_AHEAD_H

typedef struct ahead ahead;

typedef struct ahead_plan {
    int items;
    int slots; /* more than `held` */
    int held;  /* how many of the items that it got last the caller may still look at, 1 or more */
    /* On the thread: fills the slot. An error ends the thread. Long work asks ahead_wanted in between. */
    int (*fill)(void *user, const ahead *a, int item, int slot);
    void *user;
} ahead_plan;

/* Never more than slots - held items are filled beyond those asked for. FAILED: no memory, no thread. */
int ahead_start(ahead_plan plan, ahead **out);

/* For fill: INTERRUPTED, with the message, when nobody waits any more or the user has asked to stop. */
int ahead_wanted(const ahead *a);

/* Waits for the next item: *slot, -1 after the last. An error of fill comes in its place, after the items before it,
 * and again at every later call. */
int ahead_next(ahead *a, int *slot);

/* Ends the thread, at any time, and frees; NULL is fine. The slots may be freed after it. */
void ahead_stop(ahead *a);

#endif
