"""A checkpoint on disk (prefix-symbol.json, prefix-0000.params) -> Graph; and back.

MXNet is not needed: symbol.py upgrades the symbol, params.py maps the arrays into memory, and this
module puts the two together and checks them against each other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping, Optional, Sequence

from ..files import atomic_write, sha256
from ..ir.arrays import Array
from ..ir.graph import Graph
from ..ir.shapes import Shape, stated
from ..passes.float_types import singled
from .binding import bind
from .checkpoint_files import Checkpoint, PathLike, find_files, params_path, symbol_path
from .naming import readable
from .params import load_params, save_params
from .structural_names import variables_of
from .symbol import Symbol, load_symbol, symbol_to_json


def load_checkpoint(
    checkpoint: Checkpoint,
    epoch: Optional[int] = None,
    *,
    params: Optional[PathLike] = None,
    inputs: Optional[Mapping[str, Shape]] = None,
    types: Optional[Mapping[str, str]] = None,
    outputs: Sequence[str] = (),
    half: bool = False,
    partial: bool = False,
    double: bool = False,
) -> Graph:
    """`model/resnet-50` -> the network in model/resnet-50-symbol.json and -0000.params.

    Args:
        checkpoint, epoch, params: name the two files, see `find_files`.
        inputs: shapes of the data inputs, e.g. {"data": ("N", 3, "H", "W")}; what is left out
            is guessed from the first layer that fixes it.
        types: element types of the data inputs, e.g. {"ids": "int32"}; what is left out is
            what the symbol states, else the type of the parameters.
        outputs: layers to return in place of the symbol's own outputs (`fc1`, or as MXNet
            lists it, `fc1_output`); what they do not need is left out.
        half: keep float16, which is widened to float32 otherwise.
        partial: read layers that cannot be converted, too (see Graph).
        double: keep float64, which is rounded to float32 otherwise.

    Raises:
        CheckpointError: a file is missing or damaged, a parameter is missing, or `outputs`
            names a layer that there is not.
        ShapeError: a parameter has another shape than the symbol says, or `inputs` cannot be.
        UnsupportedError: operators or attributes without a declaration, all of them.

    Warns:
        DroppedOutputsWarning: the symbol has outputs that only training computes.
        UnusedParametersWarning: the file holds arrays that the symbol never reads.
    """
    files = find_files(checkpoint, epoch, params)
    symbol, arrays = load_symbol(files.symbol, whole=True), load_params(files.params)
    renamed = variables_of(symbol, arrays, str(files.params)) or {}
    arrays = {renamed.get(name, name): array for name, array in arrays.items()}
    narrowed = not double and any(array.dtype == "float64" for array in arrays.values())
    if narrowed:
        symbol, arrays = singled(symbol, arrays)
        types = {k: "float32" if v == "float64" else v for k, v in (types or {}).items()}
    graph = bind(
        symbol,
        arrays,
        name=files.name,
        inputs=stated(inputs or {}),
        types=types or {},
        outputs=outputs,
        half=half,
        partial=partial,
        where=str(files.params),
    )
    source = {
        "symbol": readable(files.symbol.name),
        "symbol_sha256": sha256(files.symbol),
        "params": readable(files.params.name),
        "params_sha256": sha256(files.params),
    }
    if symbol.version:
        source["mxnet"] = release(symbol.version)
    if renamed:
        source["parameters"] = "of Gluon's structural names, matched by their shapes"
    if narrowed:
        source["float64"] = "rounded to float32"
    return replace(graph, source=source, narrowed=narrowed, renamed=renamed)


def release(version: int) -> str:
    """10901 -> 1.9.1, as `mxnet_version` means it."""
    return f"{version // 10000}.{version // 100 % 100}.{version % 100}"


def save_checkpoint(
    prefix: PathLike, symbol: Symbol, arrays: Mapping[str, Array], epoch: int = 0
) -> None:
    """Write a symbol and its arrays as MXNet 1.x does."""
    save_params(params_path(prefix, epoch), arrays)
    with atomic_write(symbol_path(prefix)) as file:
        file.write(symbol_to_json(symbol).encode())
