"""Write DIR/NAME.onnx, DIR/NAME.py with DIR/NAME.safetensors, and DIR/NAME.md, which says what they
are and how to run them. Needs neither MXNet nor PyTorch; where both are installed, the files are
proven equal to MXNet before they are written."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Mapping

from converters import ConversionError
from converters.ir.shapes import Shape
from converters.onnx.opsets import DEFAULT_OPSET, NEWEST_OPSET, OLDEST_OPSET
from converters.passes.drop_softmax import logits
from converters.progress import report

from ..errors import UsageError, require
from ..export.result import ConversionResult, changes
from ..model import WEIGHTS, Model, load_for_run, load_model, parse_inputs
from ..proof.proof import Proof
from ..proof.reference import SAMPLES
from ..runtimes.base import RuntimeFailure
from ..runtimes.registry import convert
from . import common
from .common import say
from .input_options import inputs_of, stated_shapes
from .picture_options import preprocessing, preprocessing_of
from .verify import again

#: Flags on the forms that are written, and on changes of the network, with their help.
FORMS = {
    "external-data": "ONNX: weights in a file of their own, NAME.onnx.data (always so beyond "
    "1 GiB)",
    "exact-batch-norm": "batch norms as (x - mean) * scale + beta, as MXNet computes them: more "
    "precise where a mean is large beside the deviation, and slower",
    "pth": "also NAME.pth, the weights as a PyTorch state dict (needs PyTorch)",
    "pt2": "also NAME.pt2, network and weights in one file of torch.export (needs PyTorch)",
}
CHANGES = {
    "logits": "leave out a final softmax or sigmoid, so that what it reads comes out",
    "fuse": "fold batch norms into the convolutions and matrix products beside them, where that "
    "loses no precision; says how many, and what it costs",
    "float16": "weights, inputs and all computing in float16; without it float16 becomes float32",
    "float64": "keep a float64 checkpoint in float64, and say where that runs; without it float64 "
    "becomes float32",
}
INSTEAD = {"float16": "What float16 costs is measured", "float64": "Where float64 runs is tried"}


class NotProven(Exception):
    """The proof, its only argument, failed in such a way that nothing is written."""


def add_options(parser: argparse.ArgumentParser) -> None:
    common.targets(parser)
    common.common(parser)
    parser.add_argument(
        "-o", "--output-dir", metavar="DIR", default=".", help="where to (default: .)"
    )
    _options(parser)
    preprocessing(parser, files=True)


def _options(parser: argparse.ArgumentParser) -> None:
    forms = parser.add_argument_group("forms")
    text = f"ONNX opset, {OLDEST_OPSET} to {NEWEST_OPSET} (default: {DEFAULT_OPSET})"
    forms.add_argument("--opset", type=int, default=DEFAULT_OPSET, help=text)
    text = "write there what was read, what became of each layer, …"
    forms.add_argument("--log", metavar="FILE", help=text)
    changes = parser.add_argument_group("changes of the network")
    for group, flags in ((forms, FORMS), (changes, CHANGES)):
        for name, text in flags.items():
            group.add_argument(f"--{name}", action="store_true", help=text)
    proof = parser.add_argument_group("proof")
    proof.add_argument(
        "--verify",
        action=argparse.BooleanOptionalAction,
        help="prove every layer of these files equal to MXNet's before they are written; the "
        "verdict goes into NAME.md and NAME.proof.json. Done by default where MXNet and the "
        "targets' runtimes are installed. Files that compute another function are not written",
    )
    text = (
        "do not write files that are less precise than MXNet in float32, either. Without it, files "
        "that compute the same function are written, with exit code 1 and a list of the layers"
    )
    proof.add_argument("--strict", action="store_true", help=text)
    common.sampling(proof, str(SAMPLES))


def run(args: argparse.Namespace) -> int:
    begun = time.monotonic()
    output = Path(args.output_dir)
    check(args)
    try:
        with common.progress_of(args), common.all_or_nothing(output) as folder:
            report(f"reading {args.checkpoint}")
            parcel = read(args, folder)
            write(args, parcel)
            judge(args, parcel)
            finish(args, parcel, begun)
    except NotProven as failure:
        _refuse(failure.args[0])
        return common.FAILED
    if parcel.proof is None:  # one from before is of other files
        (output / parcel.path(".proof.json").name).unlink(missing_ok=True)
    lines = [*(f"wrote {output / path.name}" for path in parcel.files), *parcel.notes]
    if parcel.subject.weights != "user":
        lines.append(f"weights: {WEIGHTS[parcel.subject.weights]}; {parcel.subject.why}")
    if parcel.proof is None and not parcel.owed:
        lines.append(f"not proven: {parcel.unproven}")
    elif parcel.proof and parcel.proof.passed:
        lines.append("proven equal to MXNet, layer by layer")
    say(*lines, quiet=args.quiet)
    return _verdict(parcel)


def _verdict(parcel: ConversionResult) -> int:
    """The exit code; a proof that is missing, and what the files lose, is said as an error."""
    from ..export.proving import losses

    proof = parcel.proof
    if proof is None and parcel.owed:
        say(f"{parcel.name}: written, but not proven: {parcel.unproven}", stderr=True)
        return common.FAILED
    if proof is None or proof.passed:
        return common.PROVEN
    text = "the files were written all the same; with --strict they are not."
    say(*losses(proof), f"{proof.model}: {text}", stderr=True)
    return common.FAILED


def _refuse(proof: Proof) -> None:
    """Say why nothing was written, and how to have the files all the same."""
    for result in proof.targets.values():
        say(*result.explain(proof.model), stderr=True)
    text = "not proven, so nothing was written; --no-verify writes the files all the same."
    if proof.same_function:
        text = (
            "same function, but less precise than MXNet, so nothing was written; without --strict "
            "the files are."
        )
    say(f"{proof.model}: {text}", stderr=True)


def check(args: argparse.Namespace) -> None:
    """What makes no sense together, before anything is done."""
    for option in ("pth", "pt2"):
        if getattr(args, option):
            if "pytorch" not in common.targets_of(args):
                raise UsageError(f"--{option} goes with the PyTorch source: add --to pytorch.")
            require("torch", "pytorch", f"--{option} is written by PyTorch, which")
    other = _other_type(args)
    if args.float16 and args.float64:
        raise UsageError("--float16 and --float64: leave one of the two out.")
    if args.verify and other:
        raise UsageError(
            f"--verify and --{other}: the proof is of float32 numbers. {INSTEAD[other]} instead; "
            "leave --verify out."
        )
    if args.strict and (args.verify is False or other):
        option = other or "no-verify"
        raise UsageError(
            f"--strict and --{option}: the proof decides what --strict writes, and with "
            f"--{option} there is none. Leave one of the two out."
        )


def _other_type(args: argparse.Namespace) -> str:
    """Than float32: "float16", "float64", or ""."""
    return "float16" if args.float16 else "float64" if args.float64 else ""


def read(args: argparse.Namespace, folder: Path) -> ConversionResult:
    """The checkpoint, with what the user wants changed in it."""
    how = {"half": args.float16, "double": args.float64, **common.reading(args)}
    if args.weights == "auto":  # nobody ships random weights without asking for them
        how["weights"] = "pretrained"
    subject = _load(args, **how)
    notes: List[str] = []
    if subject.graph.narrowed:
        notes.append("float64: rounded to float32; --float64 keeps it")
    if args.logits:
        how["outputs"] = logits(subject.graph)
        dropped = [n for n in subject.graph.outputs if n not in how["outputs"]]
        notes.append(f"logits: {', '.join(how['outputs'])} in place of {', '.join(dropped)}")
        subject = _load(args, **how)
    subject = subject.prepared(preprocessing_of(args, subject.preprocessing))
    exact = replace(subject.graph, exact_batch_norm=args.exact_batch_norm)
    subject = replace(subject, graph=exact)
    graph, single, done = changes(subject.graph, fused=args.fuse, half=args.float16)
    written, notes = replace(subject, graph=graph), [*notes, *done]
    return ConversionResult(written, subject.graph, single, folder, args.opset, notes=notes)


def _load(args: argparse.Namespace, **how: Any) -> Model:
    """With sizes left free although arrays have them, as far as that can be."""
    stated = parse_inputs(args.input)
    if args.npz:
        return load_for_run(args.checkpoint, stated_shapes(args), kept=stated, **how)
    return load_model(args.checkpoint, inputs=stated, **how)


def write(args: argparse.Namespace, parcel: ConversionResult) -> None:
    """The models, in all the forms that were asked for."""
    from ..export.torch_files import write_pt2, write_pth

    for target in common.targets_of(args):
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


def judge(args: argparse.Namespace, parcel: ConversionResult) -> None:
    """Prove the files, or say why not; measure what was changed.

    Raises:
        NotProven: it is not MXNet's function, or less precise where the user is strict.
    """
    from ..export.double import is_double, where_it_runs
    from ..export.proving import cost_of_fusing, measured, missing, prove
    from ..reports.terminal import lost_in

    narrowed, double = parcel.graph is not parcel.single, is_double(parcel.graph)
    if narrowed:
        parcel.notes += measured(parcel, "float16")
    if double:
        parcel.notes += where_it_runs(parcel)
    reason = _why_not(args, parcel)
    parcel.owed = not reason
    reason = f"{reason}. {later(args, parcel)}" if reason else missing(common.targets_of(args))
    if args.verify and reason:
        raise UsageError(f"--verify: {reason}")
    if not reason:
        given, inputs = stated_shapes(args), inputs_of(args, parcel.subject)
        if inputs is None:
            _ask(parcel.subject, given)
        try:
            parcel.proof = prove(parcel, given, **common.drawn(args), inputs=inputs)
        except (ConversionError, RuntimeFailure, UsageError) as error:
            if args.verify:
                raise
            reason = f"the proof could not be made: {error}"
    if parcel.proof is None:
        parcel.unproven = reason
        if args.fuse and not narrowed and not double:
            parcel.notes += measured(parcel, "folding")
    elif not (parcel.proof.passed if args.strict else parcel.proof.same_function):
        raise NotProven(parcel.proof)
    else:
        parcel.notes += lost_in(parcel.proof)
        parcel.notes += [cost_of_fusing(parcel.proof)] if args.fuse else []


def _ask(subject: Model, given: Mapping[str, Shape]) -> None:
    """Are there shapes to prove it in?

    Raises:
        UsageError: none that is known; the message asks for one.
    """
    try:
        subject.concrete(given)
    except (ConversionError, UsageError) as error:
        raise UsageError(f"{error} Or leave the proof out: --no-verify.") from None


def _why_not(args: argparse.Namespace, parcel: ConversionResult) -> str:
    """Why no proof is to be expected; "" where one is."""
    from ..export.double import is_double

    if args.verify is False:
        return "--no-verify was given"
    if parcel.graph.half:
        return "the proof is of float32 numbers, these are float16"
    if is_double(parcel.graph):
        return "the proof is of float32 numbers, these are float64"
    absent = not args.mxnet_python and importlib.util.find_spec("mxnet") is None
    return "MXNet is not installed here" if absent else ""


def later(args: argparse.Namespace, parcel: ConversionResult) -> str:
    """How to have the proof all the same."""
    changed: Dict[str, Any] = {"logits": False, "float16": False, "float64": False, "verify": True}
    if args.logits:
        changed["output"] = list(parcel.graph.outputs)
    if args.fuse or args.exact_batch_norm:
        command = common.command_line("convert", args, **changed)
    else:
        command = again(args, args.to or [], **changed)
    without = f"Without {_other_type(args)}, where" if _other_type(args) else "Where"
    return f"{without} MXNet is: {command}"


def finish(args: argparse.Namespace, parcel: ConversionResult, begun: float) -> None:
    """The record of the proof and the guide, beside the models; and the log."""
    from ..export.guide import guide
    from ..export.proving import record

    if parcel.proof is not None:
        parcel.add(".proof.json", record(parcel, parcel.proof))
    parcel.add(".md", guide(parcel))
    if args.log:
        from ..export.log import log_text  # reads what was written, with onnx

        begun_here = Path(sys.argv[0]).stem in ("mxproof", "__main__")
        words = sys.argv[1:] if begun_here else ["convert", args.checkpoint]
        command, seconds = f"mxproof {shlex.join(words)}", time.monotonic() - begun
        common.write_text(args.log, log_text(parcel, args.warned, seconds, command))
