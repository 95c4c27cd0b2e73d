"""The verdict on the very files that are written, before anybody gets them."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

from converters.fusing import fuse
from converters.shape import Shape

from ..evidence import evidence_for
from ..proof import Proof
from ..prover import Prover
from ..targets import convert
from ..tolerance import Budgets, folded
from .cost import NEEDS
from .parcel import Parcel

FUSED = (
    "batch norms are folded in this network, so the layers that they went into have no result of "
    "their own; all others and the outputs are judged. In float64 the folded weights are judged "
    "before they are rounded to float32, in float32 as they are in the files."
)


def missing(targets: Sequence[str], mxnet_python: Optional[str]) -> str:
    """What a proof needs and is not installed here, in words; "" where nothing is missing."""
    if not mxnet_python and importlib.util.find_spec("mxnet") is None:
        return "MXNet is not installed here"
    absent = [NEEDS[t] for t in targets if importlib.util.find_spec(NEEDS[t]) is None]
    return f"{' and '.join(absent)}: not installed here" if absent else ""


def prove(parcel: Parcel, given: Mapping[str, Shape], **drawn: Any) -> Proof:
    """MXNet and the written files on the same inputs, every layer compared.

    Args:
        given, drawn: see `evidence_for`.

    Raises:
        ConversionError, RuntimeFailure: the question could not be put.
    """
    evidence = evidence_for(parcel.subject, given, **drawn)
    prover = Prover(parcel.graph, parcel.models, Budgets())
    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder, evidence as truths:
        if parcel.graph is not parcel.plain:  # weights as they were before they were rounded
            graph = fuse(parcel.plain, wide=True)[0]
            wide = {t: convert(graph, t, Path(folder), parcel.opset)[0] for t in parcel.models}
            prover = Prover(parcel.graph, parcel.models, folded(), wide)
        return prover.proof(parcel.subject.weights, truths)


def record(parcel: Parcel, proof: Proof) -> str:
    """NAME.proof.json: the record of `mxproof verify --json`, and which files it is on."""
    fused = {"fused": FUSED} if parcel.graph is not parcel.plain else {}
    return json.dumps({**proof.to_json(), "files": parcel.written(), **fused}, indent=1) + "\n"


def cost_of_fusing(proof: Proof) -> str:
    """How far folding took the outputs, in MXNet's own float32 error."""
    worst = {name: target.output.checks.worst for name, target in proof.targets.items()}
    parts = [f"{n} {w.ratio:.2f}" for n, w in worst.items() if w and w.ratio is not None]
    return (
        "folding: the outputs' RMS error against MXNet in float64, as a multiple of MXNet's own in "
        f"float32: {', '.join(parts)}."
    )
