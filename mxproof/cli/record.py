"""Run MXNet on chosen inputs, and keep of every layer what judges conversions: `mxproof verify
CHECKPOINT --reference FILE` then needs no MXNet. A few megabytes for each input."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from converters import Graph
from converters.ir.shapes import show
from converters.progress import report

from ..errors import UsageError
from ..model import WEIGHTS, load_for_run
from ..proof.reference import SAMPLES
from ..verification import reference_for
from ..writable import writable_folder
from . import common
from .input_options import inputs_of, stated_shapes
from .picture_options import preprocessing


def add_options(parser: argparse.ArgumentParser) -> None:
    common.common(parser)
    parser.add_argument("-o", "--output-file", metavar="FILE", required=True, help="where to")
    common.sampling(parser, "2 for models by name, 4 for other networks")
    preprocessing(parser, files=True)


def refuse_order(graph: Graph) -> None:
    """A recording keeps samples of large layers: none can be run alone on MXNet's results."""
    first = next((n for n in graph.nodes if graph.anchored.intersection(n.outputs)), None)
    if first is not None:
        before = next((name for name in first.inputs if name and name not in graph.params), "")
        raise UsageError(
            f"{first.op} {first.name!r} depends on the order of numbers or on chance: it and what "
            "is behind it are judged on MXNet's own results, which a recording does not hold. "
            "Verify with MXNet at hand, or record what comes before: "
            f"--output {shlex.quote(before)}."
        )


def run(args: argparse.Namespace) -> int:
    from ..recording.file import save_recording

    output, given = Path(args.output_file), stated_shapes(args)
    if output.is_dir():
        raise UsageError(f"-o {output}: is a folder. Name a file.")
    writable_folder(f"-o {output}", output.absolute().parent)
    with common.progress_of(args):
        report(f"reading {args.checkpoint}")
        subject = load_for_run(args.checkpoint, given, **common.reading(args))
        refuse_order(subject.graph)
        samples = args.samples or (2 if subject.model is not None else SAMPLES)
        inputs = inputs_of(args, subject)
        if inputs is None:
            inputs = subject.evidence(given, seed=args.seed or 0, samples=samples)
        how = {"inputs": inputs, "mxnet_python": args.mxnet_python}
        with reference_for(subject, given, **how) as evidence:
            arrays = evidence.arrays()
            truths = evidence.closer()
            save_recording(output, subject.graph, truths, evidence.versions, given, arrays)
    layers = sum(len(node.outputs) for node in subject.graph.nodes)
    shapes = ", ".join(f"{k}={show(a.shape)}" for arrays in inputs for k, a in arrays.items())
    common.say(
        f"wrote {output}: {output.stat().st_size:,} bytes",
        f"{layers} layers of {subject.name} ({WEIGHTS[subject.weights]})",
        f"inputs: {shapes}",
        quiet=args.quiet,
    )
    return common.PROVEN
