"""Commands of the documents that a test does not run as they stand: what it runs instead, and why.

A row that no document has any more fails. What CI runs literally is said to.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple


class Substitute(NamedTuple):
    command: str
    instead: str
    reason: str


COLLECT = "runs for minutes, as a part of CI (tox); here, that it finds tests"
INSTALLS = "a test installs nothing where it runs; tox's `package` installs in fresh environments"
CLONE = "this checkout is the clone"


def has_extras(*names: str) -> str:
    """What is installed here says that there are these extras."""
    return (
        "python -c \"import importlib.metadata as m; known = m.metadata('mxproof')."
        f"get_all('Provides-Extra'); assert not {{*{names}}}.difference(known), known\""
    )


SUBSTITUTES: Tuple[Substitute, ...] = (
    Substitute("git clone … mxproof && cd mxproof", "test -f conftest.py", CLONE),
    Substitute(
        "python3.11 -m venv .venv && .venv/bin/pip install -c constraints.txt -e '.[all]' "
        "&& .venv/bin/pytest -k resnet101",
        ".venv/bin/pytest -k resnet101 --collect-only -q",
        "CI's job `first-command` runs it, from an empty folder",
    ),
    Substitute(
        "python3.11 -m venv .venv && .venv/bin/pip install -c constraints.txt tox && .venv/bin/tox",
        "grep -q 'install.* -c constraints.txt tox' .ci/run && grep -q 'bin/tox. run' .ci/run",
        "it is what .ci/run does, of which this is a part",
    ),
    Substitute(
        "python3.11 -m venv .venv && .venv/bin/pip install -c constraints.txt -e '.[all]' "
        "tox ruff mypy",
        ".venv/bin/python -m pip --version",
        "installs two gigabytes",
    ),
    Substitute(
        ".venv/bin/tox -e lint,types",
        "grep -q '^.testenv:lint' tox.ini && grep -q '^.testenv:types' tox.ini",
        "two of tox's environments: CI runs them",
    ),
    Substitute(".venv/bin/tox -e docs", "grep -q '^.testenv:docs' tox.ini", "CI runs it"),
    Substitute(".venv/bin/tox -e package", "grep -q '^.testenv:package' tox.ini", "CI runs it"),
    Substitute(
        '.venv/bin/pytest tests/docs -k "errors and recording"',
        '.venv/bin/pytest tests/docs -k "errors and recording" --collect-only -q',
        "is this very test",
    ),
    Substitute(".venv/bin/tox", "grep -q '^env_list' tox.ini", "it is what runs this test"),
    Substitute(
        ".venv/bin/pytest tests/operators -k Dropout",
        ".venv/bin/pytest tests/operators -k Dropout --collect-only -q",
        "tox runs all operators",
    ),
    Substitute("pytest -k resnet101", "pytest -k resnet101 --collect-only -q", COLLECT),
    Substitute("pytest tests/models", "pytest tests/models --collect-only -q", COLLECT),
    Substitute(
        "pytest --report=DIR tests/models", "pytest tests/models --collect-only -q", COLLECT
    ),
    Substitute(
        "pytest --report=DIR tests/models",
        "pytest --report=DIR tests/models/test_layers.py --checkpoint model/net --input "
        "data=1x3x32x32 && test -s DIR/index.html",
        "runs for minutes, and is what CI does (tox's py311)",
    ),
    Substitute("pytest tests/zoo", "pytest tests/zoo --collect-only -q", COLLECT),
    Substitute(
        "HYPOTHESIS_PROFILE=nightly pytest tests/models/test_shapes.py --weights seeded",
        "HYPOTHESIS_PROFILE=nightly pytest tests/models/test_shapes.py --weights seeded "
        "--collect-only -q",
        "an hour; CI's nightly run is of the same profile",
    ),
    Substitute(
        "pytest tests/zoo --zoo all -n auto --zoo-results zoo.jsonl",
        "pytest tests/zoo --zoo all --collect-only -q --zoo-results zoo.jsonl && touch zoo.jsonl",
        "hours; CI's nightly run does it",
    ),
    Substitute(
        "python -m tests.zoo.table zoo.jsonl > docs/gluoncv-zoo.md",
        "python -c 'import tests.zoo.table'",
        "needs the results of the command before it; would write into the checkout",
    ),
    Substitute(
        "mxproof tables --weights seeded --size 112x112 --limit 1.5 --markdown tables.md",
        "mxproof tables resnet18 --weights seeded --size 112x112 --limit 1.5 --views 2 "
        "--markdown tables.md",
        "tests/models/test_tables.py holds all six models to the same limit",
    ),
    Substitute(
        "mxproof convert resnet152",
        "mxproof convert resnet18 --weights seeded --no-verify --quiet",
        "would download 241 MB; tox's `nomxnet` converts resnet152",
    ),
    Substitute(
        "mxproof faults --sites 2 --seed 0",
        "mxproof faults small --sites 1 --seed 0 --kind 'stride dropped'",
        "951 faults take half an hour: one kind, in the small network",
    ),
    Substitute(
        "mxproof tables --weights seeded --size 112x112 --limit 1.5 --markdown tables.md",
        "mxproof tables resnet18 --weights seeded --size 112x112 --limit 1.5 --markdown tables.md",
        "six models in every runtime; tests/models/test_tables.py, in CI, does them all",
    ),
    Substitute("pip install .", has_extras(), INSTALLS),
    Substitute("pip install '.[onnx]'", has_extras("onnx", "pytorch"), INSTALLS),
    Substitute("pip install '.[mxnet]'", has_extras("mxnet"), INSTALLS),
    Substitute("pip install '.[docs]'", has_extras("docs"), INSTALLS),
    Substitute("mkdocs build", "test -f mkdocs.yml", "tox's `docs` builds"),
    Substitute("mkdocs build --strict", "test -f mkdocs.yml", "tox's `docs` builds"),
    Substitute("pip install '.[all]'", has_extras("all", "test"), INSTALLS),
)

#: In a program: what is put in place of what, and why.
IN_PROGRAMS: Tuple[Substitute, ...] = (
    Substitute(
        "pretrained=True)",
        "pretrained=False)\nnet.initialize()",
        "would download the weights",
    ),
)
