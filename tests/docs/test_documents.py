"""What the documents say of the project is so."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from converters import to_pytorch
from mxproof.model import load_model
from mxproof.zoo.models import ZOO

from .documents import BLOCK, DOCUMENTS, ROOT, Step, read, steps

EXCERPTS = [step for document in DOCUMENTS for step in steps(document) if step.excerpt]
GENERATED = ("commands.md", "contributing.md", "changelog.md")  # by docs/hooks.py, with the site
ERRORS = ("converters.errors", "mxproof.errors", "mxproof.runtimes.base", "mxproof.zoo.downloads")


def test_the_models_are_listed() -> None:
    assert not [name for name in ZOO if f"`{name}`" not in read("README.md")]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_its_links_and_blocks(document: str) -> None:
    """Files exist; a block in `sh` or no language would hold commands that nothing runs."""
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(document)):
        assert link in GENERATED or (ROOT / document).parent.joinpath(link).exists(), link
    languages = {block["language"] for block in BLOCK.finditer(read(document))}
    assert languages <= {"console", "python", "text", "json"}


@pytest.mark.parametrize("step", EXCERPTS, ids=str)
def test_excerpts_are_real(step: Step) -> None:
    """What is shown of a file stands in that file; `...` is what was left out."""
    model = step.excerpt.partition(".")[0]
    if model in ZOO:
        source = to_pytorch(load_model(model, weights="seeded").graph).source
    else:
        source = (ROOT / step.excerpt).read_text(encoding="utf-8")
    shown = re.sub(r"\A# [\w/]+\.py\n", "", step.text)
    for part in re.split(r"^ *\.\.\.$", shown, flags=re.MULTILINE):
        assert part.strip("\n") in source, f"{step.excerpt} does not have:\n{part}"


def test_there_are_excerpts() -> None:
    assert {"README.md", "CONTRIBUTING.md"} <= {step.document for step in EXCERPTS}


def test_every_kind_of_error_is_in_the_catalogue() -> None:
    """Those that a user may meet: the public ones, and what is derived from them."""
    kinds = [v for m in ERRORS for v in vars(import_module(m)).values() if isinstance(v, type)]
    import_module("mxproof.recording.file")
    kinds = [k for k in kinds if issubclass(k, Exception) and k.__module__ in ERRORS]
    kinds += [sub for k in kinds for sub in k.__subclasses__() if sub.__module__[:3] != "lab"]
    names = {kind.__name__ for kind in kinds}
    assert len(names) > 6
    assert not {n for n in names - {"ConversionError"} if n not in read("docs/errors.md")}
    assert "Traceback" not in read("docs/errors.md")


def test_ci_runs_the_readmes_first_command() -> None:
    commands = [step.text for step in steps("README.md") if step.not_run]
    (first,) = (command for command in commands if command.endswith("pytest -k resnet101"))
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert f"      - run: {first}\n" in workflow
