"""Every command and every program in the documents is run, and does and prints what they say.

The steps of a document are a story: each runs in the folder that those before it left. A step that
is chosen alone (`-k`) runs those first.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from .documents import DOCUMENTS, Step, steps
from .situations import HIDDEN, SITUATIONS, prepare
from .substitutes import IN_PROGRAMS, SUBSTITUTES

STORIES: Dict[Tuple[str, str], List[Step]] = {}
for _document in DOCUMENTS:
    for _step in steps(_document):
        if not _step.excerpt:
            STORIES.setdefault((_step.document, _step.situation), []).append(_step)


def unnamed(text: str) -> str:
    """For ids: `pytest -k resnet101` is about the model, not about documents that name it."""
    return text.replace("resnet", "ResNet-").replace("i3d", "I3-D")


INSTEAD = {row.command: row.instead for row in SUBSTITUTES}
#: What stands for a name of the reader's own.
PLACEHOLDERS = {
    "CHECKPOINT": "model/net",
    "MODEL": "model/net",
    "PREFIX": "model/net",
    "--image FILE": "--image photo.jpg",
    "--mxnet-python PATH": "--mxnet-python .venv/bin/python",
    "FILE": "file.out",
    "DIR": "folder",
}


@dataclass
class Story:
    """Steps that share a folder, and what came of those that were run.

    Attributes:
        done: exit code and output of each, in order.
    """

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
            program = self.folder / "step.py"
            text = step.text
            for row in IN_PROGRAMS:
                text = text.replace(row.command, row.instead)
            program.write_text(text, encoding="utf-8")
            command = f"{sys.executable} step.py"
        else:
            command = typed(step)
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


def bare(step: Step) -> str:
    """A command without the comment behind it."""
    return re.sub(r"\s+# .*$", "", step.text)


def typed(step: Step) -> str:
    """The command as a reader types it, or what stands for it."""
    command = bare(step)
    if command in INSTEAD:
        return INSTEAD[command]
    if step.kind == "mention":
        if re.fullmatch(r"mxproof [a-z-]+", command):
            return f"{command} --help"  # the name of a command, in a sentence
        for name, value in PLACEHOLDERS.items():
            command = re.sub(rf"(?<!\w){name}\b", value, command)
    return command


def environment(folder: Path) -> Dict[str, str]:
    """A plain terminal's; weights of the zoo are kept between stories, if at all."""
    left_out = ("PYTEST_", "COV_", "PYTHONPATH", "MXPROOF_REQUIRE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    plain = {"PATH": path, "COLUMNS": "100", "NO_COLOR": "1", "HYPOTHESIS_PROFILE": "ci"}
    plain["PIP_DRY_RUN"] = "1"  # a test installs nothing where it runs
    cache = {"MXPROOF_CACHE": kept.get("MXPROOF_CACHE", str(folder.parent / "cache"))}
    if (folder / HIDDEN).is_dir():
        plain["PYTHONPATH"] = HIDDEN
    return {**kept, **plain, **cache}


@pytest.fixture(scope="session")
def stories() -> Dict[Tuple[str, str], Story]:
    """Those under way; a folder is made for each when its first step runs."""
    return {}


@pytest.fixture
def story(
    step: Step,
    stories: Dict[Tuple[str, str], Story],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Story:
    key = (step.document, step.situation)
    if key not in stories:
        folder = tmp_path_factory.mktemp("folder")
        checkout = any("pytest" in s.text or "tests." in s.text for s in STORIES[key])
        samples = request.config.getoption("--samples-dir")
        prepare(folder, step.situation, checkout=checkout, samples=samples)
        stories[key] = Story(folder, STORIES[key])
    return stories[key]


def shown_is(shown: str, printed: str) -> bool:
    """Whether that was printed, `…` standing for anything."""
    pattern = "".join(".*" if part == "…" else re.escape(part) for part in re.split("(…)", shown))
    lines = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    return re.fullmatch(pattern, lines, re.DOTALL) is not None


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(
            step, marks=pytest.mark.xdist_group(f"{document} {situation}"), id=unnamed(str(step))
        )
        for (document, situation), told in STORIES.items()
        for step in told
    ],
)
def test_it_does_what_it_says(step: Step, story: Story) -> None:
    code, printed = story.upto(step)
    assert code == step.exit_code, printed
    if step.shown and bare(step) not in INSTEAD:
        assert shown_is(step.shown, printed), f"printed:\n{printed}\nshown:\n{step.shown}"


def test_every_document_is_read() -> None:
    """A document whose commands are not found would pass."""
    told = {document: 0 for document in DOCUMENTS}
    for (document, _), story in STORIES.items():
        told[document] += len(story)
    assert told["README.md"] > 20
    assert told["CONTRIBUTING.md"] > 3


@pytest.mark.parametrize("row", SUBSTITUTES, ids=lambda row: unnamed(row.command))
def test_substitutes_are_needed(row: Tuple[str, str, str]) -> None:
    commands = [bare(step) for told in STORIES.values() for step in told]
    assert row[0] in commands, "no document has this command: delete the row"
    assert row[1] != row[0]
    assert row[2]


@pytest.mark.parametrize("row", IN_PROGRAMS, ids=lambda row: unnamed(row.command))
def test_substitutes_in_programs_are_needed(row: Tuple[str, str, str]) -> None:
    programs = [s.text for told in STORIES.values() for s in told if s.kind == "python"]
    assert any(row[0] in program for program in programs)


def test_situations_are_needed() -> None:
    assert {situation for _, situation in STORIES if situation} == set(SITUATIONS)
