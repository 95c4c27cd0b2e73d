"""Whoever does what a message recommends gets further: each is provoked, and then obeyed."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import pytest

from mxproof.runtimes.mxnet.client import MxnetProcess
from tests.docs.documents import ROOT, steps

from .conftest import Run
from .remedies import ELSEWHERE, REMEDIES, SLOW, write

pytestmark = pytest.mark.xdist_group("remedies")  # one process sees all messages

Provoke = Callable[[str], str]
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")


@pytest.fixture(scope="session")
def said() -> Dict[str, str]:
    """Row -> what was printed."""
    return {}


@pytest.fixture
def provoke(
    run: Run, said: Dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Provoke:
    """A row's name -> its message. The working directory is the row's folder then."""

    def call(name: str) -> str:
        folder = tmp_path / name.replace(" ", "-")
        folder.mkdir()
        write(folder, REMEDIES[name])
        monkeypatch.chdir(folder)
        with monkeypatch.context() as patch:
            for variable, value in REMEDIES[name].environment.items():
                patch.setenv(variable, value)
            for target, stand_in in REMEDIES[name].patches.items():
                patch.setattr(target, stand_in)
            code, _, said[name] = run(*shlex.split(REMEDIES[name].command))
        assert code == REMEDIES[name].code, said[name]
        return said[name]

    return call


def followed(words: List[str], then: str) -> List[str]:
    """The command that does what the message says; see `Remedy.then`."""
    if then[:1] not in "+-":
        return shlex.split(then)
    for sign, text in re.findall(r"(?:^| )([+-]) (.*?)(?= [+-] |$)", then):
        more = shlex.split(text)
        if sign == "+":
            words = [*words, *more]
            continue
        place = next(i for i in range(len(words)) if words[i : i + len(more)] == more)
        words = [*words[:place], *words[place + len(more) :]]
    return words


def rows() -> Iterator[object]:
    for name in REMEDIES:
        yield pytest.param(name, marks=[pytest.mark.nightly] if name in SLOW else [], id=name)


@pytest.mark.parametrize("name", list(rows()))
def test_a_message_is_followed(
    name: str, run: Run, provoke: Provoke, request: pytest.FixtureRequest
) -> None:
    remedy = REMEDIES[name]
    python = request.getfixturevalue("mxnet").python if remedy.needs == "mxnet" else ""
    if remedy.needs == "torch":
        pytest.importorskip("torch", reason="needs PyTorch")
    printed = provoke(name)
    match = re.search(remedy.said, printed)
    assert match, printed
    then = match.expand(remedy.then).replace("PYTHON", python)
    code, _, again = run(*followed(shlex.split(remedy.command), then))
    assert code == 0, f"{printed}\n{then}\n{again}"


def recommendations() -> Iterator[Tuple[str, str]]:
    """(file and line, text) of each string in the product that names an option, but for help,
    docstrings, and the options that a message begins with, because they are what was wrong."""
    for path in (
        p for f in ("converters", "mxproof", "fixtures") for p in (ROOT / f).rglob("*.py")
    ):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        passed = set()
        for node in ast.walk(tree):
            owner = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            if owner and node.body and isinstance(node.body[0], ast.Expr):
                passed.add(node.body[0].value)
            called = getattr(node, "func", None)
            name = getattr(called, "attr", getattr(called, "id", ""))
            helps = name in ("add_argument", "addoption", "repeatable")
            if helps or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "text"):
                passed.update(ast.walk(node))
            if isinstance(node, ast.JoinedStr):
                passed.update(node.values)
        for node in ast.walk(tree):
            text = _text(node) if node not in passed else ""
            rest = text.partition(": ")[2] if text.startswith("--") else text
            if OPTION.search(rest) and " " in rest:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", text


def _text(node: ast.AST) -> str:
    """A string, with "…" for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (v.value if isinstance(v, ast.Constant) else "…" for v in node.values)
        return "".join(map(str, parts))
    return ""


def test_every_recommendation_is_tried(
    provoke: Provoke, said: Dict[str, str], mxnet: MxnetProcess
) -> None:
    """In the source; what is not has a reason in ELSEWHERE."""
    pytest.importorskip("torch", reason="needs PyTorch")
    for name in REMEDIES:
        if name not in said:
            provoke(name)
    seen = [" ".join(message.split()) for message in said.values()]
    untried = []
    for place, text in recommendations():
        pattern = re.compile(".*?".join(map(re.escape, " ".join(text.split()).split("…"))))
        if not any(map(pattern.search, seen)) and not any(part in text for part in ELSEWHERE):
            untried.append(f"{place}: {text}")
    assert not untried, "\n".join(untried)


def test_every_message_of_the_catalogue_is_tried() -> None:
    """docs/errors.md: each that recommends an option is like one of these."""
    untried = []
    for step in steps("docs/errors.md"):
        text = step.shown.split("\n")[-1]
        advice = text.partition(": ")[2].partition(": ")[2]
        known = any(re.search(remedy.said, text) for remedy in REMEDIES.values())
        if OPTION.search(advice) and not known and not any(part in text for part in ELSEWHERE):
            untried.append(text)
    assert not untried, "\n".join(untried)
