"""docs/gluoncv-zoo.md, from the lines that `pytest tests/zoo --zoo all --zoo-results FILE` wrote:

python -m tests.zoo.table FILE > docs/gluoncv-zoo.md
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional

from mxproof.runtimes.registry import TARGETS
from mxproof.zoo.gluoncv import GLUONCV, GluonModel

from .misses import MISSES
from .prove import Found, Row, rows_of

NAMES = {"onnx": "ONNX", "pytorch": "PyTorch"}

HEAD = """\
# GluonCV's zoo, model by model

Made by

    pytest tests/zoo --zoo all -n auto --zoo-results zoo.jsonl
    python -m tests.zoo.table zoo.jsonl > docs/gluoncv-zoo.md

GluonCV 0.10.5 lists {listed} models. {refused} of them are INT8 networks, which are refused by
design; {broken} GluonCV itself cannot make a symbol of. The other {tried} are built without a
download, with weights from a seed (mxproof/zoo/gluoncv_export.py: He-like filters, no gamma 1, no
beta 0, so that a mistake shows), converted to both targets, and every layer is compared with
MXNet's.

{counts}

**float64** is the largest difference of any layer to MXNet's, both in float64, relative to the
layer's largest value; 1e-12 is allowed, and where a network magnifies rounding (MXNet's own float32
error tells, divided by 2^29) what it magnifies; each layer by itself then still has to be within
1e-12. **float32** is the largest ratio of a layer's float32
error to MXNet's own, RMS; 4 is allowed, and more where both errors are within four ulps.
Inputs are noise, as small as the network takes, of more than one sample and not square where the
conversion leaves sizes free; detectors keep 8 proposals instead of hundreds, and segmenters are
built for this size.

**Layers behind a sort** (*of these behind a sort*): where two numbers are as good as equal, the
least rounding decides which comes first, and the results of top-k, non-maximum suppression,
argsort, of a comparison with a threshold, and of everything behind them differ as a whole, with
nobody at fault. Such a layer is
judged by itself: MXNet, ONNX and PyTorch are each given the same inputs, MXNet's float64 results
of the layers before, rounded to float32. In both precisions all see the same ties and must break
them alike. Every layer is so proven to be the same function, and those before the first sort in the
chain as well. What remains unsaid is that two runs of the whole network list equal boxes in the
same order: no two runtimes promise that. Untraced final outputs behind a sort are compared in
shape and type only.
"""


def table(rows: Mapping[str, Row]) -> Iterator[str]:
    """The document, line by line."""
    tried = [model for model in GLUONCV.values() if not model.hindrance]
    missing = [model.name for model in tried if model.name not in rows]
    if missing:
        raise SystemExit(f"{len(missing)} models have no line yet: {', '.join(missing[:9])}, …")
    refused = sum(model.family == "quantized" for model in GLUONCV.values())
    yield HEAD.format(
        listed=len(GLUONCV),
        refused=refused,
        broken=len(GLUONCV) - refused - len(tried),
        tried=len(tried),
        counts="\n".join(_counts([rows[model.name] for model in tried])),
    )
    columns = [f"{NAMES[t]} {kind}" for t in TARGETS for kind in ("float64", "float32")]
    cells = ["model", "input", "layers", "of these behind a sort", *columns, "verdict"]
    for family in dict.fromkeys(model.family for model in GLUONCV.values()):
        yield f"## {family}\n"
        yield _line(cells)
        yield _line(["---"] * len(cells))
        for model in GLUONCV.values():
            if model.family == family:
                yield _line(_cells(model, rows.get(model.name)))
        yield ""


def _counts(rows: List[Row]) -> Iterator[str]:
    layers = sum(row.layers for row in rows)
    both = sum(not row.reasons for row in rows)
    yield f"* {both} of {len(rows)} are proven in both targets, {layers} layers in each."
    for target in TARGETS:
        found = [row.targets[target] for row in rows]
        passed = [f for f in found if not f.reason]
        worst = [f.float64_rel for f in passed if f.float64_rel is not None]
        most = f"; float64 differs by {max(worst):.1e} at most" if worst else ""
        yield f"* {NAMES[target]}: {len(passed)} of {len(rows)}{most}."


def _cells(model: GluonModel, row: Optional[Row]) -> List[str]:
    if row is None or model.hindrance:
        return [model.name, *[""] * (3 + 2 * len(TARGETS)), model.hindrance or ""]
    shapes = ", ".join("×".join(map(str, shape)) for shape in row.shapes.values())
    behind = str(row.anchored) if row.anchored else ""
    numbers = [n for target in TARGETS for n in _numbers(row.targets[target])]
    known = MISSES.get(model.name, {})
    reasons = dict.fromkeys(known.get(target, why) for target, why in row.reasons.items())
    verdict = "; ".join(reasons) if reasons else "proven"
    return [model.name, shapes, str(row.layers), behind, *numbers, verdict]


def _numbers(found: Found) -> List[str]:
    return [
        "" if found.float64_rel is None else f"{found.float64_rel:.1e}",
        "" if found.float32_ratio is None else f"{found.float32_ratio:.2f}",
    ]


def _line(cells: List[str]) -> str:
    escaped = (cell.replace("|", r"\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def main(arguments: List[str]) -> None:
    rows: Dict[str, Row] = {}
    for path in arguments:
        rows.update(rows_of(Path(path)))
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main(sys.argv[1:])
