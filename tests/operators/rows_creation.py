"""Operators that make numbers of nothing, alone and where a reader tells their size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, List, Mapping, Tuple

from hypothesis import strategies as st

from tests.converters.networks import Network

from .case import Case, Data, DrawFn, Row, attributes, moved, shapes

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


def alone(op: str, **attrs: Any) -> Case:
    return Case(op, (), attrs)


def draw_filled(op: str, draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    more: Mapping[str, Any] = {} if op == "_zeros_without_dtype" else {"dtype": TYPES}
    more = {**more, "value": NUMBERS} if op == "_full" else more
    attrs = attributes(draw, op, shape=None, **more)
    if attrs.get("dtype") == "uint8" and "value" in attrs:
        attrs["value"] = abs(attrs["value"])
    if op == "_zeros_without_dtype" or draw(st.booleans()):
        attrs.pop("dtype", None)
        left_open = tuple(draw(st.sampled_from((0, d))) for d in shape)
        return Read(op, (Data(shape),), {**attrs, "shape": left_open})
    return alone(op, **attrs, shape=shape)


def draw_eye(draw: DrawFn) -> Case:
    sizes = {"N": draw(st.integers(1, 5)), "M": draw(st.integers(0, 5))}
    k = draw(st.integers(1 - sizes["N"], (sizes["M"] or sizes["N"]) - 1))
    return alone("_eye", **attributes(draw, "_eye", **sizes, k=k, dtype=TYPES))


def draw_arange(draw: DrawFn) -> Case:
    step = draw(st.sampled_from((1, 2, 0.7, -1, -0.3)))
    start = draw(st.sampled_from((0, 2, 0.1, 5.5)))
    count, repeat = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    attrs = {"start": start, "step": step, "repeat": repeat}
    form = draw(st.sampled_from(("both ends", "one end", "read")))
    if form == "read":
        free = draw(st.booleans())
        return Read("_arange", (Data((count * repeat,)),), {**attrs, "infer_range": True}, free)
    dtype = draw(TYPES)
    if dtype:
        attrs["dtype"] = dtype
    if form == "one end":
        return alone("_arange", **{**attrs, "start": count + 0.5, "step": abs(step)})
    if dtype == "uint8":
        attrs["step"] = abs(step)
    return alone("_arange", **attrs, stop=start + attrs["step"] * (count - 0.5))


def draw_arange_like(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 3))
    axis = draw(st.one_of(st.none(), st.integers(-len(shape), len(shape) - 1)))
    data = moved(draw, shape)
    terms = {"start": NUMBERS, "step": NUMBERS} if data.dtype == "float32" else {}
    terms = terms or {"start": st.integers(0, 9), "step": st.integers(0, 2)}
    repeat = st.integers(1, 3)
    attrs = attributes(draw, "_contrib_arange_like", **terms, repeat=repeat, axis=axis)
    return Case("_contrib_arange_like", (data,), attrs)


def draw_linspace(draw: DrawFn) -> Case:
    ends = {"start": NUMBERS, "stop": st.sampled_from((0.7, 5, 10))}
    attrs = attributes(draw, "_linspace", **ends, num=st.integers(1, 9), dtype=TYPES)
    if attrs.get("dtype") == "uint8":
        attrs["start"] = abs(attrs["start"])
    return alone("_linspace", **attrs)


ROWS = [
    *(
        Row(op, partial(draw_filled, op), narrowed={"dtype": ANY})
        for op in ("_zeros", "_ones", "_full", "_zeros_without_dtype")
    ),
    Row("_eye", draw_eye, narrowed={"dtype": ANY}),
    Row(
        "_arange",
        draw_arange,
        {"float steps": alone("_arange", start=0.1, stop=3, step=0.7, repeat=2)},
        {"dtype": ANY},
    ),
    Row("_contrib_arange_like", draw_arange_like),
    Row("_linspace", draw_linspace, narrowed={"dtype": ANY}),
]
