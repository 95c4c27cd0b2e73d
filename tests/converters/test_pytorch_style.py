"""The emitted source as a reader and his tools see it: stages, types, length, ruff, mypy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import pytest

from converters import UnusedParametersWarning, load_checkpoint, to_pytorch
from converters.mxnet_format.binding import bind
from converters.mxnet_format.symbol import parse_symbol, symbol_to_json
from fixtures.networks import Network, small_resnet, units
from mxproof.zoo.models import ZOO
from mxproof.zoo.weights import seeded_parameters

ZOO_NAMES = ["resnet18", "resnet152", "i3d_resnet50_v1_kinetics400"]


def zoo_source(name: str) -> str:
    model = ZOO[name]
    symbol, inputs = model.symbol(), {"data": model.input_shape}
    arrays = seeded_parameters(symbol, inputs, 0, model.pixels)
    upgraded = parse_symbol(symbol_to_json(symbol))
    return to_pytorch(bind(upgraded, arrays, name=name, inputs=inputs)).source


def real_source(samples: Optional[str]) -> Dict[str, str]:
    """mnet.25, flat as it is: 110 layers, three strides, nine outputs; if its file is here."""
    if not samples:
        return {}
    with pytest.warns(UnusedParametersWarning):
        return {"face": to_pytorch(load_checkpoint(Path(samples) / "mnet.25")).source}


@pytest.fixture(scope="module")
def sources(request: pytest.FixtureRequest) -> Dict[str, str]:
    net, head = small_resnet()
    heads = Network()
    x = heads.convolution("face", heads.variable("data"), 3, 4)
    y = heads.layer("SliceChannel", "halves", x, num_outputs=2)
    small = {
        **real_source(request.config.getoption("--samples-dir")),
        "small": to_pytorch(net.graph(head, name="small")).source,
        "equal": to_pytorch(units(*((f"stage1_unit{i}", 4) for i in range(1, 5)))).source,
        "two_outputs": to_pytorch(heads.graph(y, (y[0], 1), name="two_outputs")).source,
    }
    return {**{name: zoo_source(name) for name in ZOO_NAMES}, **small}


@pytest.mark.parametrize(
    ("details", "made"),
    [
        (
            [("stage1_unit1", 4), ("stage1_unit2", 8)],
            ["self.stage1 = nn.Sequential(OrderedDict(unit1=Unit(4), unit2=Unit(8)))"],
        ),
        (
            [("stage1_unit1", 4), *((f"stage1_unit{i}", 8) for i in range(2, 6))],
            [
                "self.stage1 = nn.Sequential(",
                '    OrderedDict(unit1=Unit(4), **{f"unit{i}": Unit(8) for i in range(2, 6)})',
                ")",
            ],
        ),
        (
            [(f"stage1_unit{i}", 4) for i in range(1, 4)],
            ['self.stage1 = nn.Sequential(OrderedDict({f"unit{i}": Unit() for i in range(1, 4)}))'],
        ),
        (
            [("part_0", 4), *((f"part_{i}", 8) for i in range(1, 4))],
            ["self.part = nn.Sequential(Unit(4), *(Unit(8) for _ in range(3)))"],
        ),
        (  # a number that is no index, none, a gap
            [("part_1", 4), ("part_2", 8)],
            ["self.part_1 = Unit(4)", "self.part_2 = Unit(8)"],
        ),
        ([("first", 4), ("second", 8)], ["self.first = Unit(4)", "self.second = Unit(8)"]),
        (
            [("stage1_unit1", 4), ("stage1_unit3", 8)],
            ["self.stage1_unit1 = Unit(4)", "self.stage1_unit3 = Unit(8)"],
        ),
    ],
)
def test_numbered_blocks_are_a_stage(details: List[Tuple[str, int]], made: List[str]) -> None:
    source = to_pytorch(units(*details)).source
    kind = re.search(r"class (\w+)\(", source)
    expected = "\n".join(f"        {line}" for line in made)
    assert kind and expected.replace("Unit", kind[1]) in source


def test_a_block_that_others_read_ends_no_stage_silently() -> None:
    """What is an output of the network must keep a variable of its own."""
    module = to_pytorch(units(("stage1_unit1", 4), ("stage1_unit2", 8), reads=1))
    assert "Sequential" not in module.source
    assert "stage1_unit1.conv1.weight" in module.state


def test_names_of_a_stage_are_mxnets() -> None:
    module = to_pytorch(units(("stage1_unit1", 4), ("stage1_unit2", 8)))
    assert {key.replace(".", "_") for key in module.state if ".bn." not in key} == {
        f"{layer}_weight"
        for layer in ("stem", *(f"stage1_unit{u}_conv{c}" for u in (1, 2) for c in (1, 2)))
    }
    said = "MXNet's layer stage1_unit2_conv1 is stage1.unit2.conv1 here, and so on."
    assert said in module.source
    assert "stage1_unit2_conv1" in str(module.layers["stage1.unit2"])


def test_a_real_network_is_judged_too(samples_dir: Path, sources: Dict[str, str]) -> None:
    assert sources["face"].count("nn.Conv2d") == 50


def test_lengths(sources: Dict[str, str]) -> None:
    assert sources["resnet18"].count("\n") < 150
    assert sources["resnet152"].count("\n") < 200
    assert "unit{i}" in sources["resnet152"]
    assert "(46 of them)" in sources["resnet152"]
    two = "forward(self, data: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:"
    assert two in sources["two_outputs"]


RULES = ["--isolated", "--line-length", "100", "--target-version", "py39"]
TOOLS = {
    "format": ["ruff", "format", "--check", *RULES],
    "check": ["ruff", "check", *RULES, "--select", "A,B,C4,E,F,I,PIE,RET502,SIM,UP,W"],
    # Strictly, but for what nn.Module itself leaves open: its call returns Any.
    "mypy": ["mypy", "--cache-dir", "cache", "--strict", "--no-warn-return-any"],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_tools_find_nothing(sources: Dict[str, str], tmp_path: Path, tool: str) -> None:
    module, *arguments = TOOLS[tool]
    pytest.importorskip(module, reason=f"needs {module}, which judges the source")
    if tool == "mypy":
        pytest.importorskip("torch", reason="needs PyTorch, whose types they are")
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source)
    command = [sys.executable, "-m", module, *arguments, "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
