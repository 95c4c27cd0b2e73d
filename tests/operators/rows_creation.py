"""Operators that make numbers of nothing, alone and where a reader tells their size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from hypothesis import strategies as st

from tests.converters.networks import Network

from .case import Case, case
from .row import Draw, row

TYPES = st.sampled_from((None, "float32", "int32", "int64", "uint8", "int8"))
ANY = "MXNet's float32 run makes float64 of other floating-point types"
NUMBERS = st.sampled_from((-2, -0.5, 0, 0.1, 1, 3))


@dataclass(frozen=True)
class Read(Case):
    """The operator has no input; its result is added to one, from which it has its sizes."""

    def network(self) -> Tuple[Network, List[Tuple[int, int]]]:
        net = Network()
        made = net.layer(self.op, "layer", **self.attrs)
        return net, [made, net.layer("elemwise_add", "reader", made, net.variable("data0"))]


@row("_zeros", "_ones", "_full", "_zeros_without_dtype", dtype=ANY)
def filled(draw: Draw) -> Case:
    shape, untyped = draw.shape((1, 4)), draw.op == "_zeros_without_dtype"
    attrs = draw.attrs(shape=None, dtype=TYPES, value=NUMBERS)
    if attrs.get("dtype") == "uint8" and "value" in attrs:
        attrs["value"] = abs(attrs["value"])
    if untyped or draw.flag():
        attrs.pop("dtype", None)
        return Read.of(shape, **attrs, shape=tuple(draw.choice(0, d) for d in shape))
    return case(**attrs, shape=shape)


@row("_eye", dtype=ANY)
def eye(draw: Draw) -> Case:
    sizes = {"N": draw.number(1, 5), "M": draw.number(0, 5)}
    k = draw.number(1 - sizes["N"], (sizes["M"] or sizes["N"]) - 1)
    return case(**draw.attrs(**sizes, k=k, dtype=TYPES))


@row("_arange", dtype=ANY)
def arange(draw: Draw) -> Case:
    step, start = draw.choice(1, 2, 0.7, -1, -0.3), draw.choice(0, 2, 0.1, 5.5)
    count, repeat = draw.number(1, 6), draw.number(1, 3)
    attrs = {"start": start, "step": step, "repeat": repeat}
    form = draw.choice("both ends", "one end", "read")
    if form == "read":
        return Read.of((count * repeat,), **attrs, infer_range=True, free=draw.flag())
    dtype = draw(TYPES)
    if dtype:
        attrs["dtype"] = dtype
    if form == "one end":
        return case(**{**attrs, "start": count + 0.5, "step": abs(step)})
    if dtype == "uint8":
        attrs["step"] = abs(step)
    return case(**attrs, stop=start + attrs["step"] * (count - 0.5))


@row("_contrib_arange_like")
def arange_like(draw: Draw) -> Case:
    shape = draw.shape((1, 3))
    axis = draw(st.one_of(st.none(), st.integers(-len(shape), len(shape) - 1)))
    data = draw.moved(shape)
    terms: Dict[str, Any] = {"start": st.integers(0, 9), "step": st.integers(0, 2)}
    if data.dtype == "float32":
        terms = {"start": NUMBERS, "step": NUMBERS}
    return case(data, **draw.attrs(**terms, repeat=st.integers(1, 3), axis=axis))


@row("_linspace", dtype=ANY)
def linspace(draw: Draw) -> Case:
    ends = {"start": NUMBERS, "stop": st.sampled_from((0.7, 5, 10))}
    attrs = draw.attrs(**ends, num=st.integers(1, 9), dtype=TYPES)
    if attrs.get("dtype") == "uint8":
        attrs["start"] = abs(attrs["start"])
    return case(**attrs)


EXAMPLES = {"_arange float steps": case(start=0.1, stop=3, step=0.7, repeat=2)}
