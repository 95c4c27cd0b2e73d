"""Recurrent layers, as MXNet's fused operator computes them."""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Mapping, Optional, Tuple

import numpy as np

from ..ir.shapes import Dims, Shape, merge_shapes, show, unify, with_axes
from .emit.recurrent_onnx import Array, Packing, onnx_layers
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator
from .shaping import Concat


@operator("_rnn_param_concat", ignores=("num_args",))
class RnnParamConcat(Concat):
    """Concat, for parameters.  Source: src/operator/nn/concat.cc."""


@operator("RNN", ignores=("lstm_state_clip_nan",), parameters=("parameters",))
class RNN(Operator):
    """(T, N, C), parameters, (L, N, H) states -> (T, N, D H) [, last states].

    L counts layers times directions D. All weights lie in one vector (see Packing), which is
    stored, or made of stored ones; it may be an input, too.
    Source: src/operator/rnn-inl.h, rnn_impl.h.
    """

    state_size: int
    num_layers: int
    mode: Literal["rnn_relu", "rnn_tanh", "lstm", "gru"]
    bidirectional: bool = False
    state_outputs: bool = False
    p: float = 0.0  # dropout between the layers
    projection_size: Optional[int] = None
    use_sequence_length: bool = False
    lstm_state_clip_min: Optional[float] = None
    lstm_state_clip_max: Optional[float] = None

    limits = (
        "use_sequence_length and lstm_state_clip_*, which MXNet's CPU ignores or refuses; "
        "projection_size without state_outputs, on which MXNet's CPU crashes."
    )

    allowed = (
        (
            "use_sequence_length",
            lambda used: not used,
            "False, as MXNet's CPU ignores it. Mask the result with SequenceMask, and reverse with "
            "SequenceReverse",
        ),
        *(
            (f"lstm_state_clip_{end}", lambda clip: clip is None, "None, as MXNet's CPU ignores it")
            for end in ("min", "max")
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.projection_size and not (self.mode == "lstm" and self.state_outputs):
            raise Unsupported(
                f"projection_size={self.projection_size} with mode={self.mode!r}, state_outputs="
                f"{self.state_outputs}; supported: mode='lstm' with state_outputs=True, as MXNet's "
                "CPU has it"
            )
        if (self.projection_size or 0) >= self.state_size:
            limit = f"below state_size={self.state_size}"
            raise Unsupported(f"projection_size={self.projection_size}; supported: {limit}")

    @property
    def packing(self) -> Packing:
        sizes = (self.state_size, self.num_layers, 1 + self.bidirectional)
        return Packing(self.mode, *sizes, self.projection_size)

    def input_names(self) -> Tuple[str, ...]:
        names = ("data", "parameters", "state")
        return (*names, "state_cell") if self.mode == "lstm" else names

    def visible_outputs(self) -> int:
        return len(self.input_names()) - 1 if self.state_outputs else 1

    def parameter_shapes(self, data: Shape) -> Dict[str, Dims]:
        features = data[-1] if data else None
        known = self.packing.length(features) if isinstance(features, int) else None
        return {"parameters": (known,), **self._states(data)}

    def _states(self, data: Shape) -> Dict[str, Dims]:
        """What the layers begin with, and end with."""
        packing, batch = self.packing, data[1] if data and len(data) == 3 else None
        layers = packing.layers * packing.directions
        return {
            "state": (layers, batch, packing.output),
            "state_cell": (layers, batch, packing.size),
        }

    def data_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        length = (shapes.get("parameters") or (None,))[0]
        if not isinstance(length, int):
            return None
        return ("T", "N", self.packing.features(length))

    def infer(
        self, data: Dims, parameters: Dims, state: Shape = None, state_cell: Shape = None
    ) -> List[Shape]:
        time, batch, features = with_axes(data, "(time, batch, features)")
        packing, length = self.packing, (parameters or (None,))[0]
        if isinstance(length, int):
            unify(features, packing.features(length))
        shapes: List[Shape] = [(time, batch, packing.directions * packing.output)]
        for given, shape in zip((state, state_cell), self._states(data).values()):
            shapes.append(shape if given is None else merge_shapes(shape, given))
        return shapes[: self.visible_outputs()]

    def to_onnx(self, g: OnnxBuilder, data: Any, parameters: Any, *states: Any) -> Any:
        stored, shape = g.is_stored(parameters), g.shape(parameters)
        if stored:
            packed = g.array(parameters)
        elif isinstance(shape[0], int):
            packed = np.arange(shape[0], dtype=np.int32)
        else:
            features = g.shape(data)[2]
            need = "a fixed number"
            if isinstance(features, int):
                need = f"{self.packing.length(features)} of them"
            raise Unsupported(f"parameters of {show(shape)}: needs {need}: --input")

        def read(part: Array) -> Any:
            if stored:
                return g.constant(part, like=data)
            return g.op("Gather", parameters, g.constant(part))

        return onnx_layers(g, self.packing, packed, read, data, states, self.visible_outputs())

    def to_pytorch(self, m: TorchBuilder, data: str, parameters: str, *states: str) -> str:
        given = states[0] if len(states) == 1 else f"({', '.join(states)})"
        packing = self.packing
        if not m.is_stored(parameters):
            sizes = f"{self.state_size}, {self.num_layers}, {packing.directions}"
            function = m.function("packed_layers")
            more = f"{self.p}, self.training"
            call = f'{function}({data}, {parameters}, {given}, "{self.mode}", {sizes}, {more})'
            return call if self.state_outputs else f"{call}[0]"
        call = f"{self._module(m, m.array(parameters))}({data}, {given})"
        if not self.state_outputs:
            return f"{call}[0]"
        return f"{m.function('flat_states')}({call})" if self.mode == "lstm" else call

    def _module(self, m: TorchBuilder, packed: Array) -> str:
        kind, _, nonlinearity = self.mode.partition("_")
        options: Dict[str, Any] = {"num_layers": self.num_layers}
        if nonlinearity:
            options["nonlinearity"] = nonlinearity
        options["bidirectional"] = self.bidirectional
        if self.p and self.num_layers > 1:
            options["dropout"] = self.p
        if kind == "lstm":
            options["proj_size"] = self.projection_size or 0
        state = {
            f"{name}_l{number}{'_reverse' * direction}": array
            for number, directions in enumerate(self.packing.unpacked(packed))
            for direction, weights in enumerate(directions)
            for name, array in weights.items()
        }
        features = self.packing.features(len(packed))
        return m.module(f"nn.{kind.upper()}", features, self.state_size, **options, state=state)
