"""NAME.md: what the files are, and the few lines that load and run each."""

from __future__ import annotations

import re
from typing import Dict, List, Sequence, Tuple

from converters import __version__
from converters.header import example_shapes, preprocessing, run_lines, usage
from converters.preprocessing import KEY
from converters.python_text import literal
from converters.shape import show

from ..proof import Proof
from .parcel import Parcel
from .proving import FUSED

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


def guide(parcel: Parcel) -> str:
    """The whole text, in Markdown."""
    name = markdown(parcel.name)
    title = f"# {name}\n\nConverted from MXNet by mxproof {__version__}."
    sections = [title, _table(("file", "what it is", "bytes", "SHA-256"), _files(parcel))]
    sections += _inputs(parcel)
    sections += [
        f"## Run it\n\nThe inputs are zeros here.\n\n{code}" for code in _snippets(parcel)[:1]
    ]
    sections += _snippets(parcel)[1:]
    sections += ["## From\n\n" + _from(parcel), "## Proof\n\n" + _proof(parcel)]
    return "\n\n".join(sections) + "\n"


def markdown(text: str) -> str:
    """Foreign text as it is: no markup, one line, no control codes."""
    plain = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", plain)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _files(parcel: Parcel) -> List[Tuple[str, ...]]:
    rows: List[Tuple[str, ...]] = []
    for entry in parcel.written():
        suffix = str(entry["name"])[len(parcel.name) :]
        size = f"{entry['bytes']:,}"
        rows.append((markdown(entry["name"]), CONTENTS[suffix], size, f"`{entry['sha256']}`"))
    return rows


def _inputs(parcel: Parcel) -> List[str]:
    graph = parcel.graph
    values = [("input", v.name) for v in graph.inputs]
    values += [("output", name) for name in dict.fromkeys(graph.outputs)]
    rows = [
        (kind, markdown(name), graph.types[name], markdown(show(graph.shapes[name])))
        for kind, name in values
    ]
    steps = preprocessing(graph.source.get(KEY))
    said = markdown(" ".join(" ".join(steps).split()))
    letters = any(isinstance(d, str) for _, n in values for d in graph.shapes[n] or ())
    sections = [_table(("", "name", "type", "shape"), rows)]
    if letters:
        sections.append("A letter in place of a size is a size that you choose.")
    return [*sections, said[:1].upper() + said[1:] + "."] if said else sections


def _snippets(parcel: Parcel) -> List[str]:
    """A heading and a block of Python for each form that was written."""
    written = {str(entry["name"])[len(parcel.name) :] for entry in parcel.written()}
    blocks: Dict[str, List[str]] = {}
    if ".onnx" in written:
        blocks["ONNX, with `pip install onnxruntime`"] = _onnx(parcel)
    if ".py" in written:
        blocks["PyTorch, with `pip install torch`"] = usage(parcel.graph)
    if ".pth" in written:
        blocks["The state dict, into the class of the .py"] = _pth(parcel)
    if ".pt2" in written:
        run = run_lines(parcel.graph)
        load = f"model = torch.export.load({literal(parcel.name + '.pt2')}).module()"
        blocks["The exported program, with torch alone"] = ["import torch", "", load, *run]
    return [
        f"### {title}\n\n```python\n{chr(10).join(code)}\n```" for title, code in blocks.items()
    ]


def _onnx(parcel: Parcel) -> List[str]:
    graph = parcel.graph
    lines = ["import numpy as np", "import onnxruntime", ""]
    lines.append(f"session = onnxruntime.InferenceSession({literal(parcel.name + '.onnx')})")
    shapes = example_shapes(graph)
    if shapes is None:
        return lines
    feeds = [
        f"{literal(name)}: np.zeros({shape}, np.{graph.types[name]})"
        for name, shape in shapes.items()
    ]
    return [*lines, f"outputs = session.run(None, {{{', '.join(feeds)}}})"]


def _pth(parcel: Parcel) -> List[str]:
    source, weights = (literal(parcel.name + suffix) for suffix in (".py", ".pth"))
    return [
        "import runpy",
        "import torch",
        "",
        f"model = runpy.run_path({source})[{literal(_class_name(parcel))}]().eval()",
        *([f"model.{_cast(parcel)}()"] if _cast(parcel) else []),
        f"model.load_state_dict(torch.load({weights}, weights_only=True))",
        *run_lines(parcel.graph),
    ]


def _class_name(parcel: Parcel) -> str:
    source = parcel.models["pytorch"].read_text(encoding="utf-8")
    classes: List[str] = re.findall(r"^class (\w+)\(nn\.Module\):", source, re.MULTILINE)
    return classes[-1]


def _cast(parcel: Parcel) -> str:
    source = parcel.models["pytorch"].read_text(encoding="utf-8")
    found = re.search(r"^    model = \w+\(\)\.(half|double)\(\)$", source, re.MULTILINE)
    return found[1] if found else ""


def _from(parcel: Parcel) -> str:
    facts = [f"- {markdown(k)}: {markdown(v)}" for k, v in parcel.graph.source.items() if k != KEY]
    known = set(parcel.graph.source.values())
    facts += [f"- {markdown(note)}" for note in parcel.notes if note not in known]
    if parcel.graph.labels:
        facts.append(f"- labels cut away: {markdown(', '.join(parcel.graph.labels))}")
    return "\n".join(facts)


def _proof(parcel: Parcel) -> str:
    if parcel.proof is None:
        return f"Not proven: {markdown(parcel.unproven)}"
    said = [
        "These files were compared with MXNet, layer by layer, before they were written; "
        f"{markdown(parcel.name + '.proof.json')} has every number.",
        _table(
            ("target", "verdict", "layers", "float64, worst", "float32 ratio, worst (median)"),
            [_row(name, parcel.proof) for name in parcel.proof.targets],
        ),
    ]
    if parcel.graph is not parcel.plain:
        said.append(FUSED[:1].upper() + FUSED[1:])
    return "\n\n".join(said)


def _row(name: str, proof: Proof) -> Tuple[str, ...]:
    target = proof.targets[name]
    doubles, singles = target.comparisons["float64"], target.comparisons["float32"]
    worst = f"{doubles.worst.rel:.1e}" if doubles.worst else ""
    noisiest = singles.worst.ratio if singles.worst else None
    ratio = f"{noisiest:.2f}" if noisiest is not None else ""
    if singles.median_ratio is not None and ratio:
        ratio += f" ({singles.median_ratio:.2f})"
    verdict = "pass" if target.passed else "FAIL"
    return name, verdict, str(len(doubles.checks)), worst, ratio
