"""The .params container: every version, every type, and every way to be damaged."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from converters import CheckpointError
from converters.mxnet_format.params import DTYPES, load_params, save_params

ARRAYS = {
    "arg:weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "aux:mean": np.array([1.5, -2.5], np.float64),
    "half": np.array([[1, 2]], np.float16),
    "bytes": np.array([1, 2, 255], np.uint8),
    "arg:long": np.array([[-(2**60)]], np.int64),
}


def same(found: Dict[str, Any], expected: Dict[str, Any]) -> None:
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


dtypes = st.sampled_from(sorted(DTYPES.values(), key=str))
shapes = hnp.array_shapes(min_dims=1, max_dims=5, min_side=1, max_side=4)
arrays = dtypes.flatmap(lambda dtype: hnp.arrays(dtype, shapes))


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8")), arrays, max_size=4), st.integers(0, 3)
)
def test_any_arrays_round_trip(
    tmp_path_factory: pytest.TempPathFactory, stored: Dict[str, Any], version: int
) -> None:
    path = tmp_path_factory.mktemp("params") / "x.params"
    save_params(path, stored, version=version)
    same(load_params(path), stored)


def test_scalar_only_in_numpy_semantics(tmp_path: Path) -> None:
    scalar = {"x": np.array(3.5, np.float32)}
    save_params(tmp_path / "x.params", scalar, version=3)
    same(load_params(tmp_path / "x.params"), scalar)
    with pytest.raises(ValueError, match="scalar needs version 3"):
        save_params(tmp_path / "y.params", scalar, version=2)
    assert not (tmp_path / "y.params").exists()


def container(array: bytes, name: bytes = b"w") -> bytes:
    names = struct.pack("<2Q", 1, len(name)) + name
    return struct.pack("<3Q", 0x112, 0, 1) + array + names


V2 = 0xF993FAC9
#: Row 7 of three; magic, storage, stored shape; shape; CPU 0, type; type and shape of the indices.
STRAY = struct.pack("<Ii i2q i2q 3i iiq 2f q", V2, 1, 2, 1, 2, 2, 3, 2, 1, 0, 0, 6, 1, 1, 5, 6, 7)


def test_bfloat16_becomes_float32(tmp_path: Path) -> None:
    """MXNet 1.9 reads and writes none: magic and storage; shape; CPU 0, type; the numbers."""
    array = struct.pack("<Ii i2q 3i 2H", V2, 0, 2, 1, 2, 1, 0, 12, 0x3F80, 0xC040)
    (tmp_path / "x.params").write_bytes(container(array))
    same(load_params(tmp_path / "x.params"), {"w": np.array([[1.0, -3.0]], np.float32)})


def test_arrays_are_views_of_the_file(tmp_path: Path) -> None:
    save_params(tmp_path / "x.params", ARRAYS)
    array = load_params(tmp_path / "x.params")["arg:weight"]
    assert not array.flags.owndata
    assert not array.flags.writeable


def test_every_truncation_is_an_error(tmp_path: Path) -> None:
    save_params(tmp_path / "whole.params", ARRAYS)
    whole = (tmp_path / "whole.params").read_bytes()
    path = tmp_path / "cut.params"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"cut\.params"):
            load_params(path)


@given(st.binary(max_size=300), st.booleans())
def test_garbage_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes, with_magic: bool
) -> None:
    path = tmp_path_factory.mktemp("params") / "x.params"
    path.write_bytes(struct.pack("<3Q", 0x112, 0, 3) + garbage if with_magic else b"\xff" + garbage)
    with pytest.raises(CheckpointError):
        load_params(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\3\4" + b"\0" * 60, "starts with 0x"),
        (container(struct.pack("<I", 77) + b"\0" * 400), "is no NDArray header"),
        (container(struct.pack("<2I 3i", 1, 1, 1, 0, 99) + b"\0" * 4), "type flag 99"),
        (container(struct.pack("<Ii", V2, 9) + b"\0" * 40), "storage type 9"),
        (container(STRAY), "row-sparse indices: "),
        (struct.pack("<5Q", 0x112, 0, 0, 1, 1) + b"w", "0 arrays but 1 names"),
        (struct.pack("<3Q 2I 3i f Q", 0x112, 0, 1, 1, 1, 1, 0, 0, 1, 0), "without names"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.params"
    with pytest.raises(CheckpointError, match="no such file"):
        load_params(path)
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        load_params(path)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="complex128 has no flag"):
        save_params(tmp_path / "x.params", {"x": np.zeros(2, complex)})
    assert list(tmp_path.iterdir()) == []
