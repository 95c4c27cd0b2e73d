"""A header and arrays in one .npz file: the same bytes each time, and read with suspicion."""

from __future__ import annotations

import io
import json
import zipfile
from math import prod
from typing import Any, BinaryIO, Tuple

import numpy as np

from ..runtimes.base import Array

HEADER = "header.json"
NPY: Any = np.lib.format  # which has no types

#: What unpacks to more than this, and to more than so many times its size, is made to fill memory.
UNPACKED, RATIO = 64 << 20, 200


class Archive(zipfile.ZipFile):
    """A context manager. Whatever a file holds, its numbers are finite and of the expected form.

    Raises:
        zipfile.BadZipFile: it is no zip file.
        ValueError: it is damaged, or made to fill memory.
    """

    def __init__(self, file: BinaryIO, mode: Any = "r") -> None:
        super().__init__(file, mode)
        packed = file.seek(0, io.SEEK_END)
        unpacked = sum(info.file_size for info in self.infolist())
        if unpacked > max(UNPACKED, RATIO * packed):
            raise ValueError(f"{packed} bytes unpack to {unpacked}")

    def write_member(self, name: str, data: bytes) -> None:
        """With a date that is always the same."""
        self.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)

    def write_array(self, name: str, array: Array, dtype: str) -> None:
        """
        Args:
            dtype: with its byte order, "<f8".
        """
        buffer = io.BytesIO()
        contiguous = np.ascontiguousarray(array, dtype).reshape(np.shape(array))
        NPY.write_array(buffer, contiguous, (1, 0), allow_pickle=False)
        self.write_member(f"{name}.npy", buffer.getvalue())

    def write_header(self, document: Any) -> None:
        """It comes last."""
        self.write_member(HEADER, json.dumps(document).encode())

    def array(self, name: str, dtype: str, shape: Tuple[int, ...]) -> Array:
        """
        Raises:
            KeyError: there is none of this name.
            ValueError: it has another form, or numbers that are not finite.
        """
        with self.open(f"{name}.npy") as file:
            if NPY.read_magic(file) != (1, 0):
                raise ValueError(f"{name} is of another version of .npy")
            found, fortran, kind = NPY.read_array_header_1_0(file)
            if (found, fortran, kind) != (shape, False, np.dtype(dtype)):
                raise ValueError(f"{name} is {kind} of shape {found}, not {dtype} of {shape}")
            data = file.read()
        if len(data) != prod(shape) * kind.itemsize:
            raise ValueError(f"{name} has {len(data)} bytes of numbers")
        array = np.frombuffer(data, kind).reshape(shape)
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds numbers that are not finite")
        return array

    def header(self) -> Any:
        return json.loads(self.read(HEADER))
