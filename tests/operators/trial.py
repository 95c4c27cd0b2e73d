"""A case that is tried again and again, with declarations that differ."""

from __future__ import annotations

import signal
import sys
from collections import defaultdict
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import converters.operators
from converters import Graph, UnsupportedError, load_checkpoint, save_checkpoint
from lab.mutation.code import forget
from mxproof.proof.reference import live
from mxproof.proof.trace import ReferenceTrace
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import convert

from .case import Case
from .prove import OPSETS, check_inference, judge
from .row import Row

FOLDER = Path(converters.operators.__file__).parent
#: Where a mutant may run: while the network is read, and as it is written for a target.
Place = Tuple[str, int]
READ: Place = ("read", 0)
PLACES: List[Place] = [("pytorch", OPSETS[1]), *(("onnx", opset) for opset in OPSETS)]
Line = Tuple[str, int]
#: After so many seconds, a mutant does not come to an end.
LIMIT = 30


def drawn(row: Row, count: int) -> List[Case]:
    """The same cases every time, each once."""
    found: List[Case] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        found.append(row.draw(data.draw))

    collect()
    return found


@contextmanager
def traced(lines: Set[Line]) -> Iterator[None]:
    """Collect the lines of the declarations that run."""

    def enter(frame: Any, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(str(FOLDER)):
            return None
        lines.add((frame.f_code.co_filename, frame.f_lineno))
        return enter

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def limited(seconds: int = LIMIT) -> Iterator[None]:
    """Raise TimeoutError in what takes longer."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Trial:
    """A case with MXNet's results, what it is converted to, and which lines did that."""

    def __init__(self, case: Case, row: Row, mxnet: MxnetProcess, folder: Path, stack: ExitStack):
        self.case, self.row, self.folder = case, row, folder
        folder.mkdir()
        net, heads = case.network()
        save_checkpoint(folder / "net", net.symbol(*heads), net.arrays)
        self.lines: Dict[Place, Set[Line]] = defaultdict(set)
        graph = self._read(READ)
        model = stack.enter_context(closing(mxnet.load(folder / "net", 0, graph)))
        feeds = case.feeds(0)
        #: Of the operator, in its order.
        self.arrays = {**feeds, **net.arrays}
        self.size = sum(array.size for array in self.arrays.values())
        evidence, truths = live(model, [feeds], mxnet.versions), {}

        def again(draws: int) -> Iterator[ReferenceTrace]:
            if draws not in truths:
                truths[draws] = list(evidence.truths(draws))
            return iter(truths[draws])

        self.evidence = replace(evidence, truths=again)
        check_inference(graph, case, row, next(iter(self.evidence)))
        self.files = {place: self._written(graph, place) for place in PLACES}

    def _read(self, place: Place) -> Graph:
        forget()
        with traced(self.lines[place]):
            return self.read()

    def read(self) -> Graph:
        inputs, types = self.case.shapes(self.case.free), self.case.types()
        return load_checkpoint(self.folder / "net", inputs=inputs, types=types)

    def _written(self, graph: Graph, place: Place) -> Tuple[bytes, ...]:
        forget()
        with traced(self.lines[place]):
            return self.written(graph, place)

    def written(self, graph: Graph, place: Place) -> Tuple[bytes, ...]:
        """What the network is converted to; nothing if it is refused."""
        try:
            files = convert(graph, place[0], self.folder / f"{place[0]}{place[1]}", place[1])
        except UnsupportedError:
            return ()
        return tuple(file.read_bytes() for file in files)

    def reached(self, file: str, lines: Tuple[int, int]) -> List[Place]:
        """Where one of these lines ran."""
        spot = {(file, line) for line in range(lines[0], lines[1] + 1)}
        return [place for place, ran in self.lines.items() if spot & ran]

    def fails(self, places: List[Place]) -> bool:
        """Does the case fail, with what runs now? Only where the mutant runs, and what is written
        differs, it can."""
        try:
            with limited():
                graph = self.read()
                check_inference(graph, self.case, self.row, next(iter(self.evidence)))
                tried = set()
                for place in PLACES if READ in places else places:
                    files = self.written(graph, place)
                    if files == self.files[place] or (place[0], files) in tried:
                        continue
                    tried.add((place[0], files))
                    judge(graph, place[0], self.evidence, self.folder / "judged", place[1])
                    if not self.files[place]:
                        return True  # what must be refused is converted
        except Exception:
            return True
        return False
