"""Which models are run, and what they share."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Iterator, List

import pytest

from fixtures.gluoncv import GLUONCV, Exporter

from .prove import rows_of

#: Run on every change: family -> one small model of it.
SMALL = {
    "alexnet": "alexnet",
    "cifar": "cifar_resnet20_v1",
    "mobilenet": "mobilenetv3_small",
}


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """The others are not skipped, but not there: a skip is a test that should have run."""
    everything = config.getoption("--zoo") == "all"
    results = config.getoption("--zoo-results")
    done = rows_of(Path(results)) if results else {}
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
