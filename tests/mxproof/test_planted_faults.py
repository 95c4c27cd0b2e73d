"""Faults planted in the conversion of ResNet-18: each is caught, and named at its layer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import numpy as np
import pytest

from converters import Graph, Node
from mxproof.compare import compare
from mxproof.localise import describe_failure, first_introduced
from mxproof.runtimes.base import LayerTruth
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.subject import Subject, load_subject
from mxproof.targets import TARGETS, convert

Fault = Callable[[Graph], Graph]


def attribute(layer: str, **changed: str) -> Fault:
    """The layer is converted as if the symbol had said this."""

    def plant(graph: Graph) -> Graph:
        def edit(node: Node) -> Node:
            return replace(node, attrs={**node.attrs, **changed}) if node.name == layer else node

        return replace(graph, nodes=tuple(map(edit, graph.nodes)))

    return plant


def one_ulp(parameter: str) -> Fault:
    """The largest of the parameter's weights is the next float32."""

    def plant(graph: Graph) -> Graph:
        array = graph.params[parameter].copy()
        at = np.unravel_index(np.abs(array).argmax(), array.shape)
        array[at] = np.nextafter(array[at], np.float32(np.inf))
        return replace(graph, params={**graph.params, parameter: array})

    return plant


def swapped(layer: str, a: int, b: int) -> Fault:
    """Two inputs of the layer change places."""

    def plant(graph: Graph) -> Graph:
        def edit(node: Node) -> Node:
            inputs = list(node.inputs)
            if node.name == layer:
                inputs[a], inputs[b] = inputs[b], inputs[a]
            return replace(node, inputs=tuple(inputs))

        return replace(graph, nodes=tuple(map(edit, graph.nodes)))

    return plant


FAULTS: Dict[str, Tuple[str, Fault]] = {
    "eps 1e-5 for 2e-5": ("stage2_unit1_bn1", attribute("stage2_unit1_bn1", eps="1e-05")),
    "fix_gamma ignored": ("bn_data", attribute("bn_data", fix_gamma="False")),
    "padding": ("stage1_unit1_conv1", attribute("stage1_unit1_conv1", pad="(1,0)")),
    "one ulp of one weight": ("stage3_unit2_conv2", one_ulp("stage3_unit2_conv2_weight")),
    "one ulp of one bias": ("fc1", one_ulp("fc1_bias")),
    "mean and variance swapped": ("bn1", swapped("bn1", 3, 4)),
    "another activation": ("relu1", attribute("relu1", act_type="softrelu")),
}


@pytest.fixture(scope="module")
def resnet18(mxnet: MxnetProcess) -> Iterator[Tuple[Subject, Dict[str, Any], List[LayerTruth]]]:
    subject = load_subject("resnet18", weights="seeded")
    inputs = subject.inputs({"data": (1, 3, 32, 32)})
    model = mxnet.load(subject.prefix, 0, subject.graph)
    yield subject, inputs, list(model.layers(inputs))
    model.close()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named(
    name: str,
    target: str,
    resnet18: Tuple[Subject, Dict[str, Any], List[LayerTruth]],
    tmp_path: Path,
) -> None:
    subject, inputs, truth = resnet18
    layer, plant = FAULTS[name]
    path = convert(plant(subject.graph), target, tmp_path)[0]
    candidate = TARGETS[target].open(path, "float64")
    chain = compare(truth, candidate, inputs, subject.graph)
    assert chain.failed[0].layer == layer
    introduced = first_introduced(truth, candidate, inputs, subject.graph)
    assert introduced is not None
    assert introduced.layer == layer
    text = describe_failure("resnet18", target, chain, introduced)
    assert f"{layer!r} introduced the first difference" in text
    alone = compare(truth, candidate, inputs, subject.graph, alone=True)
    assert [c.layer for c in alone.failed] == [layer]


@pytest.mark.parametrize("target", TARGETS)
def test_clean_conversion_raises_no_alarm(
    target: str, resnet18: Tuple[Subject, Dict[str, Any], List[LayerTruth]], tmp_path: Path
) -> None:
    subject, inputs, truth = resnet18
    path = convert(subject.graph, target, tmp_path)[0]
    for precision in TARGETS[target].runtimes:
        result = compare(truth, TARGETS[target].open(path, precision), inputs, subject.graph)
        assert result.passed, describe_failure("resnet18", target, result, None)


def test_two_faults_are_both_named(
    resnet18: Tuple[Subject, Dict[str, Any], List[LayerTruth]], tmp_path: Path
) -> None:
    subject, inputs, truth = resnet18
    graph = subject.graph
    planted = ("eps 1e-5 for 2e-5", "one ulp of one weight")
    for name in planted:
        graph = FAULTS[name][1](graph)
    candidate = TARGETS["pytorch"].open(convert(graph, "pytorch", tmp_path)[0], "float64")
    alone = compare(truth, candidate, inputs, subject.graph, alone=True)
    assert [c.layer for c in alone.failed] == [FAULTS[name][0] for name in planted]
