"""Functions of converters/pytorch/library in emitted files."""

from __future__ import annotations

import ast
import builtins
from typing import Any

import pytest

from converters import to_pytorch
from converters.python_text import VARIABLES
from converters.pytorch.functions import closure, functions
from fixtures.networks import Network

WORDS = {"torch", "nn", "F"}


def test_a_function_is_in_the_file_once_behind_what_it_calls() -> None:
    net = Network()
    x = net.layer("_contrib_box_nms", "a", net.variable("box_nms"))
    head = net.layer("_contrib_box_nms", "b", x)
    source = to_pytorch(net.graph(head, inputs={"box_nms": (5, 6)})).source
    defined = (ast.FunctionDef, ast.ClassDef)
    names = [node.name for node in ast.parse(source).body if isinstance(node, defined)]
    made = ["overlaps", "suppress", "box_nms", "Net", "read_safetensors", "load"]
    assert sorted(names[:2]) == made[:2]
    assert names[2:] == made[2:]
    assert "forward(self, box_nms_2:" in source, "an input's name must not hide the function"
    assert "x = box_nms(box_nms_2" in source


def test_a_name_without_a_function_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        closure(["no such function"])


@pytest.mark.parametrize("name", functions())
def test_a_function_needs_torch_and_its_like_only(name: str) -> None:
    function: Any = ast.parse(functions()[name].source).body[0]
    assert name not in {*VARIABLES, *WORDS, "load", "read_safetensors", "forward"}
    assert ast.get_docstring(function)
    assert not function.decorator_list and not function.name.startswith("_")
    local = {n.arg for n in ast.walk(function) if isinstance(n, ast.arg)}
    local |= {
        n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    local |= {n.name for n in ast.walk(function) if isinstance(n, ast.FunctionDef)}
    unknown = set(functions()[name].reads) - local - WORDS - set(functions()) - set(dir(builtins))
    assert not unknown
    assert not any(isinstance(n, (ast.Import, ast.ImportFrom)) for n in ast.walk(function))
