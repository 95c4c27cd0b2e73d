"""Mutants of Python code that is imported: a function runs with one expression edited.

The statement that declares the function is compiled with the edit, and the function gets the code
that it has there. No file changes, and whoever holds the function runs the mutant.
"""

from __future__ import annotations

import ast
import gc
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from .code_edits import edits

Key = Tuple[int, str]  # the first line of a function, and its name
_CACHED = type(lru_cache(len))
_FUTURE = ast.parse("from __future__ import annotations").body
#: Of code objects: a function has variables of its own, a class has not.
_NEW_LOCALS = 0x02


@dataclass(frozen=True)
class Place:
    """Where an expression is: in a field of another, or in a list there.

    Attributes:
        lines: first and last line of the statement.
    """

    parent: Any
    name: str
    number: Optional[int]
    lines: Tuple[int, int]

    @property
    def node(self) -> Any:
        held = getattr(self.parent, self.name)
        return held if self.number is None else held[self.number]

    def put(self, node: Any) -> None:
        if self.number is None:
            setattr(self.parent, self.name, node)
        else:
            getattr(self.parent, self.name)[self.number] = node


@dataclass(frozen=True)
class CodeMutant:
    """A function with one expression edited.

    Attributes:
        statement: at the top of the file; the function is declared in it.
        alive: the function, as often as it was made.
        kind: of the edit, see code_edits.
        other: what stands in the expression's place.
    """

    file: Path
    statement: Any = field(repr=False)
    key: Key
    alive: Sequence[FunctionType] = field(repr=False)
    where: Place = field(repr=False)
    kind: str
    other: Any = field(repr=False)
    note: str

    @property
    def place(self) -> str:
        return f"{self.file.name} {self.alive[0].__qualname__}"

    def code(self) -> Optional[CodeType]:
        """None where the edit leaves no code that could stand there."""
        node = self.where.node
        self.where.put(self.other)
        try:
            found = _codes(self.statement, self.file).get(self.key, [])
        finally:
            self.where.put(node)
        same = [c for c in found if c.co_freevars == self.alive[0].__code__.co_freevars]
        return same[0] if len(same) == 1 else None

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the function is the mutant."""
        code, before = self.code(), self.alive[0].__code__
        try:
            for function in self.alive:
                function.__code__ = code or before
            forget()
            yield
        finally:
            for function in self.alive:
                function.__code__ = before
            forget()


def forget(package: str = "converters") -> None:
    """Empty the caches of the package's functions."""
    for cached in _caches(package):
        cached.cache_clear()


@cache
def _caches(package: str) -> List[Any]:
    found = [f for f in gc.get_objects() if type(f) is _CACHED]
    return [f for f in found if str(getattr(f, "__module__", "")).startswith(package)]


def mutants(*files: Path) -> Iterator[CodeMutant]:
    """Of these files' functions and methods that are alive; those that share their first line are
    left out, and so is what only refuses."""
    alive: Dict[str, Dict[Key, List[FunctionType]]] = {str(f): defaultdict(list) for f in files}
    for found in gc.get_objects():
        if type(found) is FunctionType and found.__code__.co_filename in alive:
            code = found.__code__
            alive[code.co_filename][code.co_firstlineno, code.co_name].append(found)
    for file in files:
        yield from _mutants(file, alive[str(file)])


def _mutants(file: Path, alive: Dict[Key, List[FunctionType]]) -> Iterator[CodeMutant]:
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        codes = _codes(statement, file)
        for function in _functions(ast.Module([statement], [])):
            key = _key(function)
            if key not in alive or len(codes[key]) != 1:
                continue
            for where in _places(function, "body", (0, 0)):
                for kind, other in edits(where.node):
                    note = f"line {where.lines[0]}: {_shown(where.node)} -> {_shown(other)}"
                    yield CodeMutant(file, statement, key, alive[key], where, kind, other, note)


def _functions(node: ast.AST) -> Iterator[Any]:
    """The outermost ones."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.Lambda)):
            yield child
        else:
            yield from _functions(child)


def _key(function: Any) -> Key:
    decorators = getattr(function, "decorator_list", ())
    return min(n.lineno for n in (function, *decorators)), getattr(function, "name", "<lambda>")


def _codes(statement: Any, file: Path) -> Dict[Key, List[CodeType]]:
    """The code of the outermost functions."""
    found: Dict[Key, List[CodeType]] = defaultdict(list)
    module = ast.fix_missing_locations(ast.Module([*_FUTURE, statement], []))
    waiting = [compile(module, str(file), "exec")]
    while waiting:
        for code in waiting.pop().co_consts:
            if isinstance(code, CodeType) and code.co_flags & _NEW_LOCALS:
                found[code.co_firstlineno, code.co_name].append(code)
            elif isinstance(code, CodeType):
                waiting.append(code)
    return found


def _places(parent: Any, name: str, lines: Tuple[int, int]) -> Iterator[Place]:
    """In this field and all that is inside, but what only refuses."""
    held = getattr(parent, name)
    for number, node in enumerate(held if isinstance(held, list) else [held]):
        if not isinstance(node, ast.AST) or _refuses(node):
            continue
        within = lines
        if isinstance(node, ast.stmt) or lines == (0, 0):
            head: Any = getattr(node, "test", getattr(node, "iter", node))
            within = head.lineno, head.end_lineno
        yield Place(parent, name, number if isinstance(held, list) else None, within)
        for inner in node._fields:
            if inner in ("annotation", "returns", "decorator_list"):
                continue
            if inner != "args" or isinstance(node, ast.Call):
                own = isinstance(node, ast.Lambda)
                yield from _places(node, inner, (0, 0) if own else within)


def _refuses(node: Any) -> bool:
    """Does it raise, and nothing else? Or is it a docstring?"""
    if isinstance(node, ast.If):
        return isinstance(node.body[0], ast.Raise)
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, ast.Raise)


def _shown(node: ast.AST) -> str:
    text = ast.unparse(node).split("\n")[0]
    return text if len(text) <= 70 else f"{text[:67]}..."
