"""symbol.json of every age -> Symbol, upgraded as libmxnet upgrades it; and back.

Source: nnvm src/pass/saveload_json.cc (the file) and apache/mxnet
src/nnvm/legacy_json_util.cc (the upgrades).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from .. import operators as ops
from ..errors import CheckpointError

Entry = Tuple[int, int]  # (index of a node, index of one of its outputs)

VARIABLE = "null"
#: All that MXNet writes, and reads.
ESCAPES = str.maketrans({c: json.dumps(c)[1:-1] for c in '"\\\n\r\t'})
FIRST_STAMPED = 900  # files before 0.9 carry no mxnet_version
#: Attributes for the trainer, written without underscores before 0.9 (c_api_symbolic.cc).
HIDDEN_KEYS = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")


@dataclass(frozen=True)
class SymbolNode:
    """One node of a symbol; a variable has op "null"."""

    op: str
    name: str
    inputs: Tuple[Entry, ...] = ()
    attrs: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_variable(self) -> bool:
        return self.op == VARIABLE


@dataclass(frozen=True)
class Symbol:
    """A network without its weights: nodes in the order in which MXNet lists its internals."""

    nodes: Tuple[SymbolNode, ...]
    heads: Tuple[Entry, ...]
    version: Optional[int] = None  # 10901 for 1.9.1; None before 0.9


def load_symbol(path: Union[str, os.PathLike[str]], *, whole: bool = False) -> Symbol:
    """Read and upgrade a symbol file.

    Args:
        whole: see `parse_symbol`.

    Raises:
        CheckpointError: missing, not JSON, or JSON that is no symbol.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file. Give the symbol that MXNet saved.") from None
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path}: is no text ({error}); a symbol file is JSON.") from error
    try:
        return parse_symbol(text, whole=whole)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def parse_symbol(text: str, *, whole: bool = False) -> Symbol:
    """symbol.json's text -> Symbol, upgraded to what MXNet 1.9.1 would have loaded.

    Args:
        whole: keep the layers that no head needs, behind all others.

    Raises:
        CheckpointError: not JSON, or JSON that is no symbol.
    """
    try:
        document = json.loads(text, strict=False)  # MXNet writes control characters as they are
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"is not JSON ({error}). Give the -symbol.json that Symbol.save or export wrote."
        ) from error
    if not isinstance(document, dict) or not {"nodes", "heads"} <= document.keys():
        raise CheckpointError(
            "is JSON but no symbol: it has no 'nodes' and 'heads'. "
            "Give the -symbol.json that Symbol.save or export wrote."
        )
    nodes = [_parse_node(raw, i) for i, raw in enumerate(_list(document["nodes"], "nodes"))]
    heads = tuple(_entry(raw, "heads") for raw in _list(document["heads"], "heads"))
    if not heads:
        raise CheckpointError("has no heads: a network without an output.")
    reading = [(f"node {i} ({n.name!r})", e) for i, n in enumerate(nodes) for e in n.inputs]
    for who, (index, output) in [*reading, *(("the list of heads", e) for e in heads)]:
        if index >= len(nodes) or (output and nodes[index].is_variable):
            raise CheckpointError(
                f"{who} reads node {index} of {len(nodes)}, output {output}, which does not exist. "
                "The file is damaged."
            )
    symbol = Symbol(tuple(nodes), heads, _version(document))
    return in_visiting_order(_upgrade(symbol), whole=whole)


def _list(raw: Any, what: str) -> List[Any]:
    if not isinstance(raw, list):
        raise CheckpointError(f"'{what}' is {type(raw).__name__}, not a list: no symbol.")
    return raw


def _entry(raw: Any, what: str) -> Entry:
    """[node, output] before 0.9, [node, output, version] since."""
    numbers = isinstance(raw, list) and all(type(n) is int and n >= 0 for n in raw)
    if not numbers or not 2 <= len(raw) <= 3:
        raise CheckpointError(
            f"{what}: {raw!r} is no reference to a node ([node, output] or "
            "[node, output, version]). The file is damaged."
        )
    return (raw[0], raw[1])


def _parse_node(raw: Any, index: int) -> SymbolNode:
    if not isinstance(raw, dict) or not all(isinstance(raw.get(k), str) for k in ("op", "name")):
        raise CheckpointError(f"node {index} has no 'op' and 'name'. The file is damaged.")
    attrs: Dict[str, str] = {}
    for key in ("param", "attr", "attrs"):  # before 0.9, before 1.0, since
        found = raw.get(key) or {}
        if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
            raise CheckpointError(
                f"node {index} ({raw['name']!r}) has an attribute that is no text."
            )
        attrs.update(found)
    where = f"inputs of node {index} ({raw['name']!r})"
    inputs = tuple(_entry(e, where) for e in _list(raw.get("inputs", []), where))
    return SymbolNode(ops.canonical_name(raw["op"]), raw["name"], inputs, attrs)


def _version(document: Mapping[str, Any]) -> Optional[int]:
    """10901 in {"attrs": {"mxnet_version": ["int", 10901]}}."""
    stamp = document.get("attrs") or {}
    if isinstance(stamp, dict):
        stamp = stamp.get("mxnet_version") or [None, None]
        if isinstance(stamp, list) and len(stamp) == 2 and type(stamp[1]) in (int, type(None)):
            version: Optional[int] = stamp[1]
            return version
    raise CheckpointError(
        f'\'attrs\' is {document["attrs"]!r}; it should hold "mxnet_version": ["int", 10901] '
        "or the like. The file is damaged."
    )


def _upgrade(symbol: Symbol) -> Symbol:
    """What libmxnet does to a file older than itself."""
    nodes = [
        replace(n, attrs={f"__{k}__" if k in HIDDEN_KEYS else k: v for k, v in n.attrs.items()})
        for n in symbol.nodes
    ]
    if (symbol.version or 0) < FIRST_STAMPED:
        nodes = _add_missing_variables(nodes)
    if (symbol.version or 0) < 905:  # -1 was the default, and meant all axes
        nodes = [
            replace(n, attrs={k: v for k, v in n.attrs.items() if (k, v) != ("axis", "-1")})
            if n.op in ("argmax", "argmin")
            else n
            for n in nodes
        ]
    return replace(symbol, nodes=tuple(nodes))


def _add_missing_variables(nodes: List[SymbolNode]) -> List[SymbolNode]:
    """Before 0.9 auxiliary states (and nothing else) were left out of the file."""
    nodes = list(nodes)
    for i, node in enumerate(nodes[:]):
        for name in ops.input_names(node.op, node.attrs)[len(node.inputs) :]:
            full = f"{node.name}_{name}" if node.name else name
            nodes.append(SymbolNode(VARIABLE, full))
            nodes[i] = replace(nodes[i], inputs=(*nodes[i].inputs, (len(nodes) - 1, 0)))
    return nodes


def in_visiting_order(symbol: Symbol, *, whole: bool = False) -> Symbol:
    """Depth first from the heads, inputs before users: the order of `get_internals`.

    What no head reads is dropped, as libmxnet does; or, of the whole symbol, visited last.
    """
    read = {i for node in symbol.nodes for i, _ in node.inputs} if whole else set()
    ends = [i for i, n in enumerate(symbol.nodes) if whole and not n.is_variable and i not in read]
    new: Dict[int, int] = {}  # number in the file -> number in the order of visits
    for head in [*(i for i, _ in symbol.heads), *ends]:
        path = {} if head in new else {head: iter(symbol.nodes[head].inputs)}
        while path:
            node = next(reversed(path))
            child, _ = next(path[node], (-1, 0))
            if child in path:
                name = symbol.nodes[child].name
                raise CheckpointError(f"node {child} ({name!r}) reads its own output: a cycle.")
            if child < 0:
                new[node] = len(new)
                del path[node]
            elif child not in new:
                path[child] = iter(symbol.nodes[child].inputs)
    nodes = tuple(
        replace(n, inputs=tuple((new[i], o) for i, o in n.inputs))
        for n in map(symbol.nodes.__getitem__, new)
    )
    return replace(symbol, nodes=nodes, heads=tuple((new[i], o) for i, o in symbol.heads))


def symbol_to_json(symbol: Symbol) -> str:
    """Symbol -> JSON text, byte for byte as MXNet would have written it.

    A symbol with a version gets the form of MXNet 1.x; one without, the form before 0.9
    (`param`, two-element references, `backward_source_id`), in which auxiliary variables have
    no place: leave them out of the symbol.
    """
    legacy = symbol.version is None
    variables = [str(i) for i, n in enumerate(symbol.nodes) if n.is_variable]
    outputs = (ops.stored_outputs(n.op, n.attrs) for n in symbol.nodes)  # hidden ones included
    parts = {
        "nodes": _lines("[]", [_node_to_json(n, legacy) for n in symbol.nodes], 4),
        "arg_nodes": _lines("[]", variables, 4),
        "node_row_ptr": _lines("[]", map(str, accumulate(outputs, initial=0)), 4),
        "heads": "[" + ", ".join(_entry_to_json(e, legacy) for e in symbol.heads) + "]",
        "attrs": f'{{"mxnet_version": ["int", {symbol.version}]}}',
    }
    if legacy:
        del parts["node_row_ptr"], parts["attrs"]
    return _lines("{}", [f'"{key}": {value}' for key, value in parts.items()], 2)


def _lines(brackets: str, items: Iterable[str], indent: int) -> str:
    """A JSON list or object with a line for each item."""
    inside = f", \n{' ' * indent}".join(items)
    return f"{brackets[0]}\n{' ' * indent}{inside}\n{' ' * (indent - 2)}{brackets[1]}"


def _node_to_json(node: SymbolNode, legacy: bool) -> str:
    pairs = [f"{_quoted(k)}: {_quoted(v)}" for k, v in sorted(node.attrs.items())]
    attrs = _lines("{}", pairs, 8) if len(pairs) > 1 else "{" + "".join(pairs) + "}"
    fields = [f'"op": {_quoted(node.op)}', f'"name": {_quoted(node.name)}']
    if legacy:
        fields.insert(1, f'"param": {attrs}')
    elif pairs:
        fields.append(f'"attrs": {attrs}')
    names, auxiliary = ops.input_names(node.op, node.attrs), ops.auxiliary_names(node.op)
    written = {k for k, name in enumerate(names) if name in auxiliary}
    entries = [_entry_to_json(e, legacy, k in written) for k, e in enumerate(node.inputs)]
    fields.append('"inputs": [' + ", ".join(entries) + "]")
    return _lines("{}", [*fields, *(['"backward_source_id": -1'] if legacy else [])], 6)


def _entry_to_json(entry: Entry, legacy: bool, written: bool = False) -> str:
    """The third number counts an auxiliary state's writers: 1 there, 0 everywhere else."""
    return f"[{entry[0]}, {entry[1]}]" if legacy else f"[{entry[0]}, {entry[1]}, {int(written)}]"


def _quoted(text: str) -> str:
    """A JSON string in UTF-8: MXNet's reader knows no escapes by number. (What is no text, half
    of a surrogate pair, has no other form.)"""
    if any("\ud800" <= c <= "\udfff" for c in text):
        return json.dumps(text)
    return f'"{text.translate(ESCAPES)}"'
