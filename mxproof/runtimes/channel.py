"""Messages and arrays between the harness and its worker; both ends are here.

Python >= 3.6 and NumPy suffice. Nothing is ever unpickled.
"""

import json
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
