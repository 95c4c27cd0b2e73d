"""What the nodes of an .onnx file read."""

from __future__ import annotations

from typing import List

import onnx


def names_read(node: onnx.NodeProto) -> List[str]:
    """The values that a node reads, in its bodies (of a Loop, an If) too."""
    found = [name for name in node.input if name]
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            made = {i.name for i in attribute.g.input}
            for inner in attribute.g.node:
                found += [name for name in names_read(inner) if name not in made]
                made.update(inner.output)
    return list(dict.fromkeys(found))
