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

from converters import save_pytorch, to_pytorch
from converters.python_text import RESERVED
from fixtures.networks import noise, resnet

torch = pytest.importorskip("torch", reason="needs PyTorch, which runs the module")


def emitted(folder: Path) -> Dict[str, Any]:
    """The names of the small network's file."""
    return runpy.run_path(str(save_pytorch(to_pytorch(resnet()), folder)[0]))


def test_every_public_name_of_a_module_is_reserved() -> None:
    """Attributes, and what __init__ sets; the rest of them begins with an underscore."""
    module = torch.nn.Module()
    assert {n for n in {*dir(module), *vars(module)} if not n.startswith("_")} <= RESERVED


@pytest.mark.parametrize("name", ["small", "small-1.5", "class", "modell\u00e9"])
def test_loading_as_the_file_says(name: str, tmp_path: Path) -> None:
    """The lines of its own docstring, in its own folder."""
    module = to_pytorch(replace(resnet(), name=name))
    save_pytorch(module, tmp_path)
    assert ("import load" in module.source) == (name == "small")  # a name that Python takes
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
    "trace": lambda model, data: torch.jit.trace(model, data)(data),
    "state dict": state_dict,
    "train and eval": lambda model, data: model.train().eval()(data),
    "batch": lambda model, data: torch.cat([model(data[:1]), model(data[1:])]),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("use", USES)
def test_uses(use: str, tmp_path: Path) -> None:
    model, data = emitted(tmp_path)["load"](), torch.from_numpy(noise(2, 3, 8, 8))
    with torch.no_grad():
        expected = model(data).clone()
        found = USES[use](model, data)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)


def test_a_missing_or_foreign_array_is_refused(tmp_path: Path) -> None:
    load = emitted(tmp_path)["load"]
    state = safetensors.numpy.load_file(tmp_path / "net.safetensors")
    state["fc.wait"] = state.pop("fc.weight")
    safetensors.numpy.save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(RuntimeError, match=r"(?s)Missing.*fc\.weight.*Unexpected.*fc\.wait"):
        load(tmp_path / "other.safetensors")


def test_reading_safetensors(tmp_path: Path) -> None:
    """As the library reads them: every type that is written, odd sizes, nothing, a scalar."""
    read = emitted(tmp_path)["read_safetensors"]
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
    names, weights = emitted(tmp_path), tmp_path / "net.safetensors"
    before = weights.read_bytes()
    with torch.no_grad():
        for tensor in names["read_safetensors"](weights).values():
            tensor.zero_()
        for parameter in names["load"]().parameters():
            parameter.zero_()
    assert weights.read_bytes() == before
