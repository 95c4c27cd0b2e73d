"""The runs so far: a line of JSON for each, and the records of the last green one.

The line commits a run. The records of a green run wait in `green.next` until it is written; whoever
opens the history next finishes or undoes what a run that was killed had begun.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Optional, Set

from filelock import FileLock, Timeout

from converters.files import atomic_write
from mxproof.errors import UsageError
from mxproof.reports.record import Json

from .judge import INCONCLUSIVE, Judgement, Run
from .readers import BESIDE, BROKEN, STEP, STEPS, VERSIONS, read_run

SCHEMA = 2
FILE, GREEN, NEXT, MARK = "history.jsonl", "green", "green.next", "entry.json"
#: What is kept of a green run: the records that the judge compares, and the versions.
KEPT = {STEP, VERSIONS, *BESIDE, *(record for record, _ in STEPS.values())}
#: What an entry holds beside its schema.
FORM = {
    **dict.fromkeys(("verdict", "date", "commit", "accepted"), str),
    **dict.fromkeys(("reasons", "inconclusive"), list),
    **dict.fromkeys(("versions", "counts", "numbers"), dict),
}
#: Of the reasons for a red run, this many are kept, and this many characters of each.
REASONS, LONGEST = 100, 300


def entry_of(run: Run, found: Judgement, accept: str) -> Json:
    """A run as a line of the history. Keys may be added, never renamed.

    `counts` is step -> outcome -> how many cases, `numbers` case -> [value, low, high].
    """
    cases = list(run.cases())
    return {
        "schema": SCHEMA,
        "date": run.date,
        "commit": run.commit,
        "verdict": found.verdict,
        "reasons": [str(reason)[:LONGEST] for reason in found.reasons[:REASONS]],
        "accepted": accept if found.accepted else "",
        "versions": run.versions,
        "counts": {n: Counter(c.outcome for c in s.values()) for n, s in run.steps.items()},
        "numbers": {n: [c.value, c.low, c.high] for n, c in cases if c.value is not None},
        "inconclusive": [name for name, case in cases if case.outcome == INCONCLUSIVE],
    }


class History:
    """The runs in a folder; `opened` gives it to one process at a time.

    Attributes:
        entries: oldest first.
        problems: what cannot be read. Such lines are kept as they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / FILE
        self.entries: List[Json] = []
        self.problems: List[str] = []
        self._text = self.path.read_bytes() if self.path.exists() else b""
        self._settle()
        for place, line in enumerate(self._text.splitlines(), 1):
            try:
                entry: Json = json.loads(line.decode())
                if entry["schema"] != SCHEMA or entry["verdict"] not in ("green", "red"):
                    raise ValueError(f"schema {entry['schema']!r}, verdict {entry['verdict']!r}")
                for key in (key for key, form in FORM.items() if not isinstance(entry[key], form)):
                    raise TypeError(f"{key} is {entry[key]!r}")
                for value, _low, _high in entry["numbers"].values():
                    float(value)
                self.entries.append(entry)
            except BROKEN as error:
                self.problems.append(f"{FILE}:{place}: {type(error).__name__}: {error}")

    @property
    def green(self) -> Optional[Json]:
        return next((e for e in reversed(self.entries) if e["verdict"] == "green"), None)

    def green_run(self) -> Optional[Run]:
        """The records of the last green run; None before there is one."""
        return read_run(self.folder / GREEN) if (self.folder / GREEN).exists() else None

    def add(self, entry: Json, results: Path) -> None:
        """Append a run, and keep the records of a green one: both or nothing."""
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        if entry["verdict"] == "green":
            shutil.copytree(results, self.folder / NEXT, ignore=_others)
            (self.folder / NEXT / MARK).write_bytes(line)
        text = self._text if self._text.endswith(b"\n") or not self._text else self._text + b"\n"
        with atomic_write(self.path) as file:
            file.write(text + line)
        self._text = text + line
        self._settle()

    def _settle(self) -> None:
        """Make the waiting records the standard if their run is in the history; else drop them."""
        waiting, mark = self.folder / NEXT, self.folder / NEXT / MARK
        if mark.exists() and [mark.read_bytes()] == self._text.splitlines(keepends=True)[-1:]:
            shutil.rmtree(self.folder / GREEN, ignore_errors=True)
            waiting.rename(self.folder / GREEN)
        elif waiting.exists():
            shutil.rmtree(waiting)


def _others(folder: str, names: List[str]) -> Set[str]:
    """All but records and the folders that hold them."""
    return {n for n in names if n not in KEPT and not Path(folder, n, STEP).exists()}


@contextmanager
def opened(folder: Path) -> Iterator[History]:
    """The history in this folder.

    Raises:
        UsageError: another process has it open, or there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"--history {folder}: there is no such folder. Make it first.")
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield History(folder)
    except Timeout:
        raise UsageError(f"--history {folder}: another judge has it open. Wait for it.") from None
