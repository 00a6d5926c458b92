#include "op/team.h"

#include <stdio.h>

#include "base/error.h"

/* ---- forms ------------------------------------------------------------------------------------------------------ */

static int cpu_width(unsigned native)
{
    return native >= 16 ? 16 : native >= 8 ? 8 : 4;
}

team_form team_form_of(const device *d, int team, int channels)
{
    enum { GPU_LANES = 64 };
    const device_info *about = device_about(d);
    const int width = cpu_width(about->vector_width);
    if (device_tiles(d) == TILE_CPU) return (team_form){width, 1, 1, channels % width != 0};
    int lanes = GPU_LANES;
    while (lanes > 1 && (size_t)lanes > about->work_group_limit) lanes /= 2;
    return (team_form){1, lanes, team < lanes ? team : lanes, false};
}

int team_kernel(device *d, team_form f, const char *program, const char *more, const char *name, kernel **out)
{
    char options[96];
    snprintf(options, sizeof options, "-DVW=%d -DLANES=%d -DTEAM=%d -DTAIL=%d%s", f.width, f.lanes, f.team, f.tail,
             more);
    return kernel_get(d, program, options, name, out);
}

size_t team_groups(int count, int each)
{
    return (size_t)(count / each) + (count % each != 0);
}

/* ---- sums ------------------------------------------------------------------------------------------------------- */

int sum_parts(device *d, buffer *part, int parts, int stride, int start, int count, buffer *total, bool accumulate)
{
    int rc = OK;
    kernel *k = NULL;
    const team_form f = team_form_of(d, 64, count);
    const cost work = {(double)parts * count, 4.0 * parts * count};
    TRY(team_kernel(d, f, "sum_parts", "", "sum_parts", &k));
    TRY(LAUNCH(k, team_groups(count, f.width * f.lanes), 1, 1, (size_t)f.lanes, work, arg_buffer(part), arg_int(parts),
               arg_int(stride), arg_int(start), arg_int(count), arg_buffer(total), arg_int(accumulate)));
done:
    return rc;
}

/* ---- shapes ----------------------------------------------------------------------------------------------------- */

static bool shape_equal(shape a, shape b)
{
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; i++)
        if (a.size[i] != b.size[i]) return false;
    return true;
}

int input_wanted(const node *n, int i, enum element e, shape s, const char *meaning)
{
    char wanted[64] = "";
    const tensor *t = n->in[i];
    if (!t || (t->element == e && shape_equal(t->shape, s))) return OK;
    for (int k = 0, used = 0; k < s.rank; k++)
        used += snprintf(wanted + used, sizeof wanted - (size_t)used, k ? " x %d" : "%d", s.size[k]);
    return node_refuse(n, i, "should be %s %s: %s", wanted, e == ELEMENT_INT ? "integers" : "reals", meaning);
}

int matrix_wanted(const node *n, int i, const char *what)
{
    const tensor *t = n->in[i];
    if (t->element == ELEMENT_FLOAT && tensor_channels(t) > 0) return OK;
    return node_refuse(n, i, "should be %s of reals", what);
}

int sequence_count(const node *n, int i)
{
    return (int)tensor_count(n->in[i]) - 1;
}

int offsets_wanted(const node *n, int i)
{
    const int sequences = sequence_count(n, i);
    if (sequences < 0) return node_refuse(n, i, "should be sequences + 1 integers");
    return input_wanted(n, i, ELEMENT_INT, SHAPE(sequences + 1), "where each sequence starts, and the end");
}

int positions_wanted(const node *n, int table, int rows, int channels)
{
    int rc = OK;
    const tensor *t = n->in[table], *p = n->in[table + 1];
    if (!t && !p) return OK;
    if (!t || !p) return node_refuse(n, t ? table + 1 : table, "should be there: a table and positions go together");
    if (t->wants_gradient) return node_refuse(n, table, "is to be trained: a position table takes no gradient");
    if (tensor_rows(t) < 1) return node_refuse(n, table, "should have at least one line");
    TRY(input_wanted(n, table, ELEMENT_FLOAT, SHAPE(tensor_rows(t), channels), "a line a position"));
    TRY(input_wanted(n, table + 1, ELEMENT_INT, SHAPE(rows), "a line of the table a row"));
done:
    return rc;
}
