#include "data/ahead.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

struct ahead {
    ahead_plan plan;
    pthread_t thread;
    atomic_bool stop;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t asked_more, filled_more;
    int asked, filled; /* items that the caller has asked for; that have been filled */
    int code;          /* what ended the thread, and its message: messages belong to a thread */
    char *message;
};

/* ---- the thread -------------------------------------------------------------------------------------------------- */

/* An item takes the slot of item - slots, which is the caller's until it has asked for `held` more. */
static bool wait_for_slot(ahead *a, int item)
{
    pthread_mutex_lock(&a->lock);
    while (!a->stop && item >= a->asked + a->plan.slots - a->plan.held) pthread_cond_wait(&a->asked_more, &a->lock);
    pthread_mutex_unlock(&a->lock);
    return !a->stop;
}

static void report(ahead *a, int rc)
{
    char *message = rc ? text_copy(error_message()) : NULL;
    pthread_mutex_lock(&a->lock);
    a->code = rc;
    a->message = message;
    a->filled += rc == OK;
    pthread_cond_signal(&a->filled_more);
    pthread_mutex_unlock(&a->lock);
}

static void *work(void *user)
{
    ahead *a = user;
    int rc = OK;
    for (int i = 0; !rc && i < a->plan.items && wait_for_slot(a, i); i++) {
        rc = a->plan.fill(a->plan.user, a, i, i % a->plan.slots);
        report(a, rc);
    }
    return NULL;
}

int ahead_wanted(const ahead *a)
{
    return a->stop || interrupt_requested() ? fail(INTERRUPTED, "interrupted") : OK;
}

/* ---- the caller's side ------------------------------------------------------------------------------------------- */

static void release(ahead *a)
{
    pthread_cond_destroy(&a->asked_more);
    pthread_cond_destroy(&a->filled_more);
    pthread_mutex_destroy(&a->lock);
    free(a->message);
    free(a);
}

int ahead_start(ahead_plan plan, ahead **out)
{
    if (plan.held < 1 || plan.slots <= plan.held) panic("%d slots, %d of them held", plan.slots, plan.held);
    ahead *a = memory_new(1, sizeof *a);
    if (!a) return FAILED;
    a->plan = plan;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->asked_more, NULL);
    pthread_cond_init(&a->filled_more, NULL);
    if (pthread_create(&a->thread, NULL, work, a)) {
        release(a);
        return fail(FAILED, "the thread that reads ahead cannot be started");
    }
    *out = a;
    return OK;
}

int ahead_next(ahead *a, int *slot)
{
    int rc = OK;
    *slot = -1;
    pthread_mutex_lock(&a->lock);
    const int item = a->asked;
    if (item < a->plan.items) {
        a->asked++;
        pthread_cond_signal(&a->asked_more);
        while (a->filled <= item && !a->code) pthread_cond_wait(&a->filled_more, &a->lock);
        if (a->filled > item) {
            *slot = item % a->plan.slots;
        } else {
            a->asked = item; /* asking again gives the same error */
            rc = fail(a->code, "%s", a->message ? a->message : "out of memory");
        }
    }
    pthread_mutex_unlock(&a->lock);
    return rc;
}

void ahead_stop(ahead *a)
{
    if (!a) return;
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_signal(&a->asked_more);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    release(a);
}
