"""Sampling a map on a grid of places, from -1 (the first) to 1 (the last) along each axis."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, show, unify
from .attributes import Ints
from .emit.computed import Computed, takes
from .emit.interpolation import of_images, padded
from .emit.onnx_math import OnnxExpr, count, grid, join, stack
from .registry import TorchBuilder, Written, operator

GRID_SAMPLE, LINEAR = 16, 20  # the first opset that has it, and the one that renamed its mode


#: With one place along an axis MXNet divides by 0.
TARGET = (("target_shape", lambda n: len(n) == 2 and min(n) > 1, "two numbers above 1"),)


def affine_grid(matrix: OnnxExpr, height: int, width: int) -> OnnxExpr:
    """(N, 6) -> (N, 2, height, width): the places across and down that each place is taken from."""
    down, across = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    places = np.stack([across, down, np.ones_like(down)]).reshape(3, -1)
    moved = matrix.reshape(-1, 2, 3).op("MatMul", matrix.array(places))
    return moved.reshape(-1, 2, height, width)


def torch_affine_grid(matrix: str, height: int, width: int) -> str:
    """(N, 6) -> (N, height, width, 2)"""
    size = f"[{matrix}.shape[0], 1, {height}, {width}]"
    return f"F.affine_grid({matrix}.reshape(-1, 2, 3), {size}, align_corners=True)"


def sample(data: OnnxExpr, grid: OnnxExpr) -> OnnxExpr:
    """(N, C, H, W), (N, 2, H', W') -> (N, C, H', W'); all around the map is 0."""
    if data.g.opset >= GRID_SAMPLE and data.kind != "float64":
        mode = "linear" if data.g.opset >= LINEAR else "bilinear"
        places = grid.transpose(0, 2, 3, 1)
        return data.op("GridSample", places, align_corners=1, mode=mode, padding_mode="zeros")
    maps = of_images(data, count(grid, data.size(0)).unsqueeze(1, 2))
    rows, columns = (
        padded((grid.column(index, 1) + 1) * (size.real() - 1) / 2, size)
        for index, size in ((1, maps.height), (0, maps.width))
    )
    return maps.sample(rows, columns).transpose(0, 3, 1, 2)


@operator("BilinearSampler", ignores=("cudnn_off",))
class BilinearSampler(Written, Computed):
    """(N, C, H, W), (N, 2, H', W') -> (N, C, H', W'), interpolated.

    Source: src/operator/bilinear_sampler.cc.
    """

    hidden_outputs = 1
    text = "F.grid_sample({0}, {1}.permute(0, 2, 3, 1), align_corners=True)"

    def infer(self, data: Dims, grid: Dims) -> Shape:
        takes("data", data, tuple("NCHW"))
        takes("grid", grid, (data[0], 2, "H", "W"))
        return (unify(data[0], grid[0]), data[1], *grid[2:])

    def formula(self, data: OnnxExpr, grid: OnnxExpr) -> OnnxExpr:
        return sample(data, grid)


@operator("GridGenerator")
class GridGenerator(Computed):
    """affine: (N, 6) -> (N, 2, *target_shape); warp: offsets in pixels (N, 2, H, W) -> same.

    Source: src/operator/grid_generator-inl.h.
    """

    transform_type: Literal["affine", "warp"]
    target_shape: Ints = (0, 0)

    hidden_outputs = 1
    allowed = TARGET

    def __post_init__(self) -> None:
        if self.transform_type == "affine":
            super().__post_init__()

    def infer(self, data: Dims) -> Shape:
        if self.transform_type == "affine":
            takes("data", data, ("N", 6))
            return (data[0], 2, *self.target_shape)
        takes("data", data, ("N", 2, "H", "W"))
        if 1 in data[2:]:
            raise ShapeError(f"takes offsets (N, 2, H, W), H and W above 1; got {show(data)}")
        return data

    def formula(self, data: OnnxExpr) -> OnnxExpr:
        if self.transform_type == "affine":
            return affine_grid(data, *self.target_shape)
        height, width = data.size(2), data.size(3)
        half = (join([width, height], 0).real() - 1) / 2
        places = stack(grid(height, width)[::-1], 0).real()
        return (data + places) / half.unsqueeze(1, 2) - 1

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        if self.transform_type == "affine":
            grid = torch_affine_grid(data, *self.target_shape)
            return f"{grid}.permute(0, 3, 1, 2)"
        return f"{m.function('warp_grid')}({data})"


@operator("SpatialTransformer", ignores=("cudnn_off",))
class SpatialTransformer(Computed):
    """(N, C, H, W), (N, 6) -> (N, C, *target_shape): sampled where an affine map leads.

    Source: src/operator/spatial_transformer-inl.h.
    """

    transform_type: Literal["affine"]
    sampler_type: Literal["bilinear"]
    target_shape: Ints = (0, 0)

    hidden_outputs = 2
    allowed = TARGET

    def infer(self, data: Dims, loc: Dims) -> Shape:
        takes("data", data, tuple("NCHW"))
        return (unify(data[0], loc[0]), data[1], *self.target_shape)

    def parameter_shapes(self, data: Shape) -> dict[str, Dims]:
        return {"loc": (data[0] if data else None, 6)}

    def formula(self, data: OnnxExpr, loc: OnnxExpr) -> OnnxExpr:
        return sample(data, affine_grid(loc, *self.target_shape))

    def to_pytorch(self, m: TorchBuilder, data: str, loc: str) -> str:
        grid = torch_affine_grid(loc, *self.target_shape)
        return f"F.grid_sample({data}, {grid}, align_corners=True)"
