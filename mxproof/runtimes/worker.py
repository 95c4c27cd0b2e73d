"""What every worker is: answers on standard output to requests on standard input.

Imported by scripts that may run in another interpreter: Python >= 3.6 and NumPy suffice.
"""

import os
import sys
from typing import Any

from .channel import Channel
from .footprint import peak_bytes


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
