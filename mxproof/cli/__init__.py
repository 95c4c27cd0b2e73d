"""The command line: one module a command.

Exit codes: 0 proven or done, 1 a proof failed, 2 usage, unreadable or unsupported input.
"""

from __future__ import annotations

import argparse
import io
import sys
import warnings
from typing import List, Optional

from converters import ConversionError, UnusedParametersWarning, __version__
from fixtures.downloads import DownloadError

from ..runtimes.base import RuntimeFailure
from ..subject import UsageError
from . import (
    bench,
    bisect,
    calibrate,
    compare,
    completion,
    convert,
    faults,
    gate,
    inspect,
    nightly,
    record,
    run,
    tables,
    to_mxnet,
    verify,
)
from .common import BAD_INPUT, say

COMMANDS = (
    *(convert, verify, run, compare, tables),
    *(bench, gate, calibrate, bisect, nightly),
    *(inspect, record, to_mxnet, faults, completion),
)


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command line; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no name is worth a crash
    args = _parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("always", UnusedParametersWarning)
        warnings.showwarning = lambda message, *_, **__: say(f"warning: {message}", stderr=True)
        try:
            code: int = args.run(args)
            return code
        except (ConversionError, DownloadError, RuntimeFailure, UsageError) as error:
            problem = str(error)
        except MemoryError as error:
            problem = f"not enough memory: {error}. Give a smaller --input."
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            problem = f"{where}{error.strerror or error}."
    say(f"mxproof {args.command}: {problem}", stderr=True)
    return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mxproof",
        description="Move models off Apache MXNet, with proof: convert a checkpoint to ONNX and "
        "PyTorch, and show layer by layer that all three compute the same.",
        epilog="Exit codes: 0 proven or done, 1 a proof failed, 2 usage, unreadable or "
        "unsupported input.",
    )
    parser.add_argument("--version", action="version", version=f"mxproof {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
