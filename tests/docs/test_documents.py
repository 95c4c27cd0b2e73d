"""What the documents say of the project is so."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Iterator

import pytest

from converters import to_pytorch
from fixtures.zoo import ZOO
from mxproof.subject import load_subject

from .documents import DOCUMENTS, LANGUAGES, ROOT, Step, blocks, read, steps

EXCERPTS = [step for document in DOCUMENTS for step in steps(document) if step.excerpt]
GENERATED = ("commands.md", "contributing.md", "changelog.md")  # by docs/hooks.py, with the site


def text(document: str) -> str:
    return "\n".join(read(document))


def test_the_models_are_listed() -> None:
    for name in ZOO:
        assert f"`{name}`" in text("README.md")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_it_points_to_exist(document: str) -> None:
    folder = (ROOT / document).parent
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text(document)):
        assert link in GENERATED or (folder / link).exists(), link


@pytest.mark.parametrize("step", EXCERPTS, ids=str)
def test_excerpts_are_real(step: Step) -> None:
    """What is shown of a file stands in that file; `...` is what was left out."""
    model = step.excerpt.partition(".")[0]
    if model in ZOO:
        source = to_pytorch(load_subject(model, weights="seeded").graph).source
    else:
        source = (ROOT / step.excerpt).read_text(encoding="utf-8")
    for part in parts(step.text):
        assert part in source, f"{step.excerpt} does not have:\n{part}"


def parts(excerpt: str) -> Iterator[str]:
    """What stands between lines of `...`, without the first line where that names the file."""
    shown = re.sub(r"\A# [\w/]+\.py\n", "", excerpt)
    for part in re.split(r"^ *\.\.\.$", shown, flags=re.MULTILINE):
        if part.strip():
            yield part.strip("\n")


def test_there_are_excerpts() -> None:
    assert {"README.md", "CONTRIBUTING.md"} <= {step.document for step in EXCERPTS}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_blocks_say_what_they_are(document: str) -> None:
    """`sh` or no language at all would be commands that nobody runs."""
    for block in blocks(read(document)):
        assert block.language in LANGUAGES, f"{document}:{block.line}"


def test_every_kind_of_error_is_in_the_catalogue() -> None:
    """Those that a user may meet: the public ones, and what is derived from them."""
    modules = (
        "converters.errors",
        "mxproof.subject",
        "mxproof.runtimes.base",
        "fixtures.downloads",
    )
    kinds = [v for m in modules for v in vars(import_module(m)).values() if isinstance(v, type)]
    import_module("mxproof.recording.file")
    kinds = [k for k in kinds if issubclass(k, Exception) and k.__module__ in modules]
    derived = [sub for kind in kinds for sub in kind.__subclasses__()]
    catalogue = text("docs/errors.md")
    names = {kind.__name__ for kind in (*kinds, *derived)} - {"ConversionError"}  # a base
    assert len(names) > 6
    assert "Traceback" not in catalogue
    assert not {name for name in names if name not in catalogue}


def test_ci_runs_the_first_command() -> None:
    """tests/docs/test_commands.py does not: it takes minutes, and gigabytes."""
    commands = [step.text for step in steps("README.md") if step.kind == "command"]
    (first,) = (c for c in commands if c.endswith("pytest -k resnet101"))
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert f"      - run: {first}\n" in workflow
