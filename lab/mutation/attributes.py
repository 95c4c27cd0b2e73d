"""Faults of attributes: what the symbol states is misread, ignored or invented."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from converters import Graph, Node

from .definitions import ACTIVATIONS
from .edits import Sites, axes, layers, nodes, other, readers, with_attributes
from .mutant import HYPER, SHAPE, Fault, Mutant, MutationSite

#: The attributes that a layer is converted with; None removes one.
Change = Callable[[MutationSite], Mapping[str, Any]]

NORMS, POOLS, CONVOLUTIONS = layers("BatchNorm"), layers("Pooling"), layers("Convolution")
WEIGHTED, SOFTMAXES = layers("Convolution", "FullyConnected"), layers("SoftmaxOutput")
GLOBAL_POOLS = layers("Pooling", where=lambda op: op.global_pool)


def misread(kind: str, sites: Sites, change: Change, why: str = "", family: str = HYPER) -> Fault:
    return Fault(kind, family, sites, lambda site: site.misread(change(site)), why)


misshaped = partial(misread, family=SHAPE)


def windowed(*ops: str, dims: Tuple[int, ...] = (1, 2, 3), **least: int) -> Sites:
    """Layers that slide a window, with at least this value of an attribute on some axis."""

    def fits(op: Any) -> bool:
        slides = not getattr(op, "global_pool", False) and len(op.kernel) in dims
        return slides and all(axes(getattr(op, name), value) for name, value in least.items())

    return layers(*(ops or ("Convolution", "Pooling")), where=fits)


def always(**changed: Any) -> Change:
    return lambda site: changed


def another(name: str, *values: Any) -> Change:
    """The first of these values that the layer does not have."""
    return lambda site: {name: other(getattr(site.op, name), values)[0]}


def another_first(name: str, *values: int) -> Change:
    """`another` for the first of the axes, which of three is time."""

    def change(site: MutationSite) -> Dict[str, Any]:
        first, *others = getattr(site.op, name)
        return {name: (other(first, values)[0], *others)}

    return change


def stepped(name: str, by: int, least: int = 0) -> Change:
    """One axis changed by one, drawn among those with at least this value."""

    def change(site: MutationSite) -> Dict[str, Any]:
        values = getattr(site.op, name)
        axis = site.draw(axes(values, least))
        return {name: tuple(v + by * (a == axis) for a, v in enumerate(values))}

    return change


def _dilated(site: MutationSite) -> Dict[str, Any]:
    return {"dilate": tuple(2 * d for d in site.op.dilate)}


def _dilated_in_place(site: MutationSite) -> Dict[str, Any]:
    """The output keeps its size."""
    each = zip(site.op.pad, site.op.kernel, site.op.dilate)
    return {**_dilated(site), "pad": tuple(p + (k - 1) * d // 2 for p, k, d in each)}


def _baked_kernel(site: MutationSite) -> Dict[str, Any]:
    """A kernel of the size of the first input."""
    size = site.data_shape[2:]
    window = {"kernel": size, "stride": (1,) * len(size), "pad": (0,) * len(size)}
    return {"global_pool": False, **window}


def _more_filters(site: MutationSite) -> Dict[str, Any]:
    name = "num_hidden" if site.node.op == "FullyConnected" else "num_filter"
    return {name: getattr(site.op, name) + 8}


def _next_convolution(graph: Graph, layer: str) -> Optional[Node]:
    """The convolution after this layer, with only layers in between that keep the shape."""
    after = readers(graph, layer)
    if len(after) != 1 or after[0].inputs[0] != layer:
        return None
    (node,) = after
    if node.op == "Convolution" or not graph.operators[node.name].shape_preserving:
        return node if node.op == "Convolution" else None
    return _next_convolution(graph, node.name)


def _stride(graph: Graph, node: Node) -> Any:
    return getattr(graph.operators[node.name], "stride", None)


def _other_stride(graph: Graph, node: Node) -> Optional[Node]:
    """The next convolution, where it has another stride than this one."""
    later = _next_convolution(graph, node.name) if node.op == "Convolution" else None
    return later if later is not None and _stride(graph, later) != _stride(graph, node) else None


def _exchange_strides(site: MutationSite) -> Mutant:
    later = _other_stride(site.graph, site.node)
    assert later is not None
    mine, others = site.op.stride, _stride(site.graph, later)
    graph = with_attributes(site.graph, site.layer, {"stride": others})
    graph = with_attributes(graph, later.name, {"stride": mine})
    return site.mutant(graph, f"stride {mine} <-> {others} of {later.name}")


def _norm(fixed: bool) -> Sites:
    return layers("BatchNorm", where=lambda op: op.fix_gamma == fixed)


def _pool(kind: str) -> Sites:
    return layers("Pooling", where=lambda op: op.pool_type == kind)


MOMENTUM = "inference never reads the momentum"
TRAINING = "inference reads the moving statistics either way"
TUNING = "the attribute chooses how a GPU computes, not what"
RATE = "in inference nothing is dropped"
FLAT = "in two dimensions axis 1, the last and all but the first are the same"
ONE = "the stored gamma is 1"
POINT = "a kernel of size 1 has nothing to dilate"
ALONE = "a global pooling has one window, without padding or rounding"
EVEN = "with steps of 1 its windows come out even, or it has but one"
UNCOUNTED = "only an average over padding counts it"

CONVENTION = "pooling_convention"
PADDED_KERNELS = windowed("Convolution", kernel=2, pad=1)
POINTS = layers("Convolution", where=lambda op: set(op.kernel) == {1})
SEVERAL_SQUEEZED = layers("squeeze", where=lambda op: op.axis and len(op.axis) > 1)
SHRINKING_MEANS = layers("mean", where=lambda op: op.axis and not op.keepdims)
MEANS_OF_ONE = layers("mean", where=lambda op: op.axis and len(op.axis) == 1)

FAULTS: Tuple[Fault, ...] = (
    misread("epsilon left out", nodes(lambda g, n: "eps" in n.attrs), always(eps=None)),
    misread("epsilon of another framework", NORMS, another("eps", 1e-05, 2e-05)),
    misread("fix_gamma ignored", _norm(True), always(fix_gamma=False), ONE),
    misread("fix_gamma assumed", _norm(False), always(fix_gamma=True), ONE),
    misread("momentum of another layer", NORMS, always(momentum=0.99), MOMENTUM),
    misread("use_global_stats turned on", NORMS, always(use_global_stats=True), TRAINING),
    misread("tuning of another layer", CONVOLUTIONS, always(cudnn_tune="fastest"), TUNING),
    misread("dropout rate of another layer", layers("Dropout"), always(p=0.9), RATE),
    misread(
        "another activation",
        layers("Activation"),
        lambda s: {"act_type": s.draw(other(s.op.act_type, [*ACTIVATIONS]))},
    ),
    misread("softmax form of another layer", SOFTMAXES, another("multi_output", False, True), FLAT),
    misshaped("global pooling with a baked kernel", GLOBAL_POOLS, _baked_kernel),
    misshaped("groups of another layer", CONVOLUTIONS, lambda s: {"num_group": 2 * s.op.num_group}),
    misshaped("filters of another layer", WEIGHTED, _more_filters),
    misshaped("axes squeezed in part", SEVERAL_SQUEEZED, lambda s: {"axis": s.op.axis[1:]}),
    misshaped("mean keeps its axis", SHRINKING_MEANS, always(keepdims=True)),
    misshaped("mean over another axis", MEANS_OF_ONE, lambda s: {"axis": s.op.axis[0] + 1}),
    # Sliding windows.
    misread("padding less by one", windowed(pad=1), stepped("pad", -1, 1)),
    misread("padding left out", windowed(pad=1), always(pad=None)),
    misread("padding more by one", windowed(), stepped("pad", 1)),
    misread("stride dropped", windowed(stride=2), always(stride=None)),
    misread("stride dropped on one axis", windowed(stride=2), stepped("stride", -1, 2)),
    Fault("stride moved between two convolutions", HYPER, nodes(_other_stride), _exchange_strides),
    misread("dilation doubled", windowed("Convolution", kernel=2), _dilated),
    misread("dilation doubled, padding to match", PADDED_KERNELS, _dilated_in_place),
    misread("dilation of a point", POINTS, _dilated, POINT),
    misread("temporal stride", windowed(dims=(3,)), another_first("stride", 1, 2)),
    misread("temporal padding", windowed(dims=(3,)), another_first("pad", 0, 1)),
    misread("pooling convention exchanged", POOLS, another(CONVENTION, "valid", "full"), EVEN),
    misread(
        "count_include_pad exchanged",
        POOLS,
        lambda s: {"count_include_pad": not s.op.counts_pad},
        UNCOUNTED,
    ),
    misread("max pooling as average", _pool("max"), always(pool_type="avg")),
    misread("average pooling as max", _pool("avg"), always(pool_type="max")),
    misread("pooling kernel less by one", windowed("Pooling", kernel=2), stepped("kernel", -1, 2)),
    misread(
        "kernel of a global pooling",
        GLOBAL_POOLS,
        lambda s: {"kernel": (2,) * len(s.data_shape[2:])},
        ALONE,
    ),
)
