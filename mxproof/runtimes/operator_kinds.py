"""MXNet's operators that draw random numbers, and those that depend on the order of numbers.

What is behind such an operator is not compared in the chain, and its draws are not compared one by
one. That is for the harness to grant: a declaration is on trial, and must not excuse itself. MXNet
does not tell from Python which operators ask it for random numbers, so both lists are by hand.
"""

from __future__ import annotations

from typing import Dict, Iterator, Set

from converters import Graph

_DISTRIBUTIONS = (
    *("uniform", "normal", "gamma", "exponential", "poisson"),
    *("negative_binomial", "generalized_negative_binomial"),
)
#: Operators that draw in inference. Source: FResourceRequest with kRandom or kParallelRandom in
#: src/operator/random/ (sample_op.cc, multisample_op.cc, sample_multinomial_op.cc, shuffle_op.cc).
#: `_random_pdf_*` are densities, and draw nothing; Dropout draws in training, or with
#: mode="always", which is not converted.
RANDOM = frozenset(
    (
        *(f"_random_{name}{form}" for name in _DISTRIBUTIONS for form in ("", "_like")),
        *(f"_sample_{name}" for name in _DISTRIBUTIONS),
        *("_random_randint", "_sample_multinomial", "_shuffle"),
    )
)

_RELATIONS = ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal")
#: Operators on pairs of numbers: given the same numbers, nothing is left open.
COMPARISONS = [
    f"{p}{r}{s}" for r in _RELATIONS for p, s in (("_", ""), ("broadcast_", ""), ("_", "_scalar"))
]
#: Operators whose result jumps where two numbers are as good as equal -> why.
ORDER_SENSITIVE: Dict[str, str] = {
    **dict.fromkeys(("sort", "argsort", "topk"), "which of two numbers comes first"),
    **dict.fromkeys(("argmax", "argmin", "argmax_channel"), "which of two numbers is the largest"),
    **dict.fromkeys(COMPARISONS, "which of two numbers is larger, or whether they are equal"),
    **dict.fromkeys(
        ("_contrib_box_nms", "_contrib_MultiBoxDetection", "_contrib_bipartite_matching"),
        "sorts by scores, and drops what overlaps by more than a limit",
    ),
    **dict.fromkeys(
        ("_contrib_Proposal", "_contrib_MultiProposal"),
        "sorts by scores, and drops what overlaps by more than a limit",
    ),
    "_linalg_syevd": "the order of eigenvalues, and the sign of each eigenvector",
}


def random_layers(graph: Graph) -> Set[str]:
    """The layers that are drawn anew each time."""
    return {o for n in graph.nodes if graph.operators[n.name].random for o in n.outputs}


def unexcused(graph: Graph) -> Iterator[str]:
    """The layers that the converters would excuse from the comparison, and nothing here does."""
    behind: Set[str] = set()
    for node in graph.nodes:
        if node.op in RANDOM or node.op in ORDER_SENSITIVE or behind.intersection(node.inputs):
            behind.update(node.outputs)
        if graph.operators[node.name].random and node.op not in RANDOM:
            yield f"{node.op} {node.name!r} is declared random; MXNet's draws nothing"
    excused = [(n.op, o) for n in graph.nodes for o in n.outputs if o in graph.anchored - behind]
    for op, name in excused[:1]:
        yield (
            f"{op} {name!r} and {len(excused) - 1} more layers are declared to depend on the order "
            "of numbers; neither they nor any layer before them do"
        )
