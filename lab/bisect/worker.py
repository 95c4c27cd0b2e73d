"""Converts and runs in another Python. Started as a script by mxproof/drift/workshop.py.

A job is a JSON file, the only argument:

    {"do": "convert", "converters": the folder that holds them, "prefix", "epoch", "shapes",
     "types", "outputs", "target", "to": a folder}
    {"do": "run", "mxproof": its folder, "target", "file", "runs": [{"module", "class",
     "arguments", "trace"}], "threads", "inputs": [{name: file}], "to": a folder}

It needs NumPy and what the job needs: ONNX and safetensors to convert, the runtime to run. Of
mxproof it imports the runtimes and no more, for the package as a whole needs more. Nothing is ever
unpickled.
"""

from __future__ import annotations

import importlib
import json
import sys
import types
from pathlib import Path
from typing import Any, Dict, List

sys.path.pop(0)  # this folder: its modules are none of this program's


def main(path: str) -> None:
    job = json.loads(Path(path).read_text(encoding="utf-8"))
    {"convert": convert, "run": run}[job["do"]](job)


def convert(job: Dict[str, Any]) -> None:
    """Write the target's files, by the converters in that folder."""
    sys.path.insert(0, job["converters"])
    import converters

    found = Path(converters.__file__ or "").resolve().parents[1]
    assert found == Path(job["converters"]).resolve(), f"converters come from {found}"
    # An old revision may not know what is not needed.
    reading = {name: job[name] for name in ("types", "outputs") if job[name]}
    shapes = {name: shape and tuple(shape) for name, shape in job["shapes"].items()}
    graph = converters.load_checkpoint(job["prefix"], job["epoch"], inputs=shapes, **reading)
    if job["target"] == "onnx":
        converters.save_onnx(converters.to_onnx(graph), Path(job["to"]) / f"{graph.name}.onnx")
    else:
        converters.save_pytorch(converters.to_pytorch(graph), Path(job["to"]))


def run(job: Dict[str, Any]) -> None:
    """Outputs, and layers where they are asked for, of each run on each of the inputs."""
    import numpy as np

    package = types.ModuleType("mxproof")
    package.__path__ = [job["mxproof"]]
    sys.modules["mxproof"] = package
    if job["target"] == "pytorch" and job["threads"]:
        import torch

        torch.set_num_threads(job["threads"])
    told: List[List[Dict[str, Any]]] = []
    for number, wanted in enumerate(job["runs"]):
        module = importlib.import_module(f"mxproof.runtimes.{wanted['module']}")
        candidate = getattr(module, wanted["class"])(job["file"], **wanted["arguments"])
        told.append([])
        for sample, files in enumerate(job["inputs"]):
            inputs = {name: np.load(file) for name, file in files.items()}
            folder = Path(job["to"]) / f"{number}-{sample}"
            told[-1].append(record(candidate, inputs, folder, wanted["trace"]))
    (Path(job["to"]) / "told.json").write_text(json.dumps(told), encoding="utf-8")


def record(candidate: Any, inputs: Dict[str, Any], folder: Path, trace: bool) -> Dict[str, Any]:
    """Layers have names that no file can have: files are numbered."""
    import numpy as np

    folder.mkdir()
    layers: List[str] = []

    def visit(layer: str, value: Any) -> None:
        np.save(folder / f"layer{len(layers)}.npy", value, allow_pickle=False)
        layers.append(layer)

    with np.errstate(all="ignore"):
        outputs = candidate.trace(inputs, visit) if trace else candidate.run(inputs)
    for number, output in enumerate(outputs):
        np.save(folder / f"output{number}.npy", output, allow_pickle=False)
    return {
        "name": candidate.name,
        "folder": folder.name,
        "layers": layers,
        "outputs": len(outputs),
    }


if __name__ == "__main__":
    main(sys.argv[1])
