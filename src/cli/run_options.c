#include "cli/run_options.h"

void run_arguments_take(run_arguments *a)
{
    a->options.config = a->positional.item[0];
    a->options.set = a->sets.item;
    a->options.sets = a->sets.count;
}
