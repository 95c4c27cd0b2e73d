"""How many layers' results are held at a time."""

from __future__ import annotations

from typing import Iterable, List

#: Bytes of results that a runtime may hold beside what the network itself needs. Runtimes that
#: cannot show layers one by one run the network in portions of this size.
LIMIT = 128 << 20


def portions(sizes: Iterable[int], limit: int = LIMIT) -> List[int]:
    """Bytes of each layer, in order -> how many layers go together; at least one at a time.

    A limit of 0 is every layer by itself.
    """
    counts: List[int] = []
    room = 0
    for size in sizes:
        if not counts or size > room:
            counts.append(0)
            room = limit
        counts[-1] += 1
        room -= size
    return counts
