"""The nights before: whole or as they were, whatever is in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import List

import pytest

from lab.nightly.history import History, entry_of, load, opened
from lab.nightly.summary import summary
from mxproof.subject import UsageError

from .nights import ONE, House, in_file, removed


def test_lines_that_are_no_nights_are_reported_and_kept(house: House) -> None:
    good = house.history.read_text()
    entry = json.loads(good)
    bad = [
        "{",
        "[1]",
        json.dumps({**entry, "schema": 2}),
        json.dumps({**entry, "numbers": {"a": {"float64_rel": "x"}}}),
        json.dumps({**entry, "verdict": "blue"}),
        "[" * 100_000,
    ]
    house.history.write_text("\n".join([bad[0], good.strip(), "", *bad[1:]]) + "\n")
    found = house.night()
    assert not found.reasons
    lines = [f"history.jsonl:{n}: " for n in (1, 4, 5, 6, 7, 8)]
    assert [said[: len(line)] for said, line in zip(found.reported, lines)] == lines
    assert "see schema" in found.reported[2] and "see numbers" in found.reported[3]
    kept = house.history.read_text().splitlines()
    assert [line for line in kept if line in bad] == bad
    assert "### To look at (not red)\n\n- history.jsonl:1: is not JSON" in summary(found)


def test_only_the_last_green_night_has_the_ids(house: House) -> None:
    def ids() -> List[bool]:
        return ["ran" in json.loads(line) for line in house.history.read_text().splitlines()]

    house.night()
    assert ids() == [False, True]
    house.night(removed(ONE))
    assert ids() == [False, True, False]
    house.night()
    assert ids() == [False, False, False, True]
    assert [n["verdict"] for n in load(house.history).nights] == ["green", "green", "red", "green"]


def test_one_at_a_time(house: House) -> None:
    before = house.history.read_bytes()
    with opened(house.history), pytest.raises(UsageError, match="another run writes it"):
        house.night()
    assert house.history.read_bytes() == before
    assert not house.night().reasons, "the lock is gone"


def test_a_history_is_whole_or_as_it_was(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    before = house.history.read_bytes()
    there = sorted(house.folder.iterdir())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        house.night()
    monkeypatch.undo()
    assert house.history.read_bytes() == before
    assert sorted(house.folder.iterdir()) == sorted([*there, house.folder / "night2"])


def test_a_history_is_a_file_or_a_folder(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        assert history == History(tmp_path / "history.jsonl", (), (), ())
    with pytest.raises(UsageError, match=r"there is no such folder\. Make it first"):
        opened(tmp_path / "no" / "history.jsonl").__enter__()


def test_a_line_says_what_is_wrong_with_it(house: House) -> None:
    entry = json.loads(house.history.read_text())
    del entry["suites"], entry["date"]
    with pytest.raises(ValueError, match="see date, suites"):
        entry_of(json.dumps(entry))


def test_without_ids_suites_are_counted(house: House) -> None:
    entry = json.loads(house.history.read_text())
    del entry["ran"]
    house.history.write_text(json.dumps(entry))
    dropped = in_file("faults", "faults.json", lambda f: f["faults"].pop(1))
    found = house.night(dropped)
    assert [(r.kind, r.about, r.said) for r in found.reasons] == [
        ("ran fewer cases", "faults", "4, and 5 then")
    ]
