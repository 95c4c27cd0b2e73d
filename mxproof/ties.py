"""Sorting operators leave open which of two equal numbers comes first; a proof must, too.

MXNet's CPU sorts by std::sort and std::partial_sort, which are not stable: the places that they
give of equal numbers are as good as any others. What a result says but for that are the numbers
at its places, and that no place is there twice.
"""

from __future__ import annotations

from functools import partial
from typing import Callable, Optional

import numpy as np

from converters.ops import Operator
from converters.ops.sorting import Argsort, Topk

from .runtimes.base import Array

#: (an operator's data, its result) -> what the result says but for the order of equal numbers.
Reading = Callable[[Array, Array], Array]


def reading(operator: Operator, output: int) -> Optional[Reading]:
    """How to read result number `output` of an operator; None where nothing is left open."""
    if isinstance(operator, Topk) and operator.ret_typ == "mask":
        return partial(numbers_under, axis=operator.axis)
    if isinstance(operator, Argsort) or (
        isinstance(operator, Topk) and (operator.ret_typ, output) in (("indices", 0), ("both", 1))
    ):
        return partial(numbers_at, axis=operator.axis)
    return None


def numbers_at(data: Array, places: Array, axis: Optional[int]) -> Array:
    """(..., n, ...) and (..., k, ...) -> the k numbers; not a number where a place is none, or is
    there twice."""
    data, axis = (data.reshape(-1), 0) if axis is None else (data, axis)
    chosen = np.clip(np.nan_to_num(places), 0, data.shape[axis] - 1).astype(np.int64)
    numbers = np.take_along_axis(data, chosen, axis).astype(np.float64)
    ordered = np.sort(chosen, axis)
    twice = (np.diff(ordered, axis=axis) == 0).any(axis=axis, keepdims=True)
    return np.where((chosen != places) | twice, np.nan, numbers)


def numbers_under(data: Array, mask: Array, axis: Optional[int]) -> Array:
    """Both of one shape -> the numbers whose mask is 1, in order, and as many as the others 0; not
    a number where the mask is neither 0 nor 1."""
    shape = data.shape
    if axis is None:
        data, mask, axis = data.reshape(-1), mask.reshape(-1), 0
    marked = np.sort(np.where(mask == 1, data, -np.inf).astype(np.float64), axis)
    found = np.where(np.isneginf(marked), 0, marked)
    odd = ((mask != 0) & (mask != 1)).any(axis=axis, keepdims=True)
    return np.where(odd, np.nan, found).reshape(shape)
