"""Each way in which a nightly run can be red, alone: red with it and named, green without."""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.nightly.judge import judge
from lab.nightly.readers import STEPS, read_run
from lab.nightly.records import Run

from .nightly_runs import TABLES, Made, green_results, junit, write

Draw = Callable[[st.SearchStrategy[Any]], Any]
Regression = Callable[[Made, Draw], Tuple[str, str]]


def one_case(outcome: str, kind: str = "") -> Regression:
    """A case of pytest's has this outcome; "" where it is not there."""

    def regress(made: Made, draw: Draw) -> Tuple[str, str]:
        path = draw(st.sampled_from([path for path in made if path.endswith(".xml")]))
        ran = [case for case, known in made[path].items() if known != "skipped"]
        case = draw(st.sampled_from(ran))
        if outcome:
            made[path][case] = outcome
        else:
            del made[path][case]
        made[path]["tests/new.py::test_new"] = "passed"  # at least one case runs
        code = 0 if kind else draw(st.sampled_from((0, 1)))
        made[f"{path.partition('/')[0]}/step.json"]["exit"] = code
        return kind or outcome, case

    return regress


def one_row(
    step: str, code: int, kind: str, about: str, change: Callable[[Any], Any]
) -> Regression:
    """A row of a record is changed, or vanishes; the step ends with this exit code."""

    def regress(made: Made, draw: Draw) -> Tuple[str, str]:
        change(made[f"{step}/{STEPS[step][0]}"])
        made[f"{step}/step.json"]["exit"] = code
        return kind, about

    return regress


def one_step(change: Callable[[Made, str, Draw], object], kind: str = "broken step") -> Regression:
    def regress(made: Made, draw: Draw) -> Tuple[str, str]:
        folder = draw(st.sampled_from(sorted({p.partition("/")[0] for p in made if "/" in p})))
        change(made, folder, draw)
        return kind, f"step {folder.partition('-')[0]}"

    return regress


def about_a_step(**change: Any) -> Regression:
    """Something else stands in its step.json."""
    return one_step(lambda made, folder, _: made[f"{folder}/step.json"].update(change))


def lose(made: Made, folder: str, draw: Any = None) -> None:
    for path in [path for path in made if path.startswith(folder)]:
        del made[path]


def break_record(made: Made, folder: str, draw: Draw) -> None:
    """A damaged record, and a whole one that would be read if entities were allowed."""
    record = f"{folder}/{STEPS[folder.partition('-')[0]][0]}"
    entities = '<!DOCTYPE x [<!ENTITY a "aa">]>'
    entities += junit(made[record]) if record.endswith(".xml") else ""
    made[record] = draw(st.sampled_from((entities, "", "{", "[1]", "<testsuite>", "[" * 10_000)))


def lose_part(made: Made, draw: Draw) -> Tuple[str, str]:
    lose(made, draw(st.sampled_from(("zoo-1-of-2", "zoo-2-of-2"))))
    return "broken step", "step zoo"


def run_nothing(made: Made, draw: Draw) -> Tuple[str, str]:
    made["docs/junit.xml"] = dict.fromkeys(made["docs/junit.xml"], "skipped")
    return "broken step", "step docs"


MUTANT, NONE = "mutation::stride dropped[small/onnx-1]", "mutation::none[small/onnx]"
NAMED, BENCHMARK = "mutation::named at the layer", "latency::small-onnxruntime"
ROW, FAILED_ROW = "py39-oldest", {"success": False, "exit_code": 1}
REGRESSIONS: Dict[str, Regression] = {
    "a failed test": one_case("failed"),
    "a vanished case": one_case("", "vanished"),
    "a case that is skipped now": one_case("skipped", "no longer runs"),
    "an unexpected pass": one_case("unexpected pass"),
    "an unused override": one_case("unused override"),
    "a slowdown": one_row(
        *("latency", 1, "slower", BENCHMARK),
        lambda record: record["decisions"][0].update(verdict="fail", ratio=1.2),
    ),
    "a vanished benchmark": one_row(
        "latency", 0, "vanished", BENCHMARK, lambda record: record["decisions"].pop(0)
    ),
    "a mutation that survived": one_row(
        "mutation", 1, "failed", MUTANT, lambda record: record["faults"][0].update(killed=False)
    ),
    "a false alarm about an equivalent": one_row(
        *("mutation", 1, "failed", MUTANT),
        lambda record: record["faults"][0].update(equivalent="0 = 0"),
    ),
    "a false alarm about nothing": one_row(
        "mutation", 1, "failed", NONE, lambda record: record["clean"][0].update(killed=True)
    ),
    "mutations that were not named": one_row(
        *("mutation", 1, "failed", NAMED),
        lambda record: [mutant.update(localised=False) for mutant in record["faults"][:2]],
    ),
    "a calibration that missed its bars": one_row(
        *("calibration", 1, "failed", "calibration::10 % slower"),
        lambda record: record["rates"][1].update(share_failed=0.94),
    ),
    "a failed row of the matrix": one_row(
        *("matrix", 255, "failed", f"matrix::{ROW}"),
        lambda record: record["testenvs"][ROW].update(result=FAILED_ROW),
    ),
    "an idle row of the matrix": one_row(
        *("matrix", 0, "no longer runs", f"matrix::{ROW}"),
        lambda record: record["testenvs"][ROW].update(test=[]),
    ),
    "a step that is missing": one_step(
        lambda made, folder, _: lose(made, folder.partition("-")[0]), "vanished"
    ),
    "a part of a step that is missing": lose_part,
    "a step that ran nothing": run_nothing,
    "a step that crashed": about_a_step(exit=2),
    "a step that was killed": one_step(lambda made, folder, _: made.pop(f"{folder}/step.json")),
    "a step of another commit": about_a_step(commit="def"),
    "a step that is left over": about_a_step(began="2026-11-18T03:00:00Z"),
    "a broken record": one_step(break_record),
}


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read_run(write(tmp_path_factory.mktemp("green"), green_results()))


@pytest.mark.parametrize("kind", REGRESSIONS)
@given(data=st.data())
def test_a_regression_is_red_and_named(
    kind: str, green: Run, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = green_results()
    expected = REGRESSIONS[kind](made, data.draw)
    found = judge(read_run(write(tmp_path_factory.mktemp("run"), made)), green)
    assert {(reason.kind, reason.about) for reason in found.reasons} == {expected}
    assert found.verdict == "red"


OUTCOMES = ("passed", "skipped", "expected failure")
NAMES = st.from_regex(
    r"tests/[a-z]{1,5}\.py::test_[a-z]{1,5}(\[[^\x00-\x1f\ud800-\udfff\ufffe\uffff:]{0,9}\])?",
    fullmatch=True,
)


@given(added=st.dictionaries(NAMES, st.sampled_from(OUTCOMES), max_size=5), drop=st.booleans())
def test_what_is_only_added_is_green(
    green: Run, added: Dict[str, str], drop: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = green_results("2026-11-21T03:17:00Z")
    made["models/junit.xml"].update(added)
    made["operators/junit.xml"] = {"tests/operators/t.py::test_it": "passed"}
    made["operators/step.json"] = made["docs/step.json"]
    if drop:  # it did not run in the green run either
        del made["models/junit.xml"][f"{TABLES}::test_elsewhere"]
    found = judge(read_run(write(tmp_path_factory.mktemp("run"), made)), green)
    assert found.verdict == "green" and not found.reasons
    ran = [name for name, outcome in added.items() if outcome != "skipped"]
    assert found.new == sorted([*ran, "tests/operators/t.py::test_it"])
