"""What MXNet's own exporter and onnx2torch make of a checkpoint. A script: it runs in the Python
that has these two (tox -e peers), with nothing of mxproof.

    python export.py SYMBOL PARAMS SHAPE FOLDER

writes FOLDER/peer.onnx, and FOLDER/peer.py whose `load()` is onnx2torch's module of that file.
"""

import json
import sys
from pathlib import Path

import numpy as np

OPSET = 13
MODULE = """import sys
import types

for name in ("torchvision", "torchvision.ops"):  # for operators that are not used here
    sys.modules[name] = types.ModuleType(name)
sys.modules["torchvision.ops"].roi_align = None

import onnx2torch  # noqa: E402


def load():
    return onnx2torch.convert({path!r}).eval()
"""


def without_label(text):
    """SoftmaxOutput computes softmax in inference; with its label the exporter does not work."""
    symbol = json.loads(text)
    label = None
    for node in symbol["nodes"]:
        if node["op"] == "SoftmaxOutput":
            label = node["inputs"][1][0]
            node.update(op="softmax", inputs=node["inputs"][:1])
            node["attrs"] = {"axis": "1"}
    if label is None:
        return text
    assert label == len(symbol["nodes"]) - 2, "the label is what comes before the last layer"
    last = symbol["nodes"].pop()
    symbol["nodes"][label] = last
    symbol["heads"] = [[label, 0, 0]]
    symbol["arg_nodes"] = [n for n in symbol["arg_nodes"] if n != label]
    symbol["node_row_ptr"] = list(range(len(symbol["nodes"]) + 1))
    return json.dumps(symbol)


def main(symbol, params, shape, folder):
    np.bool = bool  # MXNet 1.9.1 on NumPy >= 1.24
    import mxnet as mx
    import onnx

    # The exporter knows opset 13 and stamps the newest; where the two differ, checks fail.
    onnx.defs.onnx_opset_version = lambda: OPSET
    onnx.checker.check_graph = lambda graph: None
    net = mx.sym.load_json(without_label(mx.sym.load(symbol).tojson()))
    stored = {name.split(":", 1)[-1]: value for name, value in mx.nd.load(params).items()}
    path = str(Path(folder, "peer.onnx"))
    sizes = tuple(int(size) for size in shape.split("x"))
    mx.onnx.export_model(net, stored, [sizes], np.float32, path)
    model = onnx.load(path)
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_operatorsetid("", OPSET))
    onnx.checker.check_model(model)
    onnx.save(model, path)
    Path(folder, "peer.py").write_text(MODULE.format(path=path))


if __name__ == "__main__":
    main(*sys.argv[1:])
