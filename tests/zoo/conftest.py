"""Which models are run, and what they share."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Iterator, List

import pytest

from fixtures.gluoncv import GLUONCV, Exporter

from .misses import disagreements
from .prove import rows_of

#: Run on every change: family -> one small model of it.
SMALL = {
    "alexnet": "alexnet",
    "alpha_pose": "alpha_pose_resnet101_v1b_coco",
    "center_net": "center_net_mobilenetv3_small_duc_voc",
    "cifar": "cifar_resnet20_v1",
    "danet": "danet_resnet50_citys",
    "darknet": "darknet53",
    "deeplab": "deeplab_resnet50_citys",
    "densenet": "densenet121",
    "dla": "dla34",
    "fastscnn": "fastscnn_citys",
    "fcn": "fcn_resnet50_voc",
    "googlenet": "googlenet",
    "hrnet": "hrnet_w18_small_v1_s",
    "i3d": "i3d_inceptionv1_kinetics400",
    "icnet": "icnet_resnet50_citys",
    "inception": "inceptionv3",
    "mobile_pose": "mobile_pose_mobilenetv3_small",
    "mobilenet": "mobilenet0.25",
    "monodepth2": "monodepth2_resnet18_kitti_mono_640x192",
    "nasnet": "nasnet_4_1056",
    "psp": "psp_resnet50_ade",
    "rcnn": "mask_rcnn_resnet18_v1b_coco",
    "residualattentionnet": "cifar_residualattentionnet56",
    "resnest": "resnest14",
    "resnet": "resnet50_v1d_0.11",
    "resnext": "resnext50_32x4d",
    "se_resnet": "se_resnet18_v1",
    "shufflenet": "shufflenet_v1",
    "siamrpn": "siamrpn_alexnet_v2_otb15",
    "simple_pose": "simple_pose_resnet18_v1b",
    "slowfast": "slowfast_4x16_resnet50_custom",
    "squeezenet": "squeezenet1.1",
    "ssd": "ssd_300_mobilenet0.25_custom",
    "tsn": "resnet18_v1b_custom",
    "vgg": "vgg11",
    "video": "p3d_resnet50_kinetics400",
    "xception": "xception",
    "yolo3": "yolo3_mobilenet0.25_custom",
}


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """The others are not skipped, but not there: a skip is a test that should have run."""
    everything = config.getoption("--zoo") == "all"
    results = config.getoption("--zoo-results")
    rows = rows_of(Path(results)) if results else {}
    done = [name for name, row in rows.items() if not disagreements(name, row.reasons)]
    chosen = set(GLUONCV if everything else SMALL.values()) - set(done)
    outside = [i for i in items if _model(i) not in (None, *chosen)]
    config.hook.pytest_deselected(items=outside)
    items[:] = [i for i in items if i not in outside]


def _model(item: pytest.Item) -> str | None:
    if item.get_closest_marker("gluoncv_zoo") is None or not hasattr(item, "callspec"):
        return None
    name: str = item.callspec.params["name"]
    return name


@pytest.fixture(scope="session")
def exporter(request: pytest.FixtureRequest) -> Iterator[Exporter]:
    with Exporter(request.config.getoption("--mxnet-python")) as process:
        yield process


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """Emptied at once: all checkpoints and their conversions together are a hundred gigabytes."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)
