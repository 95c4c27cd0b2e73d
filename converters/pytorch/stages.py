"""Numbered blocks in a row become one nn.Sequential, and equal ones in it a loop."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby
from typing import Iterator, List, Optional, Sequence, Tuple

from ..python_text import INDENT, literal, wrap
from .parts import Block, Item, Stage

LOOP = 3  # as many equal blocks are worth a loop


def stages(items: Sequence[Item], outputs: Sequence[str]) -> List[Item]:
    """The same items, with `stage1_unit1`, `stage1_unit2`, … in a Stage `stage1`.

    Nothing but the next block may read what a block in a stage makes.
    """
    read = Counter(v for item in items for v in {*item.inputs})
    read.update(outputs)
    found: List[Item] = []
    run: List[Block] = []
    for item in items:
        if not (isinstance(item, Block) and run and _follows(run[-1], item, read)):
            found += _gathered(run)
            run = []
        if isinstance(item, Block) and len(item.inputs) == len(item.outputs) == 1:
            run.append(item)
        else:
            found.append(item)
    return [*found, *_gathered(run)]


def _gathered(run: List[Block]) -> List[Item]:
    parts = [part for part in (_parts(block.name) for block in run) if part]
    if len(run) < 2 or (not parts[0][1] and parts[0][2]):
        return list(run)
    names = tuple(f"{word}{number}" for _, word, number in parts)
    return [Stage(parts[0][0], names, tuple(run))]


def _follows(block: Block, item: Block, read: Counter[str]) -> bool:
    """Is it the next of the same stage?"""
    a, b = _parts(block.name), _parts(item.name)
    in_row = item.inputs == block.outputs and read[block.outputs[0]] == 1
    numbered = a and b and a[:2] == b[:2] and b[2] == a[2] + 1
    return bool(in_row and numbered and len(item.outputs) == 1)


def _parts(name: str) -> Optional[Tuple[str, str, int]]:
    """`stage1_unit2` -> (stage1, unit, 2); a number alone must begin where it may be an index."""
    match = re.fullmatch(r"(\w*[A-Za-z]\w*?)_([A-Za-z]*)(0|[1-9]\d{0,5})", name, re.ASCII)
    return (match[1], match[2], int(match[3])) if match else None


def stage_lines(attribute: str, stage: Stage, width: int) -> List[str]:
    """`self.stage1 = nn.Sequential(…)` as `ruff format` lays it out."""
    indexed = stage.names == tuple(map(str, range(len(stage.names))))
    room = width - (1 if indexed else 2) * len(INDENT)
    parts = [p for run in _runs(stage) for p in _arguments(run, indexed, room)]
    if not indexed and len(parts) == 1:
        parts = [parts[0].replace("**", "", 1)]  # a loop alone
    made = ", ".join(parts) if indexed else f"OrderedDict({', '.join(parts)})"
    return wrap(f"self.{attribute} = nn.Sequential({made})", width)


def constructor(block: Block) -> str:
    """`Unit(64, 64, (1, 1))`."""
    return f"{block.cls.name}({', '.join(map(literal, block.values))})"


Named = Tuple[str, Block]


def _runs(stage: Stage) -> Iterator[List[Named]]:
    """Neighbours that are made alike."""
    named = zip(stage.names, stage.blocks)
    return (list(run) for _, run in groupby(named, lambda pair: constructor(pair[1])))


def _arguments(run: List[Named], indexed: bool, room: int) -> List[str]:
    """What `nn.Sequential`, or `OrderedDict` in it, is given for equal blocks."""
    made = constructor(run[0][1])
    word = run[0][0].rstrip("0123456789")
    first = int(run[0][0][len(word) :])
    loop = f'**{{f"{word}{{i}}": {made} for i in range({first}, {first + len(run)})}}'
    if indexed:
        loop = f"*({made} for _ in range({len(run)}))"
    if len(run) >= LOOP and len(loop) < room:
        return [loop]
    return [made if indexed else f"{name}={made}" for name, _ in run]
