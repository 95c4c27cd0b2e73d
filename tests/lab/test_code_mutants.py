"""Mutants of code: one edit at a time, taken back; and the rows of a few operators kill theirs.

The campaign over all declarations is `python -m tests.operators.mutation`.
"""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any, List

import pytest

from converters.operators import REGISTRY
from lab.mutation.code import mutants
from lab.mutation.code_edits import KINDS, edits
from mxproof.runtimes.mxnet.client import MxnetProcess
from tests.operators.all_rows import ROWS
from tests.operators.case import case
from tests.operators.mutants import of_declaration
from tests.operators.mutation import FILES, Campaign, Outcome, record
from tests.operators.trial import FOLDER

CODE = '''
from functools import lru_cache

class Sized:
    @property
    def size(self):
        """Words."""
        if self.count < 0:
            raise ValueError("no" + "thing")
        return [n + 1 for n in range(self.count) if n > 1]

    def __init__(self, count):
        super().__init__()
        self.count = count

twice = lambda x: x * 2
'''


@pytest.fixture
def module(tmp_path: Path) -> Any:
    path = tmp_path / "sized.py"
    path.write_text(CODE)
    spec = importlib.util.spec_from_file_location("sized", path)
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_a_function_is_the_mutant_for_a_while(module: Any) -> None:
    found = list(mutants(Path(module.__file__)))
    size = {m.note: m for m in found if m.place == "sized.py Sized.size"}
    results = {}
    for note, mutant in size.items():
        with mutant.applied():
            try:
                results[note.partition(": ")[2]] = module.Sized(4).size
            except TypeError as error:
                results[note.partition(": ")[2]] = str(error)
        assert module.Sized(4).size == [3, 4], "taken back"
    assert results["n + 1 -> n - 1"] == [1, 2]
    assert results["n + 1 -> n"] == [2, 3]
    assert results["1 -> 2"] == [4], "the later of two alike"
    assert results[" for n in range(self.count) if n > 1 ->  for n in range(self.count)"] == [
        *(1, 2, 3, 4)
    ]
    assert results["n > 1 -> n >= 1"] == [2, 3, 4]
    assert not any("thing" in note or "Words" in note for note in results), "only words"
    assert {m.where.lines for m in size.values()} == {(10, 10)}
    (doubled,) = (m for m in found if m.place == "sized.py <lambda>" and m.kind == "part dropped")
    with doubled.applied():
        assert module.twice(3) == 3
    assert module.twice(3) == 6


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("g.op('Sub', a, b)", "parts exchanged", ["g.op('Sub', b, a)"]),
        ("f(x, axis=1)", "part dropped", ["f(x)"]),
        ("f'{a}.sum({b})'", "parts exchanged", ["f'{b}.sum({a})'"]),
        ("'ReduceMean'", "constant changed", ["'ReduceSum'"]),
        (
            "'{x}.pow(2) + 1'",
            "constant changed",
            ["'{x}.pow(3) + 1'", "'{x}.pow(2) - 1'", "'{x}.pow(2) + 2'"],
        ),
        ("True", "constant changed", ["False"]),
        ("-1", "part dropped", ["1"]),
        ("a if b else c", "condition turned", ["a if not b else c"]),
        ("a and b", "operator changed", ["a or b"]),
        ("a - b", "parts exchanged", ["b - a"]),
        ("a + b", "parts exchanged", []),
        ("(a, a)", "parts exchanged", []),
    ],
)
def test_edits(text: str, kind: str, expected: List[str]) -> None:
    node = ast.parse(text, mode="eval").body
    assert kind in KINDS
    assert [ast.unparse(other) for found, other in edits(node) if found == kind] == expected


OPS = ("expand_dims", "SwapAxis")


def survivors(op: str, mxnet: MxnetProcess, draws: int) -> List[Outcome]:
    campaign = Campaign([FOLDER / f"{REGISTRY[op].__module__.rpartition('.')[2]}.py"])
    campaign.run(op, mxnet, draws)
    outcomes = campaign.outcomes()
    assert len(outcomes) > 5
    assert all(o.killed in ("", op) and o.reached == 1 for o in outcomes)
    return [o for o in outcomes if not o.killed and o.equivalent is None]


@pytest.mark.parametrize("op", OPS)
def test_rows_kill_the_mutants_of_their_declarations(op: str, mxnet: MxnetProcess) -> None:
    assert [str(o) for o in survivors(op, mxnet, 20)] == []


def test_a_row_that_draws_too_little_is_noticed(
    mxnet: MxnetProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of expand_dims, one shape and one axis."""
    row = replace(ROWS["expand_dims"], make=lambda draw: case((2, 4), axis=1), examples={})
    monkeypatch.setitem(ROWS, "expand_dims", row)
    kinds = {o.kind for o in survivors("expand_dims", mxnet, 2)}
    assert "wrong for a batch of 3" in kinds


def test_conditions_and_defaults_are_put_back() -> None:
    cls = REGISTRY["_plus_scalar"]
    before, defaults = dict(vars(cls)), cls.__init__.__defaults__
    kinds = {"wrong for an exact 0", "default changed", "constant changed"}
    for mutant in of_declaration("_plus_scalar", 1):
        with mutant.applied():
            assert dict(vars(cls)) != before or cls.__init__.__defaults__ != defaults
        assert dict(vars(cls)) == before and cls.__init__.__defaults__ == defaults
        kinds.discard(mutant.kind)
    assert not kinds


def test_what_makes_no_difference_does_not_count() -> None:
    swapped = "merge_shapes(lhs, rhs) -> merge_shapes(rhs, lhs)"
    equal = Outcome("binary.py Binary.infer", "parts exchanged", f"line 84: {swapped}", "", 4)
    assert equal.equivalent
    assert replace(equal, killed="_mod").equivalent is None, "a reason that is none"
    found = record([equal, replace(equal, note="a"), replace(equal, note="b", killed="_mod")])
    assert found["kinds"] == {"parts exchanged": {"cases": 2, "killed": 1}}
    assert found["equivalent"] == 1
    assert [s["note"] for s in found["survivors"]] == ["a"]
    assert {file.name for file in FILES} > {"pooling.py", "onnx_math.py"}
