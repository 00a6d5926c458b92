/* Errors: a code for the caller, a message for the user.
 *
 * Every fallible function returns one of these codes, 0 being success. The point of failure writes the
 * message (what, which value, what was wanted, where); everyone above only passes the code on with TRY
 * and frees what it holds at one `done:` label. Panics are for our own bugs alone. */
#ifndef FURROW_BASE_ERROR_H
#define FURROW_BASE_ERROR_H

/* The codes are the process's exit codes. */
enum {
    OK = 0,
    FAILED = 1,        /* the work failed: bad data, a check that does not hold, a full disk */
    USAGE = 2,         /* wrong usage or configuration */
    NO_DEVICE = 3,     /* no usable OpenCL device */
    INTERRUPTED = 130, /* Ctrl-C */
};

/* Sets this thread's message and returns `code`, so that `return fail(FAILED, "...", ...)` reads well. */
int fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the message that is already set and returns `code`. */
int fail_within(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* This thread's message; "" when nothing failed. Valid until the thread's next failure. */
const char *error_message(void);

/* A bug of ours: prints to stderr and aborts. Never for input, memory or device trouble. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For functions of the form: int rc = OK; ... TRY(step()); ... done: free everything; return rc; */
#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        rc = (expression);                                                                                             \
        if (rc) goto done;                                                                                             \
    } while (0)

/* The same for a pointer: NULL means that the callee has set the message; the code is FAILED. */
#define TRY_NEW(expression)                                                                                            \
    do {                                                                                                               \
        if (!(expression)) {                                                                                           \
            rc = FAILED;                                                                                               \
            goto done;                                                                                                 \
        }                                                                                                              \
    } while (0)

#endif
