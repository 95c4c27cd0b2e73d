"""Operators that are refused by name, with a reason and a way out."""

from __future__ import annotations

import pytest

from converters import UnsupportedError, to_onnx
from converters.operators import REGISTRY
from converters.operators.refused import REFUSED, refusal
from fixtures.networks import Network


@pytest.mark.parametrize("pattern", sorted(REFUSED))
def test_the_error_says_why_and_what_to_do(pattern: str) -> None:
    op = pattern.replace("*", "something").replace("?", "1")
    net = Network()
    head = net.layer(op, "layer", net.variable("data"))
    with pytest.raises(UnsupportedError) as error:
        to_onnx(net.graph(head, inputs={"data": (2, 3)}))
    assert str(error.value) == f"{op} 'layer': {REFUSED[pattern]}."
    assert ";" in REFUSED[pattern], "what to do instead"


def test_no_operator_is_both_refused_and_converted() -> None:
    refused = [op for op in REGISTRY if refusal(op)]
    assert refused == ["_np_cumsum"], (
        "of mx.np this one alone is converted: it is mx.sym.cumsum, too"
    )


def test_an_operator_that_mxnet_has_not_is_called_unknown() -> None:
    net = Network()
    head = net.layer("Convolutoin", "layer", net.variable("data"))
    with pytest.raises(UnsupportedError, match="the operator is not known"):
        to_onnx(net.graph(head, inputs={"data": (2, 3)}))


def test_a_reason_is_given_once() -> None:
    """GluonCV's int8 networks have a hundred layers of five operators, and two reasons."""
    net = Network()
    x = net.layer("_contrib_quantize_v2", "q", net.variable("data"))
    for number in range(50):
        x = net.layer("_sg_mkldnn_conv", f"conv{number}", x)
        x = net.layer("_contrib_requantize", f"r{number}", x)
    with pytest.raises(UnsupportedError) as error:
        to_onnx(net.graph(x, inputs={"data": (2, 3)}))
    int8, fused = error.value.problems
    assert int8.startswith("_contrib_quantize_v2 'q', _contrib_requantize 'r0' (and 49 more): bel")
    assert fused.startswith("_sg_mkldnn_conv 'conv0' (and 49 more): was fused")
