"""The converters' source of a revision, as a folder. It runs in processes of its own only."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Dict, Optional

from converters import __version__
from mxproof.subject import UsageError

from .factors import HERE

GIT = "git:"
INSTALLED = "mxproof=="
PACKAGE = "converters"
ROOT = Path(__file__).parents[2]


def resolve(text: str, repository: Path) -> str:
    """What a user calls a revision -> `here`, a folder's path, `git:` and the commit, or
    `mxproof==` and a release.

    Raises:
        UsageError: there is no such thing.
    """
    if text in (HERE, f"{INSTALLED}{__version__}"):
        return HERE
    if text.startswith(INSTALLED):
        return text
    folder = Path(text)
    if text and (folder / PACKAGE / "__init__.py").is_file():
        return HERE if folder.resolve() == ROOT else str(folder.resolve())
    return f"{GIT}{_commit(text, repository)}"


def stated(factors: Dict[str, str], repository: Path) -> Dict[str, str]:
    """The same factors, with the revision resolved; a release that a file names is one."""
    rest = {name: value for name, value in factors.items() if name != "mxproof"}
    release = f"{INSTALLED}{factors['mxproof']}" if "mxproof" in factors else HERE
    return {**rest, "revision": resolve(factors.get("revision", release), repository)}


def unpack(value: str, repository: Path, folder: Path) -> Path:
    """The folder that holds `converters`, taken from git or from pip into `folder` if need be.

    Raises:
        UsageError: it cannot be had.
    """
    if value == HERE:
        return ROOT
    if value.startswith(GIT):
        _archive(value[len(GIT) :], repository, folder)
        return folder
    if value.startswith(INSTALLED):
        _install(value, folder)
        return folder
    return Path(value)


def _git(repository: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments], capture_output=True, check=False
        )
    except OSError as error:
        raise UsageError(f"git cannot be run: {error.strerror}. Name folders instead.") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise UsageError(f"git, in {repository}: {said}")
    return done.stdout


def _commit(text: str, repository: Path) -> str:
    if not text or text.startswith("-"):
        raise UsageError(f"{text!r} is no revision: name a commit, or a folder of sources.")
    try:
        found = _git(repository, "rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")
    except UsageError as error:
        raise UsageError(
            f"{text}: neither a folder that holds {PACKAGE}/, nor a commit of {repository} "
            f"({error}). Name the checkout by --repository."
        ) from None
    return found.decode().strip()


def _archive(commit: str, repository: Path, folder: Path) -> None:
    """The package as it is in that commit; no file of the checkout is touched."""
    top = _git(repository, "rev-parse", "--show-toplevel").decode().strip()
    content = _git(Path(top), "archive", "--format=zip", commit, "--", PACKAGE)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)


def _install(release: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(folder), release],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not (folder / PACKAGE).is_dir():
        raise UsageError(f"{release}: {last_line(done.stderr) or 'pip did not install it'}")


def last_line(text: Optional[str]) -> str:
    """Of what a program said."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1] if lines else ""
