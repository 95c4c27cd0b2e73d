"""Faults of other attributes: what the symbol says is misread, ignored or made up."""

from __future__ import annotations

from typing import Any, Dict, Tuple

from .edits import attributes, layers, nodes, other
from .fault import SHAPE, Fault, Site
from .sliding import GLOBAL_POOLS

NORMS = layers("BatchNorm")
CONVOLUTIONS = layers("Convolution")
ACTIVATIONS = ("relu", "sigmoid", "tanh", "softrelu", "softsign")


def _baked_kernel(site: Site) -> Dict[str, Any]:
    """The size that the first input has there."""
    size = site.data_shape[2:]
    window = {"kernel": size, "stride": (1,) * len(size), "pad": (0,) * len(size)}
    return {"global_pool": False, **window}


def _more_filters(site: Site) -> Dict[str, Any]:
    name = "num_hidden" if site.node.op == "FullyConnected" else "num_filter"
    return {name: getattr(site.op, name) + 8}


MOMENTUM = "inference never reads the momentum"
TRAINING = "inference reads the moving statistics either way"
TUNING = "the attribute chooses how a GPU computes, not what"
RATE = "in inference nothing is dropped"
FLAT = "in two dimensions axis 1, the last and all but the first are the same"
ONE = "the stored gamma is 1"

FAULTS: Tuple[Fault, ...] = (
    attributes(
        "epsilon left out", nodes(lambda graph, n: "eps" in n.attrs), lambda s: {"eps": None}
    ),
    attributes(
        "epsilon of another framework",
        NORMS,
        lambda s: {"eps": other(s.op.eps, (1e-05, 2e-05))[0]},
    ),
    attributes(
        "fix_gamma ignored",
        layers("BatchNorm", where=lambda op: op.fix_gamma),
        lambda s: {"fix_gamma": False},
        why=ONE,
    ),
    attributes(
        "fix_gamma assumed",
        layers("BatchNorm", where=lambda op: not op.fix_gamma),
        lambda s: {"fix_gamma": True},
        why=ONE,
    ),
    attributes("momentum of another layer", NORMS, lambda s: {"momentum": 0.99}, why=MOMENTUM),
    attributes(
        "use_global_stats turned on", NORMS, lambda s: {"use_global_stats": True}, why=TRAINING
    ),
    attributes(
        "tuning of another layer", CONVOLUTIONS, lambda s: {"cudnn_tune": "fastest"}, why=TUNING
    ),
    attributes("dropout rate of another layer", layers("Dropout"), lambda s: {"p": 0.9}, why=RATE),
    attributes(
        "another activation",
        layers("Activation"),
        lambda s: {"act_type": s.draw(other(s.op.act_type, ACTIVATIONS))},
    ),
    attributes(
        "softmax form of another layer",
        layers("SoftmaxOutput"),
        lambda s: {"multi_output": not s.op.multi_output},
        why=FLAT,
    ),
    attributes("global pooling with a baked kernel", GLOBAL_POOLS, _baked_kernel, family=SHAPE),
    attributes(
        "groups of another layer",
        CONVOLUTIONS,
        lambda s: {"num_group": 2 * s.op.num_group},
        family=SHAPE,
    ),
    attributes(
        "filters of another layer",
        layers("Convolution", "FullyConnected"),
        _more_filters,
        family=SHAPE,
    ),
    attributes(
        "axes squeezed in part",
        layers("squeeze", where=lambda op: op.axis and len(op.axis) > 1),
        lambda s: {"axis": s.op.axis[1:]},
        family=SHAPE,
    ),
    attributes(
        "mean keeps its axis",
        layers("mean", where=lambda op: op.axis and not op.keepdims),
        lambda s: {"keepdims": True},
        family=SHAPE,
    ),
    attributes(
        "mean over another axis",
        layers("mean", where=lambda op: op.axis and len(op.axis) == 1),
        lambda s: {"axis": s.op.axis[0] + 1},
        family=SHAPE,
    ),
)
