"""A checkpoint on disk (prefix-symbol.json, prefix-0000.params) -> Graph; and back.

No MXNet is needed: the symbol is upgraded by converters/symbol.py, the arrays are memory-mapped
by converters/params.py; here the two are put together and checked against each other.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Mapping, Optional, Sequence, Union

from .binding import bind
from .errors import CheckpointError
from .files import atomic_write, sha256
from .graph import Graph
from .naming import readable
from .params import Array, load_params, save_params
from .shape import Shape, stated
from .symbol import Symbol, load_symbol, symbol_to_json

PathLike = Union[str, "os.PathLike[str]"]


def symbol_path(prefix: PathLike) -> Path:
    return Path(f"{os.fspath(prefix)}-symbol.json")


def params_path(prefix: PathLike, epoch: int = 0) -> Path:
    return Path(f"{os.fspath(prefix)}-{epoch:04d}.params")


def load_checkpoint(
    prefix: PathLike,
    epoch: int = 0,
    *,
    inputs: Optional[Mapping[str, Shape]] = None,
    types: Optional[Mapping[str, str]] = None,
    outputs: Sequence[str] = (),
    half: bool = False,
) -> Graph:
    """`model/resnet-50` -> the network in model/resnet-50-symbol.json and -0000.params.

    Args:
        inputs: shapes of the data inputs, e.g. {"data": ("N", 3, "H", "W")}; what is left out
            is guessed from the first layer that fixes it.
        types: element types of the data inputs, e.g. {"ids": "int32"}; what is left out is
            what the symbol states, else the type of the parameters.
        outputs: layers to return in place of the symbol's own outputs (`fc1`, or as MXNet
            lists it, `fc1_output`); what they do not need is left out.
        half: keep float16, which is widened to float32 otherwise.

    Raises:
        CheckpointError: a file is missing or damaged, a parameter is missing, or `outputs`
            names a layer that there is not.
        ShapeError: a parameter has another shape than the symbol says, or `inputs` cannot be.
        UnsupportedError: operators or attributes without a declaration, all of them.

    Warns:
        UnusedParametersWarning: the file holds arrays that the symbol never reads.
    """
    symbol_file, params_file = symbol_path(prefix), params_path(prefix, epoch)
    symbol = load_symbol(symbol_file)
    if not params_file.is_file():
        raise CheckpointError(_no_params(prefix, params_file))
    graph = bind(
        symbol,
        load_params(params_file),
        name=readable(Path(prefix).name, "network"),
        inputs=stated(inputs or {}),
        types=types or {},
        outputs=outputs,
        half=half,
        where=str(params_file),
    )
    source = {
        "symbol": readable(symbol_file.name),
        "symbol_sha256": sha256(symbol_file),
        "params": readable(params_file.name),
        "params_sha256": sha256(params_file),
    }
    if symbol.version:
        source["mxnet"] = release(symbol.version)
    return replace(graph, source=source)


def _no_params(prefix: PathLike, path: Path) -> str:
    stem = re.escape(Path(prefix).name)
    pattern = re.compile(rf"{stem}-(\d{{4}})\.params")
    names = os.listdir(path.parent) if path.parent.is_dir() else []
    epochs = sorted(m.group(1) for m in map(pattern.fullmatch, names) if m)
    hint = "Put the parameters there, or give the prefix they have in common with the symbol."
    if epochs:
        hint = f"Stored epochs: {', '.join(epochs)}; choose one with --epoch."
    return f"{path}: no such file. {hint}"


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
