#include "op/columns.h"

#include "base/error.h"
#include "op/team.h"

enum { TEAM_OF = 16, ROWS_EACH = 64 };

int columns_copy(device *d, columns from, columns to, int rows, int count, bool accumulate)
{
    int rc = OK;
    kernel *k = NULL;
    const team_form f = team_form_of(d, TEAM_OF, count);
    TRY(team_kernel(d, f, "concat", "", "copy_columns", &k));
    TRY(LAUNCH(k, team_groups(rows, ROWS_EACH), 1, 1, (size_t)f.lanes, ((cost){0, 8.0 * rows * count}),
               arg_buffer(from.matrix), arg_int(from.stride), arg_int(from.first), arg_buffer(to.matrix),
               arg_int(to.stride), arg_int(to.first), arg_int(rows), arg_int(count), arg_int(ROWS_EACH),
               arg_int(accumulate)));
done:
    return rc;
}
