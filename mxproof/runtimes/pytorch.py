"""The shipped PyTorch source, loaded as its user loads it, in float32 or float64."""

from __future__ import annotations

import ast
import json
import os
from contextlib import nullcontext
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

import numpy as np
import torch
from safetensors import safe_open
from torch.overrides import TorchFunctionMode

from .base import Array, Inputs, StoredTensor, Visitor
from .mxnet.worker.tiling import LARGEST, tiles

#: Path of a submodule -> the layers that each statement of its forward computes.
Table = Dict[str, List[Optional[List[str]]]]

OBSERVE = "__mxproof_observe__"
SELF = ast.dump(ast.Name("self", ast.Load()))


class Pytorch:
    """`<name>.py` with `<name>.safetensors` beside it."""

    name = "pytorch"

    def __init__(self, path: os.PathLike[str] | str, precision: str = "float32") -> None:
        self.path, self.precision = Path(path), precision
        self._dtype = {"float32": torch.float32, "float64": torch.float64}[precision]
        with safe_open(self.path.with_suffix(".safetensors"), framework="np") as file:
            metadata = file.metadata()
        self.inputs: List[str] = json.loads(metadata["mxproof.inputs"])
        self._types: Dict[str, str] = json.loads(metadata.get("mxproof.types", "{}"))
        self._table: Table = json.loads(metadata["mxproof.layers"])
        self.output_names: List[str] = json.loads(metadata["mxproof.outputs"])

    @cached_property
    def model(self) -> torch.nn.Module:
        """What the file's `load()` returns."""
        return self._load(ast.parse(self.path.read_text(encoding="utf-8")))

    @property
    def input_names(self) -> List[str]:
        """As the file of weights lists them; a parameter of forward that bears one's name has to
        be in its place."""
        functions = functions_of(ast.parse(self.path.read_text(encoding="utf-8")))
        whole = ast.unparse(functions["", "load"].returns or ast.Constant(""))
        parameters = functions[whole, "forward"].args.args[1:]
        pairs = zip(self.inputs, (parameter.arg for parameter in parameters))
        return [own if own in self.inputs else listed for listed, own in pairs]

    def untraced(self) -> torch.nn.Module:
        """The same in the precision asked for, new each time: for training."""
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        widened = _Instrument(self.precision, observed=False).visit(tree)
        return self._load(ast.fix_missing_locations(widened)).to(self._dtype)

    @cached_property
    def _traced(self) -> torch.nn.Module:
        """The same source with a call after each statement of each forward."""
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        tree = ast.fix_missing_locations(_Instrument(self.precision).visit(tree))
        model = self._load(tree).to(self._dtype)
        self._paths = {id(module): name for name, module in model.named_modules()}
        return model

    def readers(self) -> Dict[str, Set[str]]:
        """Submodule or parameter, by its path -> the layers whose statements name it."""
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        functions = functions_of(tree)
        module = self._run(tree)
        with torch.device("meta"):  # no numbers are drawn or read
            model = getattr(module, ast.unparse(functions["", "load"].returns or tree))()
        found: Dict[str, Set[str]] = {}
        for path, part in model.named_modules():
            layers = self._table.get(path, [])
            body = functions[type(part).__name__, "forward"].body if layers else []
            statements = [s.value for s in body if isinstance(s, ast.Assign)]
            for names, statement in zip(layers, statements):
                for n in ast.walk(statement):
                    if isinstance(n, ast.Attribute) and ast.dump(n.value) == SELF:
                        found.setdefault(f"{path}.{n.attr}".lstrip("."), set()).update(names or ())
        return found

    def _load(self, source: ast.Module) -> torch.nn.Module:
        """Run the source, and call its `load()`."""
        module = self._run(source)
        with Unfilled():
            model: torch.nn.Module = module.load()
        return model

    def _run(self, source: ast.Module) -> ModuleType:
        """Run the source, as an import does."""
        module = ModuleType(f"_mxproof_{abs(hash(self.path))}")
        module.__dict__.update({"__file__": str(self.path), OBSERVE: self._observe})
        exec(compile(source, self.path, "exec"), module.__dict__)
        return module

    def tensors(self, inputs: Inputs) -> List[torch.Tensor]:
        """Arguments of forward, in its order."""
        types = {name: self._types.get(name, "float32") for name in self.inputs}
        return [
            torch.from_numpy(np.array(inputs[n], self.precision if "float" in t else t))
            for n, t in types.items()
        ]

    def run(self, inputs: Inputs) -> List[Array]:
        if self.precision == "float64":  # the file itself may state float32
            return self.trace(inputs, lambda layer, value: None)
        tensors = self.tensors(inputs)
        with torch.inference_mode():
            found = _arrays(self.model(*tensors))
        for name, tensor in zip(self.inputs, tensors):
            if not np.array_equal(
                tensor.numpy(), inputs[name], equal_nan=tensor.is_floating_point()
            ):
                raise RuntimeError(f"forward changes its input {name!r} in place")
        return found

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Optional[Sequence[int]] = None
    ) -> List[Array]:
        """See base.Candidate."""
        self._visit = visit
        tiled: Any = Tiled() if self.precision == "float64" else nullcontext()
        with torch.inference_mode(), tiled:
            return _arrays(self._traced(*self.tensors(inputs)))

    def _observe(self, module: torch.nn.Module, statement: int, *values: torch.Tensor) -> Any:
        """Called with what a statement assigned; returns what is to be used from there on."""
        names = self._table[self._paths[id(module)]][statement]
        result: Tuple[torch.Tensor, ...] = values
        if names is not None:
            replaced = [self._visit(n, v.numpy()) for n, v in zip(names, values)]
            result = tuple(
                v if r is None else torch.from_numpy(np.array(r)).to(v.dtype)
                for v, r in zip(values, replaced)
            )
        return result if len(result) > 1 else result[0]


class Unfilled(TorchFunctionMode):  # type: ignore[misc]
    """New modules draw no numbers: `load()` reads all of them, and drawing takes longer."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        drawn = getattr(func, "__module__", "") == torch.nn.init.__name__
        return kwargs["tensor"] if drawn else func(*args, **(kwargs or {}))


class Tiled(TorchFunctionMode):  # type: ignore[misc]
    """Convolutions in tiles where their matrix would not fit in memory. See tiling.py."""

    largest = LARGEST

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in (torch.conv2d, torch.conv3d) or kwargs or len(args) != 7:
            return func(*args, **(kwargs or {}))
        x, weight, bias, stride, padding, dilation, groups = args
        if isinstance(padding, str):
            return func(*args)
        sums = [2 * p for p in padding]
        parts = tiles(x.shape, sums, weight.shape[2:], stride, dilation, self.largest)
        if not parts:
            return func(*args)
        first, *rest = padding
        padded = torch.nn.functional.pad(x, (*(0, 0) * len(rest), first, first))
        results = [
            func(padded[:, :, begin:end], weight, bias, stride, (0, *rest), dilation, groups)
            for begin, end in parts
        ]
        return torch.cat(results, dim=2)


class _Instrument(ast.NodeTransformer):
    """After `x = …` in a forward: `x = observe(self, number, x)`; in float64, a forward's
    `torch.float32` is that too."""

    def __init__(self, precision: str, *, observed: bool = True) -> None:
        self._precision, self._observed = precision, observed

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if node.attr == "float32" and isinstance(node.value, ast.Name) and node.value.id == "torch":
            node.attr = self._precision
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name in ("read_safetensors", "load"):
            return node
        self.generic_visit(node)
        if node.name != "forward" or not self._observed:
            return node
        body: List[ast.stmt] = []
        count = 0
        for statement in node.body:
            body.append(statement)
            if isinstance(statement, ast.Assign):
                target = ", ".join(n.id for n in _names(statement.targets[0]))
                body.append(ast.parse(f"{target} = {OBSERVE}(self, {count}, {target})").body[0])
                count += 1
        node.body = body
        return node


def functions_of(tree: ast.Module) -> Dict[Tuple[str, str], ast.FunctionDef]:
    """(class or "", name) -> the function."""
    return {
        (getattr(owner, "name", ""), f.name): f
        for owner in (tree, *tree.body)
        for f in getattr(owner, "body", ())
        if isinstance(f, ast.FunctionDef)
    }


def _names(target: ast.expr) -> List[ast.Name]:
    """The variables on the left of an assignment."""
    return [n for n in ast.walk(target) if isinstance(n, ast.Name)]


def _arrays(result: Any) -> List[Array]:
    outputs = result if isinstance(result, tuple) else (result,)
    return [o.numpy() for o in outputs]


def stored_tensors(path: Path) -> Iterator[StoredTensor]:
    """The tensors of the .safetensors file beside the source, read by safetensors."""
    readers = Pytorch(path).readers()
    file: Any = safe_open(path.with_suffix(".safetensors"), framework="np")
    for name in file.keys():  # noqa: SIM118 - it is no mapping
        owner = name if name in readers else name.rpartition(".")[0]
        load = partial(file.get_tensor, name)
        yield StoredTensor(name, load, frozenset(readers.get(owner, ())))
