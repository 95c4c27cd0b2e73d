"""Symbols as they are saved in training: with losses, and labels that layers make."""

from __future__ import annotations

from typing import Any, List, NamedTuple, Sequence, Tuple

from fixtures.networks import Network

Entry = Tuple[int, int]


class Training(NamedTuple):
    """A symbol's heads, and what of it inference computes: by what each operator is for.

    Attributes:
        outputs: of the network in inference.
        dropped: outputs that only training computes.
    """

    heads: Sequence[Entry]
    outputs: Sequence[str]
    dropped: Sequence[str] = ()


def dense(net: Network, name: str, data: Entry, count: int, width: int) -> Entry:
    stored = net.parameter(f"{name}_weight", count, width), net.parameter(f"{name}_bias", count)
    return net.layer("FullyConnected", name, data, *stored, num_hidden=count)


def ssd_heads(net: Network, data: Entry) -> List[Entry]:
    """mxnet/example/ssd: scores, the loss of the boxes, labels; anchors and boxes."""
    one = {"kernel": (1, 1), "pad": (0, 0)}
    loc = net.convolution("loc", data, 3, 4, **one)
    loc = net.layer("Flatten", "loc_pred", net.layer("transpose", "t", loc, axes=(0, 2, 3, 1)))
    scores = net.convolution("cls", data, 3, 3, **one)
    scores = net.layer("Reshape", "cls_pred", scores, shape=(0, 3, -1))
    anchors = net.layer("_contrib_MultiBoxPrior", "anchors", data, sizes=(0.5,), ratios=(1.0,))
    made, _ = net.layer("_contrib_MultiBoxTarget", "target", anchors, net.variable("label"), scores)
    softmax = {"multi_output": True, "use_ignore": True, "ignore_label": -1}
    prob = net.layer("SoftmaxOutput", "cls_prob", scores, (made, 2), **softmax)
    off = net.layer("elemwise_mul", "off", (made, 1), net.layer("_minus", "d", loc, (made, 0)))
    loss = net.layer("MakeLoss", "loc_loss", net.layer("smooth_l1", "l1", off, scalar=1.0))
    shown = net.layer("MakeLoss", "cls_label", (made, 2), grad_scale=0)
    return [prob, loss, shown, loc, anchors]


def ssd(net: Network, data: Entry) -> Training:
    *heads, loc, anchors = ssd_heads(net, data)
    det = net.layer("_contrib_MultiBoxDetection", "detect", heads[0], loc, anchors)
    det = net.layer("MakeLoss", "det", det, grad_scale=0.0)
    return Training([*heads, det], ["cls_prob", "det"], ["loc_loss", "cls_label"])


def ssd_without_detection(net: Network, data: Entry) -> Training:
    """What the boxes are computed of comes out in the place of their loss."""
    heads = ssd_heads(net, data)[:3]
    return Training(heads, ["cls_prob", "anchors", "loc_pred"], ["loc_loss", "cls_label"])


def region_proposals(net: Network, data: Entry) -> Training:
    """mx-rcnn: variables that the loss of the boxes alone needs; a label that is shown."""
    prob = net.layer(
        "SoftmaxOutput", "prob", dense(net, "score", data, 2, 4), net.variable("label")
    )
    pred = dense(net, "bbox_pred", data, 4, 4)
    off = net.layer("elemwise_sub", "off", pred, net.variable("wanted"))
    off = net.layer("elemwise_mul", "weighted", net.variable("bbox_weight"), off)
    loss = net.layer("MakeLoss", "bbox_loss", off, grad_scale=0.5)
    shown = net.layer("BlockGrad", "shown", net.variable("other_label"))
    return Training([prob, loss, shown], ["prob", "bbox_pred"], ["bbox_loss", "shown"])


def own_loss(net: Network, data: Entry) -> Training:
    """A loss of ordinary operators."""
    off = net.layer("elemwise_sub", "off", dense(net, "fc", data, 2, 4), net.variable("label"))
    loss = net.layer("mean", "mean", net.layer("square", "squared", off))
    return Training([net.layer("MakeLoss", "loss", loss)], ["fc"], ["loss"])


def ctc(net: Network, data: Entry) -> Training:
    label = net.layer("Reshape", "labels", net.variable("label"), shape=(-1, 4))
    steps = net.layer("expand_dims", "steps", dense(net, "fc", data, 5, 4), axis=1)
    loss = net.layer("mean", "loss", net.layer("CTCLoss", "ctc", steps, label))
    return Training([loss], ["steps"], ["loss"])


def warp_ctc(net: Network, data: Entry) -> Training:
    """Of a plug-in that MXNet 1.9.1 does not have."""
    ctc = net.layer("WarpCTC", "ctc", dense(net, "fc", data, 5, 4), net.variable("label"))
    return Training([ctc], ["fc"], ["ctc"])


def custom_loss(net: Network, data: Entry) -> Training:
    label, fc = net.variable("softmax_label"), dense(net, "fc", data, 5, 4)
    center = net.layer("Custom", "center", fc, label, op_type="center_loss")
    softmax = net.layer("SoftmaxOutput", "softmax", fc, label)
    return Training([softmax, center], ["softmax"], ["center"])


def autoencoder(net: Network, data: Entry) -> Training:
    """What it is fed is its label, and comes out, too."""
    code = dense(net, "decoded", dense(net, "code", data, 2, 4), 4, 2)
    out = net.layer("LinearRegressionOutput", "out", code, data)
    return Training([out, net.layer("BlockGrad", "fed", data)], ["out", "fed"])


def conditional(net: Network, data: Entry) -> Training:
    """A generator, to which a label is an input like any other; and a result by MakeLoss."""
    joined = net.layer("Concat", "joined", data, net.variable("label"), num_args=2)
    return Training([net.layer("MakeLoss", "made", joined, grad_scale=0)], ["made"])


TRAINING: Sequence[Any] = (
    *(ssd, ssd_without_detection, region_proposals, own_loss, ctc, warp_ctc, custom_loss),
    *(autoencoder, conditional),
)
