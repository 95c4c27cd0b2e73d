"""`.pth`, a plain state dict, and `.pt2`, a program of torch.export: both made of the written .py.

torch is imported where it is used: converting alone needs none.
"""

from __future__ import annotations

import io
import logging
import warnings
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from converters import ConversionError
from converters.ir.examples import example_inputs
from converters.ir.input_sizes import shapes_that_fit

from ..errors import UsageError
from .proving import load
from .result import ConversionResult

#: Sizes to trace with: no two alike, none of them 0 or 1, which torch takes for fixed.
SIZES = {"N": 2, "T": 18}
SIDES = ((64, 96), (224, 256), (32, 48))
Shapes = Dict[str, Tuple[int, ...]]


def write_pth(parcel: ConversionResult) -> Path:
    """The state dict alone, for `torch.load(…, weights_only=True)`."""
    import torch

    path = parcel.path(".pth")
    state = load(parcel.models["pytorch"]).state_dict()
    torch.save({name: tensor.clone() for name, tensor in state.items()}, path)
    return path


def write_pt2(parcel: ConversionResult) -> Path:
    """The network as a program, with free sizes left free as far as torch.export can.

    Raises:
        UsageError: torch.export cannot take the network, or what it makes gives other numbers.
    """
    import torch

    path = parcel.path(".pt2")
    model, example = load(parcel.models["pytorch"]), _example(parcel)
    dynamic = tuple(
        {i: torch.export.Dim.AUTO for i, d in enumerate(v.shape or ()) if isinstance(d, str)}
        for v in parcel.graph.inputs
    )
    try:
        with silence(), torch.no_grad():
            arguments = _tensors(torch, parcel, example)
            program = torch.export.export(model, arguments, dynamic_shapes=dynamic)
    except Exception as error:  # whatever its compiler raises
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise UsageError(
            f"--pt2: torch.export does not take {parcel.name}: {reason[0]} Leave --pt2 out; the "
            ".py and its weights do without."
        ) from error
    torch.export.save(program, path)
    fixed = ", ".join(_fixed(program, parcel))
    if fixed:
        said = f"torch.export fixed {fixed}; the other forms leave these sizes free."
        parcel.notes.append(f"{path.name}: {said}")
    _check(torch, model, parcel, example if fixed else _larger_batch(parcel, example))
    return path


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


def _fits(parcel: ConversionResult, shapes: Shapes) -> bool:
    try:
        return bool(parcel.graph.infer_shapes(dict(shapes)))
    except ConversionError:
        return False


def _example(parcel: ConversionResult) -> Shapes:
    """Fixed shapes to trace with."""
    known = {v.name: v.shape for v in parcel.graph.inputs if v.shape is not None}
    for height, width in SIDES if len(known) == len(parcel.graph.inputs) else ():
        sizes = {**SIZES, "H": height, "W": width}
        shapes = {
            name: tuple(d if isinstance(d, int) else sizes.get(d or "", 24) for d in shape)
            for name, shape in known.items()
        }
        if _fits(parcel, shapes):
            return shapes
    if options := example_inputs(parcel.graph):
        raise UsageError(f"--pt2: torch.export needs inputs of known shape: {options}.")
    return shapes_that_fit(parcel.graph, known)


def _larger_batch(parcel: ConversionResult, example: Shapes) -> Shapes:
    """One sample more than it was traced with, where the network takes that."""
    free = [v.name for v in parcel.graph.inputs if v.shape and isinstance(v.shape[0], str)]
    larger = {n: (s[0] + 1, *s[1:]) if n in free else s for n, s in example.items()}
    return larger if _fits(parcel, larger) else example


def _tensors(torch: Any, parcel: ConversionResult, shapes: Shapes) -> Tuple[Any, ...]:
    arrays = parcel.subject.inputs(shapes, seed=1)
    types = parcel.graph.types
    return tuple(torch.from_numpy(a).to(getattr(torch, types[n])) for n, a in arrays.items())


def _fixed(program: Any, parcel: ConversionResult) -> List[str]:
    """Sizes that are free in the network and numbers in the program."""
    names = set(program.graph_signature.user_inputs)
    nodes = (n for n in program.graph.nodes if n.op == "placeholder" and n.name in names)
    return [
        f"{dim}={size}"
        for node, value in zip(nodes, parcel.graph.inputs)
        for size, dim in zip(node.meta["val"].shape, value.shape or ())
        if isinstance(dim, str) and isinstance(size, int)
    ]


def _check(torch: Any, model: Any, parcel: ConversionResult, shapes: Shapes) -> None:
    """The file as it is on disk, against the module it was made of: the same bits, or nearly."""
    path, arguments = parcel.path(".pt2"), _tensors(torch, parcel, shapes)
    program = torch.export.load(path).module()
    with torch.no_grad():
        results = (run(*arguments) for run in (model, program))
        expected, found = (r if isinstance(r, (tuple, list)) else (r,) for r in results)
    for e, f in zip(expected, found):
        size = float(e.abs().max()) if e.numel() else 0.0
        ulp = torch.finfo(e.dtype).eps if e.is_floating_point() else 0
        apart = float((e.double() - f.double()).abs().max()) if e.numel() else 0.0
        if e.shape != f.shape or not apart <= 4 * ulp * size:
            path.unlink()
            raise UsageError(
                f"--pt2: what torch.export made of {parcel.name} is off by {apart:.1e}; allowed: "
                f"{4 * ulp * size:.1e}, four roundings. Leave --pt2 out, and report it to PyTorch."
            )
