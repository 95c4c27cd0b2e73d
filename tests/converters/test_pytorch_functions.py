"""Functions of converters/functions in emitted files."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from converters import pytorch_functions, to_pytorch
from converters.ops import REGISTRY
from converters.ops.registry import Operator
from converters.python_text import VARIABLES
from converters.pytorch_functions import closure, functions

from .networks import Network

WORDS = {"torch", "nn", "F"}


@pytest.fixture
def two_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`outer`, which calls `inner`."""
    text = "def outer(x):\n    return inner(x) + 1\n\n\ndef inner(x):\n    return F.relu(x)\n"
    (tmp_path / "some.py").write_text(text)
    monkeypatch.setattr(pytorch_functions, "FOLDER", tmp_path)
    functions.cache_clear()
    yield
    functions.cache_clear()


@dataclass(frozen=True)
class Doubled(Operator):
    """Calls `outer` twice."""

    def infer(self, data: Any) -> Any:
        return data

    def to_pytorch(self, m: Any, data: str) -> str:
        return f"{m.function('outer')}({data}) + {m.function('outer')}({data})"


@pytest.mark.usefixtures("two_functions")
def test_a_function_is_in_the_file_once_behind_what_it_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(REGISTRY, "doubled", Doubled)
    Doubled.ignores = Doubled.parameters = Doubled.auxiliary = Doubled.labels = ()
    net = Network()
    head = net.layer("doubled", "b", net.layer("doubled", "a", net.variable("outer")))
    source = to_pytorch(net.graph(head, inputs={"outer": (2, 3)})).source
    assert "import torch.nn.functional as F\n" in source
    names = [
        n.name for n in ast.parse(source).body if isinstance(n, (ast.FunctionDef, ast.ClassDef))
    ]
    assert names == ["inner", "outer", "Net", "read_safetensors", "load"]
    assert "def forward(self, outer_2: torch.Tensor) ->" in source, (
        "an input's name must not hide the function"
    )
    assert "x = outer(outer_2) + outer(outer_2)" in source


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
