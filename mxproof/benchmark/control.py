"""What a candidate is compared with: the runtimes of another Python, or MXNet."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Protocol, Sequence

from converters.shape import show

from ..runtimes.base import RuntimeFailure
from .lineup import Lineup, target_of
from .timing import Side

#: What a Python says that has no mxproof of its own.
NONE = 3


class Control(Protocol):
    """
    Attributes:
        name: in words, for a record.
    """

    @property
    def name(self) -> str: ...

    def side(self, lineup: Lineup, runtime: str) -> Side: ...


@dataclass(frozen=True)
class MxnetItself:
    """MXNet, as its users ran it."""

    python: Optional[str] = None
    name: str = "mxnet"

    def side(self, lineup: Lineup, runtime: str) -> Side:
        return lineup.side("mxnet", python=self.python)


@dataclass(frozen=True)
class OtherPython:
    """The same runtime in another Python; with the files that its mxproof makes, if it has one.

    Attributes:
        options: of `mxproof convert`, beside epoch and inputs: how the checkpoints are read here.
    """

    python: str
    options: Sequence[str] = ()

    @property
    def name(self) -> str:
        return "python"

    def side(self, lineup: Lineup, runtime: str) -> Side:
        """
        Raises:
            RuntimeFailure: its mxproof cannot convert the model.
        """
        target = target_of(runtime)
        path = self._converted(lineup, target) or lineup.paths[target]
        return Side(runtime, path, python=self.python)

    def _converted(self, lineup: Lineup, target: str) -> Optional[Path]:
        """None if that Python has no mxproof."""
        subject = lineup.subject
        ours = lineup.paths[target]
        path = ours.parent / "control" / f"{subject.prefix.name}{ours.suffix}"
        if path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        command = ["convert", str(subject.prefix.resolve()), "--epoch", str(subject.epoch)]
        for variable in subject.graph.inputs:
            if variable.shape is not None:
                command += ["--input", f"{variable.name}={show(variable.shape)}"]
        options = [*self.options, "--to", target, "-o", str(path.parent), "--no-verify", "--quiet"]
        found = self._run([*command, *options])
        if found.returncode == NONE:
            return None
        if found.returncode:
            raise RuntimeFailure(
                f"{self.python}: its mxproof does not convert {subject.name}: "
                f"{found.stderr.strip()[-300:]} Give an environment without mxproof to compare "
                "runtimes alone."
            )
        return path

    def _run(self, arguments: List[str]) -> subprocess.CompletedProcess[str]:
        """-I: what that Python has installed, and nothing of where this one runs."""
        script = (
            "import importlib.util, runpy, sys\n"
            f"if importlib.util.find_spec('mxproof') is None: sys.exit({NONE})\n"
            "sys.argv[0] = 'mxproof'\n"
            "runpy.run_module('mxproof', run_name='__main__')\n"
        )
        try:
            return subprocess.run(
                [self.python, "-I", "-c", script, *arguments],
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise RuntimeFailure(
                f"{self.python}: cannot be started: {error.strerror}. Name the Python of the last "
                "green night: --control-python PATH."
            ) from error


def control_of(
    python: Optional[str], mxnet_python: Optional[str], options: Sequence[str]
) -> Control:
    """The other Python, if there is one, or MXNet."""
    return OtherPython(python, options) if python else MxnetItself(mxnet_python or sys.executable)
