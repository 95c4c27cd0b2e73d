"""What every worker is: answers on standard output to requests on standard input.

Imported by scripts that may run in another interpreter: Python >= 3.6 and NumPy suffice.
"""

import os
import resource
import sys
import time
from typing import Any

from .channel import Channel


class Worker:
    """Requests name a method: {"do": "run"} calls do_run(request, arrays), which answers."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel

    def serve(self) -> None:
        """Until the other end is closed."""
        while True:
            try:
                request, arrays = self.channel.receive()
            except EOFError:
                return
            try:
                getattr(self, "do_" + request["do"])(request, arrays)
            except Exception as error:  # every failure is the caller's to report
                self.channel.send(failure(error))

    def do_peak(self, request: Any, arrays: Any) -> None:
        """The most bytes of memory that this process ever had."""
        self.channel.send({"bytes": peak_bytes()})


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
    if os.path.exists("/proc/self/status"):
        with open("/proc/self/status") as status:
            return 1024 * int(status.read().partition("VmHWM:")[2].split()[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def failure(error: Exception) -> Any:
    """An answer; of what libmxnet says, without its stack."""
    first = str(error).split("Stack trace")[0].strip()
    return {"error": "{}: {}".format(type(error).__name__, first)}


def main(make: Any) -> None:
    """Run a worker, as the whole of this process.

    Args:
        make: makes it of the channel; imports what it needs.
    """
    del sys.path[0]  # the folder of mxproof's packages
    # Libraries print on standard output; the pipe is ours alone.
    writer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    channel = Channel(sys.stdin.buffer, writer)
    try:
        worker = make(channel)
    except Exception as error:
        channel.receive()  # the first request
        channel.send(failure(error))
        return
    worker.serve()
