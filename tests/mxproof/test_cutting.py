"""Networks that are cut: MXNet runs what is converted, and agrees that it is what was chosen."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
import onnxruntime
import pytest

from converters import load_checkpoint, save_checkpoint, to_onnx
from converters.onnx.exporter import save_onnx
from fixtures.networks import Network
from mxproof.runtimes.base import RuntimeFailure
from mxproof.runtimes.mxnet.client import MxnetProcess
from tests.converters.training_symbols import TRAINING, dense, region_proposals

from .conftest import Refuse, Succeed

pytestmark = pytest.mark.filterwarnings("ignore::converters.CheckpointWarning")


def saved(prefix: Path, build: Callable[[Network, Any], Any]) -> Path:
    net = Network()
    found = build(net, net.variable("data"))
    save_checkpoint(prefix, net.symbol(*getattr(found, "heads", found)), net.arrays)
    return prefix


@pytest.mark.parametrize("build", TRAINING)
def test_mxnet_agrees_on_what_training_alone_computes(
    build: Any, tmp_path: Path, mxnet: MxnetProcess
) -> None:
    """And computes the same as the converted network."""
    prefix = saved(tmp_path / "net", build)
    shape = (1, 3, 5, 4) if "ssd" in build.__name__ else (3, 4)
    graph = load_checkpoint(prefix)
    graph = load_checkpoint(prefix, inputs={v.name: shape for v in graph.inputs})
    random = np.random.default_rng(0)
    feeds = {v.name: random.standard_normal(shape).astype("f") for v in graph.inputs}
    model = mxnet.load(prefix, 0, graph)
    expected = model.run(feeds)
    model.close()
    save_onnx(to_onnx(graph), tmp_path / "net.onnx")
    found = onnxruntime.InferenceSession(tmp_path / "net.onnx").run(None, feeds)
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("outputs", "cut_at"),
    [
        (["bbox_pred"], [(2, 0)]),  # one that inference computes is not returned
        (["bbox_loss", "prob"], [(5, 0), (1, 0)]),  # not in their order
        (["prob", "score"], [(1, 0), (0, 0)]),  # no loss reads it
    ],
)
def test_outputs_that_were_dropped_without_need_are_noticed(
    outputs: List[str], cut_at: Any, tmp_path: Path, mxnet: MxnetProcess
) -> None:
    """The choice of the converters, which is the same in MXNet as in what is converted."""
    prefix = saved(tmp_path / "net", region_proposals)
    chosen = load_checkpoint(prefix, outputs=outputs)
    assert list(chosen.cut_at) == cut_at
    mxnet.load(prefix, 0, chosen).close()
    with pytest.raises(RuntimeFailure, match="were taken, unasked"):
        mxnet.load(prefix, 0, replace(chosen, chosen=()))


def behind(op: str, outputs: int, *inputs: str, **attrs: Any) -> Callable[[Network, Any], Any]:
    """fc -> act; and a layer that is not converted, of which several outputs are heads before."""

    def build(net: Network, data: Any) -> Any:
        fc = dense(net, "fc", data, 3, 4)
        act = net.layer("tanh", "act", fc)
        read = {"fc": fc, "anchors": net.variable("anchors"), "label": net.variable("label")}
        layer = net.layer(op, "other", *(read[name] for name in inputs), **attrs)
        net.layer("Activation", "unread", act, act_type="relu")
        return [*((layer[0], n) for n in range(outputs)), act]

    return build


#: MXNet has the first; the others are a plug-in's, an operator without inputs, and a user's.
OTHERS: Dict[str, Any] = {
    "several outputs": behind("_contrib_MultiBoxTarget", 3, "anchors", "label", "fc"),
    "unknown": behind("WarpCTC", 1, "fc", "label", label_length=4),
    "unknown, of no inputs": behind("ReadFile_v2", 2),
    "custom": behind("Custom", 2, "fc", op_type="mine"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_outputs_beside_what_is_not_converted(
    kind: str, tmp_path: Path, mxnet: MxnetProcess
) -> None:
    """Also those that no head needs. The numbers are those of the definition."""
    prefix = saved(tmp_path / "net", OTHERS[kind])
    graph = load_checkpoint(prefix, outputs=["unread", "act_output", "fc"])
    data = np.random.default_rng(0).standard_normal((2, 4)).astype("f")
    model = mxnet.load(prefix, 0, graph)
    unread, act, fc = model.run({"data": data})
    expected = data @ graph.params["fc_weight"].T + graph.params["fc_bias"]
    np.testing.assert_allclose(fc, expected, rtol=1e-5)
    np.testing.assert_allclose(act, np.tanh(expected), rtol=1e-5)
    np.testing.assert_array_equal(unread, np.maximum(act, 0))
    assert model.truth({"data": data}).names == ("fc", "act", "unread")
    model.close()
    other = replace(graph, cut_at=((2, 0), *graph.cut_at[1:]))
    with pytest.raises(RuntimeFailure, match="refused to load|were taken"):
        mxnet.load(prefix, 0, other)


def test_a_file_that_mxnet_cannot_read_is_not_run_on_stand_ins(
    tmp_path: Path, mxnet: MxnetProcess
) -> None:
    prefix = saved(tmp_path / "net", OTHERS["custom"])
    graph = replace(load_checkpoint(prefix, outputs=["act"]), cut_at=(), chosen=())
    with pytest.raises(RuntimeFailure, match="Cannot find custom operator mine"):
        mxnet.load(prefix, 0, graph)


def test_what_mxnet_cannot_read_and_no_head_needs_is_passed_over(
    tmp_path: Path, mxnet: MxnetProcess
) -> None:
    prefix = saved(tmp_path / "net", behind("Custom", 0, "fc", op_type="mine"))
    graph = load_checkpoint(prefix)
    assert graph.outputs == ("act",)
    model = mxnet.load(prefix, 0, graph)
    assert model.run({"data": np.ones((2, 4), "f")})[0].shape == (2, 3)
    model.close()


def test_a_refused_network_can_be_inspected_and_its_remedy_works(
    succeed: Succeed, refuse: Refuse, tmp_path: Path
) -> None:
    prefix = saved(tmp_path / "net", OTHERS["custom"])
    out = succeed("inspect", prefix)
    assert re.search(r"fc +│ FullyConnected │ Nx3", out)
    assert re.search(r"other +│ Custom +│ \? +│ runs code that no checkpoint holds", out)
    assert "outputs that can be converted (--output): act=Nx3\n" in out
    said = refuse("convert", prefix, "-o", tmp_path)
    (remedy,) = re.findall(r"What comes before can be converted: (.*)\.\n", said)
    assert remedy == "--output act"
    chosen = (prefix, *remedy.split())
    assert "not converted" not in succeed("inspect", *chosen)
    succeed("convert", *chosen, "--to", "onnx", "--samples", 1, "-o", tmp_path)
    assert json.loads((tmp_path / "net.proof.json").read_text())
    np.save(tmp_path / "data.npy", np.ones((2, 4), "f"))
    succeed("run", *chosen, "--npy", tmp_path / "data.npy")
    succeed("record", *chosen, "-o", tmp_path / "net.npz", "--samples", 1)
    succeed("verify", *chosen, "--to", "onnx", "--reference", tmp_path / "net.npz")


def test_boxes_that_no_head_needs(samples_dir: Path, mxnet: MxnetProcess) -> None:
    """InsightFace's mnet.25: node 278 of its symbol."""
    names = ["face_rpn_bbox_pred_stride32", "face_rpn_cls_prob_reshape_stride32"]
    graph = load_checkpoint(samples_dir / "mnet.25", outputs=names)
    model = mxnet.load(samples_dir / "mnet.25", 0, graph)
    boxes, scores = model.run({"data": np.ones((1, 3, 64, 64), "f")})
    assert (boxes.shape, scores.shape) == ((1, 8, 2, 2), (1, 4, 2, 2))
    model.close()
