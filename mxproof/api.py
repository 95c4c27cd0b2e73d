"""Proofs from Python: what `mxproof verify` does, for scripts and notebooks."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Mapping, Optional, Sequence, Union

from converters.preprocessing import Preprocessing
from converters.shape import Shape, stated

from .evidence import SAMPLES, evidence_for
from .pictures import picture_inputs
from .proof import Proof
from .prover import verify as prove
from .recording.file import given_inputs
from .subject import UsageError, load_for_run
from .targets import TARGETS
from .tolerance import Budgets, load_budgets

PathLike = Union[str, "os.PathLike[str]"]


def verify(
    checkpoint: PathLike,
    *,
    to: Sequence[str] = tuple(TARGETS),
    epoch: int = 0,
    weights: str = "auto",
    inputs: Optional[Mapping[str, Shape]] = None,
    types: Optional[Mapping[str, str]] = None,
    outputs: Sequence[str] = (),
    images: Sequence[PathLike] = (),
    preprocessing: Optional[Preprocessing] = None,
    seed: int = 0,
    samples: int = SAMPLES,
    reference: Optional[PathLike] = None,
    budgets: Optional[PathLike] = None,
    mxnet_python: Optional[str] = None,
    folder: Optional[PathLike] = None,
) -> Proof:
    """Convert a checkpoint, and compare every layer of the conversions with MXNet's.

    proof = verify("model/net", inputs={"data": (1, 3, 112, 112)})
    proof.passed, proof.to_json(), proof.plot()

    MXNet runs in a process of its own, so that it may be imported here or not.

    Args:
        checkpoint: a prefix (`model/net` means model/net-symbol.json and model/net-0000.params),
            or a name of the zoo.
        to: of "onnx" and "pytorch".
        inputs: shapes of the inputs; what is left out is guessed from the first layers.
        types, outputs: see `converters.load_checkpoint`.
        images: picture files to run on, in place of random numbers.
        preprocessing: of the images; by default what is known of a model of the zoo.
        seed, samples: of random inputs: where they begin, and how many.
        reference: a file of `mxproof record`, to be judged by without MXNet.
        budgets: a file of rows for layers that need other limits.
        mxnet_python: the interpreter that has MXNet, if this one has not.
        folder: where the converted files go, to be kept; by default they are not.

    Raises:
        ConversionError: the checkpoint cannot be read, or holds what cannot be converted.
        RuntimeFailure: a runtime that is needed is not installed, or MXNet refuses.
        UsageError: the arguments contradict each other.
        ValueError: `budgets` is not a file of rows, with a reason each.
    """
    unknown = [target for target in to if target not in TARGETS]
    if unknown or not to:
        raise UsageError(f"to={list(to)}; allowed: one or more of {', '.join(TARGETS)}.")
    if reference is not None and (images or inputs):
        raise UsageError("reference has its own inputs. Leave images and inputs out.")
    with ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mxproof-"))
        recorded = None if reference is None else Path(reference)
        given = given_inputs(recorded) if recorded else stated(inputs or {})
        subject = load_for_run(
            os.fspath(checkpoint), given, epoch=epoch, weights=weights, types=types, outputs=outputs
        )
        files = list(map(Path, images))
        evidence = stack.enter_context(
            evidence_for(
                subject,
                given,
                seed=seed,
                samples=samples,
                inputs=picture_inputs(subject, files, preprocessing, given) if files else None,
                mxnet_python=mxnet_python,
                reference=recorded,
            )
        )
        rows = Budgets() if budgets is None else load_budgets(Path(budgets))
        proof = prove(subject, tuple(to), evidence, Path(folder), budgets=rows)
    return replace(proof, reference=recorded.name) if recorded else proof
