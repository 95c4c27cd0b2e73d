"""A worker: a script of this folder in a process of its own, perhaps in another Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .base import Array, Inputs, RuntimeFailure
from .worker import Channel

#: Runs a module of this package as a script, without the rest of mxproof, which that interpreter
#: may lack: for the imports of the script alone, the folder above is first on the path.
BOOT = (
    "import runpy, sys; sys.path = [sys.argv.pop(1), *filter(None, sys.path)]; "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__')"
)

#: How a line of MXNet's log begins, e.g. "[12:34:56] ../src/executor/graph_executor.cc:1991: ".
LOGGED = re.compile(r"\[\d\d:\d\d:\d\d\] \S+:\d+: (?!.*Check failed)")


def last_words(errors: str) -> str:
    """The last three lines that a worker wrote to stderr, on one line, without its log."""
    lines = [line.strip() for line in errors.splitlines() if not LOGGED.match(line.strip())]
    return " ".join([line for line in lines if line][-3:])


class WorkerProcess:
    """A running worker; a context manager. Its messages are JSON lines and arrays (worker.py).

    Attributes:
        python: the interpreter that it runs in.
        versions: of what it runs with.
        starts: how often it was started or is about to be; what it had loaded ends with it.
    """

    def __init__(
        self,
        module: str,
        runtime: str,
        python: Optional[str],
        environment: Mapping[str, str],
        *,
        install: str,
        option: str,
        arguments: Sequence[str] = (),
    ) -> None:
        """Start it.

        Args:
            module: of this folder.
            runtime: what messages call it, e.g. "MXNet".
            python: a path; None means this interpreter.
            environment: variables beside those of this process.
            install: what it needs, e.g. "mxnet==1.9.1".
            option: of the command line, that names another interpreter.
            arguments: of the module, run as a script.

        Raises:
            RuntimeFailure: that interpreter does not exist, or the runtime does not import there.
        """
        self.python = python or sys.executable
        folder = Path(__file__).parent
        self._command = ["-c", BOOT, str(folder.parent), f"{folder.name}.{module}", *arguments]
        self._runtime = runtime
        self._install, self._option = install, option
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        self._environment = {**kept, **environment}
        self.starts = 1
        self._start()

    def _start(self) -> None:
        self._suspended, self._pending, self._given = False, 0, ""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        try:
            self._process = subprocess.Popen(
                [self.python, "-W", "ignore", *self._command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=self._environment,
            )
        except OSError as error:
            self._errors.close()
            raise RuntimeFailure(
                f"{self.python}: cannot be started: {error.strerror}. Name the Python that has "
                f"{self._runtime}: {self._option} PATH."
            ) from error
        assert self._process.stdin and self._process.stdout
        self._channel = Channel(self._process.stdout, self._process.stdin)
        try:
            self.versions: Dict[str, str] = self.ask("start")[0]
        except RuntimeFailure as error:
            self.close()
            said = str(error).rstrip(".")
            raise RuntimeFailure(
                f"{self._runtime} does not run in {self.python}: {said}. Install {self._install} "
                f"there, or name an interpreter that has it: {self._option} PATH."
            ) from error

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker."""
        if self._suspended:
            return
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(OSError):  # a worker that died has closed its end
                    stream.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def suspend(self) -> None:
        """End the worker until the next request: some libraries free no memory before they end."""
        self.close()
        self._suspended = True
        self.starts += 1

    def ask(
        self, do: str, inputs: Optional[Inputs] = None, **options: Any
    ) -> Tuple[Any, List[Array]]:
        """Send a request to do something, and wait for its first answer.

        Raises:
            RuntimeFailure: the runtime refused, or the worker died of it.
        """
        if self._suspended:
            self._start()
        with suppress(RuntimeFailure):
            while self._pending:  # nobody took them
                self.receive(do)
        given = inputs or {}
        self._given = ", ".join(
            f"{name} {'x'.join(map(str, a.shape)) or '()'} {a.dtype}" for name, a in given.items()
        )
        try:
            self._channel.send({"do": do, "inputs": list(given), **options}, given.values())
        except (OSError, ValueError):
            raise self._died(do) from None
        return self.receive(do)

    def time(self, passes: int, slowdown: float = 0.0) -> Tuple[List[float], List[Array]]:
        """Run what is prepared -> (seconds of each pass, outputs of the last one).

        Args:
            slowdown: lengthens each pass by this fraction.
        """
        answer, outputs = self.ask("time", passes=passes, slowdown=slowdown)
        return answer["seconds"], outputs

    def receive(self, doing: str) -> Tuple[Any, List[Array]]:
        """A further answer to the request `doing`. Raises as `ask` does."""
        try:
            answer, arrays = self._channel.receive()
        except (EOFError, OSError, ValueError):
            raise self._died(doing) from None
        #: Answers to come: the first one says how many.
        self._pending = answer.get("more", max(0, self._pending - 1))
        if "error" in answer:
            self._pending = 0
            raise RuntimeFailure(f"{self._runtime} refused to {doing}: {answer['error']}")
        return answer, arrays

    def _died(self, doing: str) -> RuntimeFailure:
        try:
            code: Optional[int] = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = None
        self._errors.seek(0)
        said = last_words(self._errors.read().decode(errors="replace"))
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        on = f", given {self._given}" if self._given else ""
        return RuntimeFailure(
            f"the {self._runtime} process ended ({how}) while it had to {doing}{on}"
            + (f": {said}" if said else "")
        )
