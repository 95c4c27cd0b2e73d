"""Virtual environments are built once, whole or not at all; the converters of a revision."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import List, Sequence

import pytest

from converters import __version__
from lab.bisect import sources, venvs
from lab.bisect.sources import ROOT, resolve, unpack
from lab.bisect.venvs import NotBuilt, execute, interpreter, python_of, same
from mxproof.subject import UsageError

OTHER = {"numpy": "1.21.0", "onnxruntime": "1.17.0"}


class Pip:
    """In place of the real ones: notes what it was told to run.

    Attributes:
        installs: what comes out of an installation.
    """

    def __init__(self, installs: object = OTHER) -> None:
        self.commands: List[List[str]] = []
        self.installs = installs

    def __call__(self, command: Sequence[str]) -> str:
        self.commands.append(list(command))
        if command[1:3] == ["-m", "venv"]:
            python = interpreter(Path(command[3]))
            python.parent.mkdir(parents=True)
            python.touch()
        if command[1:4] == ["-m", "pip", "install"] and isinstance(self.installs, Exception):
            raise self.installs
        return json.dumps(self.installs) if command[2] == venvs.SHOWN else "3.11"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MXPROOF_CACHE", str(tmp_path))
    return tmp_path.resolve() / "environments"


def test_this_interpreter_serves_where_it_has_these_versions(shelf: Path) -> None:
    pip = Pip()
    assert python_of({"numpy": version("numpy"), "threads": "1"}, pip) == sys.executable
    assert not pip.commands and not shelf.exists()


def test_a_version_without_a_local_part_asks_for_none() -> None:
    assert same({"torch": "2.13.0"}, {"torch": "2.13.0+cpu"})
    assert same({"torch": "2.13.0+cpu"}, {"torch": "2.13.0+cpu"})
    assert not same({"torch": "2.13.0+cpu"}, {"torch": "2.13.0"})
    assert not same({"torch": "2.13"}, {"torch": "2.13.0.post1"})
    assert not same({"torch": "2.13.0"}, {})


def test_built_once(shelf: Path) -> None:
    pip = Pip()
    python = python_of(OTHER, pip)
    assert Path(python).is_file()
    assert Path(python).is_relative_to(shelf)
    (install,) = [c for c in pip.commands if "pip" in c]
    assert install[-2:] == ["numpy==1.21.0", "onnxruntime==1.17.0"]
    again = Pip()
    assert python_of({**OTHER, "optimisation": "basic"}, again) == python
    assert not [c for c in again.commands if "pip" in c or "venv" in c]


def test_other_packages_and_another_python_are_another_environment(shelf: Path) -> None:
    first = python_of(OTHER, Pip())
    newer = {**OTHER, "numpy": "1.22.0"}
    assert python_of(newer, Pip(newer)) != first
    other = Pip()
    other_python = python_of({**OTHER, "python": "/usr/bin/python3.9"}, other)
    assert other_python == first  # this fake says that both are the same Python
    assert other.commands[0][0] == "/usr/bin/python3.9"


@pytest.mark.parametrize("error", [NotBuilt("no such version"), KeyboardInterrupt()])
def test_half_built_is_removed(shelf: Path, error: BaseException) -> None:
    class Failing(Pip):
        def __call__(self, command: Sequence[str]) -> str:
            if "pip" in command:
                raise error
            return super().__call__(command)

    with pytest.raises(type(error)):
        python_of(OTHER, Failing())
    assert list(shelf.iterdir()) == []
    assert Path(python_of(OTHER, Pip())).is_file()  # and it is tried again


def test_pip_that_installs_something_else_is_not_believed(shelf: Path) -> None:
    with pytest.raises(NotBuilt, match=r"1\.26\.0"):
        python_of(OTHER, Pip({**OTHER, "numpy": "1.26.0"}))
    assert list(shelf.iterdir()) == []


def test_somebody_else_was_faster(shelf: Path) -> None:
    """Two bisections at once build the same environment; one of them is kept, and both run."""

    class Slow(Pip):
        def __call__(self, command: Sequence[str]) -> str:
            if "pip" in command:
                self.theirs = python_of(OTHER, Pip())
            return super().__call__(command)

    slow = Slow()
    assert python_of(OTHER, slow) == slow.theirs
    assert len(list(shelf.iterdir())) == 1


def test_commands_that_fail_say_why() -> None:
    with pytest.raises(NotBuilt, match="^the last line$"):
        execute([sys.executable, "-c", "import sys; sys.exit('a\\nthe last line\\n')"])
    with pytest.raises(NotBuilt, match="no-such-python: No such file"):
        execute(["no-such-python"])


def test_a_real_environment_is_built_and_whole(shelf: Path) -> None:
    """Without packages: nothing is fetched."""
    python = Path(venvs._built(sys.executable, {}, no_pip))
    found = execute([str(interpreter(python)), "-c", "import sys; print(sys.prefix)"])
    assert Path(found.strip()).resolve() == python


def no_pip(command: Sequence[str]) -> str:
    return "{}" if "pip" in command or venvs.SHOWN in command else execute(command)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits: the second marks the converters."""
    folder = tmp_path / "checkout"
    (folder / "converters").mkdir(parents=True)
    git(folder, "init", "-q")
    for text in ("first", "second"):
        (folder / "converters" / "__init__.py").write_text(f"# {text}\n", encoding="utf-8")
        (folder / "README.md").write_text(text, encoding="utf-8")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", text)
    return folder


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_commit_is_unpacked_beside_the_checkout(repository: Path, tmp_path: Path) -> None:
    value = resolve("HEAD~1", repository)
    assert value == f"git:{git(repository, 'rev-parse', 'HEAD~1')}"
    to = tmp_path / "to"
    to.mkdir()
    assert unpack(value, repository, to) == to
    assert (to / "converters" / "__init__.py").read_text(encoding="utf-8") == "# first\n"
    assert [p.name for p in to.iterdir()] == ["converters"]
    assert git(repository, "status", "--porcelain") == ""


def test_names_of_one_commit_do_not_differ(repository: Path) -> None:
    assert resolve("HEAD", repository) == resolve(git(repository, "rev-parse", "HEAD"), repository)


def test_a_folder_below_the_top_is_the_same_repository(repository: Path, tmp_path: Path) -> None:
    below = repository / "converters"
    to = tmp_path / "to"
    to.mkdir()
    unpack(resolve("HEAD", below), below, to)
    assert (to / "converters" / "__init__.py").read_text(encoding="utf-8") == "# second\n"


def test_a_folder_of_sources(repository: Path, tmp_path: Path) -> None:
    value = resolve(str(repository), tmp_path)
    assert unpack(value, tmp_path, tmp_path) == repository


@pytest.mark.parametrize(
    "text", ["here", f"mxproof=={__version__}", str(ROOT)], ids=["here", "release", "folder"]
)
def test_what_runs_is_here(text: str, tmp_path: Path) -> None:
    assert resolve(text, tmp_path) == "here"
    assert unpack("here", tmp_path, tmp_path) == ROOT


def test_a_release_that_a_lock_file_names(tmp_path: Path) -> None:
    assert sources.stated({"mxproof": "0.0.1"}, tmp_path) == {"revision": "mxproof==0.0.1"}
    assert sources.stated({"mxproof": __version__}, tmp_path) == {"revision": "here"}
    assert sources.stated({"numpy": "1"}, tmp_path) == {"numpy": "1", "revision": "here"}
    both = {"mxproof": "0.0.1", "revision": "here"}
    assert sources.stated(both, tmp_path) == {"revision": "here"}


@pytest.mark.parametrize("text", ["--output=x", "", "nothing", "HEAD:converters", "a b"])
def test_what_is_no_revision(text: str, repository: Path) -> None:
    with pytest.raises(UsageError, match="folder"):
        resolve(text, repository)


def test_where_there_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--repository"):
        resolve("HEAD", tmp_path)


def test_a_commit_without_converters(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "nothing")
    with pytest.raises(UsageError, match="converters"):
        unpack(resolve("HEAD", tmp_path), tmp_path, tmp_path)
