"""What MXNet itself says of a symbol: its layers, its heads, what its labels are. A part of the
worker; the harness holds to it what the converters read of the same file."""

from .mxnet_forms import from_json, without_labels


def described(symbol):
    """The symbol's layers (each output: name of the node, number of the node, number of the output
    in it, name as MXNet lists it, operator), variables, and heads: positions among the layers, or
    names of variables."""
    internals = symbol.get_internals()
    document = from_json(internals.tojson())
    nodes = document["nodes"]
    listed = zip(document["heads"], internals.list_outputs())
    layers = [
        [nodes[n]["name"], n, output, name, nodes[n]["op"]]
        for (n, output, _), name in listed
        if nodes[n]["op"] != "null"
    ]
    # The symbol and its internals have the same nodes in the same order.
    heads = from_json(symbol.tojson())["heads"]
    places = {(n, output): k for k, (_, n, output, *_) in enumerate(layers)}
    return {
        "layers": layers,
        "variables": [node["name"] for node in nodes if node["op"] == "null"],
        "heads": [places.get((n, o), nodes[n]["name"]) for n, o, *_ in heads],
        "outputs": symbol.list_outputs(),
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


def chosen(mx, symbol, cut_at, made_labels):
    """The symbol with other outputs (their positions among all layers') and without the layers
    that make labels."""
    if cut_at:
        internals = symbol.get_internals()
        listed = from_json(internals.tojson())
        layers = [k for k, e in enumerate(listed["heads"]) if listed["nodes"][e[0]]["op"] != "null"]
        symbol = mx.sym.Group([internals[layers[k]] for k in cut_at])
    if made_labels:
        symbol = mx.sym.load_json(without_labels(symbol.tojson(), made_labels))
    return symbol
