"""Trained checkpoints of other people's, with the budgets of our own models."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters import UnusedParametersWarning
from mxproof.evidence import Live
from mxproof.prover import verify
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.subject import load_subject
from mxproof.targets import TARGETS

SHAPES = {
    "cifar_resnet20_v1": (1, 3, 32, 32),
    "cifar_resnet20_v2": (1, 3, 32, 32),
    "mnet.25": (1, 3, 64, 64),
}


@pytest.mark.filterwarnings("ignore::converters.errors.UnusedParametersWarning")  # tested below
@pytest.mark.parametrize("stem", SHAPES)
def test_verifies(stem: str, samples_dir: Path, mxnet: MxnetProcess, tmp_path: Path) -> None:
    subject = load_subject(str(samples_dir / stem))
    model = mxnet.load(subject.prefix, 0, subject.graph)
    evidence = Live(model, subject.evidence({"data": SHAPES[stem]}), mxnet.versions)
    proof = verify(subject, tuple(TARGETS), evidence, tmp_path)
    model.close()
    for target in proof.targets.values():
        assert not target.explain(stem), target.explain(stem)
        assert len(target.comparisons["float64"].checks) == len(subject.graph.nodes)
    assert proof.passed


def test_unused_parameters_are_named(samples_dir: Path) -> None:
    with pytest.warns(UnusedParametersWarning, match="12 parameters .*face_rpn_landmark_pred"):
        load_subject(str(samples_dir / "mnet.25"))
