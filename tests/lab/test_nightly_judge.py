"""Each way in which a nightly run can be red, alone: red with it and named, green without."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Tuple, Union

import pytest

from lab.nightly.judge import Run, judge
from lab.nightly.readers import read_run

from .nightly_runs import LAYERS, TABLES, Made, green_results, junit, write

#: Exit code of the step, the path of a record or the start of several, what happens to it (None:
#: it is lost; text takes its place), the kind of the only reason for red, and what that is about.
Regression = Tuple[int, str, Union[str, Callable[[Any], Any], None], str, str]

MODELS, LATENCY, MATRIX = "models/junit.xml", "latency/latency.json", "matrix/tox.json"
MUTATION, CALIBRATION = "mutation/mutation.json", "calibration/calibration.json"
ONE, ROW = f"{LAYERS}::test_layers[small-onnx]", f"{TABLES}::Rows::test_row"
SLIPS, SLIP = "declarations/declarations.json", "declarations::slips that a row caught"
MUTANT, FALSE_ALARM = (f"mutation::stride dropped[small/onnx-{n}]" for n in (1, 2))
BENCHMARK, PY39 = "latency::small-onnxruntime", "matrix::py39-oldest"
FAILED = {"success": False, "exit_code": 1}


def becomes(outcome: str) -> Callable[[Made], None]:
    """The case that all of pytest's files are changed in, and another that passes."""
    return lambda cases: cases.update({next(iter(cases)): outcome, "tests/n.py::test_n": "passed"})


def skip_all(cases: Made) -> None:
    cases.update(dict.fromkeys(cases, "skipped"))


def misname_two(record: Made) -> None:
    for mutant in record["faults"][:2]:
        mutant["localised"] = False


def rows(key: str, place: Any, **change: Any) -> Callable[[Any], None]:
    """A row of the record has other values."""
    return lambda record: record[key][place].update(change)


def step(**change: Any) -> Callable[[Any], None]:
    return lambda about: about.update(change)


REGRESSIONS: List[Regression] = [
    (1, MODELS, lambda r: r.update({ROW: "failed"}), "failed", ROW),
    (0, MODELS, lambda r: r.pop(ONE), "vanished", ONE),
    (0, MODELS, becomes("skipped"), "no longer runs", ONE),
    *((1, MODELS, becomes(kind), kind, ONE) for kind in ("unexpected pass", "unused override")),
    (1, LATENCY, rows("decisions", 0, verdict="fail", ratio=1.2), "slower", BENCHMARK),
    (0, LATENCY, lambda record: record["decisions"].pop(0), "vanished", BENCHMARK),
    (1, MUTATION, rows("faults", 0, killed=False), "failed", MUTANT),
    (1, MUTATION, rows("faults", 1, equivalent="0 = 0"), "failed", FALSE_ALARM),
    (1, MUTATION, rows("clean", 0, killed=True), "failed", "mutation::none[small/onnx]"),
    (1, MUTATION, misname_two, "failed", "mutation::named at the layer"),
    (1, SLIPS, rows("kinds", "part dropped", killed=8), "failed", SLIP),
    (1, CALIBRATION, rows("rates", 1, share_failed=0.94), "failed", "calibration::10 % slower"),
    (255, MATRIX, rows("testenvs", "py39-oldest", result=FAILED), "failed", PY39),
    (0, MATRIX, rows("testenvs", "py39-oldest", test=[]), "no longer runs", PY39),
    (0, "zoo-2-of-2/", None, "broken step", "step zoo"),
    (0, "docs/junit.xml", skip_all, "broken step", "step docs"),
]


def of_every_step() -> Iterator[Tuple[str, Regression]]:
    """What can go wrong with any of them, whatever its records are."""
    made = green_results()
    for about in [path for path in made if path.endswith("/step.json")]:
        folder = about.partition("/")[0]
        broken = "broken step", f"step {folder.partition('-')[0]}"
        yield f"{folder}: crashed", (2, about, step(), *broken)
        yield f"{folder}: was killed", (0, about, None, *broken)
        yield f"{folder}: another commit", (0, about, step(commit="def"), *broken)
        yield f"{folder}: left over", (0, about, step(began="2026-11-18T03:00:00Z"), *broken)
        record = next(p for p in made if p.startswith(f"{folder}/") and p != about)
        entities = '<!DOCTYPE x [<!ENTITY a "aa">]>'  # a whole record, if these were allowed
        entities += junit(made[record]) if record.endswith(".xml") else ""
        for text in (entities, "", "{", "[1]", "<testsuite>", "[" * 10_000):
            yield f"{folder}: its record is {text[:11]!r}", (0, record, text, *broken)
        if record.endswith(".xml"):
            case = next(iter(made[record]))
            yield f"{folder}: a failed test", (1, record, becomes("failed"), "failed", case)
        if "-" not in folder:
            yield f"{folder}: is missing", (0, f"{folder}/", None, "vanished", broken[1])


ALL = {**{f"{row[3]}: {row[4]}": row for row in REGRESSIONS}, **dict(of_every_step())}


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read_run(write(tmp_path_factory.mktemp("green"), green_results()))


@pytest.mark.parametrize("name", ALL)
def test_a_regression_is_red_and_named(name: str, green: Run, tmp_path: Any) -> None:
    made = green_results()
    code, start, change, kind, about = ALL[name]
    made[f"{start.partition('/')[0]}/step.json"]["exit"] = code
    for path in [path for path in made if path.startswith(start)]:
        if change is None:
            del made[path]
        elif isinstance(change, str):
            made[path] = change
        else:
            change(made[path])
    found = judge(read_run(write(tmp_path, made)), green)
    assert {(reason.kind, reason.about) for reason in found.reasons} == {(kind, about)}
    assert found.verdict == "red"


@pytest.mark.parametrize("outcome", ["passed", "skipped", "expected failure"])
def test_what_is_only_added_is_green(outcome: str, green: Run, tmp_path: Any) -> None:
    made = green_results("2026-11-21T03:17:00Z")
    new = [f"tests/n.py::test_n[{text}]" for text in ("é|", "</testsuite>", "]] &amp;", "")]
    made["models/junit.xml"].update(dict.fromkeys(new, outcome))
    made["operators/junit.xml"] = {"tests/operators/t.py::test_it": "passed"}
    made["operators/step.json"] = made["docs/step.json"]
    del made["models/junit.xml"][f"{TABLES}::test_elsewhere"]  # it did not run before either
    found = judge(read_run(write(tmp_path, made)), green)
    assert found.verdict == "green" and not found.reasons
    ran = new if outcome != "skipped" else []
    assert found.new == sorted([*ran, "tests/operators/t.py::test_it"])
