"""Parts of a symbol (JSON) as symbols of their own. A part of the worker."""

import json


def boundary(entry):
    """The name of the variable that stands for another piece's result."""
    return "mxproof:{}:{}".format(*entry[:2])


def variable(nodes, entry):
    """What a piece calls this result of a layer before it, or this variable."""
    node = nodes[entry[0]]
    return node["name"] if node["op"] == "null" else boundary(entry)


def cut(nodes, first, heads):
    """The nodes from number `first` to the last head's, as a symbol of their own (JSON)."""
    own = nodes[first : heads[-1][0] + 1]
    read = {tuple(e[:2]) for node in own for e in node["inputs"] if e[0] < first}
    places = {entry: len(own) + i for i, entry in enumerate(sorted(read))}

    def moved(entries):
        return [[places.get((n, k), n - first), 0 if n < first else k, 0] for n, k, *_ in entries]

    taken = [dict(node, inputs=moved(node["inputs"])) for node in own]
    for entry in places:
        source = nodes[entry[0]] if nodes[entry[0]]["op"] == "null" else {"op": "null"}
        taken.append(dict(source, name=variable(nodes, entry), inputs=[]))
    arguments = [i for i, node in enumerate(taken) if node["op"] == "null"]
    version = {"mxnet_version": ["int", 10901]}
    document = {"nodes": taken, "arg_nodes": arguments, "heads": moved(heads), "attrs": version}
    return json.dumps(document)


def without_labels(symbol, made_labels):
    """The symbol (JSON) with variables in place of labels that layers make: (number of the layer
    that reads it, number of the input, the variable)."""
    document = json.loads(symbol)
    nodes = document["nodes"]
    layers = [node for node in nodes if node["op"] != "null"]
    for number, place, name in made_labels:
        layers[number]["inputs"][place] = [len(nodes), 0, 0]
        document["arg_nodes"].append(len(nodes))
        nodes.append({"op": "null", "name": name, "inputs": []})
    return json.dumps(document)
