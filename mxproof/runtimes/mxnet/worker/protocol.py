"""The protocol of every worker: requests on standard input, answers on standard output. Both are
JSON lines and the arrays that they announce, in .npy form; nothing is ever unpickled.

Imported by scripts that may run in another interpreter: Python >= 3.6 and NumPy suffice.
"""

import hashlib
import json
import os
import re
import resource
import sys
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.lib import format as npy


class Channel:
    """JSON lines and .npy arrays over two binary streams."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self.reader, self.writer = reader, writer
        # NumPy does not take it for a file, in which it would try to seek.
        self.pipe = SimpleNamespace(read=reader.read, write=writer.write)

    def send(self, message: Any, arrays: Any = ()) -> None:
        arrays = [np.ascontiguousarray(a) for a in arrays]
        line = json.dumps(dict(message, arrays=len(arrays)))
        self.writer.write(line.encode() + b"\n")
        for array in arrays:
            # Version 3: NumPy parses the headers of older ones as Python 2 wrote them, by tokenize.
            npy.write_array(self.pipe, array, version=(3, 0), allow_pickle=False)
        self.writer.flush()

    def receive(self) -> Any:
        line = self.reader.readline()
        if not line:
            raise EOFError
        message = json.loads(line.decode())
        count = message.pop("arrays")
        return message, [npy.read_array(self.pipe, allow_pickle=False) for _ in range(count)]


class Worker:
    """Requests name a method, its arguments and their arrays: {"do": "run", "model": 3, "inputs":
    ["data"]} and an array call do_run({"data": array}, model=3), which answers.

    A subclass sets `run`, a pass, before it can be timed.
    """

    def __init__(self, channel):
        self.channel = channel

    def library(self):
        """Import what this worker runs."""
        raise NotImplementedError

    def serve(self) -> None:
        """Until the other end is closed."""
        while True:
            try:
                request, arrays = self.channel.receive()
            except EOFError:
                return
            inputs = dict(zip(request.pop("inputs"), arrays))
            try:
                getattr(self, "do_" + request.pop("do"))(inputs, **request)
            except Exception as error:  # every failure is the caller's to report
                self.channel.send({"error": said_by(error)})

    def do_start(self, inputs):
        """Answer with the versions of the library, NumPy and Python."""
        module, python = self.library(), "{}.{}.{}".format(*sys.version_info[:3])
        versions = {module.__name__: module.__version__, "numpy": np.__version__}
        self.channel.send(dict(versions, python=python))

    def do_time(self, inputs, passes, slowdown):
        """Seconds of each of so many passes, and the outputs of the last one."""
        seconds, outputs = timed(self.run, passes, slowdown)
        self.channel.send({"seconds": seconds}, map(as_numpy, outputs))

    def do_peak(self, inputs):
        """The most bytes of memory that this process ever had."""
        self.channel.send({"bytes": peak_bytes()})


#: What libmxnet's messages say beside what is wrong: where its C++ stopped, when, and on what.
INTERNAL = re.compile(
    r"Traceback \(most recent call last\):|File \"[^\"]*\", line \d+|\[\d\d:\d\d:\d\d\] \S+:\d+: "
    r"|\bMXNetError: |\bCheck failed: [^\n]*?(?<!:):\s+(?=\S)"
)


def said_by(error: Exception) -> str:
    """What went wrong, on one line."""
    kind = type(error).__name__
    said = " ".join(INTERNAL.sub("", str(error).split("Stack trace")[0]).split())
    return said if kind == "MXNetError" or said.startswith(kind) else "{}: {}".format(kind, said)


def as_numpy(array: Any) -> Any:
    """A NumPy array; one of MXNet's is copied into one."""
    return array.asnumpy() if hasattr(array, "asnumpy") else array


def digest(array: Any) -> str:
    """Of the array's bytes, in C order."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return hashlib.blake2b(flat.view(np.uint8), digest_size=16).hexdigest()


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


def main(worker: Any, *arguments: str) -> None:
    """Run a worker of this class, as the whole of this process."""
    del sys.path[0]  # the folder of mxproof's packages
    # Libraries print on standard output; the pipe is ours alone.
    writer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    worker(Channel(sys.stdin.buffer, writer), *arguments).serve()
