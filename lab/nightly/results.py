"""A folder of results -> what the night found.

`.ci/nightly` makes the folder: one inside it for each step, or each part of a step, with step.json,
which says what was run and how it ended, and the records that the step wrote.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from mxproof.report.record import Json
from mxproof.subject import UsageError

from .night import Night
from .outcomes import INCONCLUSIVE, RED
from .steps import calibration, faults, gate, matrix, pytest_run, zoo

STEP = "step.json"
TIME = "%Y-%m-%dT%H:%M:%SZ"
NIGHT = timedelta(hours=24)  # what began longer before the others is of another one
Reader = Callable[[Night, Json, Json], None]

#: Step -> the record it must leave, and who reads it.
STEPS: Dict[str, Tuple[str, Reader]] = {
    "models": ("report.json", pytest_run),
    "operators": ("report.json", pytest_run),
    "zoo": ("report.json", zoo),
    "faults": ("faults.json", faults),
    "latency": ("gate.json", gate),
    "calibration": ("calibration.json", calibration),
    "matrix": ("tox.json", matrix),
}


def read_night(folder: Path, wanted: List[str]) -> Night:
    """What is in the folder, and what of `wanted` is not.

    Args:
        wanted: steps that must be there.

    Raises:
        UsageError: there is no such folder, or no step in it.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: is no folder. Name the one that .ci/nightly wrote.")
    paths = sorted(folder.glob(f"*/{STEP}"))
    if not paths:
        raise UsageError(f"{folder}: has no */{STEP}. Name the folder that .ci/nightly wrote.")
    night = Night()
    parts: Dict[str, Set[str]] = {}
    begun: Dict[str, datetime] = {}
    for path in paths:
        step = _step(path, night)
        if step:
            begun[step["named"]] = step["began"]
            parts.setdefault(step["step"], set()).add(step["shard"] or "1/1")
    night.date = min(begun.values()).strftime(TIME) if begun else ""
    for named, began in begun.items():
        if max(begun.values()) - began > NIGHT:
            night.troubles.append(f"{named}: is left over: it began {began.strftime(TIME)}")
    for name in wanted:
        found = parts.get(name, set())
        if not found:
            night.troubles.append(f"step {name} left nothing: it did not run, or ended at once")
            continue
        count = max(int(part.split("/")[1]) for part in found)
        absent = [f"{k}/{count}" for k in range(1, count + 1) if f"{k}/{count}" not in found]
        if absent:
            night.troubles.append(f"step {name}: no results of part {', '.join(absent)}")
    return night


def _step(path: Path, night: Night) -> Optional[Json]:
    """One step, read into the night; None if nothing says which it was."""
    step = read_json(path, night)
    known = isinstance(step, dict) and step.get("step") in STEPS
    if not known or not isinstance(step.get("exit"), int):
        night.troubles.append(f"{_short(path)}: does not say which step it is, or how it ended")
        return None
    step = {"shard": "", "commit": "", **step}
    named = step["named"] = f"step {step['step']}" + (f" {step['shard']}" * bool(step["shard"]))
    try:
        step["began"] = datetime.strptime(str(step.get("began")), TIME)
    except ValueError as error:
        night.troubles.append(f"{named}: does not say when it began: {error}")
        return None
    night.commit = night.commit or str(step["commit"])
    if night.commit != step["commit"]:
        night.troubles.append(f"{named}: is of commit {step['commit']}, others of {night.commit}")
    name, read = STEPS[step["step"]]
    before = set(night.cases)
    step["folder"] = path.parent
    whole = _read_record(path.with_name(name), read, night, step, named)
    found = {night.cases[case] for case in set(night.cases) - before}
    if step["exit"] and whole and not found.intersection((*RED, INCONCLUSIVE)):
        night.troubles.append(f"{named}: ended with exit code {step['exit']}; no case says why")
    return step


def _read_record(path: Path, read: Reader, night: Night, step: Json, named: str) -> bool:
    if not path.is_file():
        night.troubles.append(f"{named}: left no {path.name}")
        return False
    record = read_json(path, night)
    if record is None:
        return False
    try:
        read(night, record, step)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        said = f"{type(error).__name__}: {error}"
        night.troubles.append(f"{_short(path)}: is not of the form that this version reads: {said}")
        return False
    return True


def read_json(path: Path, night: Night) -> Any:
    """What the file says; None, and a trouble, where it says nothing."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        night.troubles.append(f"{_short(path)}: cannot be read: {error}")
        return None


def _short(path: Path) -> str:
    return "/".join(path.parts[-2:])
