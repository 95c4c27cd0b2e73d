"""The command line: a module for each command, imported when it is used.

Exit codes: 0 proven or done, 1 a proof failed, 2 usage, unreadable or unsupported input.
"""

from __future__ import annotations

import argparse
import io
import sys
import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import List, Mapping, Optional, Sequence, Tuple

from converters import __version__

#: Options whose values begin with the name of an input.
NAMED = ("--input", "--input-type", "--input-range", "--npy", "--image")
EPILOG = "Exit codes: 0 proven or done, 1 a proof failed, 2 usage, unreadable or unsupported input."


@dataclass(frozen=True)
class Program:
    """A command line with subcommands.

    Attributes:
        name: what the user types, for usage lines.
        commands: command -> its module and one line of help. The module's docstring describes the
            command; `add_options(parser)` declares its options, `run(args)` returns the exit code.
    """

    name: str
    description: str
    commands: Mapping[str, Tuple[str, str]]

    def parser(self, *chosen: str) -> argparse.ArgumentParser:
        """The parser. The chosen commands have their options; of the others it knows the names."""
        parser = argparse.ArgumentParser(
            prog=self.name, description=self.description, epilog=EPILOG
        )
        parser.add_argument("--version", action="version", version=f"mxproof {__version__}")
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        for name, (place, text) in self.commands.items():
            command = commands.add_parser(name, help=text)
            if name in chosen:
                module = import_module(place)
                command.description = " ".join((module.__doc__ or "").split())
                module.add_options(command)
                command.set_defaults(run=module.run)
        return parser


MXPROOF = Program(
    name="mxproof",
    description="Move models off Apache MXNet, with proof: convert a checkpoint to ONNX and "
    "PyTorch, and show layer by layer that all three compute the same.",
    commands={
        "convert": ("mxproof.cli.convert", "write ONNX and PyTorch files of a checkpoint"),
        "verify": ("mxproof.cli.verify", "convert and prove every layer equal to MXNet"),
        "run": ("mxproof.cli.run", "run a model on pictures or arrays, in a chosen runtime"),
        "compare": ("mxproof.cli.compare", "report how far apart arrays are"),
        "tables": ("mxproof.cli.tables", "output errors of the six models in every runtime"),
        "bench": ("mxproof.cli.bench", "measure latencies, or decide whether a model got slower"),
        "inspect": ("mxproof.cli.inspect", "show what a checkpoint holds"),
        "record": ("mxproof.cli.record", "keep MXNet's results for proofs without MXNet"),
        "to-mxnet": ("mxproof.cli.to_mxnet", "convert an ONNX file to an MXNet checkpoint"),
        "completion": ("mxproof.cli.completion", "print a shell's completion script"),
    },
)


def joined(words: Sequence[str]) -> List[str]:
    """`--input -x=1x3` -> `--input=-x=1x3`: a name may begin like an option."""
    found: List[str] = []
    for word in words:
        if found and found[-1] in NAMED and word.startswith("-") and "=" in word:
            found[-1] += f"={word}"
        else:
            found.append(word)
    return found


def main(arguments: Optional[List[str]] = None) -> int:
    """Run `mxproof`; returns the exit code."""
    return execute(MXPROOF, arguments)


def execute(program: Program, arguments: Optional[List[str]] = None) -> int:
    """Run one of a program's commands; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no name is worth a crash
    words = joined(sys.argv[1:] if arguments is None else arguments)
    args = program.parser(*words[:1]).parse_args(words)

    from converters import CheckpointWarning, ConversionError
    from mxproof.zoo.downloads import DownloadError

    from ..errors import UsageError
    from ..runtimes.base import RuntimeFailure
    from .common import BAD_INPUT, os_problem, say, writable

    args.warned = []  # for a log

    def warn(message: object, *_: object, **__: object) -> None:
        args.warned.append(str(message))
        say(f"warning: {message}", stderr=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", CheckpointWarning)
        warnings.showwarning = warn
        try:
            writable(args)
            code: int = args.run(args)
            return code
        except (ConversionError, DownloadError, RuntimeFailure, UsageError) as error:
            problem = str(error)
        except MemoryError as error:
            problem = f"not enough memory: {error}. Give a smaller --input."
        except OSError as error:
            problem = os_problem(error)
    say(f"{program.name} {args.command}: {problem}", stderr=True)
    return BAD_INPUT
