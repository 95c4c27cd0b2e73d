"""Every command and every program in the documents is run, and does and prints what they say.

The steps of a document are a story: each runs in the folder that those before it left. A step that
is chosen alone (`-k`) runs those first. What a test cannot run has a reason in the document
(`<!-- not run: … -->`); its options are looked up all the same.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from importlib.metadata import metadata
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import pytest

from lab.__main__ import PROGRAM
from mxproof.cli import MXPROOF, Program, execute

from .documents import DOCUMENTS, Step, steps
from .situations import HIDDEN, SITUATIONS, prepare

ALL = [step for document in DOCUMENTS for step in steps(document)]
STORIES: Dict[Tuple[str, str], List[Step]] = {}
for _step in ALL:
    if _step.kind != "mention" and not _step.excerpt and not _step.not_run:
        STORIES.setdefault((_step.document, _step.situation), []).append(_step)
DAILY = ("README.md", "docs/errors.md", "docs/fine-tuning.md")
#: A program that would download weights makes random ones.
OFFLINE = ("pretrained=True)", "pretrained=False)\nnet.initialize()")


@dataclass
class Story:
    """Steps that share a folder, and the exit code and output of those that were run."""

    folder: Path
    steps: List[Step]
    done: List[Tuple[int, str]] = field(default_factory=list)

    def upto(self, step: Step) -> Tuple[int, str]:
        position = self.steps.index(step)
        while len(self.done) <= position:
            self.done.append(self._run(self.steps[len(self.done)]))
        return self.done[position]

    def _run(self, step: Step) -> Tuple[int, str]:
        if step.kind == "python":
            (self.folder / "step.py").write_text(step.text.replace(*OFFLINE), encoding="utf-8")
            return self._shell(f"{sys.executable} step.py")
        words = shlex.split(step.text.replace("\\\n", " "), comments=True)
        if extras := re.fullmatch(r"pip install \.\[(\w+)\]", " ".join(words)):
            known = metadata("mxproof").get_all("Provides-Extra") or []
            return int(extras[1] not in known), ""  # tests/packaging installs it
        if words[0] == "mxproof" and not re.search(r"[|;&<>$()]", step.text.partition("#")[0]):
            return self._here(MXPROOF, words[1:])
        if words[:3] == ["python", "-m", "lab"]:
            return self._here(PROGRAM, words[3:])
        return self._shell(step.text)

    def _here(self, program: Program, words: List[str]) -> Tuple[int, str]:
        """In this process: an interpreter for each of a hundred commands takes minutes."""
        if (self.folder / HIDDEN).is_dir():
            return self._shell(shlex.join([*program.name.split(), *words]))
        printed = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
            patch.chdir(self.folder)
            patch.setenv("COLUMNS", "100")
            patch.setenv("NO_COLOR", "1")
            try:
                with redirect_stderr(printed):
                    return execute(program, words), printed.getvalue()
            except SystemExit as end:  # argparse
                return int(end.code or 0), printed.getvalue()

    def _shell(self, command: str) -> Tuple[int, str]:
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command}"],
            cwd=self.folder,
            env=environment(self.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=280,
        )
        return done.returncode, done.stdout


def environment(folder: Path) -> Dict[str, str]:
    """A plain terminal's; seeded weights are kept between stories."""
    left_out = ("PYTEST_", "PYTHONPATH", "MXPROOF_REQUIRE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    kept.setdefault("MXPROOF_CACHE", str(folder.parent / "cache"))
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    plain = {"PATH": path, "COLUMNS": "100", "NO_COLOR": "1", "HYPOTHESIS_PROFILE": "ci"}
    hidden = {"PYTHONPATH": HIDDEN} if (folder / HIDDEN).is_dir() else {}
    return {**kept, **plain, **hidden}


@pytest.fixture(scope="session")
def stories() -> Dict[Tuple[str, str], Story]:
    """Those under way; a folder is made for each when its first step runs."""
    return {}


def chosen() -> Iterator[object]:
    for (document, situation), told in STORIES.items():
        marks = [pytest.mark.xdist_group(f"{document} {situation}")]
        marks += [] if document in DAILY else [pytest.mark.nightly]
        for step in told:
            yield pytest.param(step, marks=marks, id=str(step))


@pytest.mark.parametrize("step", list(chosen()))
def test_it_does_what_it_says(
    step: Step,
    stories: Dict[Tuple[str, str], Story],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    shared_mxnet: None,
) -> None:
    key = (step.document, step.situation)
    if key not in stories:
        folder = tmp_path_factory.mktemp("folder")
        checkout = any(re.search(r"pytest|tests\.", s.text) for s in STORIES[key])
        samples = request.config.getoption("--samples-dir")
        prepare(folder, step.document, step.situation, checkout=checkout, samples=samples)
        stories[key] = Story(folder, STORIES[key])
    code, printed = stories[key].upto(step)
    assert code == step.exit_code, printed
    shown = ".*".join(re.escape(part) for part in step.shown.split("…"))
    lines = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    assert not shown or re.fullmatch(shown, lines, re.DOTALL), f"printed:\n{lines}\n{step.shown}"


COMMANDS = [s for s in ALL if s.kind != "python" and re.match(r"mxproof |python -m lab ", s.text)]


@pytest.mark.parametrize("step", [s for s in COMMANDS if s.not_run or s.kind == "mention"], ids=str)
def test_commands_in_sentences_exist(step: Step) -> None:
    """The command and its options; what a sentence does not complete is completed."""
    words = shlex.split(step.text, comments=True)
    program = MXPROOF if words[0] == "mxproof" else PROGRAM
    name, *options = words[1 if program is MXPROOF else 3 :]
    assert name in program.commands
    parser = program.parser(name)
    if options:
        parser.parse_args([name, *options])
    else:
        with pytest.raises(SystemExit) as end:
            parser.parse_args([name, "--help"])
        assert end.value.code == 0


def test_every_document_is_read() -> None:
    """A document whose commands are not found would pass."""
    assert sum(step.document == "README.md" for step in ALL) > 30
    assert sum(len(told) for (document, _), told in STORIES.items() if document in DAILY) > 60
    assert {situation for _, situation in STORIES if situation} == SITUATIONS
