"""One array of a recording, in NumPy's own form."""

from __future__ import annotations

import zipfile
from typing import Any, Tuple

import numpy as np

from ..runtimes.base import Array

NPY: Any = np.lib.format  # which has no types


def load_array(archive: zipfile.ZipFile, name: str, dtype: str, shape: Tuple[int, ...]) -> Array:
    """Read an array of exactly this form; `dtype` has its byte order, "<f8".

    Raises:
        KeyError: the file has no such member.
        ValueError: the array has another form, or holds numbers that are not finite.
    """
    with archive.open(f"{name}.npy") as file:
        if NPY.read_magic(file) != (1, 0):
            raise ValueError(f"{name} is of another version of .npy")
        found, fortran, kind = NPY.read_array_header_1_0(file)
        if (found, fortran, kind) != (shape, False, np.dtype(dtype)):
            raise ValueError(f"{name} is {kind} of shape {found}, not {dtype} of {shape}")
        array = np.frombuffer(file.read(), kind).reshape(shape)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds numbers that are not finite")
    return array
