"""List a symbol as MXNet reads it: layers, heads, labels. The harness compares the converters'
reading with this."""

from .forms import from_json, to_json, without_labels

#: The attribute of a stand-in that says which operator it stands for.
STANDS_FOR = "__mxproof_stands_for__"


def opened(mx, path):
    """The symbol in a file with all its layers: (the file's own heads and behind them each layer
    that nothing reads; how many the former are; why MXNet does not read the file, or None).

    A layer that this MXNet does not have is a stand-in, with its name and as many outputs as are
    read.
    """
    with open(path, encoding="utf-8") as file:
        document = from_json(file.read())
    nodes, heads = document["nodes"], document["heads"]
    read = {entry[0] for node in nodes for entry in node.get("inputs", ())}
    ends = [n for n, node in enumerate(nodes) if node["op"] != "null" and n not in read]
    document["heads"] = heads + [[n, 0] for n in ends if n not in {head[0] for head in heads}]
    try:
        return mx.sym.load_json(to_json(document)), len(heads), None
    except mx.MXNetError as error:
        refusal = error
    entries = heads + [entry for node in nodes for entry in node.get("inputs", ())]
    for node in [node for node in nodes if not _known(mx, document, node)]:
        outputs = [entry[1] for entry in entries if nodes[entry[0]] is node]
        _stand_in(document, node, max([0, *outputs]) + 1)
    return mx.sym.load_json(to_json(document)), len(heads), refusal


def _known(mx, document, node):
    """Does MXNet read the layer by itself?"""
    inputs = [[n, 0] for n in range(len(node.get("inputs", ())))]
    read = [{"op": "null", "name": f"input{n}", "inputs": []} for n, _ in inputs]
    nodes = [*read, dict(node, inputs=inputs)]
    arguments = list(range(len(inputs) + (node["op"] == "null")))
    own = dict(document, nodes=nodes, arg_nodes=arguments, heads=[[len(read), 0]])
    own.pop("node_row_ptr", None)
    try:
        mx.sym.load_json(to_json(own))
    except mx.MXNetError:
        return False
    return True


def _stand_in(document, node, outputs):
    """Make the layer one of an operator that has any number of inputs and outputs."""
    inputs = node.get("inputs") or [[len(document["nodes"]), 0]]
    if not node.get("inputs"):
        document["arg_nodes"].append(len(document["nodes"]))
        document["nodes"].append({"op": "null", "name": "mxproof:nothing", "inputs": []})
    count = max(len(inputs), outputs)
    attrs = {"num_outputs": str(count), STANDS_FOR: node["op"]}
    for key in ("param", "attr"):
        node.pop(key, None)
    node.update(op="amp_multicast", inputs=(inputs * count)[:count], attrs=attrs)


def described(symbol, own=None):
    """The symbol's layers (each output: name of the node, number of the layer, number of the output
    in it, name as MXNet lists it, operator), its variables and nodes (operator, name, nodes that it
    reads), and its heads: (node, output), and as positions among the layers, or names of variables.

    Args:
        own: how many of the heads are the file's; the others are left out.
    """
    internals = symbol.get_internals()
    document = from_json(internals.tojson())
    nodes = document["nodes"]
    ops = [node.get("attrs", {}).get(STANDS_FOR, node["op"]) for node in nodes]
    numbers = [n for n, op in enumerate(ops) if op != "null"]
    order = {n: number for number, n in enumerate(numbers)}
    listed = zip(document["heads"], internals.list_outputs())
    layers = [
        [nodes[n]["name"], order[n], output, name, ops[n]]
        for (n, output, _), name in listed
        if ops[n] != "null"
    ]
    # The symbol and its internals have the same nodes in the same order.
    heads = [head[:2] for head in from_json(symbol.tojson())["heads"][:own]]
    places = {(numbers[n], output): k for k, (_, n, output, *_) in enumerate(layers)}
    return {
        "layers": layers,
        "variables": [node["name"] for node in nodes if node["op"] == "null"],
        "nodes": [[op, n["name"], [e[0] for e in n["inputs"]]] for op, n in zip(ops, nodes)],
        "entries": heads,
        "heads": [places.get((n, o), nodes[n]["name"]) for n, o in heads],
        "outputs": symbol.list_outputs()[:own],
    }


def readers(mx, symbol, labels):
    """Who reads these variables: (variable, operator, what MXNet calls that input)."""
    nodes = from_json(symbol.tojson())["nodes"]
    found = []
    for node in nodes:
        for place, (n, *_) in enumerate(node["inputs"]):
            if nodes[n]["op"] == "null" and nodes[n]["name"] in labels:
                names = mx.operator.get_operator_arguments(node["op"]).names
                found.append([nodes[n]["name"], node["op"], (names + [""] * place)[place]])
    return found


def chosen(mx, path, cut_at, made_labels):
    """The network that is run, and what MXNet lists of the file: with these outputs (number among
    all layers, number of the layer's output) and without the layers that make labels.

    Returns:
        The symbol, and the listing of the file.
    """
    whole, own, refusal = opened(mx, path)
    if cut_at:
        symbol = _cut(mx, whole, cut_at)
    else:
        symbol = mx.sym.Group([whole[k] for k in range(own)]) if refusal else mx.sym.load(path)
    if made_labels:
        symbol = mx.sym.load_json(without_labels(symbol.tojson(), made_labels))
    if STANDS_FOR in symbol.tojson():
        raise refusal
    return symbol, described(whole, own)


def _cut(mx, whole, cut_at):
    internals = whole.get_internals()
    listed = from_json(internals.tojson())
    numbers = [n for n, node in enumerate(listed["nodes"]) if node["op"] != "null"]
    places = {tuple(entry[:2]): k for k, entry in enumerate(listed["heads"])}
    return mx.sym.Group([internals[places[numbers[n], output]] for n, output in cut_at])
