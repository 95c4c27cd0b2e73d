"""The nights before: a file of JSON lines, one a night.

What is written is the whole file, beside it first, so it is never half there; and while one reads,
judges and writes, no other does. The ids of all cases that ran are many: only the last green night
has them, being what the next one is compared with.
"""

from __future__ import annotations

import json
import math
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from converters.files import atomic_write
from mxproof.report.record import Json
from mxproof.subject import UsageError

SCHEMA = 1
GREEN, RED = "green", "red"
FILE = "history.jsonl"
#: Beside the history: what the last green night measured, and with which versions. The next night's
#: latencies are compared with it, and `python -m lab bisect --good` begins there.
VERSIONS = "versions.txt"
KEPT, KEPT_FILES = "green", ("gate.json", VERSIONS)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _number_or_none(value: Any) -> bool:
    return value is None or _number(value)


def _dict_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def _decision(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _text(value.get("verdict"))
        and all(_number_or_none(value.get(key)) for key in ("ratio", "low", "high"))
    )


#: Key -> what its value must be. Keys may be added, never renamed.
FORM: Dict[str, Callable[[Any], bool]] = {
    "schema": lambda value: bool(value == SCHEMA),
    "date": _text,
    "commit": _text,
    "verdict": lambda value: value in (GREEN, RED),
    "reasons": _texts,
    "weights": _text,
    "versions": _dict_of(_text),
    "system": _dict_of(_text),
    "suites": _dict_of(_dict_of(_number)),
    "numbers": _dict_of(_dict_of(_number_or_none)),
    "budgets": _dict_of(_number),
    "latencies": _dict_of(_decision),
}
OPTIONAL: Dict[str, Callable[[Any], bool]] = {"ran": _texts, "unlisted": _texts, "accepted": _text}


def entry_of(line: str) -> Json:
    """One night.

    Raises:
        ValueError: the line is none.
    """
    try:
        entry: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(entry, dict):
        raise ValueError("is no JSON object")
    wrong = [key for key, check in FORM.items() if not check(entry.get(key))]
    wrong += [key for key, check in OPTIONAL.items() if key in entry and not check(entry[key])]
    if wrong:
        raise ValueError(f"is no night of schema {SCHEMA}: see {', '.join(wrong)}")
    return entry


@dataclass(frozen=True)
class History:
    """As it was read.

    Attributes:
        nights: oldest first.
        problems: lines that are none, with their numbers; they are kept as they are.
    """

    path: Path
    lines: Tuple[str, ...]
    nights: Tuple[Json, ...]
    problems: Tuple[str, ...]

    @property
    def green(self) -> Optional[Json]:
        """The last night that was."""
        return next((night for night in reversed(self.nights) if night["verdict"] == GREEN), None)

    def append(self, entry: Json) -> None:
        """Write the file anew, with one more line."""
        lines = list(self.lines)
        if entry["verdict"] == GREEN:
            lines = [_without_ids(line) for line in lines]
        lines.append(json.dumps(entry, separators=(",", ":"), allow_nan=False))
        with atomic_write(self.path) as file:
            file.write("".join(f"{line}\n" for line in lines).encode())

    def keep(self, folder: Path) -> None:
        """Of a green night's latencies, for the next."""
        kept = self.path.parent / KEPT
        for name in KEPT_FILES:
            if (folder / name).is_file():
                kept.mkdir(exist_ok=True)
                with atomic_write(kept / name) as file:
                    file.write((folder / name).read_bytes())


def _without_ids(line: str) -> str:
    """A line of a night without what only the last green one has; any other line as it is."""
    try:
        entry = entry_of(line)
    except ValueError:
        return line
    kept = {k: v for k, v in entry.items() if k not in ("ran", "unlisted")}
    return json.dumps(kept, separators=(",", ":"))


def load(path: Path) -> History:
    """All nights; none where there is no such file yet."""
    try:
        text = path.read_bytes().decode(errors="backslashreplace") if path.is_file() else ""
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error}.") from None
    lines = tuple(line for line in text.split("\n") if line.strip())
    nights: List[Json] = []
    problems: List[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            nights.append(entry_of(line))
        except ValueError as error:
            problems.append(f"{path.name}:{number}: {error}")
    return History(path, lines, tuple(nights), tuple(problems))


@contextmanager
def opened(place: Path) -> Iterator[History]:
    """The history in this folder or file, for one at a time.

    Raises:
        UsageError: another has it, or there is no such folder.
    """
    path = place / FILE if place.is_dir() else place
    if not path.parent.is_dir():
        raise UsageError(f"--history {place}: there is no such folder. Make it first.")
    lock = path.with_name(f".{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        raise UsageError(
            f"--history {path}: another run writes it, or ended before it was done. Wait for it, "
            f"or delete {lock}."
        ) from None
    try:
        os.close(descriptor)
        yield load(path)
    finally:
        lock.unlink()
