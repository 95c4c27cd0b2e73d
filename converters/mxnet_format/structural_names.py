"""Parameters under Gluon's structural names ("features.0.weight"), for a symbol that has others
("conv0_weight").

`net.save_parameters` writes the place of a block in its network, `net.export` and `net(x).save` its
name. Which place has which name is known to the network's Python alone, but often it follows:

1. A block is its parameters' roles (weight, gamma, …) and shapes, as far as the symbol states
   them. If one block of the file and one of the symbol fit each other and no others, they are the
   same.
2. Several that fit one another are the same in turn if they are numbered children of one parent
   (as in a HybridSequential) and the symbol reads them in the order in which Gluon counted them.

Everything else could be exchanged without anybody noticing, and is refused.
"""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ..errors import CheckpointError
from ..ir.arrays import Array
from .symbol import Symbol

STRUCTURAL = re.compile(r"(\w+\.)+\w+")
ALONE = ("weight", "bias", "gamma", "beta", "alpha", "running_mean", "running_var")
#: Block -> role -> shape, where 0 is a size that the symbol does not state.
Blocks = Dict[str, Dict[str, Tuple[int, ...]]]


def variables_of(
    symbol: Symbol, arrays: Mapping[str, Array], where: str
) -> Optional[Dict[str, str]]:
    """Structural name -> the symbol's variable; None if the file has no structural names.

    Args:
        where: the file, for messages.

    Raises:
        CheckpointError: it has, and they do not tell which variables they are.
    """
    variables = {n.name for n in symbol.nodes if n.is_variable}
    structural = [name for name in arrays if STRUCTURAL.fullmatch(name) or name in ALONE]
    if not arrays or len(structural) < len(arrays) or variables & arrays.keys():
        return None
    places: Blocks = {}
    for name, array in arrays.items():
        block, _, role = name.rpartition(".")
        places.setdefault(block, {})[role] = array.shape
    blocks = _blocks(symbol, {role for place in places.values() for role in place})
    found: Dict[str, str] = {}
    for there, wanted in _groups(places, blocks):
        order = _in_turn(there, wanted)
        pairs = list(zip(order or (), wanted))
        if order is None or not all(_fit(places[p], blocks[b]) for p, b in pairs):
            raise CheckpointError(_refusal(where, next(iter(arrays)), there, wanted))
        for place, block in pairs:
            found.update((_joined(place, ".", r), _joined(block, "_", r)) for r in blocks[block])
    return found


def _blocks(symbol: Symbol, roles: Set[str]) -> Blocks:
    """The blocks of the symbol's variables that end like one of the roles."""
    found: Blocks = {}
    by_length = sorted(roles, key=lambda role: (-len(role), role))
    for node in (n for n in symbol.nodes if n.is_variable):
        role = next((r for r in by_length if f"_{node.name}".endswith(f"_{r}")), None)
        sizes = re.findall(r"\d+", node.attrs.get("__shape__", ""))
        if role is not None and sizes:  # others may be inputs
            found.setdefault(node.name[: -len(role) - 1], {})[role] = tuple(map(int, sizes))
    return found


def _fit(place: Dict[str, Tuple[int, ...]], block: Dict[str, Tuple[int, ...]]) -> bool:
    return place.keys() == block.keys() and all(
        len(place[role]) == len(shape) and all(d in (0, s) for d, s in zip(shape, place[role]))
        for role, shape in block.items()
    )


def _groups(places: Blocks, blocks: Blocks) -> Iterator[Tuple[List[str], List[str]]]:
    """Places in the file and blocks of the symbol that fit one another, directly or by others."""
    left = list(places)
    while left:
        there, wanted = [left[0]], []
        grown = True
        while grown:
            wanted = [b for b in blocks if any(_fit(places[p], blocks[b]) for p in there)]
            more = [p for p in places if any(_fit(places[p], blocks[b]) for b in wanted)]
            grown, there = len(more) > len(there), more or there
        yield there, wanted
        left = [place for place in left if place not in there]


def _joined(block: str, sign: str, role: str) -> str:
    return f"{block}{sign}{role}" if block else role


def _in_turn(places: Sequence[str], blocks: Sequence[str]) -> Optional[List[str]]:
    """The places in the order of the blocks, or None if that order does not follow."""
    if len(places) != len(blocks):
        return None
    if len(places) == 1:
        return list(places)
    by_number = _numbered([re.split(r"(?<!\w)(\d+)(?!\w)", place) for place in places])
    named = _numbered([re.split(r"(\d+)", block) for block in blocks])
    if by_number is None or named is None or named != sorted(named):
        return None
    return [place for _, place in sorted(zip(by_number, places))]


def _numbered(texts: Sequence[Sequence[str]]) -> Optional[List[int]]:
    """The number in which texts (cut at numbers) differ, if they differ in one number only."""
    differing = [k for k, parts in enumerate(zip(*texts)) if len(set(parts)) > 1]
    if len({len(text) for text in texts}) > 1 or len(differing) != 1 or differing[0] % 2 == 0:
        return None
    return [int(text[differing[0]]) for text in texts]


def _refusal(where: str, first: str, places: Sequence[str], blocks: Sequence[str]) -> str:
    return (
        f"{where}: holds Gluon's structural names ({first}, …), as save_parameters writes them; "
        "the symbol has others, and which is which does not follow from the shapes: "
        f"{_listed(places)} in the file, {_listed(blocks)} in the symbol. Load the file into its "
        f"Gluon network, and export both: net.load_parameters({where!r}); net.hybridize(); "
        "net(x); net.export('exported'). Then give `exported`."
    )


def _listed(names: Sequence[str]) -> str:
    more = [f"{len(names) - 3} more"] if len(names) > 4 else []
    return ", ".join([*map(repr, names[: 3 if more else 4]), *more]) or "none"
