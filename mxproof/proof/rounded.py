"""Hold a file that is only judged in float32 to the file that is judged in float64 for it.

Where numbers are computed anew (a batch norm is folded), the float64 proof is of a file that holds
them unrounded. It says something of the file that is shipped if that one holds the same numbers,
each rounded once, and nothing else.
"""

from __future__ import annotations

from typing import Iterable

from ..runtimes.base import StoredTensor


def rounding_problem(shipped: Iterable[StoredTensor], judged: Iterable[StoredTensor]) -> str:
    """Which tensors are not those of the file judged in float64, rounded; "" if all of them are."""
    wanted = {tensor.name: tensor for tensor in judged}
    wrong = []
    for tensor in shipped:
        found, other = tensor.load(), wanted.pop(tensor.name, None)
        expected = None if other is None else other.load()
        if (
            expected is None
            or expected.shape != found.shape
            or expected.astype(found.dtype).tobytes() != found.tobytes()
        ):
            wrong.append(tensor.name)
    wrong += wanted
    if not wrong:
        return ""
    return f"{len(wrong)} tensors are not those that were judged in float64, rounded: {wrong[:5]}"
