"""Options, Hypothesis profiles, and what all tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import hypothesis
import pytest

pytest_plugins = (
    "mxproof.reports.pytest_report",  # --report DIR
    "tests.completeness",  # --complete
    "tests.checkpoint",  # what is wrong with --checkpoint is said once
)

# torch's idle threads may spin for a moment (that is its speed), but not for long: three
# runtimes take turns on these cores. libgomp reads this once, when torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "100000")
# With pytest-xdist there is a process for each core: threads would wait for one another.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

EXAMPLES = 10
# Not "explain": it traces every line of Python, and an example here is a network run.
PHASES = [p for p in hypothesis.Phase if p is not hypothesis.Phase.explain]
for profile, examples, derandomize in (
    ("dev", EXAMPLES, False),
    ("ci", EXAMPLES, True),  # the same examples every time
    ("nightly", 10 * EXAMPLES, False),
):
    hypothesis.settings.register_profile(
        profile, max_examples=examples, derandomize=derandomize, deadline=None, phases=PHASES
    )
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev")
)


#: Options of commands whose names pytest or a plugin has -> their names here; None: left out.
TAKEN = {"--output": "--output-layer", "--quiet": None}


class Arguments:
    """pytest's group of options, as argparse has a parser: for options that commands have, too."""

    def __init__(self, group: Any) -> None:
        self.group = group

    def add_argument(self, option: str, **how: Any) -> None:
        name = TAKEN.get(option, option)
        if name:
            self.group.addoption(name, **how)

    def add_argument_group(self, title: str, description: str) -> Any:
        return self


def pytest_addoption(parser: pytest.Parser) -> None:
    from mxproof.cli.common import reading_options, sampling
    from mxproof.cli.picture_options import preprocessing

    group = parser.getgroup("mxproof")
    options = Arguments(group)
    group.addoption(
        "--checkpoint",
        metavar="PREFIX",
        help="run the suites in tests/models on this checkpoint; the options --epoch, --input, "
        "--input-type and --output-layer are about it",
    )
    reading_options(options)
    sampling(options, "2 for the zoo, else 4")
    preprocessing(options, files=True)
    group.addoption(
        "--layers",
        metavar="PATTERN",
        help="print tables of the layers whose names match: 'stage1_*', or '*' for all",
    )
    group.addoption(
        "--reference",
        metavar="FILE",
        help="judge by a recording (`mxproof record`), or a folder of them (MODEL.npz), where "
        "there is no MXNet; what needs MXNet at hand is skipped and says so",
    )
    group.addoption(
        "--budgets", metavar="FILE", help="limits of single layers, as for `mxproof verify`"
    )
    group.addoption(
        "--repro", metavar="DIR", help="write reproducers of the layers that fail there"
    )
    group.addoption(
        "--samples-dir",
        metavar="DIR",
        default=os.environ.get("MXPROOF_SAMPLES"),
        help="a folder of real checkpoints, for the tests that need some (default: "
        "$MXPROOF_SAMPLES)",
    )
    group.addoption(
        "--zoo",
        choices=("small", "all"),
        default="small",
        help="which of GluonCV's models tests/zoo proves: a small one of each family (default; all "
        "but eight of them are marked nightly), or all",
    )
    group.addoption(
        "--zoo-results",
        metavar="FILE",
        help="append a line of JSON for each of them; models that are proven there are not run",
    )
    group.addoption(
        "--installs",
        action="store_true",
        help="also run the tests that install packages in environments of their own",
    )


@pytest.fixture(scope="session")
def samples_dir(request: pytest.FixtureRequest) -> Path:
    """The folder of real checkpoints; skips where there is none."""
    folder = request.config.getoption("--samples-dir")
    if not folder:
        pytest.skip("needs real checkpoints: give their folder by --samples-dir")
    return Path(folder)


@pytest.fixture(scope="session")
def mxnet(request: pytest.FixtureRequest) -> Iterator[Any]:
    """MXNet in its worker process; skips where there is none and none was named."""
    from mxproof.runtimes.base import RuntimeFailure
    from mxproof.runtimes.mxnet.client import MxnetProcess

    if request.config.getoption("--reference"):
        pytest.skip("needs MXNet itself: --reference has its results on a few inputs only")
    python = request.config.getoption("--mxnet-python")
    try:
        process = MxnetProcess(python)
    except RuntimeFailure as error:
        if python:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    with process:
        yield process


@pytest.fixture
def shared_mxnet(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in this process share the tests' MXNet: to start one takes two seconds.

    A command that names an interpreter starts its own.
    """
    from contextlib import nullcontext

    from mxproof import running, verification
    from mxproof.runtimes.mxnet.client import MxnetProcess

    def opened(python: Optional[str] = None) -> Any:
        return MxnetProcess(python) if python else nullcontext(request.getfixturevalue("mxnet"))

    for module in (verification, running):
        monkeypatch.setattr(module, "MxnetProcess", opened)


class Tables:
    """After a run: model x runtime, largest errors, worst layer; and the worst cases found.

    Tests hand in rows by `record_property`, so that it works under xdist too.
    """

    def __init__(self) -> None:
        keys = ("mxproof_layers", "mxproof", "mxproof_search")
        self.rows: Dict[str, List[Dict[str, Any]]] = {key: [] for key in keys}
        self.failed: List[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and report.nodeid.startswith("tests/models/"):
            self.failed.append(report.nodeid)
        for key, value in report.user_properties if report.when == "call" else ():
            if key in self.rows:
                self.rows[key].append(value)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not any(self.rows.values()):
            return
        from rich.console import Console

        from mxproof.reports.sheet import Sheet
        from mxproof.reports.terminal import errors_table, proven_sentence, search_table

        width = max(terminalreporter.config.get_terminal_writer().fullwidth, 120)
        console = Console(width=width, force_terminal=terminalreporter.hasmarkup)
        tables = [Sheet(**sheet) for sheet in self.rows["mxproof_layers"]]
        for key, table in (("mxproof", errors_table), ("mxproof_search", search_table)):
            tables += [table(self.rows[key])] if self.rows[key] else []
        for made in tables:
            with console.capture() as capture:
                console.print(made)
            terminalreporter.write_line(capture.get())
        layers = [row for row in self.rows["mxproof"] if "layers" in row]
        terminalreporter.write_line(proven_sentence(layers, self.failed))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Tables())
