"""How a worker measures its own time and memory. Needs Python >= 3.6 and nothing else."""

import resource
import sys
import time
from typing import Any


def timed(run: Any, passes: int, slowdown: float = 0.0) -> Any:
    """Call `run` that many times -> (seconds of each pass, what the last one returned).

    Args:
        slowdown: lengthens each pass by this fraction: a known regression, for calibration.
    """
    seconds, outputs = [], None
    for _ in range(passes):
        begin = time.perf_counter()
        outputs = run()
        if slowdown:
            end = begin + (1 + slowdown) * (time.perf_counter() - begin)
            while time.perf_counter() < end:
                pass
        seconds.append(time.perf_counter() - begin)
    return seconds, outputs


def peak_bytes() -> int:
    """The most memory that this process ever had resident.

    On Linux from /proc, because getrusage there starts at the size of the process that forked us.
    """
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
