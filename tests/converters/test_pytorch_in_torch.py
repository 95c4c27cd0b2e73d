"""What a user does with the emitted files, done in torch."""

from __future__ import annotations

import copy
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest
import safetensors.numpy

from converters import Graph, save_pytorch, to_pytorch
from converters.python_text import RESERVED

from .networks import evaluate, noise, proto, resnet
from .test_onnx_model import NETWORKS, each

torch = pytest.importorskip("torch", reason="needs PyTorch, which runs the module")


def loaded(graph: Graph, folder: Path) -> Any:
    return runpy.run_path(str(save_pytorch(to_pytorch(graph), folder)[0]))["load"]()


def test_every_public_name_of_a_module_is_reserved() -> None:
    """Attributes, and what __init__ sets; the rest of them begins with an underscore."""
    module = torch.nn.Module()
    assert {n for n in {*dir(module), *vars(module)} if not n.startswith("_")} <= RESERVED


@each
def test_it_computes_what_the_onnx_model_computes(
    build: Callable[[], Graph], tmp_path: Path
) -> None:
    """Two ways out of one graph, run by two libraries."""
    graph, data = build(), noise(*NETWORKS[build])
    with torch.inference_mode():
        found = loaded(graph, tmp_path)(torch.from_numpy(data))
    found = found if isinstance(found, tuple) else (found,)
    expected = evaluate(proto(graph), data=data)
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-3, atol=1e-5)


IMPORTING = """
import sys
import torch
allowed = set(sys.modules)
import runpy
model = runpy.run_path(sys.argv[1])["load"]()
new = {name.partition(".")[0] for name in set(sys.modules) - allowed}
assert not new & {"converters", "mxproof", "fixtures", "onnx", "safetensors", "mxnet"}, new
assert not model.training and not any(m.training for m in model.modules())
print(len(list(model.parameters())), len(list(model.buffers())))
"""


def test_it_needs_torch_and_nothing_else(tmp_path: Path) -> None:
    source, _ = save_pytorch(to_pytorch(resnet()), tmp_path)
    command = [sys.executable, "-I", "-c", IMPORTING, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    # a convolution and an affine of two in both units, the first convolution, the last layer;
    # each BatchNorm counts mean, variance and batches
    assert done.stdout == "9 6\n"


@pytest.mark.parametrize("name", ["small", "small-1.5"])
def test_loading_as_the_file_says(name: str, tmp_path: Path) -> None:
    """The lines of its own docstring, in its own folder."""
    module = to_pytorch(replace(resnet(), name=name))
    save_pytorch(module, tmp_path)
    usage = [s[4:] for s in module.source.split('"""')[1].splitlines() if s.startswith("    ")]
    script = "\n".join([*usage, "print(type(model).__name__, model.training)"])
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == f"{module.class_name} False\n"


def state_dict(model: Any, data: Any) -> Any:
    """Out into a state dict and strictly back, as a fresh network would take it."""
    other = type(model)().eval()
    assert not torch.equal(other(data), model(data))
    other.load_state_dict(model.state_dict(), strict=True)
    return other(data)


USES: Dict[str, Callable[[Any, Any], Any]] = {
    "deepcopy": lambda model, data: copy.deepcopy(model)(data),
    "export": lambda model, data: torch.export.export(model, (data,)).module()(data),
    "trace": lambda model, data: torch.jit.trace(model, data)(data),
    "state dict": state_dict,
    "train and eval": lambda model, data: model.train().eval()(data),
    "batch": lambda model, data: torch.cat([model(data[:1]), model(data[1:])]),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("use", USES)
def test_uses(use: str, tmp_path: Path) -> None:
    model, data = loaded(resnet(), tmp_path), torch.from_numpy(noise(2, 3, 8, 8))
    with torch.no_grad():
        expected = model(data).clone()
        found = USES[use](model, data)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)


def test_in_double(tmp_path: Path) -> None:
    """The same weights, exactly; and eight more digits in the result."""
    graph = resnet()
    model = loaded(graph, tmp_path)
    data = torch.from_numpy(noise(2, 3, 8, 8))
    with torch.inference_mode():
        single, double = model(data), model.double()(data.double())
    assert double.dtype == torch.float64
    assert model.fc.weight.tolist() == graph.params["fc_weight"].astype(float).tolist()
    error = (single.double() - double).abs().max().item()
    assert 0 < error < 1e-5


def test_a_missing_or_foreign_array_is_refused(tmp_path: Path) -> None:
    source, weights = save_pytorch(to_pytorch(resnet()), tmp_path)
    state = safetensors.numpy.load_file(weights)
    state["fc.wait"] = state.pop("fc.weight")
    safetensors.numpy.save_file(state, tmp_path / "other.safetensors")
    load = runpy.run_path(str(source))["load"]
    with pytest.raises(RuntimeError, match=r"(?s)Missing.*fc\.weight.*Unexpected.*fc\.wait"):
        load(tmp_path / "other.safetensors")


def test_reading_safetensors(tmp_path: Path) -> None:
    """As the library reads them: every type that is written, odd sizes, nothing, a scalar."""
    read = runpy.run_path(str(save_pytorch(to_pytorch(resnet()), tmp_path)[0]))["read_safetensors"]
    random = np.random.default_rng(0)
    arrays = {
        f"{np.dtype(dtype)}/{shape}": np.array(100 * random.standard_normal(shape)).astype(dtype)
        for dtype in (np.float32, np.float16, np.int32, np.int64)
        for shape in ((), (3,), (5, 1, 7), (0, 2))
    }
    path = tmp_path / "arrays.safetensors"
    safetensors.numpy.save_file(arrays, path, {"some": "metadata"})
    expected, found = safetensors.numpy.load_file(path), read(path)
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].numpy().dtype == array.dtype
        np.testing.assert_array_equal(found[name].numpy(), array)


def test_training_does_not_write_into_the_file(tmp_path: Path) -> None:
    source, weights = save_pytorch(to_pytorch(resnet()), tmp_path)
    before = weights.read_bytes()
    names = runpy.run_path(str(source))
    with torch.no_grad():
        for tensor in names["read_safetensors"](weights).values():
            tensor.zero_()
        for parameter in names["load"]().parameters():
            parameter.zero_()
    assert weights.read_bytes() == before
