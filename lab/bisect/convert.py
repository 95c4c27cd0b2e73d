"""Convert a model in the Python of an environment: a script, see runner.py.

    python convert.py JOB

JOB is JSON; `EnvironmentRunner.convert` writes it. Only what the converters import is needed.
"""

import json
import sys
from pathlib import Path
from typing import Any, Dict

sys.path.pop(0)  # this folder, whose modules belong to the laboratory


def main(job: Dict[str, Any]) -> None:
    sys.path.insert(0, job["converters"])
    import converters

    assert Path(job["converters"]) in Path(converters.__file__).parents, converters.__file__
    shapes = {name: shape and tuple(shape) for name, shape in job["shapes"].items()}
    # An old revision may not know the keywords that this model does not need.
    keywords = {name: job[name] for name in ("types", "outputs") if job[name]}
    graph = converters.load_checkpoint(job["prefix"], inputs=shapes, **keywords)
    folder = Path(job["folder"])
    if job["target"] == "pytorch":
        converters.save_pytorch(converters.to_pytorch(graph), folder)
    else:
        converters.save_onnx(converters.to_onnx(graph), folder / f"{graph.name}.onnx")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
