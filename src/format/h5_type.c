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

static bool real_type(size_t size, enum number_type *out)
{
    *out = size == 2 ? NUMBER_F16 : size == 4 ? NUMBER_F32 : NUMBER_F64;
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
                                      : class == H5T_FLOAT && real_type(size, out);
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

/* IEEE binary16, which the library lacks: made once, and kept. Below 0 where there is no memory for it. */
static hid_t half_type(H5T_order_t order)
{
    static hid_t made[2] = {-1, -1};
    hid_t *type = &made[order == H5T_ORDER_BE];
    if (*type >= 0) return *type;
    hid_t half = H5Tcopy(H5T_IEEE_F32LE);
    if (half < 0) return half;
    if (H5Tset_fields(half, 15, 10, 5, 0, 10) < 0 || H5Tset_size(half, 2) < 0 || H5Tset_ebias(half, 15) < 0 ||
        H5Tset_order(half, order) < 0) {
        H5Tclose(half);
        return -1;
    }
    return *type = half;
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
    case NUMBER_F16: return half_type(machine_is_big_endian() ? H5T_ORDER_BE : H5T_ORDER_LE);
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
    case NUMBER_F16: return half_type(H5T_ORDER_LE);
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
