"""Faults of single numbers: a sign, a zero, a bit, or a tensor in a narrower type."""

from __future__ import annotations

from typing import Any, Callable, List, Tuple

import numpy as np

from mxproof.runtimes.base import Array
from mxproof.tolerance import Budget

from .definition import weight_reads
from .edits import Sites, layers, with_array
from .equivalence import magnitudes
from .fault import WEIGHTS, Fault, Planted, Site

WEIGHTED = layers("Convolution", "FullyConnected")
BIASED = layers("Convolution", "FullyConnected", where=lambda op: not op.no_bias)
NORM_ROLES = ("gamma", "beta", "moving_mean", "moving_var")


def _roles(site: Site) -> List[str]:
    return [r for r in site.op.input_names() if r in site.op.parameters]


def rounded(kind: str, to: Callable[[Array], Array], what: str) -> Fault:
    """One of the layer's parameters, in a narrower type and back."""

    def plant(site: Site) -> Planted:
        role = site.draw(_roles(site))
        array = site.array(role)
        narrow = to(array)
        why = f"every number in its {role} is {what} already" if (narrow == array).all() else ""
        why = why or _unread(site, role)
        return Planted(with_array(site.graph, site.parameter(role), narrow), role, site.layer, why)

    return Fault(kind, WEIGHTS, layers("BatchNorm", "Convolution", "FullyConnected"), plant)


def one_weight(kind: str, change: Callable[[Any, Site], Any]) -> Fault:
    """One number of a convolution or a matrix; a live one if twenty draws find one."""

    def plant(site: Site) -> Planted:
        weight = site.array("weight")
        for _ in range(20):
            at = tuple(int(site.random.integers(size)) for size in weight.shape)
            value = change(weight[at], site)
            why = dead(site, at, float(value) - float(weight[at]))
            if not why:
                break
        array = weight.copy()
        array[at] = value
        note = f"weight {at}: {weight[at]!s} -> {value!s}"
        return Planted(
            with_array(site.graph, site.parameter("weight"), array), note, site.layer, why
        )

    return Fault(kind, WEIGHTS, WEIGHTED, plant)


def one_number(kind: str, sites: Sites, roles: Tuple[str, ...]) -> Fault:
    """One number of a vector, by one ulp."""

    def plant(site: Site) -> Planted:
        role = site.draw(roles)
        array = site.array(role).copy()
        at = int(site.random.integers(len(array)))
        was, array[at] = array[at], ulps(array[at], 1)
        note = f"{role} {at}: {was!s} -> {array[at]!s}"
        graph = with_array(site.graph, site.parameter(role), array)
        return Planted(graph, note, site.layer, _unread(site, role))

    return Fault(kind, WEIGHTS, sites, plant)


def ulps(value: Any, count: int) -> Any:
    """The float32 so many steps away from zero."""
    bits = np.array(value, np.float32).view(np.int32) + np.int32(count)
    return bits.view(np.float32)[()]


def bfloat16(array: Array) -> Array:
    """Rounded to nearest, ties to even: the upper half of a float32."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    up = ((bits >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF)
    kept: Array = (bits + up) & np.uint32(0xFFFF0000)
    return kept.view(np.float32)


def float16(array: Array) -> Array:
    return array.astype(np.float16).astype(np.float32)


def _unread(site: Site, role: str) -> str:
    fixed = site.node.op == "BatchNorm" and site.op.fix_gamma and role == "gamma"
    return "with fix_gamma the stored gamma is not read" if fixed else ""


def dead(site: Site, at: Tuple[int, ...], delta: float) -> str:
    """Why a change of this weight moves nothing on these inputs; empty if it moves something."""
    if not delta:
        return "the weight is 0 already"
    name = site.node.inputs[0]
    assert name is not None
    filters = len(site.array("weight"))
    largest = moves = 0.0
    for truth in site.ground.truths:
        x = site.ground.value(name, truth)
        reads = weight_reads(site.op, x, at, filters)
        largest = max(largest, float(np.abs(reads).max()))
        sizes = magnitudes(truth[site.layer].float64)
        size = float(sizes[at[0]] if len(sizes) == filters else sizes.min())
        moves = max(moves, abs(delta) * float(np.abs(reads).max()) / size)
    if not largest:
        return "this weight only ever reads zeros or padding on these inputs"
    if moves > Budget().float64_rel:
        return ""
    return f"it moves its channel by {moves:.0e} of its magnitude: less than rounding"


FAULTS: Tuple[Fault, ...] = (
    rounded("one tensor rounded to float16", float16, "a float16"),
    rounded("one tensor rounded to bfloat16", bfloat16, "a bfloat16"),
    one_weight("sign of one weight", lambda w, s: -w),
    one_weight("one weight lost", lambda w, s: np.float32(0)),
    one_weight("one weight off by an ulp", lambda w, s: ulps(w, 1)),
    one_weight("one weight off by some ulps", lambda w, s: ulps(w, s.draw(range(2, 65)))),
    one_number("one number of a BatchNorm off by an ulp", layers("BatchNorm"), NORM_ROLES),
    one_number("one bias off by an ulp", BIASED, ("bias",)),
)
