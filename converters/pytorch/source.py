"""Statements -> the text of a PyTorch module.

Names, literals and comments come from converters/python_text.py: nothing of a checkpoint
becomes code.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Sequence

from ..header import docstring
from ..ir.arrays import Array
from ..ir.graph import Graph
from ..python_text import INDENT, VARIABLES, WIDTH, identifier, indented, prose, signature, wrap
from .flow import BODY, Body, attribute_names
from .functions import closure, functions
from .parts import BlockClass, Item, ModuleCall, Stage, Statement, blocks_of, statements_of
from .sharing import shared
from .stages import constructor as block_constructor
from .stages import stage_lines

TENSOR = "torch.Tensor"
LISTED = 8  # occurrences of a class that its docstring names one by one


@dataclass
class Rendered:
    source: str
    state: Dict[str, Array] = field(default_factory=dict)
    layers: Dict[str, List[Optional[List[str]]]] = field(default_factory=dict)
    modules: Dict[str, ModuleCall] = field(default_factory=dict)


def render(
    items: Sequence[Item],
    *,
    class_name: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    header: Graph,
) -> Rendered:
    """The whole file, its state dict, and the table of layers."""
    rendered = Rendered(source="")
    classes = list(dict.fromkeys(block.cls for item in items for block in blocks_of(item)))
    statements = [s for item in items for s in statements_of(item)]
    called = closure(name for s in statements for name in s.functions)
    parts = [functions()[name].source for name in called]
    parts += [_block_class(cls) for cls in classes]
    parts.append(_network(rendered, items, class_name, inputs, outputs, called))
    floats = {str(a.dtype) for a in header.params.values() if a.dtype.kind == "f"}
    kept = "".join(sorted({header.kept(dtype) for dtype in floats}))
    cast = {"float16": ".half()", "float64": ".double()"}.get(kept, "")
    load = signature("load", ["weights: str | Path | None = None"], class_name, WIDTH)
    parts.append(_LOAD.format(class_name=class_name, cast=cast, load="\n".join(load)))
    functional = any("F." in s.expression for s in statements) or any(
        "F" in functions()[name].reads for name in called
    )
    stages = [item for item in items if isinstance(item, Stage)]
    imports = _IMPORTS if functional else _IMPORTS.replace(_FUNCTIONAL, "")
    if not any("OrderedDict(" in part for part in parts):
        imports = imports.replace(_ORDERED, "")
    document = "\n".join(docstring(header, class_name, _note(stages)))
    parts.insert(0, f'"""{document}\n"""\n\n{imports}')
    rendered.source = "\n\n\n".join(part.strip("\n") for part in parts) + "\n"
    return rendered


def _note(stages: Sequence[Stage]) -> str:
    """How MXNet's names are found in those of this file."""
    if not stages:
        return ""
    first = stages[0]
    block, attribute = first.blocks[1], identifier(first.name)
    layers = zip(block.statements, block.cls.attributes)
    layer, inner = next((s.layer, a) for s, a in layers if s.modules)
    return f"MXNet's layer {prose(layer)} is {attribute}.{first.names[1]}.{inner} here, and so on."


def class_text(
    name: str,
    docstring: str,
    arguments: Mapping[str, str],
    init: Sequence[str],
    forward: Sequence[str],
    parameters: Sequence[str],
    results: int = 1,
) -> str:
    """A class of the file.

    Args:
        arguments: of its constructor, with their types.
        parameters: of its forward; all are tensors, as its `results` are.
    """
    lines = [f"class {name}(nn.Module):"]
    if docstring:
        text = textwrap.wrap(f'"""{docstring}"""', WIDTH - len(INDENT))
        lines += [*indented(text, 1), ""]
    returned = TENSOR if results == 1 else f"tuple[{', '.join([TENSOR] * results)}]"
    given = [f"{argument}: {kind}" for argument, kind in arguments.items()]
    read = [f"{parameter}: {TENSOR}" for parameter in parameters]
    for head, body in (
        (signature("__init__", ["self", *given], "None", WIDTH - len(INDENT)), init),
        (signature("forward", ["self", *read], returned, WIDTH - len(INDENT)), forward),
    ):
        lines += [*indented(head, 1), *indented(body, 2), ""]
    return "\n".join(lines)


def _block_class(cls: BlockClass) -> str:
    body = Body(dict(zip(cls.inputs, VARIABLES)), cls.outputs, cls.statements)
    for i, (statement, attribute) in enumerate(zip(cls.statements, cls.attributes)):
        body.statement(i, statement, attribute, "" if statement.modules else attribute)
    said, given, results = (
        enumeration(cls.instances),
        VARIABLES[: len(cls.inputs)],
        len(cls.outputs),
    )
    return class_text(cls.name, said, cls.arguments, body.init, body.forward(), given, results)


def enumeration(names: Sequence[str]) -> str:
    """`a, b, c.`, or `a, b, …, z (46 of them).`"""
    if len(names) <= LISTED:
        return ", ".join(names) + "."
    return f"{names[0]}, {names[1]}, ..., {names[-1]} ({len(names)} of them)."


def _network(
    rendered: Rendered,
    items: Sequence[Item],
    class_name: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    called: Sequence[str],
) -> str:
    """The class of the network itself; what the file of weights says of it goes to `rendered`."""
    parameters: Dict[str, str] = {}
    for name in inputs:
        parameters[name] = identifier(name, [*called, *parameters.values()])
    body = Body(parameters, outputs, items)
    attributes: List[str] = []
    table = rendered.layers.setdefault("", [])
    for position, item in enumerate(items):
        layer = item.layer if isinstance(item, Statement) else item.name
        attribute = identifier(layer, attributes)
        attributes.append(attribute)
        if isinstance(item, Statement):
            shown = item.modules and attribute == re.sub(r"_fwd$", "", layer)
            body.statement(position, item, attribute, "" if shown else layer)
            _record(rendered, item, attribute, "")
            continue
        body.call(position, item, attribute)
        table.append(None)
        if isinstance(item, Stage):
            body.init += stage_lines(attribute, item, BODY)
            paths = [f"{attribute}.{name}" for name in item.names]
        else:
            body.init += wrap(f"self.{attribute} = {block_constructor(item)}", BODY)
            paths = [attribute]
        for path, block in zip(paths, blocks_of(item)):
            for statement, inner in zip(block.statements, block.cls.attributes):
                _record(rendered, statement, inner, path)
    body.init += shared(rendered.modules, BODY)
    given = list(parameters.values())
    return class_text(class_name, "", {}, body.init, body.forward(), given, len(outputs))


def _record(rendered: Rendered, statement: Statement, attribute: str, path: str) -> None:
    """Where the statement's arrays and its layer are to be found."""
    rendered.layers.setdefault(path, []).append(list(statement.outputs))
    for name, module in zip(attribute_names(statement, attribute), statement.modules):
        prefix = f"{path}.{name}" if path else name
        rendered.modules[prefix] = module
        rendered.state.update(
            {f"{prefix}.{key}" if key else prefix: a for key, a in module.state.items()}
        )


_FUNCTIONAL = "import torch.nn.functional as F\n"
_ORDERED = "from collections import OrderedDict\n"
_IMPORTS = f"""from __future__ import annotations

import json
{_ORDERED}from pathlib import Path

import torch
{_FUNCTIONAL}from torch import nn
"""

_LOAD = '''def read_safetensors(path: str | Path) -> dict[str, torch.Tensor]:
    """Name -> tensor, memory-mapped: 8 bytes of length, a JSON header, then the numbers."""
    path = Path(path)
    with open(path, "rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(start - 8))
    header.pop("__metadata__", None)
    types = {{
        "BOOL": torch.bool,
        "F16": torch.float16,
        "F32": torch.float32,
        "F64": torch.float64,
        "I8": torch.int8,
        "I32": torch.int32,
        "I64": torch.int64,
        "U8": torch.uint8,
    }}
    data = torch.from_file(str(path), shared=False, size=path.stat().st_size, dtype=torch.uint8)
    tensors: dict[str, torch.Tensor] = {{}}
    for name, entry in header.items():
        begin, end = (start + offset for offset in entry["data_offsets"])
        tensors[name] = data[begin:end].view(types[entry["dtype"]]).reshape(entry["shape"])
    return tensors


{load}
    """The network with its weights, by default those beside this file, in eval mode."""
    model = {class_name}(){cast}
    model.load_state_dict(read_safetensors(weights or Path(__file__).with_suffix(".safetensors")))
    return model.eval()
'''
