"""What a proof takes: memory over all its processes, and time beside that of plain runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import List

import hypothesis
import pytest

from fixtures.zoo import I3D
from mxproof.evidence import Live
from mxproof.prover import Prover
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.subject import load_subject
from mxproof.targets import TARGETS, convert
from mxproof.tolerance import Budgets

GIB = 1 << 30


def family(pid: int) -> List[int]:
    """A process and all below it."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for t in tasks for c in (t / "children").read_text().split()]
    except OSError:  # it has ended
        return []
    return [pid, *(p for child in children for p in family(child))]


def resident(pid: int) -> int:
    """Bytes of a process that are in memory."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc, as Linux has it")
@pytest.mark.parametrize(
    ("model", "shape"), [("resnet152", "1x3x224x224"), (I3D, "1x3x32x224x224")]
)
def test_memory(model: str, shape: str, mxnet: MxnetProcess) -> None:
    """All layers of ResNet-152 and of I3D at full size, below 2 GiB in all processes together."""
    pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
    if model == I3D and hypothesis.settings.get_current_profile_name() != "nightly":
        pytest.skip("takes minutes: HYPOTHESIS_PROFILE=nightly runs it")
    command = [sys.executable, "-m", "mxproof", "verify", model, "--weights", "seeded"]
    options = ["--input", f"data={shape}", "--samples", "1", "--mxnet-python", mxnet.python]
    process = subprocess.Popen([*command, *options, "--quiet"], stderr=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(resident, family(process.pid))))
        time.sleep(0.01)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert GIB // 4 < peak < 2 * GIB, f"{peak / GIB:.2f} GiB"


def test_time(mxnet: MxnetProcess, tmp_path: Path) -> None:
    """All layers of ResNet-152 compared take at most 3 times as long as the same passes without.

    Those passes are one of each runtime in each precision, and one more in float32, whose outputs
    are judged as a user gets them, untraced; each from the files to the outputs.
    """
    pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
    subject = load_subject("resnet152", weights="seeded")
    inputs = subject.inputs({"data": (1, 3, 224, 224)})
    paths = {target: convert(subject.graph, target, tmp_path)[0] for target in TARGETS}
    model = mxnet.load(subject.prefix, 0, subject.graph)

    def plain() -> None:
        for precision in ("float64", "float32", "float32"):
            model.run(inputs, precision)
            for target, path in paths.items():
                TARGETS[target].open(path, precision).run(inputs)

    def proof() -> None:
        prover = Prover(subject.graph, paths, Budgets())
        proofs, _ = prover.prove(Live(model, [inputs], {}))
        assert all(p.passed for p in proofs.values())

    seconds: List[List[float]] = [[], []]
    for _ in range(2):
        for side, run in enumerate((plain, proof)):
            begin = time.perf_counter()
            run()
            seconds[side].append(time.perf_counter() - begin)
    model.close()
    ratio = min(seconds[1]) / min(seconds[0])
    assert ratio <= 3, f"{ratio:.2f} times: {seconds}"
    print(f"{ratio:.2f} times as long as the passes alone")
