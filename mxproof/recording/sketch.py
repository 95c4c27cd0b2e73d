"""Sketches of layers that are too large to store, and the comparisons they allow.

Every channel is cut into cells of consecutive numbers, and of each cell the sum of w t is kept:
t are its numbers in MXNet's float64, w random weights of mean 0 and mean square 1, which both
sides draw from the layer's name (Alon, Matias and Szegedy, STOC 1996). Sums are linear: those of a
result less those kept are sums of w e, e being its errors. Whatever the n errors of a cell are,
over all draws of w the square of that sum is on average the sum of their squares. So

- in float64, where each error may be B, the sum over a cell may be B sqrt(n): with random signs it
  grows as the root. Errors of B / 10 in the root mean square exceed that with a chance of less
  than 2 exp(-24) (Hoeffding's inequality, |w| < 1.45); measured in right conversions of the zoo,
  no cell takes up more than 0.15 of it. A fault shows if it is B in the root mean square of a
  cell; in a single number, if it is 2.1 B sqrt(n), at most 2.7e-10 of the channel's magnitude.
  Weights differ: numbers that change places show too.
- in float32 the squares estimate the squares of the errors, by channel, and are held to the same
  limits as those. A layer has 256 cells or more: its estimate scatters by 4 %.

A sample of the numbers is kept besides. Those are judged one by one, and say where.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import prod
from typing import Dict, Iterator, List, Tuple

import numpy as np

from ..proof.judge import blocks, channels
from ..runtimes.base import Array, Layer

# What follows is part of the file format: any change raises file.SCHEMA.

#: Numbers up to which a layer is kept whole; an output of the network up to more.
WHOLE, WHOLE_OUTPUT = 512, 1 << 17
SAMPLES = 128  # numbers of each layer
CELLS = 256  # of each layer, at least
CELL = 1 << 14  # numbers in a cell, at most

#: The weight for every 16 bits: 0.48 to 1.44, and the same negated.
_HALF = (0.5 + (np.arange(1 << 15) + 0.5) / (1 << 15)) * (12 / 13) ** 0.5
WEIGHTS = np.concatenate([_HALF, -_HALF])

#: A layer's parts, and the form in which they are stored.
STORED = {"scale": "<f8", "channels": "<f2", "cells": "<f8", "float64": "<f8", "float32": "<f4"}


@dataclass(frozen=True)
class Sketch(Layer):
    """A layer of shape (N, C, ...): its parts as they are stored, each of one axis.

    Attributes:
        scale, channels: what `by_channel` is made of; zeros and empty where the layer is whole.
        cells: sums of w t, channel by channel; empty where the layer is whole.
        float64, float32: t and m at `positions`; of a whole layer, all of them.
    """

    shape: Tuple[int, ...]
    scale: Array
    channels: Array
    cells: Array

    @property
    def whole(self) -> bool:
        return not self.channels.size

    @property
    def by_channel(self) -> Array:
        """(3, C): max|t|, RMS(m - t) and RMS(t) of each."""
        scaled: Array = self.channels.reshape(-1, 3) * self.scale
        return scaled.T


def kept_whole(shape: Tuple[int, ...], output: bool) -> bool:
    """Small layers are, and those of one number a channel, of which nothing is smaller."""
    size = prod(shape)
    return size <= (WHOLE_OUTPUT if output else WHOLE) or shape[1:2] == (size,)


def form(shape: Tuple[int, ...]) -> Tuple[int, int, int]:
    """Channels, numbers in a channel, numbers in a cell (a channel's last cell may have fewer).

    (2, 64, 5, 4) -> (64, 40, 40); fewer than two dimensions are one channel.
    """
    count = shape[1] if len(shape) > 1 else 1
    size = prod(shape) // count
    return count, size, max(1, min(CELL, size * count // CELLS, size))


def positions(name: str, shape: Tuple[int, ...]) -> Array:
    """Indices into the flat layer: a random one out of each of SAMPLES equal parts."""
    edges = np.arange(SAMPLES + 1, dtype=np.uint64) * np.uint64(prod(shape)) // np.uint64(SAMPLES)
    bits: Array = _random("samples", name).random_raw(SAMPLES)
    chosen: Array = edges[:-1] + bits % np.diff(edges)
    return chosen.astype(np.int64)


def _random(purpose: str, name: str) -> np.random.Philox:
    """Raw bits of Philox are the same in every NumPy (NEP 19)."""
    digest = hashlib.sha256(f"{purpose}/{name}".encode()).digest()
    return np.random.Philox(key=int.from_bytes(digest[:16], "little"))


def _rows(array: Array) -> Iterator[Array]:
    """(N, C, *S) -> (some of C, N prod(S)) in turn, together all of C."""
    by_axis = channels(array)
    for block in blocks(by_axis):
        rows = by_axis[:, block].swapaxes(0, 1)
        yield rows.reshape(len(rows), -1)


def sketch(name: str, array: Array) -> Array:
    """(C, cells): the sum of w times value over each cell."""
    _, size, length = form(array.shape)
    random, cells = _random("weights", name), -(-size // length)
    sums: List[Array] = []
    for rows in _rows(array):
        words = random.random_raw(len(rows) * -(-size // 4)).astype("<u8")
        weights = WEIGHTS[words.view("<u2").reshape(len(rows), -1)[:, :size]]
        weighted = np.zeros((len(rows), cells * length))
        np.multiply(weights, rows, out=weighted[:, :size])
        sums.append(weighted.reshape(len(rows), cells, length).sum(axis=2))
    return np.concatenate(sums)


def keep(layer: Layer, output: bool = False) -> Sketch:
    """What stands for a layer of finite numbers.

    Args:
        output: the layer is an output of the network.
    """
    t, m = layer.float64, layer.float32
    none: Array = np.zeros(0)
    parts = (np.zeros(3), none, none, t, m)
    if not kept_whole(t.shape, output):
        at = positions(layer.name, t.shape)
        parts = (*_moments(t, m), sketch(layer.name, t), t.flat[at], m.flat[at])
    stored = dict(zip(STORED, (part.reshape(-1) for part in parts)))
    return Sketch(layer.name, shape=t.shape, **stored)


def _moments(t: Array, m: Array) -> Tuple[Array, Array]:
    """The largest channel's max|t|, RMS(m - t) and RMS(t) (3,), and each channel's as a part of
    these (C, 3), rounded up."""
    rows = [
        [np.abs(a).max(axis=1), *(np.sqrt(np.square(r).mean(axis=1)) for r in (b - a, a))]
        for a, b in zip(_rows(t), _rows(m))
    ]
    by_channel = np.concatenate(rows, axis=1).T
    scale = by_channel.max(axis=0)
    exact = np.divide(by_channel, scale, out=np.zeros_like(by_channel), where=scale > 0)
    near = exact.astype(np.float16)
    return scale, np.where(near < exact, np.nextafter(near, np.float16(np.inf)), near)


def part_sizes(shape: Tuple[int, ...], whole: bool) -> Dict[str, int]:
    """How many numbers each of the parts has."""
    if whole:
        return dict(zip(STORED, (3, 0, 0, prod(shape), prod(shape))))
    count, size, length = form(shape)
    return dict(zip(STORED, (3, 3 * count, count * -(-size // length), SAMPLES, SAMPLES)))
