"""symbol.json: every age, upgrades, order, names; and files that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest

from converters import CheckpointError
from converters.mxnet_format.symbol import (
    Symbol,
    SymbolNode,
    load_symbol,
    parse_symbol,
    symbol_to_json,
)


def old(op: str, name: str, *inputs: int, **param: str) -> Dict[str, Any]:
    """A node as MXNet wrote it before 0.9."""
    node = {"op": op, "param": param, "name": name, "inputs": [[i, 0] for i in inputs]}
    return {**node, "backward_source_id": -1}


BEFORE_0_9 = {
    "nodes": [
        *(old("null", name) for name in ("data", "bn_gamma", "bn_beta")),
        {
            **old("BatchNorm", "bn", 0, 1, 2, eps="0.001"),
            "attr": {"ctx_group": "stage1", "gamma_lr_mult": "0.5"},
        },
        old("_Plus", "sum", 3, 0),
    ],
    "arg_nodes": [0, 1, 2],
    "heads": [[4, 0]],
}


def test_before_0_9_auxiliary_states_are_added() -> None:
    symbol = parse_symbol(json.dumps(BEFORE_0_9))
    names = [n.name for n in symbol.nodes]
    assert names == ["data", "bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_var", "bn", "sum"]
    norm = symbol.nodes[5]
    assert norm.inputs == ((0, 0), (1, 0), (2, 0), (3, 0), (4, 0))
    assert norm.attrs["__ctx_group__"] == "stage1"
    assert symbol.nodes[6].op == "elemwise_add"
    assert symbol.version is None


@pytest.mark.parametrize("key", ["param", "attr", "attrs"])
@pytest.mark.parametrize("entry", [[0, 0], [0, 0, 0]])
def test_attributes_and_entries_of_every_age(key: str, entry: list) -> None:
    document = {
        "nodes": [
            {"op": "null", "name": "data", "inputs": []},
            {"op": "Activation", "name": "a", key: {"act_type": "tanh"}, "inputs": [entry]},
        ],
        "heads": [[1, 0, 0]],
        "attrs": {"mxnet_version": ["int", 10000]},
    }
    symbol = parse_symbol(json.dumps(document))
    assert symbol.nodes[1].attrs == {"act_type": "tanh"}
    assert symbol.nodes[1].inputs == ((0, 0),)


def test_argmax_over_all_before_0_9_5() -> None:
    node = {"op": "argmax", "name": "m", "attr": {"axis": "-1"}, "inputs": [[0, 0]]}
    document = {"nodes": [{"op": "null", "name": "x", "inputs": []}, node], "heads": [[1, 0]]}
    assert parse_symbol(json.dumps(document)).nodes[1].attrs == {}
    for version, attrs in ((904, {}), (905, {"axis": "-1"})):
        document["attrs"] = {"mxnet_version": ["int", version]}
        assert parse_symbol(json.dumps(document)).nodes[1].attrs == attrs


def test_order_is_depth_first_from_the_heads_and_dead_ends_are_dropped() -> None:
    a, b, c, dead = (SymbolNode("null", n) for n in "abcd")
    late = SymbolNode("elemwise_add", "late", ((2, 0), (5, 0)))
    early = SymbolNode("elemwise_add", "early", ((1, 0), (0, 0)))
    text = symbol_to_json(Symbol((a, b, c, dead, late, early), ((4, 0), (5, 0)), 10901))
    symbol = parse_symbol(text)
    assert [n.name for n in symbol.nodes] == ["c", "b", "a", "early", "late"]
    assert symbol.heads == ((4, 0), (3, 0))


def test_a_network_of_ten_thousand_layers_needs_no_recursion() -> None:
    nodes = [SymbolNode("null", "data")]
    nodes += [
        SymbolNode("Activation", f"a{i}", ((i, 0),), {"act_type": "relu"}) for i in range(10_000)
    ]
    symbol = parse_symbol(symbol_to_json(Symbol(tuple(nodes), ((10_000, 0),), 10901)))
    assert len(symbol.nodes) == 10_001


def one(heads: Any = ((0, 0),), **more: Any) -> str:
    """The file of a single node."""
    return json.dumps({"nodes": [{"op": "x", "name": "a", **more}], "heads": heads})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is JSON but no symbol"),
        ('{"nodes": []}', "is JSON but no symbol"),
        ('{"nodes": {}, "heads": []}', "'nodes' is dict, not a list"),
        ('{"nodes": [], "heads": []}', "has no heads"),
        ('{"nodes": [1], "heads": [[0, 0]]}', "node 0 has no 'op' and 'name'"),
        (one(heads=[[1, 0]]), "the list of heads reads node 1 of 1"),
        (one(heads=[["0", 0]]), "no reference to a node"),
        (one(inputs=[[7, 0]]), "reads node 7"),
        (one(inputs=[[0, 0]]), "a cycle"),
        (one(attrs={"k": 1}), "no text"),
        ("\udcff\udcfe", "is no text"),
    ],
)
def test_what_is_no_symbol_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x-symbol.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CheckpointError, match=rf"x-symbol\.json: .*{message}"):
        load_symbol(path)
