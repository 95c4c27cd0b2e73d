"""Each way in which a night can be red, planted alone: red with it, green without."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

from lab.nightly.results import read_night
from lab.nightly.summary import summary
from mxproof.subject import UsageError

from .nights import (
    BROWSER,
    GATE,
    IN_A_BROWSER,
    LAYERS,
    ONE,
    House,
    a_test,
    case_of,
    ended,
    in_file,
    removed,
    replaced,
    results_of,
    slow,
)

PLANTED: Dict[str, Tuple[str, str, Any]] = {
    "a failed proof": ("failed", ONE, replaced(ONE, "failed", "it differs")),
    "a failed model of the zoo": (
        *("failed", case_of("vgg11")),
        replaced(case_of("vgg11"), "failed", step="zoo-1-of-2"),
    ),
    "a fault that nobody noticed": (
        *("failed", "faults::pad[small-onnx-2]"),
        in_file("faults", "faults.json", lambda f: f["faults"][1].update(killed=False)),
    ),
    "a false alarm": (
        *("failed", "faults::idle[small-onnx-1]"),
        in_file("faults", "faults.json", lambda f: f["faults"][2].update(killed=True)),
    ),
    "a false alarm without a fault": (
        *("failed", "faults::no fault[small-onnx]"),
        in_file("faults", "faults.json", lambda f: f["clean"][0].update(killed=True)),
    ),
    "faults caught and not named": (
        *("failed", "faults::named at their layer"),
        in_file("faults", "faults.json", lambda f: f["faults"][0].update(localised=False)),
    ),
    "a slowdown": ("slower", f"gate::{GATE}", slow(GATE, "fail", 1.11)),
    "an unexpected pass": (
        *("unexpected pass", f"{BROWSER}::test_known_to_fail"),
        replaced(f"{BROWSER}::test_known_to_fail", "xpassed"),
    ),
    "a suite that ran less": (
        *("ran fewer cases", BROWSER),
        replaced(IN_A_BROWSER, "skipped", "needs Chromium"),
    ),
    "a case that vanished": ("vanished", ONE, removed(ONE)),
    "a model of the zoo that vanished": (
        *("vanished", case_of("darknet53")),
        removed(case_of("darknet53"), "zoo-2-of-2"),
    ),
    "a fault that vanished": (
        *("vanished", "faults::pad[small-onnx-2]"),
        in_file("faults", "faults.json", lambda f: f["faults"].pop(1)),
    ),
    "a benchmark that vanished": (
        *("vanished", "gate::small-pytorch"),
        in_file("latency", "gate.json", lambda g: g["benchmarks"].pop()),
    ),
    "a step that ended badly": (
        *("trouble", "step models: ended with exit code 3; no case says why"),
        ended("models", 3),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_each_is_red_alone(name: str, house: House) -> None:
    kind, about, change = PLANTED[name]
    found = house.night(change)
    assert [(r.kind, r.about) for r in found.reasons] == [(kind, about)]
    assert found.entry["verdict"] == "red" and kind in found.entry["reasons"][0]
    first, _, third = summary(found).splitlines()[:3]
    assert first.startswith("## ✗ mxproof, night of 2026") and first.endswith("red")
    assert third.startswith(f"Red: {kind} (1).")
    assert not house.night().reasons, "green again without it"


@pytest.mark.parametrize("step", ["models", "faults", "latency", "zoo-1-of-2", "zoo-2-of-2"])
def test_a_step_without_results_is_red(step: str, house: House) -> None:
    found = house.night(lambda made: made.pop(step))
    said = [r.about for r in found.reasons if r.kind == "trouble"]
    name, part = step[:3] + step[3:].partition("-")[0], step[4:].replace("-of-", "/")
    assert said == [
        f"step zoo: no results of part {part}"
        if name == "zoo"
        else f"step {step} left nothing: it did not run, or ended at once"
    ]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("report.json", "{", "models/report.json: cannot be read: "),
        ("report.json", "[]", "models/report.json: is not of the form that this version reads: "),
        ("report.json", {"tests": [{}]}, "models/report.json: is not of the form"),
        ("step.json", {"step": "moon", "exit": 0}, "models/step.json: does not say which step"),
        ("step.json", '"models"', "models/step.json: does not say which step"),
    ],
)
def test_what_cannot_be_read_is_red(file: str, content: Any, said: str, house: House) -> None:
    found = house.night(lambda made: made["models"].update({file: content}))
    troubles = [r.about for r in found.reasons if r.kind == "trouble"]
    assert any(trouble.startswith(said) for trouble in troubles), troubles


def test_a_part_is_enough_where_nobody_demands_the_whole(tmp_path: Path) -> None:
    found = House(tmp_path).night(
        lambda made: made.pop("zoo-1-of-2"), steps=["models"], listed=False
    )
    assert not found.reasons


def test_a_step_that_left_no_record_is_red(house: House) -> None:
    found = house.night(lambda made: made["latency"].pop("gate.json"))
    assert "step latency: left no gate.json" in [r.about for r in found.reasons]


def test_steps_of_different_commits_are_red(house: House) -> None:
    found = house.night(lambda made: made["zoo-2-of-2"]["step.json"].update(commit="def"))
    assert [r.about for r in found.reasons] == ["step zoo 2/2: is of commit def, others of abc"]


def test_what_is_left_over_is_red(house: House) -> None:
    """Results of yesterday, of a step that did not run tonight."""
    stale = {"began": "2026-11-01T03:17:00Z"}
    found = house.night(lambda made: made["zoo-1-of-2"]["step.json"].update(stale))
    assert [r.about for r in found.reasons] == [
        "step zoo 1/2: is left over: it began 2026-11-01T03:17:00Z"
    ]
    found = house.night(lambda made: made["faults"]["step.json"].update(began="yesterday"))
    assert found.reasons[0].about.startswith("step faults: does not say when it began")


def test_a_night_of_nothing_is_red(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.list.write_text("")
    found = house.night(
        lambda made: [made.pop(name) for name in list(made) if name != "models"],
        lambda made: results_of(made).clear(),
        steps=["models"],
    )
    assert [r.about for r in found.reasons] == ["not one case ran"]
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "none"):
        with pytest.raises(UsageError, match="Name the (one|folder) that .ci/nightly wrote"):
            read_night(tmp_path / folder, [])


def test_an_expected_case_that_never_ran_is_red(tmp_path: Path) -> None:
    """Also in the first night of a history."""
    house = House(tmp_path)
    found = house.night(removed(ONE))
    assert [(r.kind, r.about, r.said) for r in found.reasons] == [("vanished", ONE, "is expected")]
    assert not house.night(removed(ONE), listed=False).reasons


def test_a_case_taken_off_the_list_may_go(house: House) -> None:
    lines = house.list.read_text().splitlines(keepends=True)
    house.list.write_text("".join(line for line in lines if line != "  small-onnx\n"))
    found = house.night(removed(ONE))
    assert not found.reasons and found.removed == [ONE]
    assert "### Cases taken off the list\n\n- tests/models/test\\_layers.py" in summary(found)


def test_a_case_that_was_never_listed_vanishes_too(house: House) -> None:
    """What was added last night and is gone tonight."""
    new = f"{LAYERS}::test_new"
    found = house.night(lambda made: results_of(made).append(a_test(new)))
    assert not found.reasons and found.new == [new] and found.unlisted == [new]
    found = house.night()
    assert [(r.kind, r.about) for r in found.reasons] == [("vanished", new)]


def test_what_is_meant_is_said(house: House) -> None:
    popped = in_file("latency", "gate.json", lambda g: g["benchmarks"].pop())
    found = house.night(popped, removed(ONE), accept="the runtime is gone")
    assert not found.reasons and found.entry["accepted"] == "the runtime is gone"
    assert [(r.kind, r.about) for r in found.accepted] == [
        ("vanished", "gate::small-pytorch"),
        ("vanished", ONE),
    ]
    assert "**meant, not red (the runtime is gone): 2**" in summary(found)
    broken = house.night(popped, replaced(IN_A_BROWSER, "failed"), accept="no")
    assert [r.kind for r in broken.reasons] == ["failed"], "a failure is never meant"


def test_a_red_night_is_no_standard(house: House) -> None:
    """What vanished stays red until it is back, however many nights that takes."""
    for _ in range(3):
        assert [r.kind for r in house.night(removed(ONE)).reasons] == ["vanished"]
    assert not house.night().reasons


def test_a_known_exception_is_no_failure(house: House) -> None:
    found = house.night()
    assert found.entry["suites"][BROWSER] == {"xfailed": 1, "passed": 2}
