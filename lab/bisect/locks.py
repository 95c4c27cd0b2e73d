"""Environments as files state them: a lock file of pip's, or the record of a gate or a proof.

    # mxproof: optimisation=basic threads=1
    numpy==1.23.5
    onnxruntime==1.31.1

Whatever else a lock file holds is passed over, for nothing of it is given to pip but names and
versions. A requirement that is not pinned, of a package that matters, is refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Container, Dict, Iterator, Mapping, Tuple

from mxproof.subject import UsageError

from .factors import OPTIMISATIONS, PACKAGES, SETTINGS, normal

NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
VERSION = r"[0-9][0-9A-Za-z.!+_-]*"
REQUIREMENT = re.compile(rf"({NAME})\s*(?:\[[^\]]*\])?\s*(.*)")
PIN = re.compile(rf"===?\s*({VERSION})\s*(?:;.*|--hash=.*)?")
HEADER = re.compile(r"#\s*mxproof:\s*(.*)")
COMMIT = re.compile(
    r"(?:-e\s+git\+\S+@(?P<editable>[0-9a-f]{7,64})#egg=mxproof\b.*"
    r"|mxproof\s*@\s*git\+\S+@(?P<copied>[0-9a-f]{7,64}))"
)
LARGEST = 1 << 24  # bytes; a lock file has thousands


@dataclass
class Stated:
    """What a file says.

    Attributes:
        factors: packages and settings.
        remarks: what else a record knows of the machine, and no bisection can swap.
    """

    path: str
    factors: Dict[str, str] = field(default_factory=dict)
    remarks: Dict[str, str] = field(default_factory=dict)

    def pin(self, name: str, value: str) -> None:
        """
        Raises:
            UsageError: another version was stated before.
        """
        if self.factors.setdefault(name, value) != value:
            raise UsageError(
                f"{self.path}: {name} is pinned to {self.factors[name]} and to {value}. "
                "Keep the line that holds for this Python."
            )

    def set(self, name: str, value: str) -> None:
        self.factors[name] = setting(self.path, name, value)


def load(path: Path, also: Container[str] = ()) -> Stated:
    """A lock file, or a JSON record with the key "environment" or "versions".

    Args:
        also: further packages that matter.

    Raises:
        UsageError: it is neither, or leaves open what matters.
    """
    with open(path, "rb") as file:
        content = file.read(LARGEST + 1)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or len(content) > LARGEST:
        raise UsageError(f"{path}: no lock file and no record. Write one by `pip freeze > {path}`.")
    stated = Stated(str(path))
    if text.lstrip().startswith("{"):
        _record(stated, text)
    else:
        _lock(stated, text, also)
    if not stated.factors:
        raise UsageError(
            f"{path}: states no version: neither lines such as onnxruntime==1.31.1 nor a record "
            f'with "environment" or "versions". Write one by `pip freeze > {path}`.'
        )
    return stated


def setting(where: str, name: str, value: str) -> str:
    """The value, if such a setting can have it.

    Raises:
        UsageError: not.
    """
    if name not in SETTINGS:
        raise UsageError(f"{where}: no setting {name!r}; there are: {', '.join(SETTINGS)}.")
    whole = value.isascii() and value.isdecimal() and int(value[:9]) > 0 and len(value) < 5
    if name == "threads" and value != "all" and not whole:
        raise UsageError(f"{where}: threads={value}: supported: all, or a number from 1 to 9999.")
    if name == "optimisation" and value not in OPTIMISATIONS:
        supported = ", ".join(OPTIMISATIONS)
        raise UsageError(f"{where}: optimisation={value}: supported: {supported}.")
    if not value:
        raise UsageError(f"{where}: {name}=: a value is missing.")
    return value


def _lock(stated: Stated, text: str, also: Container[str]) -> None:
    for line in _lines(text):
        header, commit = HEADER.fullmatch(line), COMMIT.fullmatch(line)
        if header:
            for name, value in _pairs(stated.path, header[1]):
                stated.set(name, value)
        elif commit:  # as `pip freeze` writes a checkout
            stated.factors.setdefault("revision", commit["editable"] or commit["copied"])
        else:
            _requirement(stated, line, also)


def _lines(text: str) -> Iterator[str]:
    """Joined where they end in a backslash, without comments but the header."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        bare = line.strip()
        if not HEADER.fullmatch(bare):
            bare = re.sub(r"(^|\s+)#.*$", "", bare).strip() if "#egg=" not in bare else bare
        if bare:
            yield bare


def _pairs(path: str, text: str) -> Iterator[Tuple[str, str]]:
    for part in text.split():
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"{path}: # mxproof: {part}: write NAME=VALUE, e.g. threads=1.")
        yield name, value


def _requirement(stated: Stated, line: str, also: Container[str]) -> None:
    found = REQUIREMENT.fullmatch(line)
    if not found:  # an option of pip's
        return
    name, rest = normal(found[1]), found[2]
    pin = PIN.fullmatch(rest)
    if pin:
        stated.pin(name, pin[1])
    elif name in PACKAGES or name in also:
        raise UsageError(
            f"{stated.path}: {line}: is not pinned. Write {name}==VERSION, as `pip freeze` does."
        )


def _record(stated: Stated, text: str) -> None:
    try:
        record: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{stated.path}: is not JSON: {error}.") from None
    for key in ("versions", "environment"):
        part = record.get(key)
        inner = part.get("versions") if isinstance(part, dict) else None
        for mapping in (part, inner):
            if isinstance(mapping, dict):
                _take(stated, mapping)


def _take(stated: Stated, mapping: Mapping[str, Any]) -> None:
    """Texts and numbers: versions and settings are factors, the rest are remarks."""
    for key, value in mapping.items():
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            continue
        if key in SETTINGS and key != "python":
            stated.set(key, str(value))
        elif normal(key) in (*PACKAGES, "mxproof"):
            if not re.fullmatch(VERSION, str(value)):
                raise UsageError(f"{stated.path}: {key} {value!r}: is no version.")
            stated.pin(normal(key), str(value))
        else:
            stated.remarks[key] = str(value)
