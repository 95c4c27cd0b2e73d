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
NIGHTLY = ".ci/nightly --help"
HOURS = "hours; CI's nightly workflow does it"
INSTALLS = "a test installs nothing where it runs; tox's `package` installs in fresh environments"
BISECTED = "python -m lab bisect model/net --to onnx --good green.txt --bad red.txt --samples 1"
CLONE = "this checkout is the clone"


def has_extras(*names: str) -> str:
    """What is installed here says that there are these extras."""
    return (
        "python -c \"import importlib.metadata as m; known = m.metadata('mxproof')."
        f"get_all('Provides-Extra'); assert not {{*{names}}}.difference(known), known\""
    )


CALIBRATE = (
    "python -m lab calibrate model/net --runtime onnxruntime --trials 1 --slowdown 0,900 "
    "--minutes 2"
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
    Substitute(".ci/nightly", NIGHTLY, HOURS),
    Substitute(".ci/nightly --steps zoo --shard 2/8", NIGHTLY, HOURS),
    Substitute(
        ".ci/nightly --steps judge --demand models,operators,zoo,faults,latency,calibration,matrix",
        NIGHTLY,
        HOURS,
    ),
    Substitute(
        ".ci/nightly --steps models,faults,judge --weights seeded --only resnet18 "
        "--history try-history",
        NIGHTLY,
        "installs two gigabytes; tests/mxproof/test_nightly_shell.py runs it with made-up steps",
    ),
    Substitute(
        "pytest tests/operators --expected-cases tests/expected_cases.txt",
        "pytest tests/operators --expected-cases tests/expected_cases.txt --collect-only -q",
        COLLECT,
    ),
    Substitute(
        ".venv/bin/tox -m matrix",
        "grep -q '^ *matrix = py39-oldest, ' tox.ini",
        "gigabytes for each row, and five Pythons; CI's nightly workflow runs it",
    ),
    Substitute(
        ".venv/bin/tox -e py39-oldest",
        "grep -q '^.testenv:py3{9,10,11}-{oldest,newest,latest}.$' tox.ini",
        "installs gigabytes; CI's nightly workflow runs it",
    ),
    Substitute(
        "pytest tests/operators",
        "pytest tests/operators --collect-only -q",
        "runs for minutes, in CI with tox's `operators`",
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
    Substitute(
        "pytest tests/models/test_latency.py",
        "pytest tests/models/test_latency.py --collect-only -q",
        COLLECT,
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
        "python -m lab mutation --sites 2 --seed 0",
        "python -m lab mutation small --sites 1 --seed 0 --kind 'stride dropped'",
        "951 faults take half an hour: one kind, in the small network",
    ),
    Substitute(
        "mxproof gate model/net --control-python green/bin/python",
        "mxproof gate model/net --control-python green/bin/python --minutes 0.1 || test $? = 1",
        "a pass of three layers takes microseconds, of which two processes differ by percents",
    ),
    Substitute(
        "mxproof gate resnet18 --weights seeded --control-python green/bin/python",
        "mxproof gate model/net --minutes 0.1 || test $? = 1",
        "a minute; here, of a network that takes microseconds, against MXNet",
    ),
    Substitute(
        "mxproof bench resnet18 --weights seeded --json bench.json",
        "mxproof bench model/net --seconds 0.2 --json bench.json",
        "two minutes; the same of a network that is quick",
    ),
    Substitute(
        "python -m lab bisect resnet18 --weights seeded --to onnx --good green.txt "
        "--bad red-onnxruntime.txt",
        BISECTED,
        "installs an older onnxruntime; the nightly run does (test_bisect_installs.py)",
    ),
    Substitute(
        "python -m lab bisect resnet18 --weights seeded --to onnx --good green.txt "
        "--bad red-optimisation.txt",
        BISECTED,
        "installs another onnx-ir, which is not to blame",
    ),
    Substitute(
        "python -m lab bisect resnet18 --weights seeded --to onnx --good green.txt "
        "--bad red-optimisation.txt --what speed",
        "python -m lab bisect --help",
        "measures for minutes; tests/mxproof/test_bisect_speed.py does it by a made-up clock",
    ),
    Substitute(
        "python -m lab bisect resnet18 --weights seeded --to onnx --good green.txt "
        "--bad red-onnxruntime.txt --good-revision HEAD~1 --bad-revision HEAD",
        "python -m lab bisect --help",
        "needs a commit that is wrong; tests/mxproof/test_bisect.py makes one",
    ),
    Substitute(
        "mxproof bench resnet18 --weights seeded --batch 1 --threads all,2 --seconds 8",
        "mxproof bench model/net --batch 1 --threads all,2 --seconds 0.2",
        "two minutes; the same of a network that is quick",
    ),
    Substitute(
        "mxproof bench resnet18 --weights seeded --fuse --batch 1 --threads all --seconds 8 "
        "--runtime onnxruntime --runtime pytorch --runtime pytorch-compiled --runtime mxnet",
        "mxproof bench model/net --fuse --batch 1 --threads all --seconds 0.2 "
        "--runtime onnxruntime --runtime pytorch --runtime mxnet",
        "takes a C++ compiler, and a minute",
    ),
    Substitute(
        "python -m lab calibrate resnet18 --weights seeded --runtime onnxruntime --trials 160 "
        "--slowdown 0",
        CALIBRATE,
        "minutes; two decisions about a network that is quick",
    ),
    Substitute(
        "python -m lab calibrate resnet18 --weights seeded --runtime onnxruntime --trials 10 "
        "--slowdown 2,20",
        CALIBRATE,
        "minutes; two decisions about a network that is quick",
    ),
    Substitute(
        "python -m lab calibrate resnet18 --weights seeded --runtime onnxruntime --trials 40 "
        "--slowdown 5,10",
        CALIBRATE,
        "minutes; two decisions about a network that is quick",
    ),
    Substitute(
        "python -m lab calibrate --weights seeded --trials 24 --slowdown 10,5",
        CALIBRATE,
        "minutes; two decisions about a network that is quick",
    ),
    Substitute(
        "python -m lab calibrate --weights seeded --trials 12 --slowdown 0",
        CALIBRATE,
        "minutes; two decisions about a network that is quick",
    ),
    Substitute("tox -e peers", "grep -q '^.testenv:peers' tox.ini", "ten minutes, and an install"),
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
