"""An older onnxruntime is named, between two lock files: pip builds the environments for real."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from .conftest import Run
from .test_bisect import bisected


def test_an_older_onnxruntime(run: Run, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Another package differs as well."""
    if not request.config.getoption("--installs"):
        pytest.skip("installs packages, hundreds of megabytes: --installs, as the nightly run does")
    older = {"onnxruntime": "1.24.4", "safetensors": "0.6.2"}
    for name, versions in (("green", {p: version(p) for p in older}), ("red", older)):
        text = "".join(f"{package}=={number}\n" for package, number in versions.items())
        (tmp_path / name).write_text(text, encoding="utf-8")
    record = bisected(
        run, tmp_path, "resnet18", "--weights", "seeded", "--no-proof", "--to", "onnx",
        "--good", tmp_path / "green", "--bad", tmp_path / "red",
    )  # fmt: skip
    assert list(record["targets"]["onnx"]["changes"]) == ["safetensors", "onnxruntime"]
    assert record["targets"]["onnx"]["causes"] == [["onnxruntime"]]
