"""What a run takes of time and memory, as a worker measures itself. Python >= 3.6 suffices."""

import resource
import sys
import time
from typing import Any


def timed(run: Any, passes: int, slowdown: float = 0.0) -> Any:
    """Seconds of each of so many passes.

    Args:
        slowdown: makes each pass longer by this share of it: a drift that is known, for tests.
    """
    seconds = []
    for _ in range(passes):
        begin = time.perf_counter()
        run()
        if slowdown:
            end = begin + (1 + slowdown) * (time.perf_counter() - begin)
            while time.perf_counter() < end:
                pass
        seconds.append(time.perf_counter() - begin)
    return seconds


def peak_bytes() -> int:
    """The most memory that this process ever had resident."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
