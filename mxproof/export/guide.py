"""NAME.md: what the files are, and the few lines that load and run each."""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, Sequence, Tuple

from converters import __version__
from converters.header import example_shapes, preprocessing, run_lines, usage
from converters.preprocessing import KEY
from converters.python_text import literal

from ..proof.proof import Proof
from ..reports.record import Json, proof_record
from ..reports.wording import FUNCTIONS, NOT_COMPARED, number, one_line, precision_words, reasons
from .proving import FUSED, losses
from .result import ConversionResult

#: What each suffix holds, in words.
CONTENTS = {
    ".onnx": "the network for ONNX runtimes",
    ".onnx.data": "its weights; keep both together",
    ".py": "the network as PyTorch source",
    ".safetensors": "its weights; `load()` of the .py reads them",
    ".pth": "the same weights as a state dict of PyTorch",
    ".pt2": "source and weights in one, as `torch.export` writes it",
    ".proof.json": "the proof, layer by layer",
}
HEADINGS = (
    *("target", "function", "precision", "layers"),
    *("float64, worst", "float32 ratio, worst"),
)


def guide(parcel: ConversionResult) -> str:
    """The whole text, in Markdown."""
    sections = [
        f"# {markdown(parcel.name)}\n\nConverted from MXNet by mxproof {__version__}.",
        _table(("file", "what it is", "bytes", "SHA-256"), _files(parcel)),
        *_inputs(parcel),
        "## Run it\n\nThe inputs are zeros here.",
        *(f"### {title}\n\n```python\n{code}\n```" for title, code in _snippets(parcel).items()),
        "## From\n\n" + "\n".join(f"- {markdown(fact)}" for fact in _from(parcel)),
        "## Proof\n\n" + "\n\n".join(_proof(parcel)),
    ]
    return "\n\n".join(sections) + "\n"


def markdown(text: str) -> str:
    """Foreign text as it is: no markup, one line, no control codes."""
    return re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", one_line(text))


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _files(parcel: ConversionResult) -> List[Tuple[str, ...]]:
    return [
        (
            markdown(entry["name"]),
            CONTENTS[entry["name"][len(parcel.name) :]],
            f"{entry['bytes']:,}",
            f"`{entry['sha256']}`",
        )
        for entry in parcel.written()
    ]


def _inputs(parcel: ConversionResult) -> Iterator[str]:
    graph = parcel.graph
    rows = [
        (kind, markdown(n), dtype, markdown(shape)) for kind, n, dtype, shape in parcel.values()
    ]
    yield _table(("", "name", "type", "shape"), rows)
    if any(isinstance(d, str) for _, name, *_ in parcel.values() for d in graph.shapes[name] or ()):
        yield "A letter in place of a size is a size that you choose."
    said = markdown(" ".join(" ".join(preprocessing(graph.source.get(KEY))).split()))
    if said:
        yield said[:1].upper() + said[1:] + "."


def _snippets(parcel: ConversionResult) -> Dict[str, str]:
    """Heading -> the Python that loads and runs it, for each form that was written."""
    suffixes = [path.name[len(parcel.name) :] for path in parcel.files]
    blocks: Dict[str, List[str]] = {}
    if ".onnx" in suffixes:
        blocks["ONNX, with `pip install onnxruntime`"] = _onnx(parcel)
    if ".py" in suffixes:
        blocks["PyTorch, with `pip install torch`"] = usage(parcel.graph)
    if ".pth" in suffixes:
        blocks["The state dict, into the class of the .py"] = _pth(parcel)
    if ".pt2" in suffixes:
        load = f"model = torch.export.load({literal(parcel.name + '.pt2')}).module()"
        code = ["import torch", "", load, *run_lines(parcel.graph)]
        blocks["The exported program, with torch alone"] = code
    return {title: "\n".join(lines) for title, lines in blocks.items()}


def _onnx(parcel: ConversionResult) -> List[str]:
    load = f"session = onnxruntime.InferenceSession({literal(parcel.name + '.onnx')})"
    lines = ["import numpy as np", "import onnxruntime", "", load]
    shapes = example_shapes(parcel.graph)
    if shapes is None:
        return lines
    types = parcel.graph.types
    feeds = [f"{literal(name)}: np.zeros({s}, np.{types[name]})" for name, s in shapes.items()]
    return [*lines, f"outputs = session.run(None, {{{', '.join(feeds)}}})"]


def _pth(parcel: ConversionResult) -> List[str]:
    source, weights = (literal(parcel.name + suffix) for suffix in (".py", ".pth"))
    text = parcel.models["pytorch"].read_text(encoding="utf-8")
    name, cast = re.findall(r"^    model = (\w+)\(\)(\.\w+\(\))?$", text, re.MULTILINE)[-1]
    return [
        "import runpy",
        "import torch",
        "",
        f"model = runpy.run_path({source})[{literal(name)}]().eval()",
        *([f"model{cast}"] if cast else []),
        f"model.load_state_dict(torch.load({weights}, weights_only=True))",
        *run_lines(parcel.graph),
    ]


def _from(parcel: ConversionResult) -> List[str]:
    source = parcel.graph.source
    facts = [f"{key}: {value}" for key, value in source.items() if key != KEY]
    facts += [note for note in parcel.notes if note not in source.values()]
    left_out = {
        "labels cut away": parcel.graph.labels,
        "outputs left out, which only training needs": parcel.graph.dropped_outputs,
    }
    return facts + [f"{what}: {', '.join(names)}" for what, names in left_out.items() if names]


def _proof(parcel: ConversionResult) -> Iterator[str]:
    if parcel.proof is None:
        yield f"Not proven: {markdown(parcel.unproven)}"
        return
    yield (
        "These files were compared with MXNet, layer by layer, before they were written; "
        f"{markdown(parcel.name + '.proof.json')} has every number."
    )
    record = proof_record(parcel.proof)["targets"]
    yield _table(HEADINGS, [_row(name, parcel.proof, found) for name, found in record.items()])
    yield from map(markdown, losses(parcel.proof))
    for name, target in record.items():
        yield from (markdown(f"{name}: {reason}") for reason in reasons(target))
    if parcel.graph is not parcel.plain:
        yield FUSED[:1].upper() + FUSED[1:]


def _row(name: str, proof: Proof, found: Json) -> Tuple[str, ...]:
    target = proof.targets[name]
    doubles, singles = target.comparisons["float64"], target.comparisons["float32"]
    worst = number(doubles.worst.rel) if doubles.worst else NOT_COMPARED
    noisiest = singles.worst.ratio if singles.worst else None
    ratio = f"{noisiest:.2f}" if noisiest is not None else ""
    if target.median_ratio is not None and ratio:
        ratio += f" (median {target.median_ratio:.2f})"
    verdicts = FUNCTIONS[found["function"]], precision_words(found)
    return (name, *verdicts, str(len(doubles.checks)), worst, ratio)
