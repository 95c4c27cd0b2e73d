"""Are our files as fast as those of MXNet's own exporter and of onnx2torch?

    python -m tests.peers.compare --peer-python PATH [--json FILE] [MODEL…]

PATH is a Python with what tests/peers/requirements.txt lists. Exit code 1 if one is slower.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, Optional

from rich.console import Console

from mxproof.benchmark.converted_model import ConvertedModel, convert_model
from mxproof.benchmark.decision import FAIL, TestPlan
from mxproof.benchmark.environment import environment
from mxproof.benchmark.gate import Benchmark, run
from mxproof.benchmark.timing import TimingTarget
from mxproof.cli.bench import decision_table
from mxproof.model import load_model
from mxproof.zoo.models import ZOO

NOISE_FLOOR = 0.03
EXPORT = Path(__file__).with_name("export.py")


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(ZOO))
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--json")
    args = parser.parse_args(arguments)
    models, benchmarks = args.models or list(ZOO), []
    floor, effect = NOISE_FLOOR, NOISE_FLOOR + 0.03
    plan = TestPlan(noise_floor=floor, min_effect=effect, comparisons=2 * len(models))
    with tempfile.TemporaryDirectory() as folder:
        for name in models:
            model = convert_model(load_model(name, weights="seeded"), Path(folder, name))
            benchmarks += against_peers(model, Path(folder, f"{name}-peer"), args.peer_python, plan)
        run(benchmarks, 60 * args.minutes)
    rows = [benchmark.to_json() for benchmark in benchmarks]
    Console().print(decision_table(rows))
    if args.json:
        sides = [benchmark.processes["candidate"]["versions"] for benchmark in benchmarks]
        versions = {name: version for side in sides for name, version in side.items()}
        record = {"environment": environment(versions), "decisions": rows}
        Path(args.json).write_text(json.dumps(record, indent=1))
    return int(any(row["verdict"] == FAIL for row in rows))


def against_peers(
    model: ConvertedModel, folder: Path, python: str, plan: TestPlan
) -> List[Benchmark]:
    """Ours in onnxruntime against the exporter's, ours in PyTorch against onnx2torch's."""
    folder.mkdir()
    inputs, subject = model.inputs(), model.subject
    files = subject.files.symbol, subject.files.params
    shape = "x".join(map(str, inputs["data"].shape))
    command = [python, str(EXPORT), *map(str, files), shape, str(folder)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    onnx, torch = folder / "peer.onnx", folder / "peer.py"
    peers = {
        "MXNet's exporter": TimingTarget("onnxruntime", onnx),
        "onnx2torch": TimingTarget("pytorch", torch, python=python),
    }
    return [
        Benchmark(model.name, model.target(peer.runtime), peer, inputs, name, plan)
        for name, peer in peers.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
