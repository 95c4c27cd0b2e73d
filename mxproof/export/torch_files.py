"""`.pth`, a plain state dict, and `.pt2`, a program of torch.export: both made of the written .py.

torch is imported where it is used: converting alone needs none.
"""

from __future__ import annotations

import io
import logging
import runpy
import warnings
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from converters.header import example_shapes

from ..subject import UsageError
from .parcel import Parcel

SUFFIXES = (".pth", ".pt2")
#: Sizes to trace with: no two alike, none of them 0 or 1, which torch takes for fixed.
SIZES = {"N": 2, "T": 18}
SIDES = ((64, 96), (224, 256), (32, 48))


def require_torch(option: str) -> Any:
    """The module torch.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise UsageError(
            f"{option} is written by PyTorch, which is not installed here: "
            "pip install 'mxproof[pytorch]'."
        ) from error
    return torch


def write_pth(parcel: Parcel) -> Path:
    """The state dict alone, for `torch.load(…, weights_only=True)`."""
    torch = require_torch("--pth")
    state = _load(parcel).state_dict()
    torch.save({name: tensor.clone() for name, tensor in state.items()}, parcel.path(".pth"))
    return parcel.path(".pth")


def write_pt2(parcel: Parcel) -> Path:
    """The network as a program, with free sizes left free as far as torch.export can.

    Raises:
        UsageError: torch.export cannot take the network, or what it makes gives other numbers.
    """
    torch = require_torch("--pt2")
    model = _load(parcel)
    example = _example(parcel)
    arguments = _tensors(torch, parcel, example)
    free = {v.name: [d for d in v.shape or () if isinstance(d, str)] for v in parcel.graph.inputs}
    try:
        with silence(), torch.no_grad():
            dynamic = tuple(
                {
                    i: torch.export.Dim.AUTO
                    for i, d in enumerate(v.shape or ())
                    if isinstance(d, str)
                }
                for v in parcel.graph.inputs
            )
            program = torch.export.export(model, arguments, dynamic_shapes=dynamic)
    except Exception as error:  # whatever its compiler raises
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise UsageError(
            f"--pt2: torch.export does not take {parcel.name}: {reason[0]} Leave --pt2 out; the "
            ".py and its weights do without."
        ) from error
    torch.export.save(program, parcel.path(".pt2"))
    fixed = _fixed(torch, program, parcel)
    if any(free.values()) and fixed:
        parcel.notes.append(
            f"{parcel.path('.pt2').name}: torch.export fixed {', '.join(fixed)}; the other forms "
            "leave these sizes free."
        )
    _check(torch, model, parcel, example, bool(fixed))
    return parcel.path(".pt2")


@contextmanager
def silence() -> Iterator[None]:
    """torch.export tells its maintainers much of what it cannot do; the error says enough."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _load(parcel: Parcel) -> Any:
    """What the .py's `load()` returns."""
    return runpy.run_path(str(parcel.models["pytorch"]))["load"]()


def _example(parcel: Parcel) -> Dict[str, Tuple[int, ...]]:
    """Fixed shapes to trace with."""
    known = all(v.shape is not None for v in parcel.graph.inputs)
    for height, width in SIDES if known else ():
        sizes = {**SIZES, "H": height, "W": width}
        shapes = {
            v.name: tuple(
                d if isinstance(d, int) else sizes.get(d or "", 24) for d in v.shape or ()
            )
            for v in parcel.graph.inputs
        }
        try:
            parcel.graph.infer_shapes(dict(shapes))
        except Exception:
            continue
        return shapes
    shapes_found = example_shapes(parcel.graph) if known else None
    if shapes_found is None:
        raise UsageError("--pt2: torch.export needs inputs of known shape: --input data=Nx3xHxW.")
    return shapes_found


def _tensors(torch: Any, parcel: Parcel, shapes: Dict[str, Tuple[int, ...]]) -> Tuple[Any, ...]:
    arrays = parcel.subject.inputs(shapes, seed=1)
    types = parcel.graph.types
    return tuple(torch.from_numpy(a).to(getattr(torch, types[n])) for n, a in arrays.items())


def _fixed(torch: Any, program: Any, parcel: Parcel) -> List[str]:
    """Sizes that are free in the network and numbers in the program."""
    nodes = [n for n in program.graph.nodes if n.op == "placeholder"]
    names = set(program.graph_signature.user_inputs)
    found = []
    for node, value in zip((n for n in nodes if n.name in names), parcel.graph.inputs):
        for given, dim in zip(node.meta["val"].shape, value.shape or ()):
            if isinstance(dim, str) and isinstance(given, int):
                found.append(f"{dim}={given}")
    return found


def _check(
    torch: Any, model: Any, parcel: Parcel, example: Dict[str, Tuple[int, ...]], fixed: bool
) -> None:
    """The file as it is on disk, against the module it was made of: the same bits, or nearly."""
    program = torch.export.load(parcel.path(".pt2")).module()
    first = {
        n: (s[0] + 1, *s[1:]) if not fixed and _free(parcel, n) else s for n, s in example.items()
    }
    try:
        parcel.graph.infer_shapes(dict(first))
    except Exception:
        first = example
    arguments = _tensors(torch, parcel, first)
    with torch.no_grad():
        expected, found = (_outputs(run(*arguments)) for run in (model, program))
    for e, f in zip(expected, found):
        size = float(e.abs().max()) if e.numel() else 0.0
        ulp = torch.finfo(e.dtype).eps if e.is_floating_point() else 0
        apart = float((e.double() - f.double()).abs().max()) if e.numel() else 0.0
        if e.shape != f.shape or not apart <= 4 * ulp * size:
            parcel.path(".pt2").unlink()
            raise UsageError(
                f"--pt2: what torch.export made of {parcel.name} is off by {apart:.1e}; allowed: "
                f"{4 * ulp * size:.1e}, four roundings. Leave --pt2 out, and report it to PyTorch."
            )


def _free(parcel: Parcel, name: str) -> bool:
    value = next(v for v in parcel.graph.inputs if v.name == name)
    return bool(value.shape) and isinstance((value.shape or (0,))[0], str)


def _outputs(result: Any) -> Sequence[Any]:
    return result if isinstance(result, (tuple, list)) else (result,)
