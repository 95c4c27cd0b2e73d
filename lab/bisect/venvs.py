"""Virtual environments for an environment's packages, built once and kept in the cache.

They hold what a converted model needs, and nothing else. One that could not be built whole is not
kept: it is built beside the others and gets its name when it is done.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, List, Mapping, Optional, Sequence

from converters.progress import report
from fixtures.downloads import cache_dir

from .factors import HERE, installed, packages_of
from .sources import last_line

#: Runs a command; raises NotBuilt with its last line where it fails.
Runner = Callable[[Sequence[str]], str]

SHOWN = """
import json, sys
from importlib.metadata import version
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


class NotBuilt(Exception):
    """These packages cannot be installed together, or not in this Python."""


def python_of(environment: Mapping[str, str], run: Optional[Runner] = None) -> str:
    """The interpreter that has exactly these versions: this one, or that of a virtual environment.

    Raises:
        NotBuilt: there can be none.
    """
    wanted, base = packages_of(environment), environment.get("python", HERE)
    if base == HERE and same(wanted, installed(wanted)):
        return sys.executable
    python = sys.executable if base == HERE else base
    return str(interpreter(_built(python, wanted, run or execute)))


def same(wanted: Mapping[str, str], found: Mapping[str, str]) -> bool:
    """Does `==` hold for each? A version without a local part (+cpu) does not ask for one."""
    return all(
        found.get(name, "").partition("+" if "+" not in version else "\0")[0] == version
        for name, version in wanted.items()
    )


def interpreter(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def execute(command: Sequence[str]) -> str:
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    except OSError as error:
        raise NotBuilt(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        raise NotBuilt(last_line(done.stderr) or last_line(done.stdout) or "failed in silence")
    return done.stdout


def _built(python: str, wanted: Mapping[str, str], run: Runner) -> Path:
    pins = [f"{name}=={version}" for name, version in sorted(wanted.items())]
    which = run([python, "-c", "import sys; print(sys.version, sys.executable)"])
    key = hashlib.sha256(json.dumps([which, pins]).encode()).hexdigest()[:20]
    shelf = cache_dir() / "environments"
    folder = shelf / key
    if folder.is_dir():
        return folder
    shelf.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=shelf))
    try:
        report(f"installing {', '.join(pins)}")
        run([python, "-m", "venv", str(building)])
        _install(building, pins, wanted, run)
        try:
            building.rename(folder)  # what runs from it are modules, which do not mind
        except OSError:  # somebody else was faster
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def _install(folder: Path, pins: List[str], wanted: Mapping[str, str], run: Runner) -> None:
    """Wheels only: compiling an old NumPy for a new Python takes an hour, and fails."""
    python = str(interpreter(folder))
    options = ["--no-input", "--disable-pip-version-check", "--only-binary=:all:", "--quiet"]
    run([python, "-m", "pip", "install", *options, *pins])
    found = json.loads(run([python, "-c", SHOWN, *wanted]))
    if not same(wanted, found):
        raise NotBuilt(f"pip installed {found} for {dict(wanted)}")
