"""`pytest --complete`: a suite that ran nothing, or a test that was skipped, is a failure.

Without it pytest is content with a file whose tests all vanished, and with a runtime that is not
installed. Counts are the least, of a daily run (`-m "not nightly"`) without -k; the nightly gate
compares every single case with those of the last green run.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Union

import pytest

TESTS = Path(__file__).parent
#: Suite (a file or a folder) -> how many of its tests run daily, at least. A file without a row is
#: expected to run one.
SUITES: Dict[str, int] = {
    "tests/models/test_layers.py": 60,
    "tests/models/test_outputs.py": 25,
    "tests/models/test_shapes.py": 6,
    "tests/models/test_tables.py": 6,
    "tests/models/test_latency.py": 18,
    "tests/converters": 700,
    "tests/docs": 145,
    "tests/mxproof/zoo": 110,
    "tests/lab": 280,
    "tests/lab/test_one_ulp.py": 0,  # nightly
    "tests/mxproof": 1000,
    "tests/operators": 1570,
    "tests/packaging": 12,
    "tests/zoo": 16,
}
#: How the reasons of skips begin that a complete run may have: what a machine may lack.
MAY_SKIP = ("needs real checkpoints", "needs Chromium", "needs fish", "needs zsh")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("mxproof").addoption(
        "--complete",
        action="store_true",
        help="fail where a test file ran nothing, a suite ran fewer tests than it has "
        "(tests/completeness.py), or a test was skipped for an unexpected reason",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--complete") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Completeness(config))


class Completeness:
    """Counts the tests that ran, by file; and what keeps the run from being complete."""

    def __init__(self, config: pytest.Config) -> None:
        root = config.rootpath
        files = [p.relative_to(root).as_posix() for p in sorted(TESTS.rglob("test_*.py"))]
        ignored = [Path(path).as_posix() for path in config.getoption("--ignore") or ()]
        chosen = config.getoption("-k")
        self.expected = {
            path: min(count, 1) if chosen else count
            for path, count in {**dict.fromkeys(files, 1), **SUITES}.items()
            if _among(path, config.args) and not _among(path, ignored)
        }
        self.ran: Counter[str] = Counter()
        self.skipped: List[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._skip(report)
        elif report.when == "call":
            self._count(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._skip(report)

    def _skip(self, report: Union[pytest.TestReport, pytest.CollectReport]) -> None:
        """A test that may be skipped counts as one that ran: a suite is whole without it."""
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        if why.replace("Skipped: ", "", 1).startswith(MAY_SKIP):
            self._count(report.nodeid)
        else:
            self.skipped.append(f"{report.nodeid} was skipped: {why}")

    def _count(self, nodeid: str) -> None:
        path = nodeid.partition("::")[0]
        self.ran.update([path, *(p.as_posix() for p in Path(path).parents)])

    @property
    def problems(self) -> List[str]:
        few = {path: count for path, count in self.expected.items() if self.ran[path] < count}
        told = [f"{path}: {self.ran[path]} tests ran, expected {few[path]}" for path in few]
        return [*told, *self.skipped]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for problem in self.problems:
            terminalreporter.write_line(f"--complete: {problem}", red=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _among(path: str, given: List[str]) -> bool:
    """Whether one of these files and folders holds the path."""
    wanted = [Path(each.partition("::")[0]) for each in given]
    return any(
        Path(path) == each or each in Path(path).parents or each.resolve() == TESTS.parent
        for each in wanted
    )
