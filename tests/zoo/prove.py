"""One model of GluonCV: exported, converted, every layer compared; and the row that says so."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict, dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from converters import ConversionError, Graph, ShapeError
from converters.ir.shapes import Shape
from mxproof.model import Model, load_for_run
from mxproof.proof.proof import PRECISIONS, TargetProof
from mxproof.proof.reference import live
from mxproof.proof.verify import verify
from mxproof.runtimes.base import RuntimeFailure
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import TARGETS
from mxproof.zoo.gluoncv import Exporter, ExportError, GluonModel, checkpoint

Shapes = Mapping[str, Shape]

#: One input says whether it is the same function. Where it also says that float32 is noisier than
#: MXNet's, the noise is judged again over as many as `mxproof verify` takes: the ratio of two
#: roundings is a matter of luck in a layer of few numbers, and of the luck of others behind it.
SAMPLES = 4


@dataclass
class Found:
    """What is known of one target.

    Attributes:
        reason: why not, in one line; "" where it is proven.
        float64_rel: of the worst layer.
        float32_ratio: likewise.
    """

    reason: str = ""
    float64_rel: Optional[float] = None
    float32_ratio: Optional[float] = None


@dataclass
class Row:
    """One line of the results.

    Attributes:
        layers: compared, of both targets.
        anchored: those of them that are judged on given inputs (Graph.anchored).
        shapes: of the inputs it was proven on.
    """

    model: str
    layers: int = 0
    anchored: int = 0
    shapes: Dict[str, List[int]] = field(default_factory=dict)
    targets: Dict[str, Found] = field(default_factory=dict)

    @property
    def reasons(self) -> Dict[str, str]:
        """Target -> why it is not proven."""
        return {target: found.reason for target, found in self.targets.items() if found.reason}

    def append_to(self, path: Path) -> None:
        """Whole lines, whoever else writes there."""
        line = json.dumps(asdict(self)) + "\n"
        with open(path, "ab", buffering=0) as file:
            file.write(line.encode())


def rows_of(path: Path) -> Dict[str, Row]:
    """What is written there, by model; the last line of each counts."""
    rows: Dict[str, Row] = {}
    for line in path.read_text().splitlines() if path.is_file() else ():
        fields = json.loads(line)
        fields["targets"] = {t: Found(**found) for t, found in fields["targets"].items()}
        rows[fields["model"]] = Row(**fields)
    return rows


def prove(model: GluonModel, exporter: Exporter, mxnet: MxnetProcess, folder: Path) -> Row:
    """Whatever goes wrong is the reason in its row."""
    row = Row(model.name)
    try:
        prefix = checkpoint(model, exporter, folder)
        subject = load_for_run(str(prefix), model.inputs)
        row.layers = sum(len(node.outputs) for node in subject.graph.nodes)
        row.anchored = len(subject.graph.anchored)
        row.targets = _proven(subject, mxnet, model, row, folder)
    except (ConversionError, ExportError, RuntimeFailure) as error:
        row.targets = {t: Found(f"{type(error).__name__}: {_line(str(error))}") for t in TARGETS}
    return row


def _proven(
    subject: Model, mxnet: MxnetProcess, model: GluonModel, row: Row, folder: Path
) -> Dict[str, Found]:
    shapes = widest(subject.graph, model.inputs)
    row.shapes = {name: list(shape) for name, shape in shapes.items()}
    inputs = [subject.inputs(shapes, seed) for seed in range(SAMPLES)]
    found: Dict[str, Found] = {}
    targets = list(TARGETS)
    with closing(mxnet.load(subject.files, None, subject.graph)) as reference:
        for samples in (1, SAMPLES):
            evidence = live(reference, inputs[:samples], mxnet.versions)
            proofs = verify(subject, targets, evidence, folder).targets if targets else {}
            found.update((t, _found(proof, model.name)) for t, proof in proofs.items())
            targets = [t for t, p in proofs.items() if p.same_function and not p.passed]
    return found


#: Numbers in all layers of a network, above which it is proven on its smallest input only.
LARGE = 150_000_000


def widest(graph: Graph, shapes: Shapes) -> Dict[str, Any]:
    """As stated; where the conversion leaves sizes free, more than one sample, and no square: what
    is baked in, or mistakes height for width, shows there. Not so for the largest networks, whose
    smaller relatives have the same layers."""
    for width in (32, 0):
        wider = {v.name: _wider(shapes[v.name], v.shape, width) for v in graph.inputs}
        try:
            found = graph.infer_shapes(wider)
        except ShapeError:
            continue
        made = (found[name] or () for node in graph.nodes for name in node.outputs)
        if sum(prod(d for d in shape if isinstance(d, int)) for shape in made) < LARGE:
            return wider
    return dict(shapes)


def _wider(stated: Shape, converted: Shape, width: int) -> Any:
    """The stated shape, larger on the first and the last axis where those are free."""
    shape: List[Any] = list(stated or ())
    for axis, more in ((0, 1), (-1, width)):
        if converted and not isinstance(converted[axis], int):
            shape[axis] += more
    return tuple(shape)


def _found(proof: TargetProof, model: str) -> Found:
    double, single = (proof.comparisons[p] for p in PRECISIONS)
    return Found(
        "" if proof.passed else _line(" ".join(proof.explain(model)) or "failed"),
        max((c.rel for c in double.checks if c.rel is not None), default=None),
        max((c.ratio for c in single.checks if c.ratio is not None), default=None),
    )


def _line(text: str) -> str:
    """The first of its lines, not too long."""
    return next(filter(None, map(str.strip, text.splitlines())), "failed")[:300]
