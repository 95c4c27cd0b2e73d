"""Are our files as fast as those of MXNet's own exporter and of onnx2torch? Side by side:

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

from mxproof.benchmark.latency import FAIL, Plan
from mxproof.benchmark.lineup import Lineup, line_up
from mxproof.cli.gate import sheet
from rich.console import Console

from converters.checkpoint import params_path, symbol_path
from fixtures.zoo import ZOO
from mxproof.benchmark.gate import Benchmark, run
from mxproof.benchmark.timing import Side
from mxproof.environment import environment
from mxproof.subject import load_subject

TOLERATED = 0.03
EXPORT = Path(__file__).with_name("export.py")


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(ZOO))
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--json")
    args = parser.parse_args(arguments)
    benchmarks = []
    with tempfile.TemporaryDirectory() as folder:
        for model in args.models or ZOO:
            lineup = line_up(load_subject(model, weights="seeded"), Path(folder, model))
            benchmarks += against_peers(lineup, Path(folder, f"{model}-peer"), args.peer_python)
        plan = Plan(tolerated=TOLERATED, slower=TOLERATED + 0.03, comparisons=len(benchmarks))
        run(benchmarks, plan, 60 * args.minutes)
    rows = [benchmark.to_json(plan) for benchmark in benchmarks]
    Console().print(sheet(rows).terminal())
    if args.json:
        versions = {n: v for b in benchmarks for n, v in b.versions["candidate"].items()}
        record = {"environment": environment(versions), "benchmarks": rows}
        Path(args.json).write_text(json.dumps(record, indent=1))
    return int(any(row["verdict"] == FAIL for row in rows))


def against_peers(lineup: Lineup, folder: Path, python: str) -> List[Benchmark]:
    """Ours in onnxruntime against the exporter's, ours in PyTorch against onnx2torch's."""
    folder.mkdir()
    inputs, subject = lineup.inputs(), lineup.subject
    files = symbol_path(subject.prefix), params_path(subject.prefix, subject.epoch)
    shape = "x".join(map(str, inputs["data"].shape))
    command = [python, str(EXPORT), *map(str, files), shape, str(folder)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    peers = {
        "onnxruntime": Side("onnxruntime", folder / "peer.onnx"),
        "pytorch": Side("pytorch", folder / "peer.py", python=python),
    }
    names = {"onnxruntime": "MXNet's exporter", "pytorch": "onnx2torch"}
    return [
        Benchmark(subject.name, lineup.side(runtime), side, inputs, names[runtime])
        for runtime, side in peers.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
