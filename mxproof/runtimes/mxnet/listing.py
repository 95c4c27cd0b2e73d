"""Check that the converters read a symbol as MXNet reads it.

The choice of outputs, the labels that are cut away and the order of heads are the converters', and
MXNet is given the same: a mistake there would be the same on both sides. So they are held to
MXNet's own listing of the original file.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Set, Tuple

from converters import Graph
from converters.mxnet_format.naming import readable

#: MXNet's operators that read a label for the gradient only. Source: Forward in
#: src/operator/softmax_output-inl.h, svm_output-inl.h, and RegressionForward in
#: regression_output-inl.h, none of which reads it.
LOSSES = (
    *("SoftmaxOutput", "Softmax", "SVMOutput"),
    *("LinearRegressionOutput", "MAERegressionOutput", "LogisticRegressionOutput"),
)

#: MXNet's operators that compute a loss, or the labels for one.
TRAINING = ("CTCLoss", "WarpCTC", "_contrib_MultiBoxTarget", "softmax_cross_entropy")
#: Heads that are losses, where they need a variable that nothing else needs.
LOSS_HEADS = ("MakeLoss", "make_loss", "Custom")


def disagreements(
    graph: Graph,
    original: Mapping[str, Any],
    cut: Mapping[str, Any],
    readers: Sequence[Sequence[str]],
) -> Iterator[str]:
    """
    Args:
        original, cut: what MXNet lists of the file, and of the network that it runs; see
            worker/listing.py.
        readers: of the labels: (variable, operator, the input's name in MXNet).
    """
    ours = {name: k for k, name in enumerate(n for node in graph.listed for n in node.outputs)}
    for number, (name, head) in enumerate(zip(graph.outputs, cut["heads"])):
        if ours.get(name, name) != head:
            yield f"output {number} is {cut['outputs'][number]!r} in MXNet, {name!r} here"
    if len(graph.outputs) != len(cut["heads"]):
        yield f"MXNet has the outputs {cut['outputs']}, the converted network {graph.outputs}"
    if not graph.chosen and not _only_training_dropped(graph, original, cut):
        yield f"MXNet has the outputs {original['outputs']}; {cut['outputs']} were taken, unasked"
    if graph.chosen:
        names = _names(original)
        listed = {(number, output): name for _, number, output, name, _ in original["layers"]}
        places = [
            e for wanted in graph.chosen for e, known in zip(listed, names) if wanted in known
        ]
        if places != list(graph.cut_at):
            asked, taken = ([listed[e] for e in entries] for entries in (places, graph.cut_at))
            yield f"{list(graph.chosen)} are {asked} in MXNet; {taken} were taken"
    for variable, op, role in readers:
        if op not in LOSSES or role != "label":
            yield (
                f"{variable!r} was cut away as a label, and {op} reads it as its {role!r}; labels "
                f"are those of {', '.join(LOSSES)}"
            )


def _only_training_dropped(
    graph: Graph, original: Mapping[str, Any], cut: Mapping[str, Any]
) -> bool:
    """Is each of the file's heads an output, in their order, but for those that need a training
    operator, or are losses of a variable that no output needs? And is every other output something
    that such a head reads?"""
    if cut["outputs"] == original["outputs"] and not graph.cut_at:
        return True
    nodes = original["nodes"]
    numbers = [n for n, (op, *_) in enumerate(nodes) if op != "null"]
    taken = [(numbers[layer], output) for layer, output in graph.cut_at]
    heads = [tuple(head) for head in original["entries"]]
    dropped = [_needed(nodes, n) for n, output in heads if (n, output) not in taken]
    missing = set(original["free"]).difference(*(_needed(nodes, n) for n, _ in taken))
    for (head, _), needed in zip((h for h in heads if h not in taken), dropped):
        free = needed.intersection(original["free"])
        loss = nodes[head][0] in LOSS_HEADS or all("label" in nodes[n][1] for n in free)
        if not any(nodes[n][0] in TRAINING for n in needed) and not (loss and free & missing):
            return False
    others = [n for n, output in taken if (n, output) not in heads]
    kept = [head for head in heads if head in taken]
    return all(any(n in needed for needed in dropped) for n in others) and kept == [
        entry for entry in taken if entry in heads
    ]


def _needed(nodes: Sequence[Tuple[str, str, Sequence[int]]], head: int) -> Set[int]:
    """All that a node needs in inference, itself included."""
    found, left = set(), [head]
    while left:
        number = left.pop()
        if number not in found:
            found.add(number)
            op, _, read = nodes[number]
            left += read[:1] if op in LOSSES else read
    return found


def _names(listing: Mapping[str, Any]) -> List[List[str]]:
    """What each layer's output may be called. Of layers of one name, and of one that is called
    as a variable is, the first keeps the name and the next are numbered."""
    taken = {readable(name, "null") for name in listing["variables"]}
    wanted = taken | {readable(name, op) for name, *_, op in listing["layers"]}
    called: Dict[int, str] = {}
    found = []
    for name, node, output, listed, op in listing["layers"]:
        base = readable(name, op)
        if node not in called:
            used, count = taken | (wanted if base in taken else set()), 0
            called[node] = base
            while called[node] in used:
                count += 1
                called[node] = f"{base}_{count}"
            taken.add(called[node])
        own = [
            called[node],
            f"{called[node]}_output{output}",
            f"{called[node]}_output{output}_output",
        ]
        own += [f"{called[node]}_output"] if not output else []
        found.append(own + ([listed] if called[node] == name else []))
    return found
