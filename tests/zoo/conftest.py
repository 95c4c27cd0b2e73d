"""Which models are run, and what they share."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from mxproof.zoo.gluoncv import GLUONCV, Exporter

from .misses import disagreements
from .prove import rows_of

#: Proven on every change: cheap ones, as different as can be. A minute of CPU time in all.
_DAILY = (
    "cifar_resnet20_v1 mobilenet0.25 mobile_pose_mobilenetv3_small "
    "monodepth2_resnet18_kitti_mono_640x192 siamrpn_alexnet_v2_otb15 simple_pose_resnet18_v1b "
    "squeezenet1.1 ssd_300_mobilenet0.25_custom"
)
#: And nightly: a small model of each of the other families.
_NIGHTLY = (
    "alexnet alpha_pose_resnet101_v1b_coco center_net_mobilenetv3_small_duc_voc "
    "cifar_residualattentionnet56 danet_resnet50_citys darknet53 deeplab_resnet50_citys "
    "densenet121 dla34 fastscnn_citys fcn_resnet50_voc googlenet hrnet_w18_small_v1_s "
    "i3d_inceptionv1_kinetics400 icnet_resnet50_citys inceptionv3 mask_rcnn_resnet18_v1b_coco "
    "nasnet_4_1056 p3d_resnet50_kinetics400 psp_resnet50_ade resnest14 resnet18_v1b_custom "
    "resnet50_v1d_0.11 resnext50_32x4d se_resnet18_v1 shufflenet_v1 slowfast_4x16_resnet50_custom "
    "vgg11 xception yolo3_mobilenet0.25_custom"
)
DAILY, NIGHTLY = _DAILY.split(), _NIGHTLY.split()


def chosen(config: pytest.Config) -> Iterator[Any]:
    """The models that `--zoo` names, but for those that `--zoo-results` has as proven.

    A small one is called by its family, so that `-k resnet101` selects none of them.
    """
    results = config.getoption("--zoo-results")
    rows = rows_of(Path(results)) if results else {}
    done = {name for name, row in rows.items() if not disagreements(name, row.reasons)}
    small = config.getoption("--zoo") == "small"
    names: List[str] = [*DAILY, *NIGHTLY] if small else list(GLUONCV)
    for model in (GLUONCV[name] for name in names if name not in done):
        marks = () if small and model.name in DAILY else pytest.mark.nightly
        if not model.hindrance:
            yield pytest.param(model, id=model.family if small else model.name, marks=marks)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Other models are not skipped, but not there: a skip is a test that should have run."""
    if "model" in metafunc.fixturenames:
        metafunc.parametrize("model", list(chosen(metafunc.config)))


@pytest.fixture(scope="session")
def exporter(request: pytest.FixtureRequest) -> Iterator[Exporter]:
    with Exporter(request.config.getoption("--mxnet-python")) as process:
        yield process


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """Emptied at once: all checkpoints and their conversions together are a hundred gigabytes."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)
