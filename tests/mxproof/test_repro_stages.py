"""Layers in stages are found in the source: blocks by name, by number, and in loops."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import List

import pytest

from converters import save_pytorch, to_pytorch
from mxproof.repro.pytorch import PytorchFile, blocks_made
from tests.converters.test_pytorch_style import units


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("Unit(4)", [("", "Unit(4)")]),
        ("nn.Sequential(Unit(4), Unit(8))", [("0", "Unit(4)"), ("1", "Unit(8)")]),
        (
            "nn.Sequential(Unit(4), *(Unit(8) for _ in range(2)))",
            [("0", "Unit(4)"), ("1", "Unit(8)"), ("2", "Unit(8)")],
        ),
        (
            'nn.Sequential(OrderedDict(a1=Unit(4), **{f"a{i}": Unit(8) for i in range(2, 4)}))',
            [("a1", "Unit(4)"), ("a2", "Unit(8)"), ("a3", "Unit(8)")],
        ),
        (
            'nn.Sequential(OrderedDict(**{f"a{i}": Unit(8) for i in range(1, 3)}, a3=Unit(4)))',
            [("a1", "Unit(8)"), ("a2", "Unit(8)"), ("a3", "Unit(4)")],
        ),
        (
            'nn.Sequential(OrderedDict({f"a{i}": Unit(8) for i in range(1, 3)}))',
            [("a1", "Unit(8)"), ("a2", "Unit(8)")],
        ),
    ],
)
def test_blocks_of_a_stage(line: str, made: List[object]) -> None:
    found = blocks_made(ast.parse(line, mode="eval").body)
    assert [(name, ast.unparse(call)) for name, call in found] == made


@pytest.mark.parametrize("name", ["stage1_unit{}", "part_{}"])
def test_every_layer_has_its_place(tmp_path: Path, name: str) -> None:
    first = name.startswith("stage")
    details = [(name.format(i + first), 4 if i == 0 else 8) for i in range(5)]
    graph = units(*details)
    module = to_pytorch(graph)
    assert "range(" in module.source
    source, _ = save_pytorch(module, tmp_path)
    places = PytorchFile(source, "float32").places
    assert set(places) == {output for node in graph.nodes for output in node.outputs}
    for block, channels in details:
        place = places[f"{block}_conv1"]
        assert f"{place.path}.conv1.weight" in module.state
        assert module.state[f"{place.path}.conv1.weight"].shape[0] == channels
        assert ast.unparse(place.made["conv1"].value).startswith(f"nn.Conv2d(4, {channels}, ")
