"""The environment of a measurement: machine, versions, and other load."""

from __future__ import annotations

import os
import platform
import time
from functools import cache
from typing import Any, Dict, Mapping, Tuple


def environment(versions: Mapping[str, str]) -> Dict[str, Any]:
    """The machine and the software, for a record. Needs the `bench` extra.

    Args:
        versions: of what was measured; "python" among them if it ran in another one.
    """
    return {
        "versions": dict(sorted(versions.items())),
        "python": versions.get("python", platform.python_version()),
        "system": platform.platform(terse=True),
        "cpu": cpu(),
        "cores": cores(),
    }


@cache
def cpu() -> str:
    """The processor's name."""
    import cpuinfo

    return str(cpuinfo.get_cpu_info().get("brand_raw") or platform.machine())


def cores() -> int:
    """How many this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class CpuContention:
    """The share of the machine that processes other than this one and its children take.

    It matters where runtimes of two kinds are compared: the one with more threads suffers more.
    """

    def __init__(self) -> None:
        self._begin = self._now()

    @staticmethod
    def _now() -> Tuple[float, float, float]:
        """(seconds, processor seconds of everything, of this process and its ended children)."""
        import psutil

        times, own = psutil.cpu_times()._asdict(), psutil.Process().cpu_times()
        idle = ("idle", "iowait", "guest", "guest_nice")  # guests count as user time already
        busy = sum(seconds for kind, seconds in times.items() if kind not in idle)
        return time.monotonic(), busy, sum(own[:4])

    def others(self) -> float:
        """Share of all processors since this was made, 0 to 1. A hypervisor's other guests count,
        as far as it reports them."""
        seconds, busy, own = (end - begin for end, begin in zip(self._now(), self._begin))
        return min(1.0, max(0.0, (busy - own) / (seconds * (os.cpu_count() or 1) or 1.0)))
