"""Errors and warnings about checkpoints and their conversion.

Every message is one paragraph: who, what was got, what is allowed, what to do next.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

#: Names that a message lists; of more, it says how many.
LISTED = 8


class ConversionError(Exception):
    """Base of everything this package raises about its input."""


class CheckpointError(ConversionError):
    """A file is missing, damaged, or its parts do not belong together."""


class ShapeError(ConversionError):
    """An input or a parameter has a shape that the network cannot take.

    Attributes:
        misfit: -1 where the input is too small, 1 where it is too large, None where neither is
            known to be the reason.
    """

    def __init__(self, message: str, misfit: Optional[int] = None) -> None:
        self.misfit = misfit
        super().__init__(message)


class LayerProblem(NamedTuple):
    """Why one layer cannot be converted: `words` end without a full stop."""

    op: str
    layer: str
    words: str


class UnsupportedError(ConversionError):
    """The model holds operators or attributes that cannot be converted.

    Args:
        problems: one sentence each; all of a model's problems, not only the first.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(self.problems))


class CheckpointWarning(UserWarning):
    """Base of what is said about a checkpoint that can be used."""


class DroppedOutputsWarning(CheckpointWarning):
    """The symbol has outputs that only training computes; what is converted has not."""


class UnusedParametersWarning(CheckpointWarning):
    """The .params file holds arrays that the symbol never reads."""


class BakedBatchWarning(CheckpointWarning):
    """The network was made for one batch size, which was freed, or could not be."""


class NotANumberWarning(CheckpointWarning):
    """An array that the user chose holds NaN."""


def listed(names: Sequence[str]) -> str:
    """The names, separated by commas; of many the first ones, and how many there are beside."""
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")


def sentences(problems: Iterable[LayerProblem]) -> List[str]:
    """A sentence for each reason: an int8 network has hundreds of layers and two reasons.

    Each operator that a reason is about is named with its first layer.
    """
    layers: Dict[str, Dict[str, List[str]]] = {}
    for op, layer, words in problems:
        layers.setdefault(words, {}).setdefault(op, []).append(layer)
    return [
        f"{listed([_operator(op, names) for op, names in ops.items()])}: {words}."
        for words, ops in layers.items()
    ]


def _operator(op: str, layers: Sequence[str]) -> str:
    more = f" (and {len(layers) - 1} more)" if len(layers) > 1 else ""
    return f"{op} {layers[0]!r}{more}"
