/* Pickles of numbers and numpy arrays, and normalisation values made of them. */
#include "tests/fuzz/fuzz.h"

#include "format/normalisation.h"
#include "format/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    pickle *p;
    int rank;
    size_t shape[2];
    double *values;
    normalisation n;
    if (!pickle_parse(bytes, length, "fuzz", &p)) {
        if (!pickle_numbers(pickle_root(p), "fuzz", "numbers", &rank, shape, &values)) free(values);
        pickle_free(p);
    }
    if (!normalisation_read(fuzz_file("n.pkl", bytes, length), 4, 3, &n)) normalisation_free(&n);
    return 0;
}
