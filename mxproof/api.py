"""The Python API: the same proof as `mxproof verify`, for scripts and notebooks."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Union

from converters.ir.shapes import Shape, stated
from converters.preprocessing import Preprocessing

from .errors import UsageError
from .inputs.chosen import Samples, chosen_inputs, samples_of
from .model import load_for_run
from .proof.reference import SAMPLES
from .proof.tolerance import Budgets, load_budgets
from .proof.verify import verify as prove
from .recording.file import given_inputs
from .runtimes.registry import TARGETS
from .verification import VerifyResult, reference_for

PathLike = Union[str, "os.PathLike[str]"]


def verify(
    checkpoint: PathLike,
    *,
    to: Sequence[str] = tuple(TARGETS),
    epoch: Optional[int] = None,
    params: Optional[PathLike] = None,
    weights: str = "auto",
    inputs: Optional[Mapping[str, Shape]] = None,
    types: Optional[Mapping[str, str]] = None,
    outputs: Sequence[str] = (),
    images: Union[PathLike, Sequence[PathLike]] = (),
    arrays: Samples = (),
    ranges: Optional[Mapping[str, Tuple[float, float]]] = None,
    preprocessing: Optional[Preprocessing] = None,
    seed: int = 0,
    samples: int = SAMPLES,
    reference: Optional[PathLike] = None,
    budgets: Optional[PathLike] = None,
    mxnet_python: Optional[str] = None,
    folder: Optional[PathLike] = None,
) -> VerifyResult:
    """Convert a checkpoint, and compare every layer of the conversions with MXNet's.

    proof = verify("model/net", inputs={"data": (1, 3, 112, 112)})
    proof.passed, proof.to_json(), proof.plot()

    MXNet runs in a process of its own, so that it may be imported here or not.

    Args:
        checkpoint: a prefix (`model/net` means model/net-symbol.json and model/net-0000.params),
            one of these two files, a folder that holds them, or a name of the zoo.
        epoch: which parameters, of those stored under one prefix; by default 0, or the only ones.
        params: the file of parameters, where the symbol's name does not tell.
        to: of "onnx" and "pytorch".
        inputs: shapes of the inputs; what is left out is guessed from the first layers.
        types, outputs: see `converters.load_checkpoint`.
        images: picture files to run on, in place of random numbers; "NAME=FILE" where the network
            has several inputs.
        arrays: a sample to run on, or several: arrays by input name, or an .npz file of them;
            inputs left out are drawn.
        ranges: input -> the least and the largest number that is drawn for it.
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
    if reference is not None and (images or inputs or arrays or ranges):
        raise UsageError("reference has its own inputs. Leave images, inputs, arrays, ranges out.")
    samples_given = samples_of(arrays)
    images = [images] if isinstance(images, (str, os.PathLike)) else images
    with ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mxproof-"))
        recorded = None if reference is None else Path(reference)
        inputs = stated(inputs or {})
        shapes = {name: a.shape for sample in samples_given[:1] for name, a in sample.items()}
        given = given_inputs(recorded) if recorded else {**shapes, **inputs}
        how: Dict[str, Any] = {"types": types, "outputs": outputs, "ranges": ranges}
        how.update(epoch=epoch, params=params, weights=weights)
        subject = load_for_run(os.fspath(checkpoint), given, **how)
        chosen = chosen_inputs(
            subject, arrays=samples_given, images=images, preprocessing=preprocessing, given=inputs
        )
        evidence = stack.enter_context(
            reference_for(
                subject,
                given,
                seed=seed,
                samples=samples,
                inputs=chosen,
                mxnet_python=mxnet_python,
                reference=recorded,
            )
        )
        rows = Budgets() if budgets is None else load_budgets(Path(budgets))
        proof = prove(subject, tuple(to), evidence, Path(folder), budgets=rows)
    found = VerifyResult(**vars(proof))
    return replace(found, reference=recorded.name) if recorded else found
