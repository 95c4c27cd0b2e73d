"""Inputs that a user chooses for a proof: arrays, pictures, and drawn numbers for the rest."""

from __future__ import annotations

import os
import warnings
import zipfile
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from converters import Value
from converters.errors import NotANumberWarning
from converters.ir.shapes import Shape, may_equal, show
from converters.preprocessing import Preprocessing

from ..errors import UsageError
from ..model import Model
from ..runtimes.base import Array, Inputs

PathLike = Union[str, "os.PathLike[str]"]
#: Samples: arrays by input name, or .npz files of them.
Samples = Union[PathLike, Inputs, Sequence[Union[PathLike, Inputs]]]


def samples_of(given: Samples) -> List[Inputs]:
    """One sample or several, each an array by input name.

    Raises:
        UsageError: no such .npz file, or not arrays of numbers.
    """
    several = [given] if isinstance(given, (str, os.PathLike, Mapping)) else given
    return [s if isinstance(s, Mapping) else read_npz(Path(s)) for s in several]


def read_npz(path: Path) -> Dict[str, Array]:
    """The arrays of one .npz file, by name, without pickles.

    Raises:
        UsageError: no such file, or not arrays of numbers.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise UsageError(f"--npz {path}: no such file.") from None
    except (ValueError, EOFError, OSError, AttributeError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"--npz {path}: not an .npz file of arrays ({error}). Write it by "
            "numpy.savez(file, NAME=array)."
        ) from None
    odd = sorted(name for name, array in arrays.items() if array.dtype.kind not in "biuf")
    if odd or not arrays:
        holds = f"{odd[0]!r} is of {arrays[odd[0]].dtype}" if odd else "it holds no array"
        raise UsageError(f"--npz {path}: {holds}; supported: numbers, an array for each input.")
    return arrays


def typed(value: Value, array: Array) -> Array:
    """An array for an input, in the input's type.

    Raises:
        UsageError: it has another shape, or fractions where the input takes whole numbers.
    """
    if not array.size:
        raise UsageError(f"input {value.name!r}: its array of {show(array.shape)} holds no number.")
    wanted = np.dtype(value.type)
    if not may_equal(value.shape, array.shape):
        takes, got = show(value.shape), show(array.shape)
    elif array.dtype.kind == "f" and wanted.kind != "f":
        takes, got = str(wanted), str(array.dtype)
    else:
        return np.ascontiguousarray(array, wanted)
    raise UsageError(f"input {value.name!r} takes {takes}, got {got}. Give it such an array.")


def sizes_of(values: Sequence[Value], arrays: Inputs) -> Dict[str, int]:
    """Free sizes, which have one name in several inputs, in these arrays.

    Raises:
        UsageError: two arrays have different sizes there.
    """
    found: Dict[str, Tuple[int, str]] = {}
    for value in (v for v in values if v.name in arrays):
        for dim, size in zip(value.shape or (), arrays[value.name].shape):
            if not isinstance(dim, str):
                continue
            other, name = found.setdefault(dim, (size, value.name))
            if other != size:
                raise UsageError(
                    f"inputs {name!r} and {value.name!r} share the size {dim}, which is {other} "
                    f"in one array and {size} in the other. Give arrays of one size."
                )
    return {dim: size for dim, (size, _) in found.items()}


def by_input(images: Sequence[str], names: Sequence[str]) -> Dict[str, List[Path]]:
    """["left=a.png"] -> the picture files of each input; a file alone is for the only one.

    Raises:
        UsageError: a file alone, and several inputs.
    """
    found: Dict[str, List[Path]] = {}
    for text in images:
        name, _, file = text.partition("=")
        if file and name in names:
            found.setdefault(name, []).append(Path(file))
        elif len(names) == 1:
            found.setdefault(names[0], []).append(Path(text))
        else:
            raise UsageError(
                f"--image {text}: there are several inputs ({', '.join(names)}). Say which one "
                f"it is for: --image {names[0]}={text}."
            )
    return found


def chosen_inputs(
    subject: Model,
    *,
    arrays: Sequence[Inputs] = (),
    images: Sequence[PathLike] = (),
    preprocessing: Optional[Preprocessing] = None,
    given: Optional[Mapping[str, Shape]] = None,
    seed: int = 0,
) -> Optional[List[Dict[str, Array]]]:
    """One sample for each element of `arrays` and for each picture; None where there are neither.

    Where both are given, the first array goes with the first picture. Inputs that neither names
    are drawn.

    Args:
        arrays: by input.
        images: files, as NAME=FILE where there are several inputs.
        preprocessing: of the pictures; None for what the network has on record.
        given: shapes that the user states, before those that the network leaves free.

    Raises:
        UsageError: they do not fit the network, or one another.
    """
    from .pictures import pictures_for

    known = {value.name: value for value in subject.graph.inputs}
    for name in {name for sample in arrays for name in sample if name not in known}:
        has = ", ".join(known)
        raise UsageError(f"input {name!r}: the network has no such input; it has: {has}.")
    columns = {
        name: pictures_for(subject, files, known[name], preprocessing, given)
        for name, files in by_input([os.fspath(file) for file in images], list(known)).items()
    }
    counts = {len(column) for column in columns.values()} | ({len(arrays)} if arrays else set())
    if len(counts) > 1:
        raise UsageError(
            f"--npz and --image: {' and '.join(map(str, sorted(counts)))} samples. Give as many "
            "for each input."
        )
    samples = [dict(sample) for sample in arrays] or [{} for _ in range(max(counts, default=0))]
    for name, column in columns.items():
        for sample, pixels in zip(samples, column):
            sample[name] = pixels
    return [completed(subject, s, given or {}, seed + n) for n, s in enumerate(samples)] or None


def completed(
    subject: Model, arrays: Inputs, given: Mapping[str, Shape], seed: int
) -> Dict[str, Array]:
    """The arrays in the types of their inputs, and drawn ones for the inputs that have none; sizes
    of one name are one size."""
    found = {v.name: typed(v, arrays[v.name]) for v in subject.graph.inputs if v.name in arrays}
    for name in (n for n, a in found.items() if a.dtype.kind == "f" and np.isnan(a).any()):
        warnings.warn(f"input {name!r}: its array holds NaN.", NotANumberWarning, stacklevel=4)
    sizes = sizes_of(subject.graph.inputs, found)
    shapes: Dict[str, Shape] = {name: array.shape for name, array in found.items()}
    for value in subject.graph.inputs:
        stated = given.get(value.name) or value.shape
        if value.name not in found and stated is not None:
            shapes[value.name] = tuple(sizes.get(d, d) if isinstance(d, str) else d for d in stated)
    whole: Mapping[str, Tuple[int, ...]] = subject.concrete(shapes)
    if len(found) == len(whole):
        return found
    return {**subject.inputs(whole, seed), **found}
