"""Small networks for tests, written as MXNet writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import onnx
import onnx_ir as ir
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from converters import DEFAULT_OPSET, Graph, load_checkpoint, save_checkpoint, to_onnx
from converters.mxnet_format.binding import bind
from converters.mxnet_format.symbol import Symbol, SymbolNode


class Network:
    """A symbol under construction: every method appends nodes and returns an entry."""

    def __init__(self) -> None:
        self.nodes: List[SymbolNode] = []
        self.arrays: Dict[str, np.ndarray] = {}
        self._random = np.random.default_rng(0)

    def variable(
        self, name: str, array: Optional[np.ndarray] = None, **attrs: str
    ) -> Tuple[int, int]:
        if array is not None:
            self.arrays[name] = array
        return self._append(SymbolNode("null", name, (), attrs))

    def layer(self, op: str, name: str, *inputs: Tuple[int, int], **attrs: Any) -> Tuple[int, int]:
        return self._append(SymbolNode(op, name, inputs, {k: str(v) for k, v in attrs.items()}))

    def _append(self, node: SymbolNode) -> Tuple[int, int]:
        self.nodes.append(node)
        return (len(self.nodes) - 1, 0)

    def parameter(self, name: str, *shape: int) -> Tuple[int, int]:
        return self.variable(name, self._random.standard_normal(shape).astype(np.float32))

    def convolution(
        self, name: str, data: Tuple[int, int], cin: int, cout: int, **more: Any
    ) -> Tuple[int, int]:
        attrs = {"kernel": (3, 3), "pad": (1, 1), "no_bias": True, **more}
        weight = self.parameter(f"{name}_weight", cout, cin, *attrs["kernel"])
        return self.layer("Convolution", name, data, weight, num_filter=cout, **attrs)

    def batch_norm(
        self, name: str, data: Tuple[int, int], channels: int, **attrs: Any
    ) -> Tuple[int, int]:
        stored = [self.parameter(f"{name}_{p}", channels) for p in ("gamma", "beta", "moving_mean")]
        variance = self._random.uniform(0.5, 2, channels).astype(np.float32)
        stored.append(self.variable(f"{name}_moving_var", variance))
        return self.layer("BatchNorm", name, data, *stored, **attrs)

    def symbol(self, *heads: Tuple[int, int], version: Optional[int] = 10901) -> Symbol:
        return Symbol(tuple(self.nodes), heads, version)

    def graph(
        self,
        *heads: Tuple[int, int],
        name: str = "net",
        inputs: Optional[Mapping[str, Sequence[Any]]] = None,
        half: bool = False,
    ) -> Graph:
        shapes = {k: tuple(v) for k, v in (inputs or {}).items()}
        return bind(self.symbol(*heads), self.arrays, name=name, inputs=shapes, half=half)


def small_resnet() -> Tuple[Network, Tuple[int, int]]:
    """Two residual units of one kind, a softmax with a label."""
    net = Network()
    x = net.convolution("conv0", net.variable("data"), 3, 4)
    for unit in ("unit1", "unit2"):
        y = net.batch_norm(f"{unit}_bn1", x, 4, eps=2e-5, fix_gamma=False)
        y = net.layer("Activation", f"{unit}_relu1", y, act_type="relu")
        y = net.convolution(f"{unit}_conv1", y, 4, 4)
        x = net.layer("elemwise_add", f"_plus{unit[-1]}", y, x)
    x = net.layer("Pooling", "pool", x, global_pool=True, pool_type="avg", kernel=(7, 7))
    x = net.layer("Flatten", "flat", x)
    weight, bias = net.parameter("fc_weight", 5, 4), net.parameter("fc_bias", 5)
    x = net.layer("FullyConnected", "fc", x, weight, bias, num_hidden=5)
    return net, net.layer("SoftmaxOutput", "softmax", x, net.variable("softmax_label"))


def face(height: int, width: int, channels: int = 3) -> Tuple[Network, Tuple[int, int]]:
    """An embedding, as of faces: its dense layer fixes the size of the pictures.

    Two convolutions halve them, rounding up.
    """
    net = Network()
    x = net.variable("data")
    for number, cin in enumerate((channels, 4)):
        x = net.convolution(f"conv{number}", x, cin, 4, stride=(2, 2))
        x = net.batch_norm(f"bn{number}", x, 4, fix_gamma=False)
        slope = net.parameter(f"relu{number}_gamma", 4)
        x = net.layer("LeakyReLU", f"relu{number}", x, slope, act_type="prelu")
    weight = net.parameter("fc1_weight", 8, 4 * -(-height // 4) * -(-width // 4))
    x = net.layer("Flatten", "flat", x)
    return net, net.layer(
        "FullyConnected", "fc1", x, weight, net.parameter("fc1_bias", 8), num_hidden=8
    )


def units(*details: Sequence[Any], reads: int = 0) -> Graph:
    """Residual units of (name, channels inside[, epsilon, activation]).

    Args:
        reads: the number of a unit that is an output too.
    """
    net = Network()
    x = net.convolution("stem", net.variable("data"), 3, 4)
    heads: List[Any] = []
    for number, (name, channels, *more) in enumerate(details, 1):
        eps, act_type = more or (0.1, "relu")
        y = net.convolution(f"{name}_conv1", x, 4, channels)
        y = net.batch_norm(f"{name}_bn", y, channels, eps=eps)
        y = net.layer("Activation", f"{name}_act", y, act_type=act_type)
        y = net.convolution(f"{name}_conv2", y, channels, 4)
        x = net.layer("elemwise_add", f"{name}_plus", x, y)
        heads += [x] if number == reads else []
    return net.graph(x, *heads, name="network")


def resnet(**inputs: Any) -> Graph:
    """`small_resnet`, with shapes of its inputs where they are given."""
    net, head = small_resnet()
    return net.graph(head, inputs=inputs)


def saved(prefix: Path, epoch: int = 0) -> Graph:
    """`small_resnet` written as a checkpoint, and loaded again."""
    net, head = small_resnet()
    save_checkpoint(prefix, net.symbol(head), net.arrays, epoch)
    return load_checkpoint(prefix, epoch)


def noise(*shape: int) -> Any:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def proto(graph: Graph, opset: int = DEFAULT_OPSET) -> onnx.ModelProto:
    return ir.to_proto(to_onnx(graph, opset=opset))


def evaluate(model: onnx.ModelProto, **inputs: Any) -> Any:
    """By ONNX's own definition."""
    return ReferenceEvaluator(model).run(None, inputs)


def onnx_model(
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[Any] = ("N", 3, "H", "W"),
    arrays: Optional[Mapping[str, Any]] = None,
    *,
    dtype: Any = np.float32,
    outputs: Sequence[str] = ("y",),
    opset: int = 21,
) -> onnx.ModelProto:
    """A network of ONNX nodes that read `x` and stored arrays, and return `y`."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    stored = [numpy_helper.from_array(np.asarray(a), name) for name, a in (arrays or {}).items()]
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info("x", kind, list(shape))],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        stored,
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)
