"""What the commands share: options, exit codes, output."""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from converters.files import atomic_write
from converters.params import TYPE_FLAGS
from converters.progress import listening
from fixtures.zoo import ZOO

from ..report.sheet import plain
from ..subject import UsageError, parse_types
from ..targets import TARGETS

PROVEN, FAILED, BAD_INPUT = 0, 1, 2


def console_of(args: argparse.Namespace) -> Console:
    """For tables: as wide as the terminal, and wide enough where there is none."""
    console = Console(quiet=args.quiet)
    return console if console.is_terminal else Console(quiet=args.quiet, width=160)


def say(text: str, *, stderr: bool = False, quiet: bool = False) -> None:
    """A line that no terminal breaks."""
    Console(stderr=stderr, quiet=quiet).print(plain(text), soft_wrap=True)


PREFIX = (
    "a prefix (model/resnet-50 means model/resnet-50-symbol.json and model/resnet-50-0000.params), "
    f"or a model by name: {', '.join(ZOO)}"
)


def common(parser: argparse.ArgumentParser) -> None:
    """A checkpoint, and how to read it."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help=PREFIX)
    reading_options(parser)


def reading_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--epoch", type=int, default=0, help="which .params file (default: 0)")
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=SHAPE",
        help="shape of an input, e.g. data=Nx3xHxW; a letter is a size left free. "
        "Guessed from the first layers where left out. Repeat for several inputs",
    )
    parser.add_argument(
        "--input-type",
        action="append",
        default=[],
        metavar="NAME=TYPE",
        help=f"element type of an input: {', '.join(TYPE_FLAGS)}. By default what the symbol "
        "states, else the type of the parameters",
    )
    parser.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="LAYER",
        help="take this layer's result for the network's output, and leave out what it does not "
        "need: fc1 for an embedding, say. Repeat for several",
    )
    parser.add_argument(
        "--weights",
        choices=("auto", "pretrained", "seeded"),
        default="auto",
        help="for models by name: the published weights, seeded random ones in the same "
        "format, or (auto, the default) the published if they can be had",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def reading(args: argparse.Namespace) -> Dict[str, Any]:
    """How the user wants the checkpoint read: what `load_subject` takes beside shapes."""
    return {
        "epoch": args.epoch,
        "weights": args.weights,
        "types": parse_types(args.input_type),
        "outputs": tuple(args.output),
    }


def words_of(args: argparse.Namespace, *options: str) -> List[str]:
    """Options that may be repeated, as a command line has them."""
    named = [(f"--{option.replace('_', '-')}", getattr(args, option)) for option in options]
    return [word for name, values in named for value in values for word in (name, value)]


def targets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        action="append",
        choices=tuple(TARGETS),
        help=f"what to convert to; repeat for several (default: {' and '.join(TARGETS)})",
    )


def mxnet_python(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--mxnet-python", metavar="PATH", help="the Python that has MXNet (default: this one)"
    )


def count(text: str, least: int = 0) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {least} or more")
    return int(text)


def writable(args: argparse.Namespace, *options: str) -> None:
    """Are there folders for the files that these options name?

    Raises:
        UsageError: not; before anything was done for them.
    """
    for option in options:
        path = getattr(args, option)
        if path and not Path(path).absolute().parent.is_dir():
            raise UsageError(f"--{option} {path}: there is no such folder. Make it first.")
        if path and Path(path).is_dir():
            raise UsageError(f"--{option} {path}: is a folder. Name a file.")


def write_text(path: Optional[str], text: str) -> None:
    """The file that an option names, if it names one."""
    if path:
        with atomic_write(Path(path)) as file:
            file.write(text.encode(errors="backslashreplace"))


@contextmanager
def progress_of(args: argparse.Namespace) -> Iterator[None]:
    """What is being done and how far it is, in a line; silent where nobody watches."""
    console = Console(stderr=True, quiet=args.quiet)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), CountColumn())
    hidden = args.quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as drawn:
        task = drawn.add_task("", total=None)

        def tell(text: str, done: int = 0, total: Optional[int] = None) -> None:
            drawn.update(task, description=escape(text), completed=done, total=total)

        with listening(tell):
            yield


class CountColumn(ProgressColumn):
    """ "12 of 71", or nothing where it is not known."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.completed:,.0f} of {task.total:,.0f}")


@contextmanager
def all_or_nothing(output: Path) -> Iterator[Path]:
    """A folder whose files go to `output` together, when the block ends well."""
    parent = next(p for p in (output, *output.absolute().parents) if p.exists())
    if not parent.is_dir():
        raise UsageError(f"-o {output}: {parent} is a file. Name a folder.")
    with tempfile.TemporaryDirectory(prefix=".mxproof-", dir=parent) as folder:
        yield Path(folder)
        output.mkdir(parents=True, exist_ok=True)
        for path in Path(folder).iterdir():
            os.replace(path, output / path.name)
