"""A pytest plugin: the checkpoint that `--checkpoint` names is read before any test, so that what
is wrong with it, or with the options about it, is said once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Dict, Tuple

import pytest

from converters.ir.shapes import Shape
from mxproof.model import Model

Chosen = Tuple[Dict[str, Shape], Model]
KEY = pytest.StashKey[Chosen]()


def arguments(option: argparse.Namespace, model: str) -> argparse.Namespace:
    """pytest's options as `mxproof verify` takes them: those that are about a user's checkpoint
    for it alone, and those that choose inputs only where no recording has its own."""
    args = argparse.Namespace(**vars(option))
    args.checkpoint, args.output = option.checkpoint or model, option.output_layer
    if not option.checkpoint:
        args.epoch, args.params, args.input, args.input_type, args.output = None, None, [], [], []
        args.npz, args.input_range = [], []
    if option.reference:
        given = Path(option.reference)
        args.reference = given / f"{model}.npz" if given.is_dir() else given
        args.seed = args.samples = args.mxnet_python = None
        args.input, args.image, args.npz, args.input_range = [], [], [], []
    return args


def chosen_by(args: argparse.Namespace) -> Chosen:
    """The shapes that are stated, and the network."""
    from mxproof.cli.common import reading
    from mxproof.cli.input_options import stated_shapes
    from mxproof.model import load_for_run
    from mxproof.recording.file import given_inputs

    given = given_inputs(args.reference) if args.reference else stated_shapes(args)
    return given, load_for_run(args.checkpoint, given, **reading(args))


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # xdist's: where it was started, all was well
        return
    from converters import ConversionError
    from mxproof.cli.common import os_problem
    from mxproof.cli.verify import budgets_of
    from mxproof.errors import UsageError
    from mxproof.zoo.downloads import DownloadError

    try:
        budgets_of(config.option)
        if config.option.checkpoint:
            config.stash[KEY] = _checked(config.option)
    except (ConversionError, DownloadError, UsageError) as error:
        raise pytest.UsageError(str(error)) from None
    except OSError as error:
        raise pytest.UsageError(os_problem(error)) from None


def _checked(option: argparse.Namespace) -> Chosen:
    """What is chosen, if a run can begin with it; see `chosen_by`."""
    from mxproof.cli.input_options import inputs_of
    from mxproof.recording.file import load_recording

    args = arguments(option, Path(option.checkpoint).name)
    given, subject = chosen_by(args)
    if args.reference:
        load_recording(args.reference, subject.graph)
    elif inputs_of(args, subject) is None:
        subject.concrete(given)
    return given, subject
