"""Classifies parcels in memory with a run folder's networks: furrow from Python, with nothing but the standard library.

    python3 classify.py RUN_FOLDER parcels.h5 parcels/DATA/17.npy ...      (FURROW_LIBRARY: path of libfurrow.so)
"""
import array
import ast
import ctypes
import os
import sys
from ctypes import POINTER, byref, c_bool, c_char_p, c_float, c_int, c_int32, c_size_t, c_uint64, c_void_p


class ModelOptions(ctypes.Structure):  # furrow_model_options
    _fields_ = [("config", c_char_p), ("set", POINTER(c_char_p)), ("sets", c_int), ("weights", c_char_p),
                ("fold", c_int), ("seed", c_uint64), ("normalisation", c_char_p)]


class ModelInfo(ctypes.Structure):  # furrow_model_info
    _fields_ = [("arch", c_char_p), ("samples", c_char_p), ("head", c_bool), ("days", c_bool), ("bands", c_int),
                ("classes", c_int), ("extra", c_int), ("pixels", c_int), ("longest", c_int), ("networks", c_int),
                ("parameters", c_size_t)]


class Parcel(ctypes.Structure):  # furrow_parcel
    _fields_ = [("values", POINTER(c_float)), ("dates", c_int), ("pixels", c_int), ("days", POINTER(c_int32)),
                ("extra", POINTER(c_float)), ("id", c_char_p)]


furrow = ctypes.CDLL(os.environ.get("FURROW_LIBRARY", "libfurrow.so"))
furrow.furrow_error_message.restype = c_char_p
furrow.furrow_model_class_name.restype = c_char_p
furrow.furrow_device_open.argtypes = [c_char_p, POINTER(c_void_p)]
furrow.furrow_device_close.argtypes = [c_void_p]
furrow.furrow_model_load.argtypes = [c_void_p, POINTER(ModelOptions), POINTER(c_void_p)]
furrow.furrow_model_about.argtypes = [c_void_p, POINTER(ModelInfo)]
furrow.furrow_model_class_name.argtypes = [c_void_p, c_int]
furrow.furrow_model_free.argtypes = [c_void_p]
furrow.furrow_classify_parcels.argtypes = [c_void_p, POINTER(Parcel), c_int, POINTER(c_float)]


def check(code):
    if code:
        sys.exit(f"classify.py: {furrow.furrow_error_message().decode()}")


def parcel_read(path):
    """A .npy file of uint16, dates x bands x pixels, as `furrow synth` writes them."""
    with open(path, "rb") as file:
        start = file.read(10)
        header = ast.literal_eval(file.read(int.from_bytes(start[8:10], "little")).decode())
        stored = array.array("H", file.read())
    dates, _, pixels = header["shape"]
    name = os.path.basename(path).removesuffix(".npy")
    return Parcel((c_float * len(stored))(*stored), dates, pixels, None, None, name.encode())


def main(weights, pack, *paths):
    device, model, about = c_void_p(), c_void_p(), ModelInfo()
    check(furrow.furrow_device_open(None, byref(device)))
    options = ModelOptions(weights=weights.encode(), normalisation=pack.encode())
    check(furrow.furrow_model_load(device, byref(options), byref(model)))
    furrow.furrow_model_about(model, byref(about))
    names = [furrow.furrow_model_class_name(model, k).decode() for k in range(about.classes)]
    print(f"{about.arch.decode()}, {about.parameters} parameters, classes {names}", file=sys.stderr)
    parcels = (Parcel * len(paths))(*map(parcel_read, paths))  # all in one call
    probabilities = (c_float * (len(paths) * about.classes))()
    check(furrow.furrow_classify_parcels(model, parcels, len(paths), probabilities))
    for i, parcel in enumerate(parcels):
        row = probabilities[i * about.classes:(i + 1) * about.classes]
        print(",".join([parcel.id.decode()] + [f"{p:.6f}" for p in row]))
    furrow.furrow_model_free(model)
    furrow.furrow_device_close(device)


main(*sys.argv[1:])
