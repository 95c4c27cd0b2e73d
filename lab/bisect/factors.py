"""Environments as mappings of factors to values, and how two of them differ."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from typing import Dict, Iterable, List, Mapping, Tuple

#: Factor -> value: a package's version, or a setting.
Environment = Mapping[str, str]

OPTIMISATIONS = ("all", "extended", "basic", "disabled")
HERE = "here"

#: Factors that are no package, what they are called, and their value where nobody states one.
SETTINGS: Dict[str, Tuple[str, str]] = {
    "optimisation": ("graph optimisation", "all"),
    "threads": ("threads", "all"),
    "revision": ("converter revision", HERE),
    "python": ("Python", HERE),
}

#: Packages that decide what a converter writes: they make the graph, its file and its weights.
CONVERTING = ("ml-dtypes", "numpy", "onnx", "onnx-ir", "protobuf", "safetensors")
#: Target -> the package that runs it, and the settings that reach it.
RUNNING: Dict[str, Tuple[str, Tuple[str, ...]]] = {
    "onnx": ("onnxruntime", ("optimisation", "threads", "revision", "python")),
    "pytorch": ("torch", ("threads", "revision", "python")),
}
PACKAGES = (*CONVERTING, *(package for package, _ in RUNNING.values()))


def normal(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(packages: Iterable[str]) -> Dict[str, str]:
    """The versions in this interpreter; what it lacks is left out."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def completed(stated: Environment, also: Iterable[str] = ()) -> Dict[str, str]:
    """What a lock file leaves open is as it is here."""
    defaults = {factor: default for factor, (_, default) in SETTINGS.items()}
    return {**installed((*PACKAGES, *also)), **defaults, **stated}


def used(environment: Environment, target: str, also: Iterable[str] = ()) -> Dict[str, str]:
    """The part of it that has a say in the converted model."""
    runtime, settings = RUNNING[target]
    factors = (*CONVERTING, runtime, *map(normal, also), *settings)
    return {factor: environment[factor] for factor in factors if factor in environment}


def packages_of(environment: Environment) -> Dict[str, str]:
    """Without the settings."""
    return {factor: value for factor, value in environment.items() if factor not in SETTINGS}


def differences(good: Environment, bad: Environment) -> List[str]:
    """The factors that are not alike, packages first."""
    names = sorted({*good, *bad}, key=lambda name: (name in SETTINGS, name))
    return [name for name in names if good.get(name) != bad.get(name)]


def swapped(good: Environment, bad: Environment, factors: Iterable[str]) -> Dict[str, str]:
    """The good environment with these factors of the bad one."""
    chosen = set(factors)
    names = {*good, *bad}
    mixed = {name: (bad if name in chosen else good).get(name) for name in sorted(names)}
    return {name: value for name, value in mixed.items() if value is not None}


def change(factor: str, good: Environment, bad: Environment) -> str:
    """`onnxruntime 1.31.1 -> 1.24.0`."""
    name = SETTINGS[factor][0] if factor in SETTINGS else factor
    return f"{name} {_value(good.get(factor))} -> {_value(bad.get(factor))}"


def _value(value: str | None) -> str:
    """A commit is told by its first digits."""
    if value is None:
        return "none"
    return re.sub(r"^git:([0-9a-f]{10})[0-9a-f]*$", r"\1", value)
