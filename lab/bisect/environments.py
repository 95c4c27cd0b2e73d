"""Environments: the package versions and settings that a model is converted and run with.

They are read from pip's lock files, in which a comment may state the settings:

    # mxproof: optimisation=basic threads=1
    numpy==1.23.5
    onnxruntime==1.31.1

Nothing but names, versions and settings is taken from a file.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Dict, Iterable, Iterator, Mapping, Tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from mxproof.errors import UsageError

#: Factor -> value: the version of a package, or a setting.
Environment = Mapping[str, str]

#: Setting -> its title, its default, and a pattern for its values.
SETTINGS = {
    "optimisation": ("graph optimisation", "all", "all|extended|basic|disabled"),
    "threads": ("threads", "all", "all|[1-9][0-9]{0,3}"),
    "revision": ("converter revision", "here", ".+"),
}
#: Packages that affect what a converter writes.
WRITING = ("ml-dtypes", "numpy", "onnx", "onnx-ir", "protobuf", "safetensors")
#: Target -> the factors that can affect it, packages first.
FACTORS = {
    "onnx": (*WRITING, "onnxruntime", "optimisation", "threads", "revision"),
    "pytorch": (*WRITING, "torch", "threads", "revision"),
}
PACKAGES = (*WRITING, "onnxruntime", "torch")


def load(path: Path) -> Dict[str, str]:
    """Read a pip lock file, or the JSON that `mxproof verify` and `mxproof bench` write.

    Raises:
        UsageError: the file is neither of these, or leaves open a version that matters.
    """
    found: Dict[str, str] = {}
    line = ""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if text.lstrip().startswith("{"):
            record = json.loads(text)
            versions = record.get("versions") or record.get("environment", {}).get("versions") or {}
            text = "\n".join(f"{name}=={number}" for name, number in versions.items())
        for line in re.sub(r"\\\r?\n", " ", text).splitlines():
            for name, value in _factors(line.strip()):
                if found.setdefault(name, value) != value:
                    raise ValueError(f"{name} is also {found[name]}; keep one of the two lines")
        if not found:
            raise ValueError("states no version")
    except (AttributeError, RecursionError, ValueError) as error:
        raise UsageError(f"{path}: {line} {error}. `pip freeze` writes such files.") from None
    return found


def _factors(line: str) -> Iterator[Tuple[str, str]]:
    """The factors that a line states.

    Raises:
        ValueError: it states no requirement, or no version where one matters.
    """
    header = re.match(r"#\s*mxproof:(.*)", line)
    for word in header[1].split() if header else ():
        name, _, value = word.partition("=")
        yield name, checked(name, value)
    line = re.sub(r"(^|\s+)#.*|\s--hash=.*", "", line)
    line = re.sub(r"^-e\s+(\S+)#egg=([\w.-]+).*", r"\2 @ \1", line)  # a checkout in `pip freeze`
    if not line or line.startswith("-"):  # an option for pip
        return
    requirement = Requirement(line)
    if requirement.marker and not requirement.marker.evaluate():
        return
    name = canonicalize_name(requirement.name)
    commit = re.search("@([0-9a-f]{7,64})$", requirement.url or "")
    pin = re.fullmatch(r"===?([^*,]+)", str(requirement.specifier))
    if name == "mxproof" and commit:
        yield "revision", commit[1]
    elif pin:
        yield name, str(Version(pin[1]))
    elif name in PACKAGES:
        raise ValueError(f"is not pinned; write {name}==VERSION")


def checked(name: str, value: str) -> str:
    """Return the value of a setting.

    Raises:
        ValueError: there is no such setting, or it cannot have this value.
    """
    if name not in SETTINGS:
        raise ValueError(f"no setting {name!r}; the settings are {', '.join(SETTINGS)}")
    if not re.fullmatch(SETTINGS[name][2], value):
        raise ValueError(f"{name}={value} is not supported; use {SETTINGS[name][2]}")
    return value


def complete(stated: Environment) -> Dict[str, str]:
    """Fill in what was not stated: the versions installed here, and the settings' defaults."""
    return {**installed(PACKAGES), **{name: row[1] for name, row in SETTINGS.items()}, **stated}


def installed(packages: Iterable[str]) -> Dict[str, str]:
    """The versions in this interpreter, without the packages that are missing."""
    found = {}
    for name in packages:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def relevant(target: str, environment: Environment) -> Dict[str, str]:
    """The factors that can affect a model converted to this target.

    Raises:
        UsageError: the version of one is not known.
    """
    missing = [factor for factor in FACTORS[target] if factor not in environment]
    if missing:
        raise UsageError(
            f"{', '.join(missing)}: not installed here and not stated for both environments. "
            "State the versions in both files."
        )
    return {factor: environment[factor] for factor in FACTORS[target]}


def changes(good: Environment, bad: Environment) -> Dict[str, str]:
    """Factor -> its change, e.g. "onnxruntime 1.31.1 -> 1.24.0"; commits are cut to ten digits."""
    found = {}
    for name in (name for name in good if name in bad and good[name] != bad[name]):
        old, new = (re.sub("^([0-9a-f]{10})[0-9a-f]{30}$", r"\1", e[name]) for e in (good, bad))
        found[name] = f"{SETTINGS[name][0] if name in SETTINGS else name} {old} -> {new}"
    return found
