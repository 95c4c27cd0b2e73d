"""Converts a model and runs it in the interpreter of an environment. A script: see runner.py.

Its argument is a JSON file, the job that `EnvironmentRunner.start` writes. It prints a JSON line
once everything is converted and recorded, and then, for each number of passes that it reads, the
seconds of the fastest one. It needs NumPy, and what the converters and the runtime need; of mxproof
it imports only the runtimes. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
import time
import types
import zipfile
from pathlib import Path
from typing import Any, Dict, List
from urllib.parse import quote

sys.path.pop(0)  # this folder, whose modules belong to the laboratory

import numpy as np


def main(job: Dict[str, Any]) -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries print to standard output
    model = convert(job)
    inputs = [read(model.parent / f"input{i}.npz", names) for i, names in enumerate(job["inputs"])]
    for name, (precision, traced) in job["runs"].items():
        candidate = load(job, model, precision)
        for sample, arrays in enumerate(inputs):
            record(model.parent / f"{name}{sample}.npz", candidate, arrays, traced)
    files = sorted(model.parent.glob(f"{model.stem}.*"))  # with the weights
    sums = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    print(json.dumps(sums), file=answers, flush=True)
    shipped = None
    for line in sys.stdin:
        shipped = shipped or load(job, model, "float32")
        print(min(timed(shipped, inputs[0]) for _ in range(int(line))), file=answers, flush=True)


def convert(job: Dict[str, Any]) -> Path:
    """Write the model's files with the converters of the job; returns the path to load."""
    sys.path.insert(0, job["converters"])
    import converters

    assert Path(job["converters"]) in Path(converters.__file__).parents, converters.__file__
    inputs = {name: shape and tuple(shape) for name, shape in job["shapes"].items()}
    # An old revision may not know the keywords that this model does not need.
    keywords = {name: job[name] for name in ("types", "outputs") if job[name]}
    graph = converters.load_checkpoint(job["prefix"], job["epoch"], inputs=inputs, **keywords)
    folder = Path(job["folder"])
    if job["target"] == "pytorch":
        converters.save_pytorch(converters.to_pytorch(graph), folder)
        return folder / f"{graph.name}.py"
    converters.save_onnx(converters.to_onnx(graph), folder / f"{graph.name}.onnx")
    return folder / f"{graph.name}.onnx"


def read(path: Path, names: List[str]) -> Dict[str, Any]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[f"arr_{number}"] for number, name in enumerate(names)}


def load(job: Dict[str, Any], model: Path, precision: str) -> Any:
    """The converted model in the runtime for this precision."""
    package = types.ModuleType("mxproof")
    package.__path__ = [job["mxproof"]]
    sys.modules.setdefault("mxproof", package)
    module, name, arguments = job["runtimes"][precision]
    if module == "pytorch" and job["threads"]:
        importlib.import_module("torch").set_num_threads(job["threads"])
    return getattr(importlib.import_module(f"mxproof.runtimes.{module}"), name)(model, **arguments)


def record(path: Path, candidate: Any, inputs: Dict[str, Any], traced: bool) -> None:
    """Write the outputs, and if `traced` each layer as it comes: they need not fit in memory."""
    with zipfile.ZipFile(path, "w") as archive, np.errstate(all="ignore"):

        def save(name: str, value: Any) -> None:
            with archive.open(f"{quote(name)}.npy", "w", force_zip64=True) as file:
                np.save(file, np.asarray(value), allow_pickle=False)

        def visit(layer: str, value: Any) -> None:
            save(f"layer:{layer}", value)

        outputs = candidate.trace(inputs, visit) if traced else candidate.run(inputs)
        for number, output in enumerate(outputs):
            save(f"output:{number}", output)


def timed(candidate: Any, inputs: Dict[str, Any]) -> float:
    begin = time.perf_counter()
    candidate.run(inputs)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
