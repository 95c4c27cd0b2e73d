"""Options, exit codes and output that the commands share."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from converters.files import atomic_write
from converters.params import TYPE_FLAGS
from converters.progress import listening
from fixtures.zoo import ZOO

from ..evidence import SAMPLES
from ..report.sheet import Sheet, plain
from ..subject import UsageError, parse_types
from ..targets import TARGETS
from ..writable import writable_folder

PROVEN, FAILED, BAD_INPUT = 0, 1, 2
PREFIX = (
    "a prefix (model/resnet-50 means model/resnet-50-symbol.json and model/resnet-50-0000.params), "
    f"one of the two files, a folder that holds them, or a model by name: {', '.join(ZOO)}"
)
#: Options that change where results go and what is printed, not what is computed.
ASIDE = (
    *("help", "quiet", "layers", "json", "html", "markdown", "latency", "repro"),
    *("output_dir", "log", "pth", "pt2", "external_data"),
)


def console_of(args: argparse.Namespace) -> Console:
    """For tables: as wide as the terminal, and wide enough where there is none."""
    console = Console(quiet=args.quiet)
    return console if console.is_terminal else Console(quiet=args.quiet, width=160)


def say(*lines: str, stderr: bool = False, quiet: bool = False) -> None:
    """Print lines that no terminal breaks."""
    console = Console(stderr=stderr, quiet=quiet)
    for line in lines:
        console.print(plain(line), soft_wrap=True)


def count(text: str, least: int = 0) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {least} or more")
    return int(text)


positive = partial(count, least=1)


def repeatable(parser: argparse._ActionsContainer, option: str, metavar: str, text: str) -> None:
    parser.add_argument(option, action="append", default=[], metavar=metavar, help=text)


def common(parser: argparse.ArgumentParser) -> None:
    """A checkpoint, and how to read it."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help=PREFIX)
    reading_options(parser)


def reading_options(parser: argparse.ArgumentParser) -> None:
    text = "which .params file of a prefix (default: 0, or the only one)"
    parser.add_argument("--epoch", type=count, metavar="N", help=text)
    text = "the .params file, where the symbol's name does not tell"
    parser.add_argument("--params", metavar="FILE", help=text)
    text = (
        "shape of an input, e.g. data=Nx3xHxW; a letter is a size left free. Guessed from the "
        "first layers where left out. Repeat for several inputs"
    )
    repeatable(parser, "--input", "NAME=SHAPE", text)
    text = (
        f"element type of an input: {', '.join(TYPE_FLAGS)}. By default what the symbol states, "
        "else the type of the parameters"
    )
    repeatable(parser, "--input-type", "NAME=TYPE", text)
    text = (
        "take this layer's result for the network's output, and leave out what it does not need: "
        "fc1 for an embedding, say. Repeat for several"
    )
    repeatable(parser, "--output", "LAYER", text)
    parser.add_argument(
        "--weights",
        choices=("auto", "pretrained", "seeded"),
        default="auto",
        help="for models by name: the published weights, seeded random ones in the same "
        "format, or (auto, the default) the published if they can be had",
    )
    quiet(parser)


def reading(args: argparse.Namespace) -> Dict[str, Any]:
    """How the user wants the checkpoint read: what `load_subject` takes beside shapes."""
    from .input_options import parse_ranges

    found: Dict[str, Any] = {"epoch": args.epoch, "params": args.params, "weights": args.weights}
    found.update(types=parse_types(args.input_type), outputs=tuple(args.output))
    return {**found, "ranges": parse_ranges(getattr(args, "input_range", ()))}


def quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def targets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        action="append",
        choices=tuple(TARGETS),
        help=f"what to convert to; repeat for several (default: {' and '.join(TARGETS)})",
    )


def targets_of(args: argparse.Namespace) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(args.to or TARGETS))


def sampling(parser: argparse._ActionsContainer, default: str) -> None:
    """What the network is run on, and the Python that has MXNet to run it in."""
    from .input_options import input_options

    parser.add_argument("--seed", type=count, help="of the random inputs (default: 0)")
    text = (
        "how many random inputs; float32 noise is judged over all of them. In turns they are "
        "plain, sparse and a batch of three, tall with outliers, and wide, as far as sizes are free"
    )
    parser.add_argument("--samples", type=positive, help=f"{text} (default: {default})")
    input_options(parser)
    mxnet_python(parser)


def drawn(args: argparse.Namespace) -> Dict[str, Any]:
    """What `sampling` asks for, as `evidence_for` takes it."""
    how = {"seed": args.seed or 0, "samples": args.samples or SAMPLES}
    return {**how, "mxnet_python": args.mxnet_python}


def mxnet_python(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--mxnet-python", metavar="PATH", help="the Python that has MXNet (default: this one)"
    )


def words_of(command: str, args: argparse.Namespace, *only: str) -> List[str]:
    """Arguments of a command again, as its command line has them, without those left at defaults.

    Args:
        only: names of the arguments that count; by default all that change what is computed.
    """
    from . import MXPROOF

    commands = next(a.choices for a in MXPROOF.parser(command)._actions if a.dest == "command")
    actions: List[argparse.Action] = dict(commands or {})[command]._actions
    words: List[str] = []
    for action in sorted(actions, key=lambda action: bool(action.option_strings)):
        value = getattr(args, action.dest, action.default)
        wanted = action.dest in only if only else action.dest not in ASIDE
        if wanted and value != action.default:
            words += _stated(action, value)
    return words


def _stated(action: argparse.Action, value: Any) -> List[str]:
    """One argument and its value, as words."""
    if action.nargs == 0:  # a flag, or one of a pair of flags
        return [action.option_strings[0 if value else -1]]
    option = action.option_strings[-1:]
    if isinstance(value, list):
        words = list(map(str, value))
        return [*option, *words] if action.nargs else [w for v in words for w in (*option, v)]
    if isinstance(value, tuple):
        value = ("x" if "x" in str(action.metavar) else ",").join(map(str, value))
    return [f"{option[0]}={value}"] if str(value).startswith("-") else [*option, str(value)]


def command_line(command: str, args: argparse.Namespace, **stated: Any) -> str:
    """The command that computes the same again, as a shell reads it.

    Args:
        stated: arguments in place of those in `args`.
    """
    changed = argparse.Namespace(**{**vars(args), **stated})
    return shlex.join(["mxproof", command, *words_of(command, changed)])


def writable(args: argparse.Namespace) -> None:
    """Refuse files that cannot be written, before anything is done for them.

    Raises:
        UsageError: one that an option names is a folder, or in a folder in which nothing can be
            written.
    """
    for option in ("json", "html", "markdown", "log"):
        path = getattr(args, option, None)
        if path and Path(path).is_dir():
            raise UsageError(f"--{option} {path}: is a folder. Name a file.")
        if path:
            writable_folder(f"--{option} {path}", Path(path).absolute().parent)


def os_problem(error: OSError) -> str:
    """What the system refuses, in a sentence."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}."


def write_text(path: Optional[str], text: str) -> None:
    """The file that an option names, if it names one."""
    if path:
        with atomic_write(Path(path)) as file:
            file.write(text.encode(errors="backslashreplace"))


def table_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", metavar="FILE", help="write the numbers there")
    parser.add_argument("--markdown", metavar="FILE", help="write the table, or tables, there")


def show_tables(args: argparse.Namespace, document: object, sheets: Sequence[Sheet]) -> None:
    """Print tables, and write them and their numbers where the options want them."""
    write_text(args.json, json.dumps(document, indent=1))
    write_text(args.markdown, "\n\n".join(sheet.markdown() for sheet in sheets) + "\n")
    console = console_of(args)
    for sheet in sheets:
        console.print(sheet)


@contextmanager
def all_or_nothing(output: Path) -> Iterator[Path]:
    """A folder whose files go to `output` together, when the block ends well."""
    parent = writable_folder(f"-o {output}", output)
    with tempfile.TemporaryDirectory(prefix=".mxproof-", dir=parent) as folder:
        yield Path(folder)
        output.mkdir(parents=True, exist_ok=True)
        made = [(path, output / path.name) for path in Path(folder).iterdir()]
        for _, place in made:
            if place.is_dir():
                raise UsageError(f"-o {output}: {place} is a folder. Move it away.")
        for path, place in made:
            os.replace(path, place)


@contextmanager
def progress_of(args: argparse.Namespace) -> Iterator[None]:
    """Draw what is being done and how far it is, in a line; silent where nobody watches."""
    console = Console(stderr=True, quiet=args.quiet)
    text, count = TextColumn("{task.description}"), TextColumn("{task.fields[count]}")
    columns = (SpinnerColumn(), text, BarColumn(), count)
    hidden = args.quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as drawn:
        task = drawn.add_task("", total=None, count="")

        def tell(text: str, done: int = 0, total: Optional[int] = None) -> None:
            known = "" if total is None else f"{done:,} of {total:,}"
            drawn.update(task, description=escape(text), completed=done, total=total, count=known)

        with listening(tell):
            yield
