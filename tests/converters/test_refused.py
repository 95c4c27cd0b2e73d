"""Operators that are refused by name, with a reason and a way out."""

from __future__ import annotations

import pytest

from converters import UnsupportedError, to_onnx
from converters.ops import REGISTRY
from converters.ops.refused import FAMILIES, REFUSED

from .networks import Network

FOREIGN = [f"{start}something" for start in FAMILIES]


@pytest.mark.parametrize("op", [*sorted(REFUSED), *FOREIGN])
def test_the_error_says_why_and_what_to_do(op: str) -> None:
    net = Network()
    head = net.layer(op, "layer", net.variable("data"))
    with pytest.raises(UnsupportedError) as error:
        to_onnx(net.graph(head, inputs={"data": (2, 3)}))
    expected = REFUSED.get(op) or next(FAMILIES[s] for s in FAMILIES if op.startswith(s))
    assert str(error.value) == f"{op} 'layer': {expected}."
    assert ";" in expected, "what to do instead"


def test_no_operator_is_both_refused_and_converted() -> None:
    assert not set(REFUSED) & set(REGISTRY)


def test_an_operator_that_mxnet_has_not_is_called_unknown() -> None:
    net = Network()
    head = net.layer("Convolutoin", "layer", net.variable("data"))
    with pytest.raises(UnsupportedError, match="the operator is not known"):
        to_onnx(net.graph(head, inputs={"data": (2, 3)}))
