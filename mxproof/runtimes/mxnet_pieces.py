"""Parts of a symbol (JSON) as symbols of their own. A part of the worker."""

import json


def boundary(entry):
    """The name of the variable that stands for another piece's result."""
    return "mxproof:{}:{}".format(*entry[:2])


def cut(nodes, first, heads):
    """The nodes from number `first` to the last head's, as a symbol of their own (JSON)."""
    taken, numbers = [], {}

    def variable(key, node):
        if key not in numbers:
            numbers[key] = len(taken)
            taken.append(node)
        return [numbers[key], 0, 0]

    for number in range(first, heads[-1][0] + 1):
        node = nodes[number]
        if node["op"] == "null":
            continue
        inputs = []
        for entry in node["inputs"]:
            source = nodes[entry[0]]
            if source["op"] == "null":
                inputs.append(variable(source["name"], source))
            elif entry[0] < first:
                name = boundary(entry)
                inputs.append(variable(name, {"op": "null", "name": name, "inputs": []}))
            else:
                inputs.append([numbers[entry[0]], entry[1], 0])
        numbers[number] = len(taken)
        taken.append(dict(node, inputs=inputs))
    return json.dumps(
        {
            "nodes": taken,
            "arg_nodes": [i for i, node in enumerate(taken) if node["op"] == "null"],
            "heads": [[numbers[entry[0]], entry[1], 0] for entry in heads],
            "attrs": {"mxnet_version": ["int", 10901]},
        }
    )


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
