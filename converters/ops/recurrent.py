"""Recurrent layers, as MXNet's fused operator computes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, List, Literal, Mapping, Optional, Tuple

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..shape import Dim, Shape, merge, merge_shapes, show
from .recurrent_onnx import onnx_layers
from .registry import Operator, Unsupported, operator

if TYPE_CHECKING:
    from ..onnx_model import OnnxBuilder
    from ..pytorch_module import TorchBuilder

Array = npt.NDArray[Any]

#: Mode -> rows of weights per number of the state: one set for each gate.
GATES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}


@operator("_rnn_param_concat", ignores=("num_args",))
@dataclass(frozen=True)
class ParameterConcat(Operator):
    """Vectors of parameters -> one vector.  Source: src/operator/nn/concat.cc."""

    dim: int = 1

    def __post_init__(self) -> None:
        if self.dim != 0:
            raise Unsupported(f"dim={self.dim}; supported: 0, along which vectors are joined")

    def infer(self, *data: Shape) -> Shape:
        total: Dim = 0
        for vector in data:
            if vector is None or len(vector) != 1:
                raise ShapeError(f"joins vectors, got {', '.join(map(show, data))}")
            size = vector[0]
            total = total + size if isinstance(total, int) and isinstance(size, int) else None
        return (total,)

    def fold(self, *data: Array) -> Array:
        return np.concatenate(data)

    def to_onnx(self, g: OnnxBuilder, *data: Any) -> Any:
        return g.op("Concat", *data, axis=0)

    def to_pytorch(self, m: TorchBuilder, *data: str) -> str:
        return f"torch.cat([{', '.join(data)}])"


@operator("RNN", ignores=("p", "lstm_state_clip_nan"), parameters=("parameters",))
@dataclass(frozen=True)
class RNN(Operator):
    """(T, N, C), parameters, (L, N, H) states -> (T, N, D H) [, last states].

    L counts layers times directions D. All weights lie in one vector: for each layer and
    direction those of the input, of the state and of the projection, and then likewise the two
    vectors of biases; gates are in cuDNN's order, which is PyTorch's.
    Source: src/operator/rnn-inl.h, rnn_impl.h.
    """

    state_size: int
    num_layers: int
    mode: Literal["rnn_relu", "rnn_tanh", "lstm", "gru"]
    bidirectional: bool = False
    state_outputs: bool = False
    projection_size: Optional[int] = None
    use_sequence_length: bool = False
    lstm_state_clip_min: Optional[float] = None
    lstm_state_clip_max: Optional[float] = None

    limits = (
        "use_sequence_length and lstm_state_clip_*, which MXNet's CPU ignores or refuses; "
        "projection_size without state_outputs, on which MXNet's CPU crashes."
    )

    def __post_init__(self) -> None:
        if self.use_sequence_length:
            raise Unsupported(
                "use_sequence_length=True, which MXNet's CPU ignores; supported: False. Mask the "
                "result with SequenceMask, and reverse with SequenceReverse"
            )
        if not self.lstm_state_clip_min is self.lstm_state_clip_max is None:
            raise Unsupported(
                f"lstm_state_clip_min={self.lstm_state_clip_min}, "
                f"lstm_state_clip_max={self.lstm_state_clip_max}, which MXNet's CPU ignores; "
                "supported: None. Export the network without"
            )
        if self.projection_size and not (self.mode == "lstm" and self.state_outputs):
            raise Unsupported(
                f"projection_size={self.projection_size} with mode={self.mode!r}, state_outputs="
                f"{self.state_outputs}; supported: mode='lstm' with state_outputs=True, as MXNet's "
                "CPU has it"
            )

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def output_size(self) -> int:
        return self.projection_size or self.state_size

    def input_names(self) -> Tuple[str, ...]:
        names = ("data", "parameters", "state")
        return (*names, "state_cell") if self.mode == "lstm" else names

    def visible_outputs(self) -> int:
        return len(self.input_names()) - 1 if self.state_outputs else 1

    def _sizes(self, layer: int, features: int) -> List[Tuple[str, Tuple[int, ...]]]:
        """Names as PyTorch has them, and shapes, of one layer's weights in one direction."""
        rows = GATES[self.mode] * self.state_size
        columns = self.directions * self.output_size if layer else features
        sizes: List[Tuple[str, Tuple[int, ...]]] = [
            ("weight_ih", (rows, columns)),
            ("weight_hh", (rows, self.output_size)),
        ]
        if self.projection_size:
            sizes.append(("weight_hr", (self.projection_size, self.state_size)))
        return sizes

    def _length(self, features: int) -> int:
        rows = GATES[self.mode] * self.state_size
        weights = sum(
            int(np.prod(shape))
            for layer in range(self.num_layers)
            for _, shape in self._sizes(layer, features)
        )
        return self.directions * (weights + 2 * rows * self.num_layers)

    def _features(self, length: int) -> int:
        """How many numbers the parameters take at each step."""
        rest = length - self._length(0)
        return rest // (GATES[self.mode] * self.state_size * self.directions)

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        features = data[-1] if data else None
        known = self._length(features) if isinstance(features, int) else None
        return {"parameters": (known,)}

    def data_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        length = (shapes.get("parameters") or (None,))[0]
        if not isinstance(length, int):
            return None
        return ("T", "N", self._features(length))

    def infer(
        self,
        data: Shape,
        parameters: Shape,
        state: Shape = None,
        state_cell: Shape = None,
    ) -> List[Shape]:
        assert data is not None
        if len(data) != 3:
            raise ShapeError(f"takes 3 dimensions (time, batch, features), got {show(data)}")
        time, batch, features = data
        length = (parameters or (None,))[0]
        if isinstance(length, int):
            merge(features, self._features(length))
        shapes: List[Shape] = []
        for given, size in ((state, self.output_size), (state_cell, self.state_size)):
            shape = (self.num_layers * self.directions, batch, size)
            shapes.append(shape if given is None else merge_shapes(shape, given))
            batch = merge(batch, shapes[-1][1]) if shapes[-1] else batch
        output = (time, batch, self.directions * self.output_size)
        return [output, *shapes][: self.visible_outputs()]

    def layers(self, packed: Array) -> List[List[Dict[str, Array]]]:
        """The weights by layer and direction, named as PyTorch names them."""
        features = self._features(len(packed))
        found: List[List[Dict[str, Array]]] = []
        at = 0

        def take(*shape: int) -> Array:
            nonlocal at
            at += int(np.prod(shape))
            return packed[at - int(np.prod(shape)) : at].reshape(shape)

        for layer in range(self.num_layers):
            sizes = self._sizes(layer, features)
            found.append([{n: take(*s) for n, s in sizes} for _ in range(self.directions)])
        rows = GATES[self.mode] * self.state_size
        for weights in (w for layers in found for w in layers):
            weights.update(bias_ih=take(rows), bias_hh=take(rows))
        return found

    def to_onnx(
        self, g: OnnxBuilder, data: Any, parameters: Any, state: Any = None, cell: Any = None
    ) -> Any:
        layers = self.layers(g.array(parameters))
        outputs = self.visible_outputs()
        return onnx_layers(g, self.mode, self.state_size, layers, data, state, cell, outputs)

    def to_pytorch(
        self,
        m: TorchBuilder,
        data: str,
        parameters: str,
        state: Optional[str] = None,
        cell: Optional[str] = None,
    ) -> str:
        packed = m.array(parameters)
        features = self._features(len(packed))
        options: Dict[str, Any] = {
            "num_layers": self.num_layers,
            "nonlinearity": self.mode[4:],
            "bidirectional": self.bidirectional,
            "proj_size": self.projection_size or 0,
        }
        for key, kept in (("nonlinearity", "rnn"), ("proj_size", "lstm")):
            if not self.mode.startswith(kept):
                del options[key]
        layer = m.module(
            f"nn.{self.mode[:4].rstrip('_').upper()}",
            features,
            self.state_size,
            **options,
            state={
                f"{name}_l{number}{'_reverse' * direction}": array
                for number, both in enumerate(self.layers(packed))
                for direction, weights in enumerate(both)
                for name, array in weights.items()
            },
        )
        begin = ""
        if self.mode == "lstm" and (state or cell):
            known = [given or f"torch.zeros_like({state or cell})" for given in (state, cell)]
            begin = f", ({', '.join(known)})"
        elif state:
            begin = f", {state}"
        call = f"{layer}({data}{begin})"
        if not self.state_outputs:
            return f"{call}[0]"
        return f"{m.function('flat_states')}({call})" if self.mode == "lstm" else call
