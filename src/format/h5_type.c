/* HDF5: element types, in files and in memory. */
#include "base/error.h"
#include "format/h5_internal.h"

static bool integer_type(size_t size, bool is_signed, enum number_type *out)
{
    switch (size) {
    case 1: *out = is_signed ? NUMBER_I8 : NUMBER_U8; return true;
    case 2: *out = is_signed ? NUMBER_I16 : NUMBER_U16; return true;
    case 4: *out = is_signed ? NUMBER_I32 : NUMBER_U32; return true;
    case 8: *out = is_signed ? NUMBER_I64 : NUMBER_U64; return true;
    default: return false;
    }
}

/* The sizes of a 16-bit real's exponent and fraction; the sign stands before them. */
typedef struct short_real {
    size_t exponent, fraction, bias;
} short_real;
static const short_real half = {5, 10, 15}, bfloat = {8, 7, 127};

static bool is_short_real(hid_t type, const short_real *s)
{
    size_t sign, exponent_place, exponent, fraction_place, fraction;
    return H5Tget_fields(type, &sign, &exponent_place, &exponent, &fraction_place, &fraction) >= 0 && sign == 15 &&
           exponent_place == s->fraction && exponent == s->exponent && !fraction_place && fraction == s->fraction &&
           H5Tget_ebias(type) == s->bias;
}

static bool real_type(hid_t type, size_t size, enum number_type *out)
{
    if (size == 2)
        *out = is_short_real(type, &bfloat) ? NUMBER_BF16 : NUMBER_F16;
    else
        *out = size == 4 ? NUMBER_F32 : NUMBER_F64;
    return size == 2 || size == 4 || size == 8;
}

/* Bit for bit what the machine computes with, in either byte order: the library's converters are not asked to take
 * numbers of strange widths and offsets apart. */
static bool is_standard(hid_t type, enum number_type number)
{
    hid_t stored = h5_stored_type(number), turned = stored < 0 ? -1 : H5Tcopy(stored);
    bool same = H5Tequal(type, stored) > 0;
    if (!same && turned >= 0 && H5Tset_order(turned, H5T_ORDER_BE) >= 0) same = H5Tequal(type, turned) > 0;
    if (turned >= 0) H5Tclose(turned);
    return same;
}

static bool number_of(hid_t type, enum number_type *out)
{
    size_t size = H5Tget_size(type);
    H5T_class_t class = H5Tget_class(type);
    bool known = class == H5T_INTEGER ? integer_type(size, H5Tget_sign(type) == H5T_SGN_2, out)
                                      : class == H5T_FLOAT && real_type(type, size, out);
    return known && is_standard(type, *out);
}

int h5_type_of(const h5 *file, const char *object, hid_t type, h5_about *out)
{
    size_t size = H5Tget_size(type);
    H5T_class_t class = H5Tget_class(type);
    bool known = false;
    if (class == H5T_STRING) {
        if (H5Tis_variable_str(type)) return h5_fail(file, object, "has variable-length text, wanted a fixed length");
        out->text = true;
        out->text_width = size;
        out->type = NUMBER_U8;
        return OK;
    }
    if (class == H5T_ENUM) {
        hid_t base = H5Tget_super(type);
        known = base >= 0 && number_of(base, &out->type) && number_is_integer(out->type);
        if (base >= 0) H5Tclose(base);
    } else {
        known = number_of(type, &out->type);
    }
    if (!known) return h5_fail(file, object, "has a type other than fixed text, integer or real");
    return OK;
}

/* IEEE binary16 and bfloat16, which the library lacks: made once, and kept. Below 0 where there is no memory for it. */
static hid_t short_real_type(const short_real *s, H5T_order_t order)
{
    static hid_t made[2][2] = {{-1, -1}, {-1, -1}};
    hid_t *type = &made[s == &bfloat][order == H5T_ORDER_BE];
    if (*type >= 0) return *type;
    hid_t real = H5Tcopy(H5T_IEEE_F32LE);
    if (real < 0) return real;
    if (H5Tset_fields(real, 15, s->fraction, s->exponent, 0, s->fraction) < 0 || H5Tset_size(real, 2) < 0 ||
        H5Tset_ebias(real, s->bias) < 0 || H5Tset_order(real, order) < 0) {
        H5Tclose(real);
        return -1;
    }
    return *type = real;
}

static H5T_order_t native_order(void)
{
    return machine_is_big_endian() ? H5T_ORDER_BE : H5T_ORDER_LE;
}

hid_t h5_memory_type(enum number_type type)
{
    switch (type) {
    case NUMBER_U8: return H5T_NATIVE_UINT8;
    case NUMBER_I8: return H5T_NATIVE_INT8;
    case NUMBER_U16: return H5T_NATIVE_UINT16;
    case NUMBER_I16: return H5T_NATIVE_INT16;
    case NUMBER_U32: return H5T_NATIVE_UINT32;
    case NUMBER_I32: return H5T_NATIVE_INT32;
    case NUMBER_U64: return H5T_NATIVE_UINT64;
    case NUMBER_I64: return H5T_NATIVE_INT64;
    case NUMBER_F16: return short_real_type(&half, native_order());
    case NUMBER_BF16: return short_real_type(&bfloat, native_order());
    case NUMBER_F32: return H5T_NATIVE_FLOAT;
    case NUMBER_F64: return H5T_NATIVE_DOUBLE;
    default: panic("HDF5: no memory type for %s", number_name(type));
    }
}

hid_t h5_stored_type(enum number_type type)
{
    switch (type) {
    case NUMBER_U8: return H5T_STD_U8LE;
    case NUMBER_I8: return H5T_STD_I8LE;
    case NUMBER_U16: return H5T_STD_U16LE;
    case NUMBER_I16: return H5T_STD_I16LE;
    case NUMBER_U32: return H5T_STD_U32LE;
    case NUMBER_I32: return H5T_STD_I32LE;
    case NUMBER_U64: return H5T_STD_U64LE;
    case NUMBER_I64: return H5T_STD_I64LE;
    case NUMBER_F16: return short_real_type(&half, H5T_ORDER_LE);
    case NUMBER_BF16: return short_real_type(&bfloat, H5T_ORDER_LE);
    case NUMBER_F32: return H5T_IEEE_F32LE;
    case NUMBER_F64: return H5T_IEEE_F64LE;
    default: panic("HDF5: no stored type for %s", number_name(type));
    }
}

hid_t h5_text_type(size_t width, H5T_str_t padding, H5T_cset_t set)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type < 0) return type;
    if (H5Tset_size(type, width) < 0 || H5Tset_strpad(type, padding) < 0 || H5Tset_cset(type, set) < 0) {
        H5Tclose(type);
        return -1;
    }
    return type;
}
