/* The elements of PyTorch's tensors: any offset and strides, from storages that are never held whole unless they are
 * deflated and cut into parts. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/torch_internal.h"

enum { WINDOW_LEAST = 1 << 12, WINDOW_MOST = 1 << 20 };

/* ---- bytes of a storage -------------------------------------------------------------------------------------------- */

/* All of it is inflated, once for the views that follow each other. */
static int hold(torch_file *t, const torch_storage *s)
{
    if (t->held_of == s) return OK;
    free(t->held);
    t->held_of = NULL;
    t->held = memory_new((size_t)s->bytes, 1);
    int rc = t->held ? zip_read(t->archive, s->member, t->held) : FAILED;
    if (!rc) t->held_of = s;
    return rc;
}

static int part_read(tensor_file *f, torch_file *t, torch_storage *s, uint64_t from, size_t length, void *out)
{
    int rc = OK;
    if (s->member && s->member->deflated) {
        if ((rc = hold(t, s))) return rc;
        memcpy(out, (const char *)t->held + from, length);
        return OK;
    }
    if (!s->checked && (rc = zip_check(t->archive, s->member))) return rc;
    s->checked = true;
    return reader_read(f->file, s->place + from, length, out);
}

/* ---- strided views ------------------------------------------------------------------------------------------------- */

/* A part of a storage in memory. It grows while reading goes straight on, and is small where it jumps. */
typedef struct window {
    tensor_file *file;
    torch_file *torch;
    torch_storage *storage;
    uint64_t from;
    size_t length, wanted;
    char *bytes;
} window;

static int window_at(window *w, uint64_t byte, size_t size, const char **out)
{
    int rc = OK;
    if (byte < w->from || byte + size > w->from + w->length) {
        const bool onward = byte >= w->from && byte - w->from < 2 * (uint64_t)w->length;
        w->wanted = !onward ? WINDOW_LEAST : w->wanted < WINDOW_MOST ? 2 * w->wanted : WINDOW_MOST;
        const uint64_t left = w->storage->bytes - byte;
        w->from = byte;
        w->length = left < w->wanted ? (size_t)left : w->wanted;
        rc = part_read(w->file, w->torch, w->storage, w->from, w->length, w->bytes);
    }
    *out = w->bytes + (byte - w->from);
    return rc;
}

/* A dimension: how far its next element lies in the storage, and in the output. */
typedef struct walk {
    size_t size, stride, step;
} walk;

static int by_stride(const void *a, const void *b)
{
    const size_t x = ((const walk *)a)->stride, y = ((const walk *)b)->stride;
    return (x < y) - (x > y);
}

/* The dimensions are walked by falling stride: the storage is read from its start to its end, whatever order the output
 * has. */
static int gather(window *w, const pickle_value *tensor, size_t size, char *out)
{
    walk way[PICKLE_RANK_MAX];
    size_t at[PICKLE_RANK_MAX] = {0}, step = 1;
    const int rank = tensor->dimensions;
    for (int i = rank; i-- > 0;) {
        way[i] = (walk){tensor->sizes[i], tensor->strides[i], step};
        step *= tensor->sizes[i];
    }
    qsort(way, (size_t)rank, sizeof *way, by_stride);
    uint64_t from = tensor->start;
    size_t to = 0;
    for (size_t done = 0; done < tensor->total; done++) {
        const char *element;
        int rc = window_at(w, from * size, size, &element);
        if (rc) return rc;
        memcpy(out + to * size, element, size);
        for (int i = rank; i-- > 0;) {
            from += way[i].stride;
            to += way[i].step;
            if (++at[i] < way[i].size) break;
            from -= way[i].size * way[i].stride;
            to -= way[i].size * way[i].step;
            at[i] = 0;
        }
    }
    return OK;
}

static bool is_contiguous(const pickle_value *tensor)
{
    size_t stride = 1;
    for (int i = tensor->dimensions; i-- > 0;) {
        if (tensor->sizes[i] != 1 && tensor->strides[i] != stride) return false;
        stride *= tensor->sizes[i];
    }
    return true;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------- */

int torch_read(tensor_file *f, torch_file *t, const pickle_value *tensor, void *out)
{
    int rc = OK;
    torch_storage *s = torch_storage_of(t, tensor->storage);
    const size_t size = number_size(tensor->storage->element), bytes = tensor->total * size;
    window w = {.file = f, .torch = t, .storage = s, .wanted = WINDOW_LEAST};
    if (!bytes) return OK;
    if (!is_contiguous(tensor)) {
        TRY_NEW(w.bytes = memory_new(WINDOW_MOST, 1));
        TRY(gather(&w, tensor, size, out));
    } else if (bytes == s->bytes && s->member && !s->checked) {
        TRY(zip_read(t->archive, s->member, out)); /* all of it at once, with its checksum */
        s->checked = true;
    } else {
        TRY(part_read(f, t, s, tensor->start * size, bytes, out));
    }
    if (t->swapped) number_swap(tensor->storage->element, out, tensor->total);
done:
    free(w.bytes);
    return rc;
}
