"""Recordings on disk: written anywhere MXNet runs, read anywhere.

One .npz file: a header in JSON, and for each input the parts of all layers (sketch.STORED), each
in one array. How many numbers these have follows from the layers' shapes, and those from the
checkpoint: a file that says otherwise is refused before anything is allocated for it.
"""

from __future__ import annotations

import json
import zipfile
from contextlib import contextmanager
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from converters import Graph, ShapeError, __version__
from converters.files import atomic_write
from converters.ir.shapes import Shape, may_equal, show

from ..errors import UsageError
from ..proof.reference import Reference, stored
from ..proof.trace import ReferenceTrace
from ..runtimes.base import Array, RoundedLayer, Rounding, StoredArray
from . import rounding
from .npy import NPY, load_array
from .recorded import RecordedTrace
from .sketch import STORED, Sketch, keep, kept_whole, part_sizes

FORMAT, SCHEMA = "mxproof recording", 1
HASHES = ("symbol_sha256", "params_sha256")
HEADER = "header.json"  # the last member

#: Why stored numbers are not compared.
OLD = "the recording, by mxproof {}, does not describe the stored arrays: record again"

#: A file that unpacks to more bytes than this, and to more than RATIO times its size, is refused.
UNPACKED, RATIO = 64 << 20, 200


class RecordingError(UsageError):
    """A file is no recording, or none of this checkpoint; or nothing could be recorded."""


def save_recording(
    path: Path,
    graph: Graph,
    truths: Iterable[ReferenceTrace],
    versions: Mapping[str, str],
    given: Optional[Mapping[str, Shape]] = None,
    arrays: Optional[Sequence[StoredArray]] = None,
) -> None:
    """Write one file; the same results give the same bytes.

    Args:
        truths: on float32 inputs; one is held at a time.
        given: shapes of inputs that were stated when the graph was loaded.
        arrays: what the network reads of the file of parameters, as MXNet's loader has it.

    Raises:
        RecordingError: MXNet's results are not finite.
    """
    header: Dict[str, Any] = {
        "format": FORMAT,
        "schema": SCHEMA,
        "mxproof": __version__,
        "versions": dict(versions),
        "model": graph.name,
        **{key: graph.source.get(key) for key in HASHES},
        "given": dict(given or {}),
        "layers": _layers(graph),
        "outputs": list(graph.outputs),
        "arrays": None if arrays is None else list(map(astuple, arrays)),
    }
    how = (zipfile.ZIP_DEFLATED, True, 9)
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", *how) as archive:
        header["truths"] = [_save(archive, f"{n}", graph, truth) for n, truth in enumerate(truths)]
        with archive.open(HEADER, "w") as member:
            member.write(json.dumps(header).encode())


def _layers(graph: Graph) -> List[List[str]]:
    """[name, operator] of each."""
    return [[name, node.op] for node in graph.nodes for name in node.outputs]


def _save(
    archive: zipfile.ZipFile, folder: str, graph: Graph, truth: ReferenceTrace
) -> Dict[str, Any]:
    """Write one truth's arrays; returns their shapes."""
    layers: List[Sketch] = []
    known: List[Rounding] = []
    for layer in truth:
        known += [layer.rounding] if isinstance(layer, RoundedLayer) else []
        with np.errstate(all="ignore"):  # what overflows shows in the values
            kept = keep(layer, layer.name in graph.outputs)
        layers.append(kept)
        if not all(np.isfinite(getattr(kept, part)).all() for part in STORED):
            raise RecordingError(
                f"layer {layer.name!r} holds values in MXNet that are not finite: nothing could "
                "be judged by them. Choose other inputs (--seed, --input)."
            )
    columns = {n: np.concatenate([np.zeros(0), *(getattr(k, n) for k in layers)]) for n in STORED}
    arrays = [(name, columns[name], dtype) for name, dtype in STORED.items()]
    arrays += [(f"input{n}", array, "<f4") for n, array in enumerate(truth.inputs.values())]
    arrays += [(f"output{n}", array, "<f4") for n, array in enumerate(truth.outputs)]
    arrays += rounding.columns(known, [kept.shape for kept in layers])
    for name, array, dtype in arrays:
        with archive.open(f"{folder}/{name}.npy", "w") as member:
            NPY.write_array(member, np.asarray(array, dtype, order="C"), (1, 0), allow_pickle=False)
    return {
        "inputs": {name: array.shape for name, array in truth.inputs.items()},
        "outputs": [array.shape for array in truth.outputs],
        "shapes": [kept.shape for kept in layers],
        "rounding": bool(known),
    }


@contextmanager
def _reading(path: Path) -> Iterator[Tuple[zipfile.ZipFile, Any]]:
    """The file and its header. Whatever can be wrong inside is one kind of error."""
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                packed = path.stat().st_size
                unpacked = sum(info.file_size for info in archive.infolist())
                if unpacked > max(UNPACKED, RATIO * packed):
                    raise ValueError(f"{packed} bytes unpack to {unpacked}")
                header = json.loads(archive.read(HEADER))
                if header["format"] != FORMAT:
                    raise ValueError(f"its header says {header['format']!r}, not {FORMAT!r}")
                if header["schema"] != SCHEMA:
                    raise RecordingError(
                        f"{path}: is of schema {header['schema']}, written by mxproof "
                        f"{header['mxproof']}; this mxproof, {__version__}, reads schema {SCHEMA}. "
                        "Use that one, or record again."
                    )
                yield archive, header
        except (RecordingError, MemoryError):
            raise
        except Exception as error:  # zipfile, zlib, json and NumPy raise a dozen kinds
            raise RecordingError(
                f"{path}: is no recording, or a damaged one ({type(error).__name__}: {error}). "
                f"Make one where MXNet runs: mxproof record CHECKPOINT -o {path.name}."
            ) from error


def given_inputs(path: Path) -> Dict[str, Shape]:
    """The shapes that were stated for the recording, which the checkpoint is to be loaded for.

    Raises:
        RecordingError: the file is no recording, or a later mxproof's.
    """
    with _reading(path) as (_, header):
        return {
            name: tuple(d if isinstance(d, str) and d.isidentifier() else _size(d) for d in shape)
            for name, shape in header["given"].items()
        }


def _size(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no size")
    return value


def _sizes(shape: Any) -> Tuple[int, ...]:
    return tuple(map(_size, shape))


def load_recording(path: Path, graph: Graph) -> Reference:
    """Read a recording of this network.

    Raises:
        RecordingError: the file is no recording, a later mxproof's, or another checkpoint's.
    """
    with _reading(path) as (archive, header):
        _check_origin(path, header, graph)
        truths = [_load(archive, f"{n}", graph, e) for n, e in enumerate(header["truths"])]
        if not truths:
            raise ValueError("it holds no input")
        versions = {str(k): str(v) for k, v in header["versions"].items()}
        return _with_arrays(stored(truths, versions), header)


def _with_arrays(evidence: Reference, header: Mapping[str, Any]) -> Reference:
    """The stored arrays, which recordings of older versions do not describe."""
    if header.get("arrays") is None:
        return replace(evidence, note=OLD.format(header["mxproof"]))
    arrays = [StoredArray(str(n), str(t), _size(s), str(d)) for n, t, s, d in header["arrays"]]
    return replace(evidence, arrays=lambda: arrays)


def _check_origin(path: Path, header: Mapping[str, Any], graph: Graph) -> None:
    for key in HASHES:
        if header[key] != graph.source.get(key):
            kind = key.split("_")[0]
            raise RecordingError(
                f"{path}: was recorded from a {kind} file of SHA-256 {header[key]} "
                f"({header['model']}); that of this checkpoint has {graph.source.get(key)}. "
                "Give the checkpoint that was recorded, or record this one where MXNet runs."
            )
    outputs = header.get("outputs", list(graph.outputs))
    if outputs != list(graph.outputs):
        raise RecordingError(
            f"{path}: was recorded with the outputs {outputs}, in that order; those of this "
            f"network are {list(graph.outputs)}. Choose the same ones (--output), or record again."
        )
    layers = _layers(graph)
    if header["layers"] != layers:
        differing = (pair for pair in zip(header["layers"], layers) if pair[0] != pair[1])
        first = next(differing, "only their number differs")
        raise RecordingError(
            f"{path}: holds {len(header['layers'])} layers, this mxproof reads {len(layers)}; "
            f"first difference (recorded, read): {first}. It was written by mxproof "
            f"{header['mxproof']}, this is {__version__}: record again."
        )


def _load(archive: zipfile.ZipFile, folder: str, graph: Graph, entry: Any) -> RecordedTrace:
    """One truth, once its shapes are those of the network."""
    given = {str(name): _sizes(shape) for name, shape in entry["inputs"].items()}
    if list(given) != [value.name for value in graph.inputs]:
        raise ValueError(f"its inputs are {list(given)}")
    try:
        inferred = graph.infer_shapes(given)
    except ShapeError as error:
        raise ValueError(f"its inputs cannot be: {error}") from None
    names, found = [name for name, _ in _layers(graph)], list(map(_sizes, entry["shapes"]))
    if len(found) != len(names):
        raise ValueError(f"it has shapes of {len(found)} layers, not {len(names)}")
    shapes = dict(zip(names, found))
    for name, shape in shapes.items():
        if not may_equal(inferred[name], shape):
            raise ValueError(f"layer {name!r} is {show(shape)}, not {show(inferred[name])}")

    def floats(kind: str, shapes: Iterable[Any]) -> List[Array]:
        named = ((f"{folder}/{kind}{n}", _sizes(shape)) for n, shape in enumerate(shapes))
        return [load_array(archive, name, "<f4", shape) for name, shape in named]

    layers = _load_layers(archive, folder, shapes, graph.outputs)
    inputs = dict(zip(given, floats("input", given.values())))
    known = {}
    if entry.get("rounding"):
        known = rounding.by_layer(
            shapes, lambda n, *how: load_array(archive, f"{folder}/{n}", *how)
        )
    return RecordedTrace(inputs, layers, floats("output", entry["outputs"]), known)


def _load_layers(
    archive: zipfile.ZipFile,
    folder: str,
    shapes: Mapping[str, Tuple[int, ...]],
    outputs: Tuple[str, ...],
) -> Iterator[Sketch]:
    sizes = [part_sizes(s, kept_whole(s, name in outputs)) for name, s in shapes.items()]
    columns: List[List[Array]] = []
    for column, dtype in STORED.items():
        counts = [size[column] for size in sizes]
        array = load_array(archive, f"{folder}/{column}", dtype, (sum(counts),))
        columns.append(np.split(array, np.cumsum(counts)[:-1]))
    for (name, shape), *parts in zip(shapes.items(), *columns):
        yield Sketch(name, shape=shape, **dict(zip(STORED, parts)))
