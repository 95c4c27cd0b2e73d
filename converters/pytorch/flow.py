"""The lines of a constructor and of a forward: modules, variables, statements."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..python_text import INDENT, VARIABLES, WIDTH, literal, with_comment, wrap
from .parts import Item, ModuleCall, Statement

BODY = WIDTH - 2 * len(INDENT)  # room in a method

#: PyTorch's own defaults, by the beginning of the module's name: not worth a word.
DEFAULTS: Dict[str, Dict[str, Any]] = {
    "nn.Conv": dict(stride=1, padding=0, output_padding=0, dilation=1, groups=1, bias=True),
    "nn.BatchNorm": {"momentum": 0.1},
    "nn.Linear": {"bias": True},
    "nn.MaxPool": {"padding": 0, "ceil_mode": False},
    "nn.AvgPool": {"padding": 0, "ceil_mode": False, "count_include_pad": True},
}


def constructor(call: ModuleCall) -> str:
    """`nn.Conv2d(3, 64, kernel_size=(7, 7), bias=False)`, PyTorch's defaults left out."""
    if call.kind in ("nn.Parameter", "nn.Buffer"):
        return _parameter(call)
    defaults = next((d for kind, d in DEFAULTS.items() if call.kind.startswith(kind)), {})
    parts = []
    for key, value in call.arguments.items():
        elements = value if isinstance(value, tuple) else (value,)
        if isinstance(key, int):
            parts.append(literal(value))
        elif key not in defaults or any(e != defaults[key] for e in elements):
            parts.append(f"{key}={literal(value)}")
    made = f"{call.kind}({', '.join(parts)})"
    return f"{call.wrapper}({made})" if call.wrapper else made


def _parameter(call: ModuleCall) -> str:
    """`nn.Parameter(torch.empty(1, 512))`; gradients are for floating-point numbers only."""
    *sizes, dtype = call.arguments.values()
    shape = ", ".join(map(literal, sizes)) or "()"
    if dtype == "float32":
        return f"{call.kind}(torch.empty({shape}))"
    trained = dtype.startswith("float") or call.kind == "nn.Buffer"
    frozen = "" if trained else ", requires_grad=False"
    return f"{call.kind}(torch.empty({shape}, dtype=torch.{dtype}){frozen})"


class Body:
    """The lines of a constructor and of a forward, and which variable holds which value."""

    def __init__(self, inputs: Mapping[str, str], outputs: Sequence[str], items: Sequence[Item]):
        self.init = ["super().__init__()"]
        self._forward: List[str] = []
        self._outputs = outputs
        self._held = dict(inputs)
        self._keep = set(inputs.values()) - set(VARIABLES)
        self._last = {v: i for i, item in enumerate(items) for v in item.inputs}
        self._last.update(dict.fromkeys(outputs, len(items)))

    def statement(self, position: int, statement: Statement, attribute: str, said: str) -> None:
        """One layer, with what is said of it in a comment, if anything is."""
        names = attribute_names(statement, attribute)
        for name, module in zip(names, statement.modules):
            self.init += wrap(f"self.{name} = {constructor(module)}", BODY)
        read, written = self._assign(position, statement)
        called = _fill(statement.expression, read, [f"self.{name}" for name in names])
        line = f"{', '.join(written)} = {called}"
        self._forward += with_comment(line, said, BODY) if said else wrap(line, BODY)

    def call(self, position: int, item: Item, attribute: str) -> None:
        """A block or a stage, which the constructor makes under this name."""
        read, written = self._assign(position, item)
        self._forward += wrap(f"{', '.join(written)} = self.{attribute}({', '.join(read)})", BODY)

    def forward(self) -> List[str]:
        """All of it, with what it returns."""
        returned = ", ".join(self._held[v] for v in self._outputs)
        return [*self._forward, *wrap(f"return {returned}", BODY)]

    def _assign(self, position: int, item: Item) -> Tuple[List[str], List[str]]:
        """Variables that the item reads, and those that take its results."""
        read = [self._held.get(v, "None") for v in item.inputs]
        dying = [v for v in item.inputs if v in self._held and self._last.get(v, 0) <= position]
        for value in dying:
            self._held.pop(value, None)
        live = set(self._held.values())
        spare = [v for v in read if v not in live and v != "None" and v not in self._keep]
        written = []
        for value in item.outputs:
            fresh = (v for v in (*spare, *VARIABLES, *(f"v{n}" for n in range(1, 10_000))))
            name = next(v for v in fresh if v not in live and v not in self._keep)
            written.append(name)
            live.add(name)
            if value in self._last:
                self._held[value] = name
        return read, written


def _fill(expression: str, read: Sequence[str], modules: Sequence[str]) -> str:
    def value(match: re.Match[str]) -> str:
        return (read if match[1] == "in" else modules)[int(match[2])]

    return re.sub("\0(in|module)([0-9]+)\0", value, expression)


def attribute_names(statement: Statement, base: str) -> List[str]:
    """Names of a statement's modules."""
    return [base if i == 0 else f"{base}_{i}" for i in range(len(statement.modules))]
