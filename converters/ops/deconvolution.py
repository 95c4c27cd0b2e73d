"""Transposed convolution in one, two and three dimensions."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from ..errors import ShapeError
from ..shape import AXES, Dim, Dims, Shape, same, show
from .attributes import Ints
from .convolution import Filters, fill_windows, per_axis, weighted
from .registry import OnnxBuilder, TorchBuilder, Unsupported, operator


@operator(
    "Deconvolution",
    ignores=("workspace", "cudnn_tune", "cudnn_off"),
    parameters=("weight", "bias"),
)
class Deconvolution(Filters):
    """(N, C, *S) -> (N, num_filter, *S').  Source: src/operator/nn/deconvolution-inl.h.

    `adj` makes the output that much larger at its end. `target_shape` states the output's size,
    and pad and adj follow from it.
    """

    no_bias: bool = True
    adj: Ints = ()
    target_shape: Ints = ()

    limits = (
        "target_shape needs a fixed input size; layout NWC, NHWC and NDHWC: MXNet itself has them "
        "on a GPU only"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        fill_windows(self, adj=0)
        if any(self.target_shape):
            per_axis(self.target_shape, self.kernel, 0)
            if not all(self.target_shape):
                raise Unsupported(f"target_shape={self.target_shape}; supported: all above 0")
        elif any(a >= s for a, s in zip(self.adj, self.stride)):
            raise Unsupported(f"adj={self.adj} with stride={self.stride}; supported: below stride")
        if len(self.kernel) == 3 and set(self.dilate) != {1}:
            raise Unsupported(f"dilate={self.dilate}; supported for video: 1, as in MXNet")

    def _full(self, axis: int, size: int) -> int:
        """The output's size along a spatial axis without padding."""
        return self.stride[axis] * (size - 1) + self.dilate[axis] * (self.kernel[axis] - 1) + 1

    def _padding(self, data: Tuple[Dim, ...]) -> Tuple[Ints, Ints]:
        """pad and adj."""
        if not any(self.target_shape):
            return self.pad, self.adj
        total = []
        for axis, (size, target) in enumerate(zip(data[2:], self.target_shape)):
            if not isinstance(size, int):
                raise Unsupported(
                    f"target_shape={self.target_shape} needs a fixed input size, got "
                    f"{show(data)}: give --input"
                )
            total.append(self._full(axis, size) - target)
        return tuple((t + 1) // 2 for t in total), tuple(t % 2 for t in total)

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        channels = data[1] if data else None
        filters = self.num_filter // self.num_group
        return {"weight": (channels, filters, *self.kernel), "bias": (self.num_filter,)}

    def data_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        weight = shapes.get("weight")
        if weight is None or len(weight) != len(self.kernel) + 2:
            return None
        batch, _, *spatial = AXES[len(self.kernel) + 2]
        return (batch, weight[0], *spatial)

    def infer(self, data: Dims, weight: Dims, bias: Shape = None) -> Shape:
        self.check_rank(data)
        if weight and not same(weight[0], data[1]):
            raise ShapeError(f"takes {weight[0]} channels, got {data[1]} in {show(data)}")
        sizes = (self._size(axis, size) for axis, size in enumerate(data[2:]))
        return (data[0], self.num_filter, *sizes)

    def _size(self, axis: int, size: Dim) -> Dim:
        if any(self.target_shape):
            target = self.target_shape[axis]
            surplus = self._full(axis, size) - target if isinstance(size, int) else 0
            if surplus < 0 or surplus % 2 >= self.stride[axis]:
                raise ShapeError(f"cannot make {target} out of {size} on spatial axis {axis}")
            return target
        if not isinstance(size, int):
            # A 1 by 1 kernel, say: the size stays.
            return size if self.stride[axis] == 1 and self._cut(axis) == 0 else None
        result = self._full(axis, size) - 2 * self.pad[axis] + self.adj[axis]
        if result < 1:
            raise ShapeError(f"pad={self.pad} leaves nothing of spatial axis {axis}")
        return result

    def _cut(self, axis: int) -> int:
        return self._full(axis, 1) - 1 - 2 * self.pad[axis] + self.adj[axis]

    def to_onnx(self, g: OnnxBuilder, data: Any, weight: Any, bias: Any = None) -> Any:
        pad, adj = self._padding(g.shape(data) if any(self.target_shape) else ())
        return g.op(
            "ConvTranspose",
            *(v for v in (data, weight, bias) if v is not None),
            kernel_shape=self.kernel,
            strides=self.stride,
            pads=pad * 2,
            output_padding=adj if any(adj) else None,
            dilations=self.dilate,
            group=self.num_group,
        )

    def to_pytorch(
        self, m: TorchBuilder, data: str, weight: str, bias: Optional[str] = None
    ) -> str:
        pad, adj = self._padding(m.shape(data) if any(self.target_shape) else ())
        return weighted(
            m,
            (f"conv_transpose{len(self.kernel)}d", f"ConvTranspose{len(self.kernel)}d"),
            lambda stored: (stored.shape[0], self.num_filter),
            data,
            weight,
            bias,
            kernel=self.kernel,
            stride=self.stride,
            padding=pad,
            output_padding=adj,
            groups=self.num_group,
            dilation=self.dilate,
        )
