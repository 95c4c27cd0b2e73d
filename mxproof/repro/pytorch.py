"""Pieces of a .py file and its .safetensors. Neither is run here: the text is read and cut."""

from __future__ import annotations

import ast
import copy
import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import safetensors.numpy
from safetensors import safe_open

from converters.python_text import prose, wrap
from converters.pytorch_flow import BODY
from converters.pytorch_source import class_text

from .piece import NoPiece, Values

NAME = "piece.py"
WEIGHTS = ".safetensors"


@dataclass(frozen=True)
class Place:
    """Where a layer is computed.

    Attributes:
        path: of the module whose forward does it; "" for the network itself.
        statement: `x = self.conv1(x)`.
        variable: the one of its variables that takes the layer.
        held: variable -> the value in it before.
        made: attribute -> `self.conv1 = nn.Conv2d(64, 64, …)`, arguments resolved.
    """

    path: str
    statement: ast.Assign
    variable: str
    held: Mapping[str, str]
    made: Mapping[str, ast.Assign]

    @property
    def inputs(self) -> Dict[str, str]:
        """Variable -> value, for those that the statement reads, in order."""
        read = [n for n in ast.walk(self.statement.value) if isinstance(n, ast.Name)]
        read.sort(key=lambda n: (n.lineno, n.col_offset))
        return {n.id: self.held[n.id] for n in read if n.id in self.held}

    @property
    def constructors(self) -> Dict[str, ast.Assign]:
        """Those of the submodules that the statement uses."""
        used = {n.attr for n in ast.walk(self.statement.value) if isinstance(n, ast.Attribute)}
        return {name: line for name, line in self.made.items() if name in used}


class PytorchFile:
    """`<name>.py` with `<name>.safetensors` beside it, as this project writes them."""

    def __init__(self, path: Path, precision: str) -> None:
        self._path = path
        self._source = path.read_text(encoding="utf-8")
        self._tree = ast.parse(self._source)
        with safe_open(path.with_suffix(WEIGHTS), framework="np") as file:
            metadata = file.metadata()
        self._inputs: List[str] = json.loads(metadata["mxproof.inputs"])
        self._table: Dict[str, Any] = json.loads(metadata["mxproof.layers"])
        self._classes = {c.name: c for c in self._tree.body if isinstance(c, ast.ClassDef)}
        self._network = list(self._classes)[-1]

    def cut(self, layer: str, values: Values, folder: Path) -> List[str]:
        if layer not in self.places:
            raise NoPiece(f"nothing in {self._path.name} computes {layer!r}")
        place = self.places[layer]
        read = list(place.inputs.values())
        (folder / NAME).write_text(self._text(layer, place), encoding="utf-8")
        prefix = f"{place.path}." if place.path else ""
        with safe_open(self._path.with_suffix(WEIGHTS), framework="np") as file:
            own = {k[len(prefix) :]: k for k in file.keys() if k.startswith(prefix)}  # noqa: SIM118
            used = {k: v for k, v in own.items() if k.partition(".")[0] in place.constructors}
            tensors = {k: file.get_tensor(v) for k, v in used.items()}
        (folder / NAME).with_suffix(WEIGHTS).write_bytes(safetensors.numpy.save(tensors))
        return read

    def whole(self, folder: Path) -> List[str]:
        shutil.copyfile(self._path, folder / NAME)
        shutil.copyfile(self._path.with_suffix(WEIGHTS), (folder / NAME).with_suffix(WEIGHTS))
        return self._inputs

    def outputs(self, names: Sequence[str]) -> List[str]:
        return list(names)

    @cached_property
    def places(self) -> Dict[str, Place]:
        """Layer -> where it is computed.

        Raises:
            NoPiece: not every forward is a list of assignments as this project writes them.
        """
        places: Dict[str, Place] = {}
        try:
            self._follow(self._classes[self._network], "", [], self._inputs, places)
        except (AttributeError, LookupError) as error:
            raise NoPiece(
                f"{self._path.name} is not laid out as mxproof does: {error!r}"
            ) from error
        return places

    def _follow(
        self,
        cls: ast.ClassDef,
        path: str,
        arguments: Sequence[ast.expr],
        inputs: Sequence[str],
        places: Dict[str, Place],
    ) -> List[str]:
        """Note the place of every layer of a module; returns the values that it returns.

        Args:
            arguments: of its constructor, constants.
            inputs: the values that its forward is given.
        """
        methods = {f.name: f for f in cls.body if isinstance(f, ast.FunctionDef)}
        made = _constructors(methods["__init__"], arguments)
        forward = methods["forward"]
        held = dict(zip(_parameters(forward), inputs))
        assignments = [s for s in forward.body if isinstance(s, ast.Assign)]
        for statement, layers in zip(assignments, self._table[path]):
            variables = _names(statement.targets[0])
            if layers is None:
                call: Any = statement.value  # self.stage1_unit1(x)
                name = call.func.attr
                layers = [held[a.id] for a in call.args]
                for child, block in blocks_made(made[name].value):  # Unit(64, 64, (1, 1))
                    inside = ".".join(filter(None, [path, name, child]))
                    kind = self._classes[block.func.id]
                    layers = self._follow(kind, inside, block.args, layers, places)
            else:
                for layer, variable in zip(layers, variables):
                    places[layer] = Place(path, statement, variable, dict(held), made)
            held.update(zip(variables, layers))
        returned: Any = forward.body[-1]
        return [held[v] for v in _names(returned.value)]

    def _text(self, layer: str, place: Place) -> str:
        """The file with one class in place of all; what loads it is as it was."""
        made = map(ast.unparse, place.constructors.values())
        init = [part for line in made for part in wrap(line, BODY)]
        body = [*wrap(ast.unparse(place.statement), BODY), f"return {place.variable}"]
        cls = class_text(
            self._network,
            prose(f"{layer}, of {place.path}." if place.path else f"{layer}."),
            {},
            ["super().__init__()", *init],
            body,
            list(place.inputs),
        )
        code = [n for n in self._tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
        lines = self._source.splitlines()[code[0].lineno - 1 : code[-1].end_lineno]
        functions = [n for n in self._tree.body if isinstance(n, ast.FunctionDef)]
        defined = [ast.get_source_segment(self._source, n) or "" for n in functions]
        functional = any("F." in text for text in (cls, *defined))
        imports = [n for n in lines if not n.endswith(" as F") or functional]
        title = f"Cut out of {prose(self._path.name)}, which mxproof converted from MXNet."
        parts = [
            "\n".join([f'"""{title}"""', "", *imports]),
            cls.rstrip("\n"),
            *defined,
        ]
        return "\n\n\n".join(parts) + "\n"


def blocks_made(call: Any) -> Iterator[Tuple[str, Any]]:
    """`Unit(64)`, or the nn.Sequential of a stage -> each block's name in there, and its call.

    A stage is written as converters/pytorch_stages.py does: equal blocks in a loop.
    """
    if isinstance(call.func, ast.Name):
        yield "", call
        return
    inside = call.args[0]
    if not _is_named(inside):
        yield from ((str(number), block) for number, block in enumerate(_unrolled(call.args)))
        return
    given = [*((None, a) for a in inside.args), *((k.arg, k.value) for k in inside.keywords)]
    for name, value in given:
        if name:
            yield name, value
        else:  # {f"unit{i}": Unit(64) for i in range(2, 5)}
            word = value.key.values[0].value
            yield from ((f"{word}{number}", value.value) for number in _range(value))


def _is_named(argument: Any) -> bool:
    return isinstance(argument, ast.Call) and getattr(argument.func, "id", "") == "OrderedDict"


def _unrolled(arguments: Sequence[Any]) -> Iterator[Any]:
    """`Unit(64), *(Unit(32) for _ in range(2))` -> three calls."""
    for argument in arguments:
        if isinstance(argument, ast.Starred):
            loop: Any = argument.value
            yield from (loop.elt for _ in _range(loop))
        else:
            yield argument


def _range(loop: Any) -> range:
    return range(*(a.value for a in loop.generators[0].iter.args))


def _parameters(method: ast.FunctionDef) -> List[str]:
    return [a.arg for a in method.args.args[1:]]


def _names(node: ast.expr) -> List[str]:
    """`x` or `x, y` -> the names in it."""
    items: List[Any] = node.elts if isinstance(node, ast.Tuple) else [node]
    return [item.id for item in items]


def _constructors(method: ast.FunctionDef, arguments: Sequence[ast.expr]) -> Dict[str, ast.Assign]:
    """Attribute -> the line that makes it, with constants in place of the arguments."""
    resolve = _Resolve(dict(zip(_parameters(method), arguments)))
    lines = [resolve.visit(copy.deepcopy(s)) for s in method.body if isinstance(s, ast.Assign)]
    return {line.targets[0].attr: line for line in lines}


class _Resolve(ast.NodeTransformer):
    """Constants in place of names."""

    def __init__(self, constants: Mapping[str, ast.expr]) -> None:
        self._constants = constants

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._constants.get(node.id, node)
