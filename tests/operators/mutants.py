"""Declarations that differ: in a constant, in a default, or under a condition only."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, ContextManager, Dict, Iterator, Tuple

import numpy as np

from converters.operators import REGISTRY
from lab.mutation.code import forget
from lab.mutation.code_edits import values

from .trial import Trial

#: Of a declaration: what is held to lists of its own, and what nothing reads that a row runs.
OTHERS = ("random", "order_dependent", "mxnet_name", "limits", "ignores", "labels", "auxiliary")
#: Condition -> does an array meet it; the same in PyTorch.
CONDITIONS: Dict[str, Tuple[Callable[[np.ndarray], bool], str]] = {
    "a batch of 3": (lambda x: x.shape[:1] == (3,), "{}.shape[0] == 3"),
    "an exact 0": (lambda x: bool((x == 0).any()), "({} == 0).any()"),
    "tiny numbers": (lambda x: bool((abs(x) < 1e-3).all()), "{}.abs().amax() < 1e-3"),
    "huge numbers": (lambda x: bool((abs(x) > 1e3).any()), "{}.abs().amax() > 1e3"),
}


@dataclass(frozen=True)
class Mutant:
    """A declaration that differs.

    Attributes:
        meets: can it make a difference in this case?
    """

    op: str
    kind: str
    note: str
    applied: Callable[[], ContextManager[None]]
    meets: Callable[[Trial], bool] = lambda trial: True

    @property
    def place(self) -> str:
        return self.op


def of_declaration(op: str, inputs: int) -> Iterator[Mutant]:
    cls = REGISTRY[op]
    fields = [f.name for f in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []
    for name, value in sorted(vars(cls).items()):
        if not name.startswith("__") and name not in (*fields, *OTHERS):
            for other in values(value):
                note = f"{name}: {value!r} -> {other!r}"
                yield Mutant(op, "constant changed", note, set_to(cls, name, other))
    defaults = cls.__init__.__defaults__ or () if fields else ()
    for place, (name, value) in enumerate(zip(fields[len(fields) - len(defaults) :], defaults)):
        for other in values(value):
            changed = (*defaults[:place], other, *defaults[place + 1 :])
            note = f"{name}={value!r} -> {other!r}"
            applied = set_to(cls.__init__, "__defaults__", changed)
            yield Mutant(op, "default changed", note, applied)
    for condition in CONDITIONS if not cls.random else ():
        several = 1 if "batch" in condition else inputs
        yield from (conditional(op, condition, number) for number in range(several))


def conditional(op: str, condition: str, number: int) -> Mutant:
    """Where this input meets the condition, the first result in PyTorch is 2 y + 1 for y."""
    cls, (holds, text) = REGISTRY[op], CONDITIONS[condition]
    original = cls.to_pytorch

    def meets(trial: Trial) -> bool:
        given = list(trial.arrays.values())[number : number + 1]
        batch = condition == "a batch of 3"
        return any((batch or x.dtype == np.float32) and holds(x) for x in given)

    def to_pytorch(self: Any, m: Any, *inputs: str) -> Any:
        result = original(self, m, *inputs)
        first, *others = [result] if isinstance(result, str) else result
        wrong = text.format(inputs[number])
        first = f"({first}).mul(1 + ({wrong})).add({wrong})"
        return first if isinstance(result, str) else [first, *others]

    note = f"input {number}"
    return Mutant(op, f"wrong for {condition}", note, set_to(cls, "to_pytorch", to_pytorch), meets)


def set_to(holder: Any, name: str, value: Any) -> Callable[[], ContextManager[None]]:
    """Inside, the attribute has another value."""

    @contextmanager
    def applied() -> Iterator[None]:
        own = vars(holder).get(name, ...) if isinstance(holder, type) else getattr(holder, name)
        setattr(holder, name, value)
        forget()
        try:
            yield
        finally:
            if own is ...:
                delattr(holder, name)
            else:
                setattr(holder, name, own)
            forget()

    return applied
