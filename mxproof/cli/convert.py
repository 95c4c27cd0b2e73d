"""`mxproof convert`."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
import warnings
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List

from converters import ConversionError, UnusedParametersWarning
from converters.logits import logits
from converters.progress import report

from ..export.changes import changes
from ..export.parcel import Parcel
from ..proof import Proof
from ..runtimes.base import RuntimeFailure
from ..subject import UsageError, load_subject, parse_inputs
from ..targets import TARGETS, convert
from . import convert_options as options
from .common import (
    FAILED,
    PROVEN,
    all_or_nothing,
    common,
    progress_of,
    reading,
    say,
    targets,
    writable,
    write_text,
)
from .picture_options import preprocessing, preprocessing_of
from .verify import again


class NotProven(Exception):
    """The proof failed: nothing is written."""

    def __init__(self, proof: Proof) -> None:
        super().__init__(proof.model)
        self.proof = proof


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "convert",
        help="write a checkpoint as ONNX and PyTorch",
        description="Write DIR/NAME.onnx, DIR/NAME.py with DIR/NAME.safetensors, and DIR/NAME.md, "
        "which says what they are and how to run them. Needs neither MXNet nor PyTorch; where "
        "both are installed, the files are proven equal to MXNet before they are written.",
    )
    common(parser)
    targets(parser)
    parser.add_argument(
        "-o", "--output-dir", metavar="DIR", default=".", help="where to (default: .)"
    )
    options.forms(parser.add_argument_group("forms"))
    options.changes(parser.add_argument_group("changes of the network"))
    options.proving(parser.add_argument_group("proof"))
    preprocessing(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    begun = time.monotonic()
    output = Path(args.output_dir)
    check(args)
    try:
        with heard() as said, progress_of(args), all_or_nothing(output) as folder:
            report(f"reading {args.checkpoint}")
            parcel = read(args, folder)
            write(args, parcel)
            judge(args, parcel)
            finish(parcel)
            seconds = time.monotonic() - begun
            logged(args, parcel, said, seconds)
    except NotProven as failure:
        return refuse(args, failure.proof)
    if parcel.proof is None:  # one from before is of other files
        (output / parcel.path(".proof.json").name).unlink(missing_ok=True)
    for path in parcel.files:
        say(f"wrote {output / path.name}", quiet=args.quiet)
    for note in parcel.notes:
        say(note, quiet=args.quiet)
    if parcel.subject.weights != "user":
        say(f"weights: {parcel.subject.weights}; {parcel.subject.why}", quiet=args.quiet)
    verdict = "proven equal to MXNet, layer by layer" if parcel.proof else parcel.unproven
    say(verdict if parcel.proof else f"not proven: {verdict}", quiet=args.quiet)
    return PROVEN


def check(args: argparse.Namespace) -> None:
    """What makes no sense together, before anything is done."""
    from ..export.torch_files import require_torch

    writable(args, "log")
    for option in ("pth", "pt2"):
        if getattr(args, option):
            if "pytorch" not in chosen(args):
                raise UsageError(f"--{option} goes with the PyTorch source: add --to pytorch.")
            require_torch(f"--{option}")
    if args.verify and args.float16:
        raise UsageError(
            "--verify and --float16: the proof is of float32 numbers. What float16 costs is "
            "measured instead; leave --verify out."
        )


def chosen(args: argparse.Namespace) -> List[str]:
    """The targets."""
    return list(dict.fromkeys(args.to or TARGETS))


@contextmanager
def heard() -> Iterator[List[str]]:
    """Warnings, as they are shown, for the log."""
    said: List[str] = []
    with warnings.catch_warnings():
        show = warnings.showwarning

        def note(message: Any, category: Any, *place: Any, **more: Any) -> None:
            if issubclass(category, UnusedParametersWarning):
                said.append(str(message))
            show(message, category, *place, **more)

        warnings.showwarning = note
        yield said


def read(args: argparse.Namespace, folder: Path) -> Parcel:
    """The checkpoint, with what the user wants changed in it."""
    given = parse_inputs(args.input)
    how = {"inputs": given, "half": args.float16, **reading(args)}
    subject = load_subject(args.checkpoint, **how)
    notes: List[str] = []
    if args.logits:
        how["outputs"] = logits(subject.graph)
        dropped = [n for n in subject.graph.outputs if n not in how["outputs"]]
        notes.append(f"logits: {', '.join(how['outputs'])} in place of {', '.join(dropped)}")
        subject = load_subject(args.checkpoint, **how)
    subject = subject.prepared(preprocessing_of(args, subject.preprocessing))
    changed = changes(subject.graph, fused=args.fuse, half=args.float16)
    return Parcel(
        replace(subject, graph=changed.graph),
        subject.graph,
        changed.single,
        folder,
        args.opset,
        notes=[*notes, *changed.notes],
    )


def write(args: argparse.Namespace, parcel: Parcel) -> None:
    """The models, in all the forms that were asked for."""
    from ..export.torch_files import write_pt2, write_pth

    for target in chosen(args):
        external = args.external_data
        files = convert(parcel.graph, target, parcel.folder, args.opset, external_data=external)
        parcel.models[target] = files[0]
        parcel.files += files
    if args.pth:
        report(f"{parcel.name}: writing the state dict")
        parcel.files.append(write_pth(parcel))
    if args.pt2:
        report(f"{parcel.name}: torch.export")
        parcel.files.append(write_pt2(parcel))


def judge(args: argparse.Namespace, parcel: Parcel) -> None:
    """Prove the files, or say why not; measure what was changed.

    Raises:
        NotProven: a layer is not MXNet's.
    """
    from ..export.cost import measured
    from ..export.proving import cost_of_fusing, missing, prove

    narrowed = parcel.graph is not parcel.single
    if narrowed:
        parcel.notes += measured(parcel, "float16")
    reason = _why_not(args, parcel) or missing(chosen(args), args.mxnet_python)
    if args.verify and reason:
        raise UsageError(f"--verify: {reason}. {later(args, parcel)}")
    if not reason:
        given = parse_inputs(args.input)
        chosen_inputs = {
            "seed": args.seed,
            "samples": args.samples,
            "mxnet_python": args.mxnet_python,
        }
        try:
            parcel.proof = prove(parcel, given, **chosen_inputs)
        except (ConversionError, RuntimeFailure, UsageError) as error:
            if args.verify:
                raise
            reason = f"the proof could not be made: {error}"
    if parcel.proof is None:
        parcel.unproven = f"{reason}. {later(args, parcel)}".replace("..", ".")
        if args.fuse and not narrowed:
            parcel.notes += measured(parcel, "folding")
    elif not parcel.proof.passed:
        raise NotProven(parcel.proof)
    elif args.fuse:
        parcel.notes.append(cost_of_fusing(parcel.proof))


def _why_not(args: argparse.Namespace, parcel: Parcel) -> str:
    if args.verify is False:
        return "--no-verify was given"
    if parcel.graph.half:
        return "the proof is of float32 numbers, these are float16"
    return ""


def later(args: argparse.Namespace, parcel: Parcel) -> str:
    """How to have the proof all the same."""
    more: Dict[str, Any] = {"image": [], "budgets": None, "reference": None}
    outputs = list(parcel.graph.outputs) if args.logits else args.output
    stated = argparse.Namespace(**{**vars(args), **more, "output": outputs})
    command = again(stated, args.to or [])
    if args.fuse:
        command = f"{command.replace(' verify ', ' convert ', 1)} --fuse --verify"
    return f"{'Without float16, where' if parcel.graph.half else 'Where'} MXNet is: {command}"


def finish(parcel: Parcel) -> None:
    """The record of the proof and the guide, beside the models."""
    from ..export.guide import guide
    from ..export.proving import record

    if parcel.proof is not None:
        parcel.path(".proof.json").write_text(record(parcel, parcel.proof), encoding="utf-8")
        parcel.files.append(parcel.path(".proof.json"))
    parcel.path(".md").write_text(guide(parcel), encoding="utf-8")
    parcel.files.append(parcel.path(".md"))


def logged(args: argparse.Namespace, parcel: Parcel, said: List[str], seconds: float) -> None:
    """The log, where it is wanted."""
    if args.log:
        from ..export.log import log_text

        write_text(args.log, log_text(parcel, said, seconds, f"mxproof {_words(args)}"))


def _words(args: argparse.Namespace) -> str:
    """The command line, where it was one."""
    begun = Path(sys.argv[0]).stem in ("mxproof", "__main__")
    return shlex.join(sys.argv[1:] if begun else ["convert", args.checkpoint])


def refuse(args: argparse.Namespace, proof: Proof) -> int:
    """Say which layer is wrong; nothing was written."""
    for target in proof.targets.values():
        for paragraph in target.explain(proof.model):
            say(paragraph, stderr=True)
    say(
        f"{proof.model}: not proven, so nothing was written; --no-verify writes the files all the "
        "same.",
        stderr=True,
    )
    return FAILED
