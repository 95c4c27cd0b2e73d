"""Find the repeated parts of a network, so that each becomes one class.

A part is what lies between two points where only one value is alive (a residual unit, say),
with the single layers around it that belong to it by name. Parts of the same operators and
wiring are one class; sizes that differ become its arguments.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any, Dict, Hashable, List, Sequence, Set, Tuple

from ..python_text import Argument, class_name, identifier
from .parts import Block, BlockClass, Item, ModuleCall, Statement
from .stages import stages

Part = List[Statement]
Place = Tuple[int, int, Any]  # (statement, module, index of an argument or name of an option)


def partition(
    statements: Sequence[Statement], inputs: Sequence[str], outputs: Sequence[str], network: str
) -> List[Item]:
    """Statements -> the same in order, repeated parts gathered into blocks, blocks into stages.

    Args:
        network: the name of the network's own class, which no block's may have.
    """
    parts = _join_singles(_regions(statements, inputs, outputs))
    by_signature: Dict[Hashable, List[int]] = {}
    for i, part in enumerate(parts):
        if len(part) > 1:
            by_signature.setdefault(_signature(part), []).append(i)
    repeated = [indices for indices in by_signature.values() if len(indices) > 1]
    names = _instance_names(parts, sorted(i for indices in repeated for i in indices))
    blocks: Dict[int, Block] = {}
    class_names: List[str] = []
    for indices in repeated:
        class_names.append(_class_name(names[indices[0]], [network, *class_names]))
        blocks.update(_blocks(class_names[-1], {i: parts[i] for i in indices}, names))
    items: List[Item] = []
    for i, part in enumerate(parts):
        items += [blocks[i]] if i in blocks else part
    return stages(items, outputs)


def _regions(
    statements: Sequence[Statement], inputs: Sequence[str], outputs: Sequence[str]
) -> List[Part]:
    """Cut after every statement whose result is the only value alive."""
    last = {v: i for i, s in enumerate(statements) for v in s.inputs}
    last.update(dict.fromkeys(outputs, len(statements)))
    alive: Set[str] = {v for v in inputs if v in last}
    regions: List[Part] = [[]]
    for i, statement in enumerate(statements):
        regions[-1].append(statement)
        alive = {v for v in {*alive, *statement.outputs} if last.get(v, -1) > i}
        if alive == set(statement.outputs) and len(alive) == 1:
            regions.append([])
    return [r for r in regions if r]


def _keys(part: Part) -> Counter[str]:
    """What the layers' names have before their last word: `stage1_unit1_bn1` -> stage1_unit1."""
    words = (re.sub(r"_fwd(_\d+)?$", "", s.layer).rpartition("_")[0].rstrip("_") for s in part)
    return Counter(w for w in words if w)


def _join_singles(regions: List[Part]) -> List[Part]:
    """Attach runs of single layers to the part before or after that shares their name."""
    parts: List[Part] = []
    run: List[Part] = []
    for region in [*regions, []]:
        if len(region) == 1:
            run.append(region)
            continue
        before = parts[-1] if parts and len(parts[-1]) > 1 else []
        head, rest, tail = _share(run, before, region)
        before += [s for single in head for s in single]
        parts += rest
        if region:
            parts.append([s for single in tail for s in single] + region)
        run = []
    return parts


def _share(run: List[Part], before: Part, after: Part) -> Tuple[List[Part], List[Part], List[Part]]:
    """(for the part before, for none, for the part after)."""
    left, right = set(_keys(before)), set(_keys(after))
    head: List[Part] = []
    tail: List[Part] = []
    rest = list(run)
    opens_next = bool(rest) and any("BatchNorm" in m.kind for m in rest[0][0].modules)
    while rest and set(_keys(rest[0])) & left and not (opens_next and set(_keys(rest[0])) & right):
        head.append(rest.pop(0))
    while rest and set(_keys(rest[-1])) & right:
        tail.insert(0, rest.pop())
    return head, rest, tail


def _external(part: Part) -> Tuple[str, ...]:
    """Values that the part reads from outside (parameters are no values here)."""
    inside = {v for s in part for v in s.outputs}
    used = (s.inputs[i] for s in part for i in _read_positions(s))
    return tuple(dict.fromkeys(v for v in used if v not in inside))


def _read_positions(statement: Statement) -> List[int]:
    """Which inputs the expression really mentions."""
    return sorted({int(n) for n in re.findall("\0in([0-9]+)\0", statement.expression)})


def _varies(value: Any) -> bool:
    """May this constructor argument differ between occurrences of a class?"""
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, tuple) and all(isinstance(v, int) for v in value)
    )


def _form(module: ModuleCall) -> Hashable:
    """Its constructor's arguments, whatever the sizes among them are."""
    sizes = {k: "size" for k, v in module.arguments.items() if isinstance(k, int) or _varies(v)}
    return tuple({**module.arguments, **sizes}.items())


def _signature(part: Part) -> Hashable:
    """Equal for parts that can be one class."""
    where = {v: ("outside", i) for i, v in enumerate(_external(part))}
    rows: List[Hashable] = []
    for k, s in enumerate(part):
        wiring = tuple(where[s.inputs[i]] for i in _read_positions(s))
        modules = tuple((m.kind, m.wrapper, tuple(m.state), _form(m)) for m in s.modules)
        rows.append((s.expression, wiring, modules))
        where.update({v: ("inside", k * 100 + o) for o, v in enumerate(s.outputs)})
    return tuple(rows)


def _instance_names(parts: List[Part], indices: List[int]) -> Dict[int, str]:
    """A name for each block: what its layers have in common, numbered where that repeats."""
    common = {i: (_keys(parts[i]).most_common(1) or [("block", 0)])[0][0] for i in indices}
    counts = Counter(common.values())
    seen: Counter[str] = Counter()
    names = {}
    for i, name in common.items():
        seen[name] += 1
        names[i] = name if counts[name] == 1 else f"{name}_unit{seen[name]}"
    return names


def _class_name(instance: str, taken: Sequence[str]) -> str:
    words = re.findall(r"[A-Za-z]{2,}", instance)
    return class_name([words[-1].lower() if words else "block"], taken)


def _attribute_names(part: Part, instance: str) -> Tuple[str, ...]:
    """Layer names without what they share with the block's name."""
    names: List[str] = []
    for s in part:
        words, block = s.layer.split("_"), instance.split("_")
        while words and block and words[0] == block[0]:
            del words[0], block[0]
        names.append(identifier("_".join(words).strip("_") or s.layer, names))
    return tuple(names)


def _places(part: Part) -> Dict[Place, Any]:
    """Every constructor argument that may differ, by where it stands."""
    return {
        (k, j, key): value
        for k, s in enumerate(part)
        for j, m in enumerate(s.modules)
        for key, value in m.arguments.items()
        if _varies(value)
    }


def _blocks(name: str, parts: Dict[int, Part], names: Dict[int, str]) -> Dict[int, Block]:
    """The class of these parts, and each part as an occurrence of it."""
    first = next(iter(parts.values()))
    tables = [_places(p) for p in parts.values()]
    groups: Dict[Tuple[Any, ...], List[Place]] = {}
    for place in tables[0]:
        values = tuple(t[place] for t in tables)
        if len(set(values)) > 1:
            groups.setdefault(values, []).append(place)
    arguments = _argument_names(first, list(groups.values()))
    by_place = {p: a for a, places in zip(arguments, groups.values()) for p in places}
    cls = BlockClass(
        name=name,
        arguments={a: _type(values) for a, values in zip(arguments, groups)},
        statements=tuple(_with_arguments(s, k, by_place) for k, s in enumerate(first)),
        attributes=_attribute_names(first, names[next(iter(parts))]),
        inputs=_external(first),
        outputs=first[-1].outputs,
        instances=tuple(identifier(names[i]) for i in parts),
    )
    return {
        i: Block(
            cls=cls,
            name=names[i],
            values=tuple(values[n] for values in groups),
            statements=tuple(part),
            inputs=_external(part),
            outputs=part[-1].outputs,
        )
        for n, (i, part) in enumerate(parts.items())
    }


def _type(values: Sequence[Any]) -> str:
    """Of an argument, from the values that it takes."""
    if not isinstance(values[0], tuple):
        return "int"
    lengths = {len(v) for v in values}
    return f"tuple[{', '.join(['int'] * len(values[0]) if len(lengths) == 1 else ['int', '...'])}]"


def _with_arguments(statement: Statement, k: int, by_place: Dict[Place, str]) -> Statement:
    arguments = [dict(m.arguments) for m in statement.modules]
    for (at, j, key), argument in by_place.items():
        if at == k:
            arguments[j][key] = Argument(argument)
    modules = (
        replace(m, arguments=given, state={}) for m, given in zip(statement.modules, arguments)
    )
    return replace(statement, modules=tuple(modules))


def _argument_names(part: Part, groups: List[List[Place]]) -> List[str]:
    """`in_channels`, `out_channels`, `channels` where they are one; options by their name."""
    places_of = [[p for p in _places(part) if p[2] == i] for i in (0, 1)]
    reads, writes = min(places_of[0], default=None), max(places_of[1], default=None)
    names: List[str] = []
    for places in groups:
        option = next((str(p[2]) for p in places if isinstance(p[2], str)), None)
        if option:
            wanted = option
        elif reads in places:
            wanted = "channels" if writes in places else "in_channels"
        else:
            wanted = "out_channels" if writes in places else "mid_channels"
        names.append(identifier(wanted, names))
    return names
