/* The operations of pickle protocols 0 to 5: a machine with a stack, marks and a memo. */
#include "format/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/pickle_internal.h"

enum { MEMO_MAX = 4 << 20, MARKS_MAX = 1000 };

/* ---- the stack ----------------------------------------------------------------------------------------------------- */

int pickle_push(pickle *p, pickle_value *value)
{
    void *grown = p->stack;
    if (!value) return FAILED;
    if (p->depth >= VALUES_MAX) return pickle_refuse(p, "a stack of more than %d values", VALUES_MAX);
    if (memory_grow(&grown, &p->stack_capacity, p->depth + 1, sizeof *p->stack)) return FAILED;
    p->stack = grown;
    p->stack[p->depth++] = value;
    return OK;
}

/* What lies above the last mark is a group: an operation may not reach below it unless it takes the mark away. */
static size_t above_mark(const pickle *p)
{
    return p->depth - (p->marked ? p->marks[p->marked - 1] : 0);
}

int pickle_need(const pickle *p, size_t count)
{
    return above_mark(p) >= count
               ? OK
               : pickle_refuse(p, "%zu values wanted on the stack, %zu are there", count, above_mark(p));
}

static pickle_value *top(const pickle *p, size_t below)
{
    return p->stack[p->depth - 1 - below];
}

static int mark(pickle *p)
{
    void *grown = p->marks;
    if (p->marked >= MARKS_MAX) return pickle_refuse(p, "nested deeper than %d", MARKS_MAX);
    if (memory_grow(&grown, &p->marks_capacity, p->marked + 1, sizeof *p->marks)) return FAILED;
    p->marks = grown;
    p->marks[p->marked++] = p->depth;
    return OK;
}

static int need_mark(const pickle *p)
{
    return p->marked ? OK : pickle_refuse(p, "no mark on the stack");
}

/* ---- containers ---------------------------------------------------------------------------------------------------- */

/* Appends the upper `count` values of the stack to a container and takes them off. */
static int gather(pickle *p, pickle_value *container, size_t count)
{
    void *grown = container->items;
    if (memory_grow(&grown, &container->capacity, container->count + count, sizeof *container->items)) return FAILED;
    container->items = grown;
    for (size_t i = 0; i < count; i++) container->items[container->count++] = p->stack[p->depth - count + i];
    p->depth -= count;
    return OK;
}

static int push_container(pickle *p, enum pickle_kind kind, size_t count)
{
    int rc = pickle_need(p, count);
    if (rc) return rc;
    if (kind == PICKLE_DICT && count % 2) return pickle_refuse(p, "a dictionary's key without a value");
    pickle_value *container = pickle_new(p, kind);
    if (!container) return FAILED;
    if (count && (rc = gather(p, container, count))) return rc;
    return pickle_push(p, container);
}

static int marked_container(pickle *p, enum pickle_kind kind)
{
    int rc = need_mark(p);
    size_t count;
    if (rc) return rc;
    count = above_mark(p);
    p->marked--;
    return push_container(p, kind, count);
}

static int append(pickle *p, enum pickle_kind kind, size_t count)
{
    if (above_mark(p) < count + 1) return pickle_refuse(p, "nothing to append to");
    pickle_value *container = top(p, count);
    if (container->kind != kind)
        return pickle_refuse(p, "appends to %s, wanted %s", pickle_kind_name(container->kind), pickle_kind_name(kind));
    if (kind == PICKLE_DICT && count % 2) return pickle_refuse(p, "a dictionary's key without a value");
    return count ? gather(p, container, count) : OK;
}

static int append_marked(pickle *p, enum pickle_kind kind)
{
    int rc = need_mark(p);
    size_t count;
    if (rc) return rc;
    count = above_mark(p);
    p->marked--;
    return append(p, kind, count);
}

/* ---- the memo ------------------------------------------------------------------------------------------------------ */

static int put(pickle *p, uint64_t index)
{
    void *grown = p->memo;
    int rc = pickle_need(p, 1);
    if (rc) return rc;
    if (index >= MEMO_MAX)
        return pickle_refuse(p, "memo entry %llu, wanted less than %d", (unsigned long long)index, MEMO_MAX);
    if (memory_grow(&grown, &p->memo_capacity, (size_t)index + 1, sizeof *p->memo)) return FAILED;
    p->memo = grown;
    if (index >= p->memo_count) p->memo_count = (size_t)index + 1;
    p->memo[index] = top(p, 0);
    return OK;
}

static int get(pickle *p, uint64_t index)
{
    if (index >= p->memo_count || !p->memo[index])
        return pickle_refuse(p, "memo entry %llu was never set", (unsigned long long)index);
    return pickle_push(p, p->memo[index]);
}

/* ---- names and calls ----------------------------------------------------------------------------------------------- */

static int name_lines(pickle *p)
{
    const char *module, *name;
    size_t module_length, name_length;
    pickle_value *value;
    int rc = pickle_take_line(p, &module, &module_length);
    if (!rc) rc = pickle_take_line(p, &name, &name_length);
    if (!rc) rc = pickle_name(p, module, module_length, name, name_length, &value);
    return rc ? rc : pickle_push(p, value);
}

static int name_stack(pickle *p)
{
    pickle_value *value;
    int rc = pickle_need(p, 2);
    if (rc) return rc;
    const pickle_value *module = top(p, 1), *name = top(p, 0);
    if (module->kind != PICKLE_TEXT || name->kind != PICKLE_TEXT) return pickle_refuse(p, "a name that is not text");
    if ((rc = pickle_name(p, module->bytes, module->length, name->bytes, name->length, &value))) return rc;
    p->depth -= 2;
    return pickle_push(p, value);
}

static int reduce(pickle *p)
{
    pickle_value *value = NULL;
    int rc = pickle_need(p, 2);
    if (!rc) rc = pickle_call(p, top(p, 1), top(p, 0), &value);
    if (rc) return rc;
    p->depth -= 2;
    return pickle_push(p, value);
}

static int build(pickle *p)
{
    int rc = pickle_need(p, 2);
    if (!rc) rc = pickle_build(p, top(p, 1), top(p, 0));
    if (!rc) p->depth--;
    return rc;
}

/* The storage that a persistent id on the stack stands for. */
static int persistent(pickle *p)
{
    pickle_value *value;
    int rc = pickle_need(p, 1);
    if (!rc) rc = pickle_torch_storage(p, top(p, 0), &value);
    if (rc) return rc;
    p->depth--;
    return pickle_push(p, value);
}

/* ---- the machine --------------------------------------------------------------------------------------------------- */

static int protocol(pickle *p)
{
    uint64_t version;
    int rc = pickle_take_number(p, 1, &version);
    if (!rc && version > 5) rc = pickle_refuse(p, "protocol %llu, wanted at most 5", (unsigned long long)version);
    return rc;
}

static int frame(pickle *p)
{
    uint64_t size;
    int rc = pickle_take_number(p, 8, &size);
    if (!rc && size > p->length - p->at) {
        p->cut = true;
        rc = pickle_refuse(p, "a frame of %llu bytes, %zu are left", (unsigned long long)size, p->length - p->at);
    }
    return rc;
}

static int pop(pickle *p)
{
    if (p->marked && above_mark(p) == 0) { /* as Python: POP takes a mark away too */
        p->marked--;
        return OK;
    }
    int rc = pickle_need(p, 1);
    if (!rc) p->depth--;
    return rc;
}

static int pop_mark(pickle *p)
{
    int rc = need_mark(p);
    if (!rc) p->depth = p->marks[--p->marked];
    return rc;
}

static int indexed(pickle *p, size_t size, bool text, int (*act)(pickle *p, uint64_t index))
{
    uint64_t index;
    int rc = text ? pickle_line_index(p, &index) : pickle_take_number(p, size, &index);
    return rc ? rc : act(p, index);
}

static int operate(pickle *p, unsigned char code)
{
    if (p->checkpoint) switch (code) {
        case 'Q': return persistent(p);
        case 0x8f: return push_container(p, PICKLE_LIST, 0); /* sets, as lists of what is in them */
        case 0x90: return append_marked(p, PICKLE_LIST);
        case 0x91: return marked_container(p, PICKLE_LIST);
        default: break;
        }
    switch (code) {
    case 0x80: return protocol(p);
    case 0x95: return frame(p);
    case '(': return mark(p);
    case '0': return pop(p);
    case '1': return pop_mark(p);
    case '2': return pickle_need(p, 1) ? FAILED : pickle_push(p, top(p, 0));
    case 'N': return pickle_push(p, pickle_new(p, PICKLE_NONE));
    case 0x88: return pickle_push_integer(p, PICKLE_BOOL, 1);
    case 0x89: return pickle_push_integer(p, PICKLE_BOOL, 0);
    case 'I':
    case 'L': return pickle_integer_line(p);
    case 'K': return pickle_integer_binary(p, 1, false);
    case 'M': return pickle_integer_binary(p, 2, false);
    case 'J': return pickle_integer_binary(p, 4, true);
    case 0x8a: return pickle_integer_long(p, 1);
    case 0x8b: return pickle_integer_long(p, 4);
    case 'F': return pickle_real_line(p);
    case 'G': return pickle_real_binary(p);
    case 'S': return pickle_string_line(p);
    case 'T':
    case 'B': return pickle_counted_bytes(p, PICKLE_BYTES, 4);
    case 'U':
    case 'C': return pickle_counted_bytes(p, PICKLE_BYTES, 1);
    case 0x8e:
    case 0x96: return pickle_counted_bytes(p, PICKLE_BYTES, 8);
    case 'V': return pickle_unicode_line(p);
    case 0x8c: return pickle_counted_bytes(p, PICKLE_TEXT, 1);
    case 'X': return pickle_counted_bytes(p, PICKLE_TEXT, 4);
    case 0x8d: return pickle_counted_bytes(p, PICKLE_TEXT, 8);
    case ')': return push_container(p, PICKLE_TUPLE, 0);
    case 0x85: return push_container(p, PICKLE_TUPLE, 1);
    case 0x86: return push_container(p, PICKLE_TUPLE, 2);
    case 0x87: return push_container(p, PICKLE_TUPLE, 3);
    case 't': return marked_container(p, PICKLE_TUPLE);
    case ']': return push_container(p, PICKLE_LIST, 0);
    case 'l': return marked_container(p, PICKLE_LIST);
    case 'a': return append(p, PICKLE_LIST, 1);
    case 'e': return append_marked(p, PICKLE_LIST);
    case '}': return push_container(p, PICKLE_DICT, 0);
    case 'd': return marked_container(p, PICKLE_DICT);
    case 's': return append(p, PICKLE_DICT, 2);
    case 'u': return append_marked(p, PICKLE_DICT);
    case 'p': return indexed(p, 0, true, put);
    case 'q': return indexed(p, 1, false, put);
    case 'r': return indexed(p, 4, false, put);
    case 0x94: return put(p, p->memo_count);
    case 'g': return indexed(p, 0, true, get);
    case 'h': return indexed(p, 1, false, get);
    case 'j': return indexed(p, 4, false, get);
    case 'c': return name_lines(p);
    case 0x93: return name_stack(p);
    case 'R': return reduce(p);
    case 'b': return build(p);
    default:
        return pickle_refuse(p, "operation 0x%02x, which %s do not need", code,
                             p->checkpoint ? "tensors" : "tables of numbers");
    }
}

static int run(pickle *p)
{
    int rc = OK;
    while (!rc) {
        p->operation = p->at;
        if (p->at >= p->length) {
            p->cut = true;
            return pickle_refuse(p, "the pickle ends before its STOP: cut off");
        }
        unsigned char code = (unsigned char)p->bytes[p->at++];
        if (code == '.') break;
        rc = operate(p, code);
    }
    if (!rc && (p->depth != 1 || p->marked))
        rc = pickle_refuse(p, "ends with %zu values and %zu marks on the stack, wanted one value", p->depth, p->marked);
    return rc;
}

static int parse(const void *bytes, size_t length, const char *where, bool checkpoint, bool *cut, pickle **out)
{
    int rc = OK;
    pickle *p = memory_new(1, sizeof *p);
    if (!p) return FAILED;
    if (length > PICKLE_BYTES_MAX) {
        rc = fail(FAILED, "%s: a pickle of %zu bytes, wanted at most %d", where, length, PICKLE_BYTES_MAX);
        goto done;
    }
    p->where = where;
    p->length = length;
    p->budget = 4 * length;
    p->checkpoint = checkpoint;
    TRY_NEW(p->bytes = memory_new(length + 1, 1));
    memcpy(p->bytes, bytes, length);
    rc = run(p);
    *cut = p->cut;
    if (rc) goto done;
    *out = p;
    p = NULL;
done:
    pickle_free(p);
    return rc;
}

int pickle_parse(const void *bytes, size_t length, const char *where, pickle **out)
{
    bool cut;
    pickle *p = NULL;
    int rc = parse(bytes, length, where, false, &cut, &p);
    if (!rc && p->at != length) rc = pickle_refuse(p, "%zu bytes follow the end", length - p->at);
    if (rc)
        pickle_free(p);
    else
        *out = p;
    return rc;
}

int pickle_parse_checkpoint(const void *bytes, size_t length, const char *where, size_t *used, bool *cut, pickle **out)
{
    *cut = false;
    int rc = parse(bytes, length, where, true, cut, out);
    if (!rc) *used = (*out)->at;
    return rc;
}

int pickle_read(const char *path, pickle **out)
{
    char *bytes;
    size_t length;
    int rc = file_read(path, PICKLE_BYTES_MAX, &bytes, &length);
    if (rc) return rc;
    rc = pickle_parse(bytes, length, path, out);
    free(bytes);
    return rc;
}

const pickle_value *pickle_root(const pickle *p)
{
    return p->stack[0];
}
