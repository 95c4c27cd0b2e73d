"""Changing converted files: a node before another in the .onnx file, a hook in the .py file."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np
import onnx
import safetensors.numpy
from onnx import helper, numpy_helper
from safetensors import safe_open

END = "    return model.eval()\n"


def onnx_edit(change: Callable[[Any], None]) -> Callable[[Path], None]:
    """A change of the model as an edit of its file."""

    def edit(path: Path) -> None:
        model = onnx.load(path)
        change(model)
        onnx.save(model, path)

    return edit


def producer_of(model: Any, value: str) -> Any:
    """The node that computes this value."""
    return next(n for n in model.graph.node if value in n.output)


class Before:
    """Nodes in front of the one that computes a layer, for what it reads first."""

    def __init__(self, model: Any, layer: str) -> None:
        self.model, self.layer = model, layer
        self.node = producer_of(model, layer)
        self.data, self._nodes = self.node.input[0], 0

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """One more node; returns its result."""
        self._nodes += 1
        result = f"{self.layer}/planted {self._nodes}"
        nodes = self.model.graph.node
        index = next(i for i, n in enumerate(nodes) if self.layer in n.output)
        nodes.insert(index, helper.make_node(op, inputs, [result], **attributes))
        return result

    def number(self, value: Any) -> str:
        """A constant, which the runtimes take for a stored number."""
        name = f"{self.layer}/constant {len(self.model.graph.initializer)}"
        self.model.graph.initializer.append(numpy_helper.from_array(np.array(value), name))
        return name

    def read(self, value: str) -> None:
        """The layer reads this in place of its data."""
        self.node.input[0] = value


def metadata_edit(change: Callable[[Dict[str, str]], Dict[str, str]]) -> Callable[[Path], None]:
    """A change of what the file of weights says beside the weights."""

    def edit(path: Path) -> None:
        file = path.with_suffix(".safetensors")
        with safe_open(file, framework="np") as opened:
            metadata = opened.metadata()
        arrays = safetensors.numpy.load(file.read_bytes())
        file.write_bytes(safetensors.numpy.save(arrays, change(metadata)))

    return edit


def hooked(path: Path, body: Sequence[str], register: str) -> None:
    """Have `load` register a hook: a function `planted` with this body."""
    lines = [f"        {line}\n" for line in body]
    text = path.read_text(encoding="utf-8")
    assert text.count(END) == 1, f"{path}: has no load() that a hook can be planted in"
    planted = [
        "    def planted(module, args, *results):\n",
        *lines,
        f"    model.{register}(planted)\n",
    ]
    path.write_text(text.replace(END, "".join([*planted, END])), encoding="utf-8")


def submodule_of(path: Path, layer: str) -> Optional[str]:
    """The path of the module that computes a layer; None if a function does."""
    with safe_open(path.with_suffix(".safetensors"), framework="np") as opened:
        table: Dict[str, List[Optional[List[str]]]] = json.loads(
            opened.metadata()["mxproof.layers"]
        )
    parent, number = next(
        (p, i)
        for p, rows in table.items()
        for i, names in enumerate(rows)
        if layer in (names or ())
    )
    from mxproof.runtimes.pytorch import Pytorch

    cls = type(Pytorch(path).model.get_submodule(parent)).__name__
    tree = ast.parse(path.read_text(encoding="utf-8"))
    forward = next(
        f
        for c in tree.body
        if isinstance(c, ast.ClassDef) and c.name == cls
        for f in c.body
        if isinstance(f, ast.FunctionDef) and f.name == "forward"
    )
    call = [s for s in forward.body if isinstance(s, ast.Assign)][number].value
    func = call.func if isinstance(call, ast.Call) else None
    owner = func.value if isinstance(func, ast.Attribute) else None
    if not (isinstance(func, ast.Attribute) and isinstance(owner, ast.Name) and owner.id == "self"):
        return None
    return f"{parent}.{func.attr}" if parent else func.attr
