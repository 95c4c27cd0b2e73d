"""Layers in stages are found in the source: blocks by name, by number, and in loops."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import List

import numpy as np
import pytest
from safetensors.numpy import load_file

from converters import save_pytorch, to_pytorch
from mxproof.reproducers.case import NoPiece
from mxproof.reproducers.pytorch import PytorchFile, blocks_made
from tests.converters.test_pytorch_style import units


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("Unit(4)", [4]),
        ("nn.Sequential(Unit(4), Unit(8))", [4, 8]),
        ("nn.Sequential(Unit(4), *(Unit(8) for _ in range(2)))", [4, 8, 8]),
        ("nn.Sequential(OrderedDict(a1=Unit(4), **{N: Unit(8) for i in range(2, 4)}))", [4, 8, 8]),
        ("nn.Sequential(OrderedDict(**{N: Unit(8) for i in range(1, 3)}, a3=Unit(4)))", [8, 8, 4]),
        ("nn.Sequential(OrderedDict({N: Unit(8) for i in range(1, 3)}))", [8, 8]),
    ],
)
def test_blocks_of_a_stage(line: str, made: List[int]) -> None:
    """In order, one in a loop as often as it is made."""
    blocks = blocks_made(ast.parse(line.replace("{N:", '{f"a{i}":'), mode="eval").body)
    assert [ast.unparse(block) for block in blocks] == [f"Unit({n})" for n in made]


def test_a_stage_that_was_edited_is_not_guessed_at(tmp_path: Path) -> None:
    source, _ = save_pytorch(to_pytorch(units(*((f"part_{i}", 8) for i in range(5)))), tmp_path)
    text = source.read_text()
    source.write_text(text.replace("range(5)", "range(4)"))
    assert source.read_text() != text
    with pytest.raises(NoPiece, match="part has 4 blocks, not 5"):
        assert PytorchFile(source).places


def is_class(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef)


@pytest.mark.parametrize("name", ["stage1_unit{}", "part_{}"])
def test_a_layer_is_cut_as_a_class_without_arguments(tmp_path: Path, name: str) -> None:
    first = name.startswith("stage")
    details = [(name.format(i + first), 4 if i == 0 else 8) for i in range(5)]
    graph = units(*details)
    module = to_pytorch(graph)
    assert "range(" in module.source
    source, _ = save_pytorch(module, tmp_path)
    file = PytorchFile(source)
    assert set(file.places) == {output for node in graph.nodes for output in node.outputs}
    for block, channels in details:
        assert file.cut(f"{block}_conv1", tmp_path) == [file.places[f"{block}_conv1"].held["x"]]
        (cls,) = (n for n in ast.parse((tmp_path / "piece.py").read_text()).body if is_class(n))
        made, call = (n for n in ast.walk(cls) if isinstance(n, ast.Assign))
        assert ast.unparse(made.value).startswith(f"nn.Conv2d(4, {channels}, ")
        assert ast.unparse(call) == "y = self.conv1(x)"
        weights = load_file(tmp_path / "piece.safetensors")
        expected = module.state[f"{file.places[f'{block}_conv1'].path}.conv1.weight"]
        np.testing.assert_array_equal(weights["conv1.weight"], expected)
        assert set(weights) <= {"conv1.weight", "conv1.bias"}
