"""How long a pass takes in each runtime, and what else a runtime costs."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from converters.progress import report
from converters.shape import Shape

from .lineup import Lineup
from .timing import all_opened, interleaved

ROUNDS = 10, 60  # at least, at most
SECONDS = 15.0


@dataclass(frozen=True)
class Run:
    """One runtime in one setting.

    Attributes:
        threads: None means as many as the runtime takes by itself.
        seconds: of a pass in each round.
        ratio_to_mxnet: of the medians; None where MXNet was not there.
        load_seconds: from the file to the first pass, its libraries being imported.
        peak_bytes: the most memory that its process had, libraries and all.
    """

    model: str
    runtime: str
    batch: int
    threads: Optional[int]
    input: Mapping[str, Tuple[int, ...]]
    seconds: Sequence[float]
    ratio_to_mxnet: Optional[float]
    load_seconds: float
    peak_bytes: int
    versions: Mapping[str, str]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def to_json(self) -> Dict[str, Any]:
        figures = {
            "median_ms": 1e3 * self.median,
            "min_ms": 1e3 * min(self.seconds),
            "rounds": len(self.seconds),
        }
        return {**asdict(self), **figures}


def bench(
    lineup: Lineup,
    runtimes: Sequence[str],
    *,
    batches: Sequence[int] = (),
    threads: Sequence[Optional[int]] = (None, 1),
    given: Optional[Mapping[str, Shape]] = None,
    rounds: Tuple[int, int] = ROUNDS,
    seconds: float = SECONDS,
    mxnet_python: Optional[str] = None,
) -> Iterator[Run]:
    """Every runtime in every setting; those of one setting take turns.

    Args:
        seconds: for each setting, once there are enough rounds.

    Raises:
        RuntimeFailure: a runtime is missing, or does not run its file.
    """
    name = lineup.subject.name
    settings = list(product(batches or lineup.batches(), threads))
    for number, (batch, count) in enumerate(settings):
        words = f"{name}: batch {batch}, {count or 'all'} threads"
        report(f"measuring {words}", number, len(settings))
        inputs = lineup.inputs(batch, given)
        sides = {
            runtime: lineup.side(
                runtime, threads=count, python=mxnet_python if runtime == "mxnet" else None
            )
            for runtime in runtimes
        }
        with all_opened(sides, inputs) as opened:
            found = interleaved(opened, rounds=rounds, seconds=seconds)
            for runtime, side in opened.items():
                yield Run(
                    model=name,
                    runtime=runtime,
                    batch=batch,
                    threads=count,
                    input={n: a.shape for n, a in inputs.items()},
                    seconds=found[runtime],
                    ratio_to_mxnet=_ratio(found, runtime, "mxnet"),
                    load_seconds=side.load_seconds,
                    peak_bytes=side.peak(),
                    versions=side.versions,
                )


def _ratio(found: Mapping[str, List[float]], first: str, second: str) -> Optional[float]:
    if second not in found:
        return None
    return statistics.median(found[first]) / statistics.median(found[second])


def first_setting(runs: Sequence[Run]) -> List[Run]:
    return [r for r in runs if (r.batch, r.threads) == (runs[0].batch, runs[0].threads)]


def ratios(runs: Sequence[Run]) -> Dict[str, float]:
    """Runtime -> its ratio to MXNet in the first setting."""
    return {
        r.runtime: r.ratio_to_mxnet
        for r in first_setting(runs)
        if r.ratio_to_mxnet is not None and r.runtime != "mxnet"
    }
