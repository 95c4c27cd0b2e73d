"""pytest's options about which cases there are: `--expected-cases`, `--shard`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence, Set, Tuple

import pytest

from mxproof.subject import UsageError

from .cases import UNLISTED, arguments, read_list, under, write_list

WRITE = "pytest --collect-only -qq tests --write-expected-cases"
#: Of other models than the zoo's there are other cases.
OTHER_MODELS = ("--checkpoint", "--reference")
MODELS = "tests/models/"
SHOWN = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mxproof")
    group.addoption(
        "--expected-cases",
        metavar="FILE",
        help="fail if a case of this list, of those in the folders and files to be run, is not "
        "there any more",
    )
    group.addoption(
        "--write-expected-cases",
        metavar="FILE",
        help=f"write that list, for all that is collected: {WRITE} FILE",
    )
    group.addoption(
        "--shard",
        metavar="K/N",
        help="run the K-th of N parts of all cases: each case is in exactly one, always the same",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Cases(config), "mxproof-cases")


class Cases:
    """What was collected, before anything is chosen from it.

    Attributes:
        missing: expected, and not collected.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.shard = shard_of(config.getoption("--shard"))
        self.path = config.getoption("--expected-cases")
        self.target = config.getoption("--write-expected-cases")
        other = any(config.getoption(option, None) for option in OTHER_MODELS)
        self.apart = (*UNLISTED, MODELS) if other else UNLISTED
        try:
            cases = read_list(Path(self.path)) if self.path else frozenset()
        except UsageError as error:
            raise pytest.UsageError(f"--expected-cases {error}") from None
        given = arguments(config.args, config.invocation_params.dir, config.rootpath)
        self.expected = {c for c in cases if under(c, given) and not c.startswith(self.apart)}
        self.skipped: List[str] = []
        self.missing: Set[str] = set()
        self.unlisted: Set[str] = set()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.outcome != "passed":
            self.skipped.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)  # before -k, --deselect and others choose
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: List[pytest.Item]
    ) -> None:
        ids = [item.nodeid for item in items]
        if self.path:
            self.missing = self.expected.difference(ids)
            self.unlisted = {c for c in ids if not c.startswith(self.apart)} - self.expected
        if hasattr(config, "workerinput"):
            said = {"missing": sorted(self.missing), "unlisted": sorted(self.unlisted)}
            config.workeroutput["mxproof-cases"] = said  # type: ignore[attr-defined]
        if self.target and not hasattr(config, "workerinput"):
            self._write(ids)
        if self.shard:
            chosen = set(part_of(ids, *self.shard))
            config.hook.pytest_deselected(items=[i for i in items if i.nodeid not in chosen])
            items[:] = [item for item in items if item.nodeid in chosen]

    def _write(self, ids: Sequence[str]) -> None:
        others = [s for s in self.skipped if not s.startswith(UNLISTED)]
        if others:
            raise pytest.UsageError(
                f"--write-expected-cases: {', '.join(others)} could not be collected here, so the "
                "list would lack its cases. Write it where everything is installed."
            )
        write_list(Path(self.target), ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker of xdist collected, and this process did not."""
        said = getattr(node, "workeroutput", {}).get("mxproof-cases", {})
        self.missing.update(said.get("missing", ()))
        self.unlisted.update(said.get("unlisted", ()))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for line in self._said():
            terminalreporter.write_line(line, red=bool(self.missing))

    def _said(self) -> Iterator[str]:
        if self.missing:
            yield f"--expected-cases {self.path}: not there any more: {len(self.missing)}"
            yield from (f"  {case}" for case in sorted(self.missing)[:SHOWN])
            if len(self.missing) > SHOWN:
                yield f"  and {len(self.missing) - SHOWN} more"
            if self.skipped:
                yield f"not collected: {', '.join(self.skipped)}"
            yield f"if that was meant: {WRITE} {self.path}"
        elif self.unlisted:
            yield f"--expected-cases: not listed yet: {len(self.unlisted)}. {WRITE} {self.path}"

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.missing and not hasattr(session.config, "workerinput"):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def shard_of(text: Optional[str]) -> Optional[Tuple[int, int]]:
    """ "2/8" -> (2, 8); None where it is not asked for."""
    if text is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text)
    if not match or int(match[1]) > int(match[2]):
        raise pytest.UsageError(f"--shard {text}: give K/N, with K from 1 to N: --shard 2/8.")
    return int(match[1]), int(match[2])


def part_of(ids: Sequence[str], part: int, parts: int) -> List[str]:
    """In turn, by name: relatives, which take as long as each other, go to different parts."""
    return sorted(ids)[part - 1 :: parts]
