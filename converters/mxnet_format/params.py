"""The .params container: named arrays in a dmlc stream, every version MXNet ever wrote.

Layout (little-endian): uint64 magic 0x112, uint64 reserved, uint64 count, the arrays,
uint64 count, the names (uint64 length, bytes).

Source: apache/mxnet src/ndarray/ndarray.cc, NDArray::Save, Load and LegacyLoad.
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, Mapping, Tuple, Union

import numpy as np
import numpy.typing as npt

from ..errors import CheckpointError
from ..files import atomic_write
from ..ir.arrays import TYPE_FLAGS, Array

LIST_MAGIC = 0x112
V1_MAGIC, V2_MAGIC, V3_MAGIC = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
MAX_NDIM = 32  # NumPy's own limit; a larger number means that this is no array header

DTYPES: Dict[int, np.dtype[Any]] = {
    flag: np.dtype(name).newbyteorder("<") for flag, name in enumerate(TYPE_FLAGS)
}
FLAGS = {dtype: flag for flag, dtype in DTYPES.items()}
BFLOAT16_FLAG = 12
ROW_SPARSE, CSR = 1, 2


@dataclass
class _Reader:
    """A cursor over the mapped file; running off its end is an error, not a short read."""

    path: Path
    data: npt.NDArray[np.uint8]
    at: int = 0

    def take(self, count: int, what: str) -> npt.NDArray[np.uint8]:
        if count > len(self.data) - self.at:
            raise CheckpointError(
                f"{self.path}: truncated or damaged: {what} needs {count} bytes at offset "
                f"{self.at}, the file ends at {len(self.data)}. Copy or download it again."
            )
        self.at += count
        return self.data[self.at - count : self.at]

    def numbers(self, fmt: str, what: str) -> Tuple[int, ...]:
        return struct.unpack("<" + fmt, self.take(struct.calcsize("<" + fmt), what).tobytes())

    def number(self, fmt: str, what: str) -> int:
        return self.numbers(fmt, what)[0]

    def shape(self, what: str) -> Tuple[int, ...]:
        return self.dims(self.number("i", what), what)

    def dims(self, ndim: int, what: str, dim: str = "q") -> Tuple[int, ...]:
        if not -1 <= ndim <= MAX_NDIM:
            raise CheckpointError(
                f"{self.path}: {what} at offset {self.at} is no NDArray header (it would have "
                f"{ndim} dimensions). The file is damaged, or is no .params file."
            )
        shape = self.numbers(f"{max(ndim, 0)}{dim}", what)
        if any(d < 0 for d in shape):
            raise CheckpointError(f"{self.path}: {what} has a negative dimension in {shape}.")
        return shape

    def values(self, flag: int, shape: Tuple[int, ...], what: str) -> Array:
        """A view of the file, no copy (bfloat16 is widened to float32, exactly)."""
        stored = {**DTYPES, BFLOAT16_FLAG: np.dtype("<u2")}
        if flag not in stored:
            raise CheckpointError(
                f"{self.path}: {what} has type flag {flag}; known are {sorted(stored)}. "
                "The file is damaged or newer than MXNet 2.0."
            )
        count = math.prod(shape) * stored[flag].itemsize
        array = self.take(count, what).view(stored[flag]).reshape(shape)
        if flag == BFLOAT16_FLAG:
            return (array.astype("<u4") << np.uint32(16)).view("<f4")
        return array


def load_params(path: Union[str, os.PathLike[str]]) -> Dict[str, Array]:
    """Read every array of a .params file, keyed by its name as stored.

    Names keep their `arg:` / `aux:` prefix where they have one. Arrays are read-only views
    of a memory map (row-sparse and CSR arrays are expanded, bfloat16 widened to float32).

    Raises:
        CheckpointError: the file is missing, truncated, or is no .params file.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file. Give the .params file that MXNet saved.")
    if path.stat().st_size < 32:
        raise CheckpointError(
            f"{path}: {path.stat().st_size} bytes; the smallest .params file has 32. "
            "The file is truncated: copy or download it again."
        )
    reader = _Reader(path, np.memmap(path, dtype=np.uint8, mode="r"))
    magic, _, count = reader.numbers("3Q", "the header")
    if magic != LIST_MAGIC:
        raise CheckpointError(
            f"{path}: starts with {magic:#x}; a .params file starts with {LIST_MAGIC:#x}. "
            "Give the file that mx.nd.save, save_checkpoint or save_parameters wrote."
        )
    if count > len(reader.data) // 4:
        raise CheckpointError(f"{path}: claims {count} arrays in {len(reader.data)} bytes.")
    arrays = [_read_array(reader, f"array {i} of {count}") for i in range(count)]
    names = [_read_name(reader, i) for i in range(reader.number("Q", "the number of names"))]
    if not names and arrays:
        raise CheckpointError(
            f"{path}: holds {count} arrays without names (a saved list). A checkpoint needs names: "
            "save a dictionary."
        )
    if len(names) != count:
        raise CheckpointError(
            f"{path}: {count} arrays but {len(names)} names. The file is damaged."
        )
    if len(set(names)) != len(names):
        twice = sorted({n for n in names if names.count(n) > 1})
        raise CheckpointError(f"{path}: names stored twice: {', '.join(map(repr, twice))}.")
    return dict(zip(names, arrays))


def _read_name(reader: _Reader, index: int) -> str:
    what = f"name {index}"
    return reader.take(reader.number("Q", what), what).tobytes().decode("utf-8", "surrogateescape")


def _read_array(reader: _Reader, what: str) -> Array:
    magic = reader.number("I", what)
    if magic in (V2_MAGIC, V3_MAGIC):
        return _read_v2(reader, what, scalars=magic == V3_MAGIC)
    shape = reader.shape(what) if magic == V1_MAGIC else reader.dims(magic, what, "I")
    if not shape:
        return np.zeros(0, np.float32)  # an array that was never allocated
    reader.numbers("2i", f"{what}, context")
    return reader.values(reader.number("i", f"{what}, type"), shape, what)


def _read_v2(reader: _Reader, what: str, *, scalars: bool) -> Array:
    storage = reader.number("i", f"{what}, storage type")
    if storage not in (-1, 0, ROW_SPARSE, CSR):
        raise CheckpointError(f"{reader.path}: {what} has unknown storage type {storage}.")
    n_aux = {ROW_SPARSE: 1, CSR: 2}.get(storage, 0)
    stored = reader.shape(f"{what}, stored shape") if n_aux else ()
    ndim = reader.number("i", f"{what}, shape")
    shape = reader.dims(ndim, what)
    if ndim < 0 or (ndim == 0 and not scalars):
        return np.zeros(0, np.float32)
    reader.numbers("2i", f"{what}, context")
    flag = reader.number("i", f"{what}, type")
    aux = [
        (reader.number("i", f"{what}, index type"), reader.shape(f"{what}, index shape"))
        for _ in range(n_aux)
    ]
    data = reader.values(flag, stored if n_aux else shape, what)
    indices = [reader.values(f, s, f"{what}, indices") for f, s in aux]
    return _dense(reader, what, shape, data, indices) if n_aux else data


def _dense(
    reader: _Reader, what: str, shape: Tuple[int, ...], data: Array, indices: List[Array]
) -> Array:
    """Stored rows and their numbers, or a CSR matrix (row pointers, columns) -> all elements."""
    dense = np.zeros(shape, data.dtype)
    try:
        if len(indices) == 1:
            dense[indices[0]] = data
        else:
            rows = np.repeat(np.arange(shape[0]), np.diff(indices[0]))
            dense[rows, indices[1]] = data
    except (IndexError, ValueError) as error:
        kind = "row-sparse" if len(indices) == 1 else "CSR"
        raise CheckpointError(f"{reader.path}: {what}: {kind} indices: {error}.") from error
    return dense


def save_params(
    path: Union[str, os.PathLike[str]], arrays: Mapping[str, Array], *, version: int = 2
) -> None:
    """Write arrays in the order given, as MXNet does.

    Args:
        version: 0 the oldest layout (uint32 dims, no magic: what data.mxnet.io published),
            1 with int64 dims, 2 what MXNet 1.x writes, 3 with NumPy shape semantics.

    Raises:
        ValueError: an array's type has no flag in the format, or it is a scalar below version 3.
    """
    with atomic_write(Path(path)) as file:
        file.write(struct.pack("<3Q", LIST_MAGIC, 0, len(arrays)))
        for name, array in arrays.items():
            _write_array(file, name, np.asarray(array), version)
        file.write(struct.pack("<Q", len(arrays)))
        for name in arrays:
            encoded = name.encode("utf-8", "surrogateescape")
            file.write(struct.pack("<Q", len(encoded)) + encoded)


def _write_array(file: BinaryIO, name: str, array: Array, version: int) -> None:
    dtype = array.dtype.newbyteorder("<")
    if dtype not in FLAGS:
        raise ValueError(f"{name!r}: {array.dtype} has no flag in .params; known: {list(FLAGS)}.")
    if array.ndim == 0 and version < 3:
        raise ValueError(f"{name!r}: a scalar needs version 3 (NumPy semantics).")
    ndim, dims = array.ndim, array.shape
    if version == 0:
        header = struct.pack(f"<I{ndim}I", ndim, *dims)
    elif version == 1:
        header = struct.pack(f"<Ii{ndim}q", V1_MAGIC, ndim, *dims)
    else:
        magic = V2_MAGIC if version == 2 else V3_MAGIC
        header = struct.pack(f"<Iii{ndim}q", magic, 0, ndim, *dims)
    file.write(header + struct.pack("<3i", 1, 0, FLAGS[dtype]))  # 1, 0: CPU number 0
    file.write(np.ascontiguousarray(array, dtype).tobytes())
