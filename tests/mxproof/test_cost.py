"""What a proof takes: memory over all its processes, and forward passes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, List
from typing import Counter as Counts

import psutil
import pytest

from converters import save_checkpoint
from fixtures.networks import Network
from mxproof.model import load_model
from mxproof.proof.reference import live
from mxproof.proof.tolerance import Budgets
from mxproof.proof.verify import Prover
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import TARGETS, Target, convert
from mxproof.zoo.models import I3D

GIB = 1 << 30


def peak_of_a_proof(model: object, shape: str, mxnet: MxnetProcess) -> int:
    """Bytes in memory at most, over `mxproof verify` and all its processes together."""
    pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
    command = [sys.executable, "-m", "mxproof", "verify", str(model), "--weights", "seeded"]
    options = ["--input", f"data={shape}", "--samples", "1", "--mxnet-python", mxnet.python]
    process = subprocess.Popen([*command, *options, "--quiet"], stderr=subprocess.PIPE, text=True)
    root, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):  # one has ended meanwhile
            members = [root, *root.children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in members))
        time.sleep(0.02)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert peak > GIB // 4, "this is not all of it"
    return peak


@pytest.mark.nightly
def test_memory_is_not_that_of_all_layers(tmp_path: Path, mxnet: MxnetProcess) -> None:
    """The results of these layers are 0.6 GiB in MXNet's two precisions. The libraries take 0.6,
    and a share of the layers is held at a time."""
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 16)
    for number in range(12):
        x = net.layer("Activation", f"softsign{number}", x, act_type="softsign")
    save_checkpoint(tmp_path / "wide", net.symbol(x), net.arrays)
    peak = peak_of_a_proof(tmp_path / "wide", "1x3x512x512", mxnet)
    assert peak < GIB, f"{peak / GIB:.2f} GiB"


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("model", "shape"), [("resnet152", "1x3x224x224"), (I3D, "1x3x32x224x224")]
)
def test_memory(model: str, shape: str, mxnet: MxnetProcess) -> None:
    """All layers of ResNet-152 and of I3D at full size."""
    peak = peak_of_a_proof(model, shape, mxnet)
    assert peak < 2 * GIB, f"{peak / GIB:.2f} GiB"


class Counted:
    """A candidate whose passes are counted, by runtime and precision."""

    def __init__(self, candidate: Any, counts: Counts[str]) -> None:
        self.candidate, self.counts = candidate, counts
        self.name, self.precision = candidate.name, candidate.precision

    def run(self, *arguments: Any) -> List[Any]:
        self.counts[f"{self.name} {self.precision} run"] += 1
        return self.candidate.run(*arguments)

    def trace(self, *arguments: Any, **options: Any) -> List[Any]:
        self.counts[f"{self.name} {self.precision} trace"] += 1
        return self.candidate.trace(*arguments, **options)


def test_passes(
    mxnet: MxnetProcess, prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All layers are compared in one pass of each runtime in each precision, and by themselves in
    one more: in float64 on drawn inputs, in float32 on MXNet's. The outputs are judged as a user
    gets them, in a pass of their own."""
    pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
    subject = load_model(str(prefix))
    paths = {target: convert(subject.graph, target, tmp_path)[0] for target in TARGETS}
    counts: Counts[str] = Counter()
    ask, open_target = mxnet.ask, Target.open

    def counted_ask(do: str, *arguments: Any, **options: Any) -> Any:
        counts[f"mxnet {do}"] += 1
        return ask(do, *arguments, **options)

    monkeypatch.setattr(mxnet, "ask", counted_ask)
    monkeypatch.setattr(Target, "open", lambda *of: Counted(open_target(*of), counts))
    model = mxnet.load(subject.files, None, subject.graph)
    evidence = live(model, [subject.inputs({"data": (1, 3, 32, 32)})], {})
    proofs, _ = Prover(subject.graph, paths, Budgets()).prove(evidence)
    model.close()
    assert all(proof.passed for proof in proofs.values())
    assert counts.pop("mxnet isolate") >= len(subject.graph.nodes)  # one layer, and no more, each
    assert counts == {
        **dict.fromkeys(
            ["mxnet load", "mxnet trace", "mxnet run", "mxnet stored", "mxnet unload"], 1
        ),
        **dict.fromkeys(["onnx-reference float64 trace", "onnxruntime float32 trace"], 2),
        **dict.fromkeys(["pytorch float64 trace", "pytorch float32 trace"], 2),
        **dict.fromkeys(["onnxruntime float32 run", "pytorch float32 run"], 1),
    }
