"""Records of made-up proofs: what the reports are tried on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Sequence, Tuple

from mxproof.proof.outputs.agreement import EQUAL, TopK
from mxproof.proof.outputs.final import Figures, OutputProof
from mxproof.proof.proof import TargetProof
from mxproof.reports.record import Json
from mxproof.verification import VerifyResult

from .fakes import NAMES, PRECISIONS, clean, judge, truth_of

LATENCIES = ("mxnet", "onnxruntime", "pytorch")
OPERATORS = ("Convolution", "BatchNorm", "Activation")
HOSTILE = "</script><img src=x onerror=alert(1)>|`x`"
WRONG = NAMES[1]


def wrong_layer(precision: str, truth: Any) -> List[Tuple[str, Any]]:
    """The second layer is off by a thousandth, and the others are right."""
    factor = {"float64": 1.001, "float32": 1.1}[precision]
    return [(n, v * v.dtype.type(factor) if n == WRONG else v) for n, v in clean(truth, precision)]


def target_proof(name: str, *, wrong: bool = False) -> TargetProof:
    """What was really compared: three layers, of which one may be wrong."""
    truth = truth_of()
    made = {p: wrong_layer(p, truth) if wrong else clean(truth, p) for p in PRECISIONS}
    comparisons = {p: judge(layers, p, truth) for p, layers in made.items()}
    alone = {p: judge(layers, p, truth, alone=True) for p, layers in made.items()}
    last = replace(comparisons["float32"], checks=comparisons["float32"].checks[-1:])
    figures = {NAMES[-1]: Figures(1e-7, 1e-6, True, TopK(EQUAL))}
    output = OutputProof(replace(last, expected=NAMES[-1:]), figures)
    return TargetProof(name, comparisons, output, alone if wrong else {})


def proof(wrong: Sequence[str] = (), **other: Any) -> VerifyResult:
    """Of both targets.

    Args:
        wrong: the targets in which a layer is.
    """
    targets = {name: target_proof(name, wrong=name in wrong) for name in ("onnx", "pytorch")}
    shapes, versions = {"data": (2, 3, 8, 6)}, {"mxproof": "1", "mxnet": "1.9.1"}
    return VerifyResult("small", "user", shapes, targets, versions, **other)


def deep(count: int, *, failed_from: int = 0, name: str = "stage{}_conv") -> Json:
    """A record of that many layers in each target; in PyTorch the last ones may fail.

    Args:
        name: of the layers; {} is their number.
    """
    record = proof(["pytorch"] if failed_from else ()).to_json()
    record["latency"] = {
        n: {"median_ms": 10.0 + len(n), "min_ms": 9.0, "rounds": 5, "threads": None}
        for n in LATENCIES
    }
    for title, target in record["targets"].items():
        right, wrong, _ = target["layers"]
        first = failed_from if failed_from and title == "pytorch" else count
        target["layers"] = [
            {
                **(right if i < first else wrong),
                "name": name.format(i + 1),
                "op": OPERATORS[i % len(OPERATORS)],
                "float64_rel": (1 + i % 7) * (1e-15 if i < first else 1e-3),
            }
            for i in range(count)
        ]
        target["introduced"] = [name.format(first + 1)] if first < count else []
        target["first_introduced"] = next(iter(target["introduced"]), None)
    return record
