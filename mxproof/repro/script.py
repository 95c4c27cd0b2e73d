"""The pytest file of a reproducer. Foreign text enters it as prose or as a literal only."""

from __future__ import annotations

import textwrap
from typing import Dict, List, Mapping, Sequence, Tuple

from converters.python_text import INDENT, WIDTH, literal, prose

TEST = "test_equals_mxnet"


def script(
    target: str,
    precision: str,
    subject: str,
    about: Mapping[str, str],
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> str:
    """The text of the file.

    Args:
        subject: what is tested, e.g. "BatchNorm 'bn1'".
        about: for the docstring: sentence -> a command that goes with it, or "".
        inputs: the values that the piece reads.
        outputs: a title for each of its outputs.
    """
    imports, run = RUNNERS[target, precision]
    standard = "import runpy\n" if "runpy" in run else ""
    parts = [
        f'"""{_docstring(about)}\n"""\n\n{standard}from pathlib import Path\n\n{imports}',
        f"HERE = Path(__file__).parent\n"
        f"PIECE = {literal(subject)}\n"
        f"{_list('INPUTS', inputs)}\n"
        f"{_list('OUTPUTS', outputs)}\n"
        f"{_list('NUMBERS', NUMBERS[precision])}\n"
        f'DTYPE = "{precision}"',
        run,
        JUDGES[precision],
        MAIN,
    ]
    return f"{parts[0]}\n\n" + "\n\n\n".join(part.strip("\n") for part in parts[1:]) + "\n"


def _docstring(about: Mapping[str, str]) -> str:
    parts = []
    for sentence, command in about.items():
        lines = textwrap.wrap(prose(sentence), WIDTH - len(INDENT), break_long_words=False)
        parts.append("\n".join([*lines, *(["", INDENT + prose(command)] if command else [])]))
    return "\n\n".join(parts)


def _list(name: str, items: Sequence[str]) -> str:
    line = f"{name} = [{', '.join(map(literal, items))}]"
    if len(line) <= WIDTH:
        return line
    rows: List[str] = [f"    {literal(item)}," for item in items]
    return "\n".join([f"{name} = [", *rows, "]"])


_PYTORCH = (
    "import numpy as np\nimport torch",
    '''
def run(inputs):
    """Outputs of the piece."""
    model = runpy.run_path(str(HERE / "piece.py"))["load"]().to(getattr(torch, DTYPE))
    with torch.inference_mode():
        result = model(*map(torch.from_numpy, inputs))
    return [o.numpy() for o in (result if isinstance(result, tuple) else (result,))]
''',
)

#: (target, precision) -> imports, and a function `run`.
RUNNERS: Dict[Tuple[str, str], Tuple[str, str]] = {
    ("onnx", "float64"): (
        "import numpy as np\nfrom onnx.reference import ReferenceEvaluator",
        '''
def run(inputs):
    """Outputs of the piece, whose numbers are stored in double precision."""
    model = ReferenceEvaluator(str(HERE / "piece.onnx"))
    return model.run(None, dict(zip(INPUTS, inputs)))
''',
    ),
    ("onnx", "float32"): (
        "import numpy as np\nimport onnxruntime",
        '''
def run(inputs):
    """Outputs of the piece."""
    model = onnxruntime.InferenceSession(
        str(HERE / "piece.onnx"), providers=["CPUExecutionProvider"]
    )
    return model.run(None, dict(zip(INPUTS, inputs)))
''',
    ),
    ("pytorch", "float64"): _PYTORCH,
    ("pytorch", "float32"): _PYTORCH,
}

#: Precision -> the arrays in case.npz that go with each output.
NUMBERS: Dict[str, Tuple[str, ...]] = {
    "float64": ("expected", "allowed"),
    "float32": ("expected", "allowed", "allowed_layer", "noise"),
}

#: Precision -> a function `judge`, which is given these.
JUDGES: Dict[str, str] = {
    "float64": '''
def judge(title, value, expected, allowed):
    """No element may be further from MXNet's than its channel is allowed."""
    error = np.abs(value - expected)
    limits = np.broadcast_to(allowed, error.shape)
    beyond = error > limits
    worst = np.unravel_index(np.where(beyond, error, -1).argmax(), error.shape)
    count = int(beyond.sum())
    assert not count, (
        f"{title}: {count} of {error.size} values, worst {error[worst]:.1e} at "
        f"{tuple(map(int, worst))}, allowed {limits[worst]:.1e}"
    )
''',
    "float32": '''
def judge(title, value, expected, allowed, allowed_layer, noise):
    """The errors are held to those of MXNet in float32: over the layer, and over each channel."""
    squares = (value - expected) ** 2
    error, limit, own = np.sqrt(squares.mean()), allowed_layer, np.sqrt((noise**2).mean())
    text = "{}: float32 error{} {:.1e} RMS, allowed {:.1e} (MXNet's own: {:.1e})"
    assert error <= limit, text.format(title, "", error, limit, own)
    axes = tuple(axis for axis in range(squares.ndim) if axis != 1)
    errors = np.sqrt(squares.mean(axis=axes, keepdims=True))
    c = (errors - allowed).argmax()
    error, limit, own = (float(a.flat[c]) for a in (errors, allowed, noise))
    assert error <= limit, text.format(title, f" of channel {c} is", error, limit, own)
''',
}

MAIN = f"""
def {TEST}():
    with np.load(HERE / "case.npz") as file:
        case = dict(file)
    inputs = [case[f"input{{i}}"].astype(DTYPE) for i in range(len(INPUTS))]
    try:
        with np.errstate(all="ignore"):
            found = run(inputs)
    except Exception as error:
        message = f"{{PIECE}}: stopped with {{type(error).__name__}}: {{error}}"
        raise AssertionError(message) from error
    message = f"{{PIECE}}: has {{len(found)}} outputs, MXNet {{len(OUTPUTS)}}"
    assert len(found) == len(OUTPUTS), message
    for i, (title, value) in enumerate(zip(OUTPUTS, found)):
        numbers = {{name: case[f"{{name}}{{i}}"] for name in NUMBERS}}
        expected = numbers["expected"]
        assert value.dtype == DTYPE, f"{{title}}: is {{value.dtype}}, not {{DTYPE}}"
        assert value.shape == expected.shape, (
            f"{{title}}: has shape {{value.shape}}, MXNet {{expected.shape}}"
        )
        assert np.isfinite(value).all(), f"{{title}}: holds values that are not finite"
        judge(title, value, **numbers)
"""
