"""Pieces of a .py file and its .safetensors. Neither is run here: the text is read and cut."""

from __future__ import annotations

import ast
import copy
import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, Generator, Iterator, List, Mapping, Optional, Sequence, Tuple

import safetensors.numpy
from safetensors import safe_open

from converters.python_text import prose, wrap
from converters.pytorch.flow import BODY
from converters.pytorch.source import class_text

from ..proof.trace import ReferenceTrace
from .case import NoPiece

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


def cut(
    path: Path, precision: str, folder: Path, layer: Optional[str], truth: ReferenceTrace
) -> List[str]:
    """Write the part of a .py file that computes the layer, or all of it; returns its inputs.

    Raises:
        NoPiece: the file is not laid out the way this project writes it.
    """
    file = PytorchFile(path)
    if layer is not None:
        return file.cut(layer, folder)
    for suffix in (".py", WEIGHTS):
        shutil.copyfile(path.with_suffix(suffix), (folder / NAME).with_suffix(suffix))
    return file.inputs


class PytorchFile:
    """`<name>.py` with `<name>.safetensors` beside it, as this project writes them."""

    def __init__(self, path: Path) -> None:
        self._path, self._source = path, path.read_text(encoding="utf-8")
        self._tree = ast.parse(self._source)
        with safe_open(path.with_suffix(WEIGHTS), framework="np") as file:
            metadata = file.metadata()
        self.inputs: List[str] = json.loads(metadata["mxproof.inputs"])
        self._table: Dict[str, Any] = json.loads(metadata["mxproof.layers"])
        self._classes = {c.name: c for c in self._tree.body if isinstance(c, ast.ClassDef)}
        self._network = list(self._classes)[-1]

    def cut(self, layer: str, folder: Path) -> List[str]:
        """Write the statement that computes the layer, in a network of its own."""
        if layer not in self.places:
            raise NoPiece(f"nothing in {self._path.name} computes {layer!r}")
        place = self.places[layer]
        prefix = f"{place.path}." if place.path else ""
        with safe_open(self._path.with_suffix(WEIGHTS), framework="np") as file:
            own = {k[len(prefix) :]: k for k in file.keys() if k.startswith(prefix)}  # noqa: SIM118
            used = {k: v for k, v in own.items() if k.partition(".")[0] in place.constructors}
            tensors = {k: file.get_tensor(v) for k, v in used.items()}
        (folder / NAME).write_text(self._text(layer, place), encoding="utf-8")
        (folder / NAME).with_suffix(WEIGHTS).write_bytes(safetensors.numpy.save(tensors))
        return list(place.inputs.values())

    @cached_property
    def places(self) -> Dict[str, Place]:
        """Layer -> where it is computed.

        Raises:
            NoPiece: not every forward is a list of assignments as this project writes them.
        """
        try:
            return dict(self._follow(self._network, "", [], self.inputs))
        except (AttributeError, LookupError) as error:
            raise NoPiece(
                f"{self._path.name} is not laid out as mxproof does: {error!r}"
            ) from error

    def _follow(
        self, cls: str, path: str, arguments: Sequence[ast.expr], inputs: Sequence[str]
    ) -> Generator[Tuple[str, Place], None, List[str]]:
        """Yield each layer of a module with its place; return the values that its forward returns.

        Args:
            arguments: of its constructor, constants.
            inputs: the values that its forward is given.
        """
        methods = {f.name: f for f in self._classes[cls].body if isinstance(f, ast.FunctionDef)}
        init, forward = methods["__init__"], methods["forward"]
        constants = _Constants(dict(zip(_parameters(init), arguments)))
        lines: List[Any] = [constants.visit(copy.deepcopy(s)) for s in _assignments(init)]
        made = {line.targets[0].attr: line for line in lines}
        held = dict(zip(_parameters(forward), inputs))
        for statement, layers in zip(_assignments(forward), self._table[path]):
            variables = _names(statement.targets[0])
            if layers is None:
                call: Any = statement.value  # self.stage1(x)
                layers = [held[a.id] for a in call.args]
                for inside, block in self._blocks(call.func.attr, made[call.func.attr].value):
                    layers = yield from self._follow(block.func.id, inside, block.args, layers)
            else:
                for layer, variable in zip(layers, variables):
                    yield layer, Place(path, statement, variable, dict(held), made)
            held.update(zip(variables, layers))
        returned: Any = forward.body[-1]
        return [held[v] for v in _names(returned.value)]

    def _blocks(self, name: str, made: ast.expr) -> List[Tuple[str, Any]]:
        """(path, call) of the block that a line of the network's constructor makes, or of each
        in its stage."""
        paths = [p for p in self._table if p == name or p.startswith(f"{name}.")]
        calls = list(blocks_made(made))
        if len(paths) != len(calls):
            raise LookupError(f"{name} has {len(calls)} blocks, not {len(paths)}")
        return list(zip(paths, calls))

    def _text(self, layer: str, place: Place) -> str:
        """The file with one class in place of all; what loads it is as it was."""
        made = map(ast.unparse, place.constructors.values())
        cls = class_text(
            self._network,
            prose(f"{layer}, of {place.path}." if place.path else f"{layer}."),
            {},
            ["super().__init__()", *(part for line in made for part in wrap(line, BODY))],
            [*wrap(ast.unparse(place.statement), BODY), f"return {place.variable}"],
            list(place.inputs),
        )
        code = [n for n in self._tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
        imports = self._source.splitlines()[code[0].lineno - 1 : code[-1].end_lineno]
        functions = [n for n in self._tree.body if isinstance(n, ast.FunctionDef)]
        parts = [cls.rstrip("\n")]
        parts += [ast.get_source_segment(self._source, n) or "" for n in functions]
        if not any("F." in part for part in parts):
            imports = [line for line in imports if not line.endswith(" as F")]
        title = f"Cut out of {prose(self._path.name)}, which mxproof converted from MXNet."
        return "\n\n\n".join(["\n".join([f'"""{title}"""', "", *imports]), *parts]) + "\n"


def blocks_made(made: Any) -> Iterator[Any]:
    """`Unit(64)`, or the nn.Sequential of a stage -> the call that makes each block, in order.

    A stage is written as converters/pytorch/stages.py does: equal blocks in a loop.
    """
    if isinstance(made, (ast.GeneratorExp, ast.DictComp)):
        block = made.elt if isinstance(made, ast.GeneratorExp) else made.value
        loop: Any = made.generators[0].iter  # range(2, 5)
        yield from (block for _ in range(*(a.value for a in loop.args)))
    elif isinstance(made, ast.Call) and getattr(made.func, "id", "OrderedDict") != "OrderedDict":
        yield made
    else:
        for child in ast.iter_child_nodes(made):
            yield from blocks_made(child)


def _assignments(method: ast.FunctionDef) -> List[ast.Assign]:
    return [s for s in method.body if isinstance(s, ast.Assign)]


def _parameters(method: ast.FunctionDef) -> List[str]:
    return [a.arg for a in method.args.args[1:]]


def _names(node: ast.expr) -> List[str]:
    """`x` or `x, y` -> the names in it."""
    items: List[Any] = node.elts if isinstance(node, ast.Tuple) else [node]
    return [item.id for item in items]


class _Constants(ast.NodeTransformer):
    """Constants in place of names."""

    def __init__(self, constants: Mapping[str, ast.expr]) -> None:
        self._constants = constants

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._constants.get(node.id, node)
