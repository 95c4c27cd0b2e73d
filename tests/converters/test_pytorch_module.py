"""Graph -> PyTorch source: what it reads like, its classes, its arrays. No torch is needed."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any, Callable, List

import pytest

from converters import Graph
from converters import to_pytorch as convert
from fixtures.networks import resnet, units

from .test_onnx_model import each

GOLDEN = '''"""small, converted from MXNet by mxproof 0.1.0.

input data: float32 Nx3xHxW
output softmax: float32 Nx5

    import torch
    from small import load

    model = load()  # class Small, in eval mode
    with torch.inference_mode():
        outputs = model(torch.zeros(1, 3, 224, 224))
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn


class Unit(nn.Module):
    """unit1, unit2."""

    def __init__(self) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(4, eps=2e-05)
        self.conv1 = nn.Conv2d(4, 4, kernel_size=(3, 3), padding=(1, 1), bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn1(x)
        y = F.relu(y)  # relu1
        y = self.conv1(y)
        y = y + x  # plus1
        return y


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(3, 4, kernel_size=(3, 3), padding=(1, 1), bias=False)
        self.unit1 = Unit()
        self.unit2 = Unit()
        self.fc = nn.Linear(4, 5)

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        x = self.conv0(data)
        x = self.unit1(x)
        x = self.unit2(x)
        x = x.mean((2, 3), keepdim=True)  # pool
        x = x.flatten(1)  # flat
        x = self.fc(x)
        x = x.softmax(1)  # softmax
        return x


'''


def classes(source: str) -> List[str]:
    return [s.name for s in ast.parse(source).body if isinstance(s, ast.ClassDef)]


def test_source_that_a_person_would_have_written() -> None:
    source = convert(replace(resnet(), name="small")).source
    assert source[: source.index("def read_safetensors")] == GOLDEN


@each
def test_the_table_names_every_layer_once(build: Callable[[], Graph]) -> None:
    """And has one row for each assignment of each forward, None where a block is called."""
    graph, module = build(), convert(build())
    rows = [row for table in module.layers.values() for row in table]
    named = [name for row in rows if row is not None for name in row]
    assert sorted(named) == sorted(name for node in graph.nodes for name in node.outputs)
    forwards = {
        cls.name: sum(isinstance(s, ast.Assign) for s in cls.body[-1].body)  # type: ignore
        for cls in ast.parse(module.source).body
        if isinstance(cls, ast.ClassDef)
    }
    assert len(module.layers[""]) == forwards[module.class_name]
    assert module.layers[""].count(None) == len(
        {path.partition(".")[0] for path in module.layers} - {""}
    )


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ([(4, 0.1, "relu")], []),
        ([(4, 0.1, "relu")] * 3, ["Unit"]),
        ([(4, 0.1, "relu"), (8, 0.1, "relu")], ["Unit"]),  # a size is an argument
        ([(4, 0.1, "relu"), (4, 0.2, "relu")], []),
        ([(4, 0.1, "relu"), (4, 0.1, "tanh")], []),
        ([(4, 0.1, "relu"), (4, 0.1, "tanh")] * 2, ["Unit", "Unit2"]),
    ],
)
def test_parts_that_repeat_become_one_class(details: List[Any], expected: List[str]) -> None:
    module = convert(units(*((f"unit{i}", *detail) for i, detail in enumerate(details))))
    assert classes(module.source) == [*expected, "Network"]
    assert module.state["unit0.bn.weight" if expected else "unit0_bn.weight"].shape == (4,)


@pytest.mark.parametrize(
    "name", ["unit", "Unit", "u-n-i-t", "none", "f", "path", "18", "\u6a21", ""]
)
def test_every_class_has_a_name_of_its_own(name: str) -> None:
    found = classes(convert(replace(resnet(), name=name)).source)
    assert len(set(found)) == 2
    assert not {"F", "Path", "None"} & set(found)
