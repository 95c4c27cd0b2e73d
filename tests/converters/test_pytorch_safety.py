"""A hostile checkpoint cannot become code: whatever it names, the source holds only a network."""

from __future__ import annotations

import ast
import re
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Set

import numpy as np
import pytest
from hypothesis import given

from converters import Graph, PytorchModule, save_pytorch, to_pytorch
from converters.mxnet_format.binding import bind
from converters.mxnet_format.symbol import Symbol
from converters.pytorch.functions import functions
from fixtures.networks import noise, small_resnet

from .test_onnx_model import each
from .test_python_text import HOSTILE, text

Renaming = Callable[[str], str]

TAIL = "def read_safetensors("
#: Imported only where they are used.
OPTIONAL = (
    *("from collections import OrderedDict", "import torch.nn.functional as F"),
    ast.unparse(ast.parse(functions()["fixed_gamma"].source)),
)
IMPORTS = [
    "from __future__ import annotations",
    "import json",
    "from pathlib import Path",
    "import torch",
    "from torch import nn",
]
#: Everything that a forward or a constructor may be made of.
SYNTAX = (
    *(ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.Expr),
    *(ast.Call, ast.keyword, ast.Attribute),
    *(ast.Name, ast.Load, ast.Store, ast.Constant, ast.Tuple, ast.List, ast.Subscript, ast.Slice),
    *(ast.BinOp, ast.Add, ast.Mult, ast.FloorDiv, ast.UnaryOp, ast.USub),
)
ANNOTATION = r"None|int|torch\.Tensor|tuple\[(int|torch\.Tensor)(, (int|torch\.Tensor))*\]"
METHODS = {"amax", "flatten", "mean", "narrow", "reshape", "shape", "softmax", "squeeze", "sum"}


def renamed(rename: Renaming, only_layers: bool = False) -> Graph:
    """A small network under other names; variables must stay distinct."""
    net, head = small_resnet()
    keep = {n.name for n in net.nodes if n.is_variable} if only_layers else set()

    def new(name: str) -> str:
        return name if name in keep else rename(name)

    nodes = tuple(replace(n, name=new(n.name)) for n in net.nodes)
    arrays = {new(name): array for name, array in net.arrays.items()}
    graph = bind(Symbol(nodes, (head,), 10901), arrays, name=rename("net"), inputs={})
    return replace(graph, source={rename("symbol"): rename("net-symbol.json")})


def check_source(module: PytorchModule) -> None:
    """Nothing but imports, classes of modules, and the fixed text that loads the weights."""
    source = module.source
    assert source.isascii()
    assert all(c == "\n" or c.isprintable() or c == "\x7f" for c in source)
    network, tail = source.split(f"\n\n{TAIL}")
    assert (
        re.sub(rf"\b{module.class_name}\b", "Net", re.sub(r"\(\n +(.*),\n\) ->", r"(\1) ->", tail))
        == PLAIN_TAIL
    )
    docstring, *body = ast.parse(network).body
    assert isinstance(docstring, ast.Expr)
    found = [c for c in body if isinstance(c, ast.ClassDef)]
    imports = [ast.unparse(s) for s in body if s not in found]
    assert [line for line in imports if line not in OPTIONAL] == IMPORTS
    classes: Set[str] = {c.name for c in found}
    assert len(classes) == len(found)
    for cls in found:
        check_class(cls, classes)


def check_class(cls: Any, classes: Set[str]) -> None:
    assert ast.unparse(cls.bases[0]) == "nn.Module"
    assert not (cls.decorator_list or cls.keywords or cls.bases[1:])
    methods = [s for s in cls.body if not isinstance(s, ast.Expr)]
    assert [m.name for m in methods] == ["__init__", "forward"]
    for method in methods:
        local = {a.arg for a in method.args.args}
        assert not local & {"nn", "F", "torch", *classes}
        annotations = [method.returns, *(a.annotation for a in method.args.args)]
        for annotation in annotations:
            assert annotation is None or re.fullmatch(ANNOTATION, ast.unparse(annotation))
        method.returns = None
        for argument in method.args.args:
            argument.annotation = None
        for node in ast.walk(method):
            assert isinstance(node, SYNTAX), ast.dump(node)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                local.add(node.id)
            if isinstance(node, ast.Constant):
                assert isinstance(node.value, (int, float)) or node.value == "nearest"
        for node in ast.walk(method):
            if isinstance(node, ast.Name):
                assert node.id in {
                    *local,
                    *classes,
                    "super",
                    "nn",
                    "F",
                    "torch",
                    "OrderedDict",
                    "fixed_gamma",
                }
            if isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Name):
                assert node.attr in {*METHODS, "__init__"}
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = node.value.id
                assert owner in ("self", "nn", "F", "torch") or node.attr in METHODS
                assert not node.attr.startswith("_")


PLAIN = to_pytorch(renamed(lambda name: name))
PLAIN_TAIL = PLAIN.source.split(f"\n\n{TAIL}")[1]

RENAMINGS = {
    "before": lambda word: renamed(lambda name: word + name),
    "after": lambda word: renamed(lambda name: name + word),
    "alone": lambda word: renamed(lambda name: word, only_layers=True),
}
everyhow = pytest.mark.parametrize("how", RENAMINGS)
everyword = pytest.mark.parametrize("word", HOSTILE)


@pytest.mark.parametrize(
    "harm",
    [
        "        import os",
        "        x = eval(x)",
        "        x = self._modules",
        "        x = x.numpy()",
        "        self.__class__ = x",
        "        x = (lambda: x)()",
        "        x = [y for y in x]",
        '        x = "text"',
        "        if x: pass",
    ],
)
def test_the_check_can_fail(harm: str) -> None:
    forward = "    def forward(self, x: torch.Tensor) -> torch.Tensor:\n"
    assert forward in PLAIN.source
    with pytest.raises(AssertionError):
        check_source(replace(PLAIN, source=PLAIN.source.replace(forward, f"{forward}{harm}\n")))


@everyhow
@everyword
def test_no_name_becomes_code(word: str, how: str) -> None:
    check_source(to_pytorch(RENAMINGS[how](word)))


@everyhow
@given(word=text)
def test_no_text_becomes_code(how: str, word: str) -> None:
    check_source(to_pytorch(RENAMINGS[how](word)))


@each
def test_other_networks_are_made_of_the_same(build: Callable[[], Graph]) -> None:
    check_source(to_pytorch(build()))


@everyhow
@everyword
def test_names_change_no_number(word: str, how: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch, which runs the module")
    data = torch.from_numpy(noise(2, 3, 6, 5))
    results = []
    for module in (PLAIN, to_pytorch(RENAMINGS[how](word))):
        source, _ = save_pytorch(replace(module, name="net", metadata={}), tmp_path)
        with torch.inference_mode():
            results.append(runpy.run_path(str(source))["load"]()(data))
    assert np.isfinite(results[0].numpy()).all()
    assert torch.equal(*results)
