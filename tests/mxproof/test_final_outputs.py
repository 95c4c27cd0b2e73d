"""Final outputs: their names, their order, and that nothing happens behind the last layer."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence

import numpy as np
import onnx
import pytest
from safetensors.numpy import load_file, save_file

from converters import Graph
from converters import operators as ops
from converters.operators import REGISTRY
from fixtures.networks import Network
from mxproof.proof.outputs.agreement import EQUAL, TopK
from mxproof.proof.outputs.final import NO_FIGURES, Figures, prove_outputs
from mxproof.proof.proof import TargetProof
from mxproof.proof.reference import Reference, kept, live
from mxproof.proof.tolerance import Budgets
from mxproof.proof.verify import Prover, notes_of
from mxproof.reports.page import markdown, page
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.operator_kinds import ORDER_SENSITIVE, RANDOM
from mxproof.runtimes.registry import TARGETS, convert
from mxproof.verification import VerifyResult

from ..operators.prove import reference
from .test_anchored import Wrong

Build = Callable[[Network, Any], Any]


def dense(net: Network, data: Any) -> Any:
    weights = net.parameter("weight", 6, 8), net.parameter("bias", 6)
    return net.layer("FullyConnected", "fc", data, *weights, num_hidden=6)


def largest(net: Network, data: Any) -> List[Any]:
    """The three largest numbers and their places, both in float32."""
    node, _ = net.layer("topk", "top", dense(net, data), k="3", ret_typ="both")
    return [(node, 0), (node, 1)]


def probabilities(net: Network, data: Any) -> List[Any]:
    return [net.layer("softmax", "prob", dense(net, data))]


@contextmanager
def converted(build: Build, mxnet: MxnetProcess, batches: Sequence[int] = (5,)) -> Iterator[Any]:
    """(Network, what MXNet makes of it, the files by target)."""
    net = Network()
    heads = build(net, net.variable("data"))
    symbol = net.symbol(*(heads if isinstance(heads, list) else [heads]))
    random = np.random.default_rng(0)
    feeds = [{"data": random.standard_normal((n, 8)).astype("f")} for n in batches]
    with reference(symbol, net.arrays, {"data": ("N", 8)}, mxnet) as (graph, model, folder):
        paths = {target: convert(graph, target, folder)[0] for target in TARGETS}
        yield graph, kept(live(model, feeds, {})), paths


def proof(graph: Graph, evidence: Reference, paths: Dict[str, Path]) -> Dict[str, TargetProof]:
    return Prover(graph, paths, Budgets()).prove(evidence)[0]


def said(found: TargetProof) -> str:
    assert not found.passed
    return " ".join(found.explain("net"))


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new))


def exchange_in_onnx(paths: Dict[str, Path]) -> None:
    model = onnx.load(paths["onnx"])
    model.graph.output.extend([model.graph.output.pop(0)])
    onnx.save(model, paths["onnx"])


def exchange_in_source(paths: Dict[str, Path]) -> None:
    returned = paths["pytorch"].read_text().split("return ")[1].split("\n")[0]
    first, second = returned.split(", ")
    edited(paths["pytorch"], f"return {returned}", f"return {second}, {first}")


def reverse_names(paths: Dict[str, Path]) -> None:
    path = paths["pytorch"].with_suffix(".safetensors")
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        known = file.metadata()
    known["mxproof.outputs"] = json.dumps(json.loads(known["mxproof.outputs"])[::-1])
    save_file(load_file(path), path, known)


@pytest.mark.parametrize(
    ("fault", "target", "words"),
    [
        (exchange_in_onnx, "onnx", "the file names its outputs ['top_output1', 'top_output0']"),
        (exchange_in_source, "pytorch", "output 'top_output0' is layer 'top_output1' of the same"),
        (reverse_names, "pytorch", "the file names its outputs ['top_output1', 'top_output0']"),
    ],
)
def test_exchanged_outputs_are_found_though_their_numbers_are_not_judged(
    fault: Callable[[Dict[str, Path]], None], target: str, words: str, mxnet: MxnetProcess
) -> None:
    with converted(largest, mxnet) as (graph, evidence, paths):
        before = proof(graph, evidence, paths)
        assert all(p.passed for p in before.values()), [p.explain("net") for p in before.values()]
        assert all(p.output.max_abs is not None for p in before.values()), "they are the same"
        fault(paths)
        after = proof(graph, evidence, paths)
        assert words in said(after[target])
        assert not after[target].same_function
        assert [p.passed for t, p in after.items() if t != target] == [True]


def test_outputs_that_are_exchanged_in_an_untraced_run_only(mxnet: MxnetProcess) -> None:
    with converted(largest, mxnet) as (graph, evidence, paths):
        candidate: Any = TARGETS["onnx"].open(paths["onnx"], "float32")
        (truth,) = evidence
        assert prove_outputs(candidate, truth, graph).passed
        run = candidate.run
        candidate.run = lambda inputs: run(inputs)[::-1]
        found = prove_outputs(candidate, truth, graph)
        assert found.checks.problems == [
            "output 'top_output0' holds what MXNet returns as 'top_output1'",
            "output 'top_output1' holds what MXNet returns as 'top_output0'",
        ]


@pytest.mark.parametrize("by", ["1.0039", "(1 + 1e-9)"])
def test_what_happens_behind_the_last_layer_is_found(by: str, mxnet: MxnetProcess) -> None:
    """One class is off by as much in float64 as in float32."""
    with converted(probabilities, mxnet) as (graph, evidence, paths):
        forward = paths["pytorch"].read_text().split("def forward")[-1]
        returned = forward.split("return ")[1].split("\n")[0]
        factors = f"{returned}.new_tensor([1, {by}, 1, 1, 1, 1])"
        edited(paths["pytorch"], f"return {returned}\n", f"return {returned} * {factors}\n")
        found = proof(graph, evidence, {"pytorch": paths["pytorch"]})["pytorch"]
        assert "float64: output 'prob' is not its layer: behind the last layer" in said(found)
        assert not found.same_function


def handed_on(net: Network, data: Any) -> List[Any]:
    return [data, dense(net, data)]


def never_taken(net: Network, data: Any) -> List[Any]:
    scores = dense(net, data)
    large = net.layer("_greater_scalar", "large", scores, scalar=1000000)
    doubled = net.layer("_mul_scalar", "doubled", scores, scalar=2)
    return [net.layer("where", "chosen", large, doubled, scores)]


def looked_up(net: Network, data: Any) -> List[Any]:
    table = net.parameter("table", 9, 3)
    return [net.layer("Embedding", "rows", data, table, input_dim=9, output_dim=3)]


RETURN = "        return x\n"
ONCE = "self.fc(data[: self.__dict__.setdefault('size', len(data))])"


@pytest.mark.parametrize(
    ("build", "old", "new", "words"),
    [
        (handed_on, "return data, ", "return data * 2, ", "output 'data' is not its layer"),
        (dense, RETURN, f"        data.mul_(2)\n{RETURN}", "changes its input 'data' in place"),
        (dense, "self.fc(data)", ONCE, "output 'fc' is the first to differ"),
        (never_taken, "torch.where(", "(lambda c, a, b: b)(", "where 'chosen' introduced"),
        (never_taken, " > 1000000.0", " >= 1000000.0", "_greater_scalar 'large' introduced"),
        (looked_up, ".clamp(0, 8)", ".remainder(9)", "Embedding 'rows' introduced"),
    ],
)
def test_faults_that_numbers_in_the_chain_do_not_show(
    build: Build, old: str, new: str, words: str, mxnet: MxnetProcess
) -> None:
    """Changed inputs; what is kept from one run for the next; cases that no input brings about."""
    with converted(build, mxnet, batches=(2, 5)) as (graph, evidence, paths):
        del paths["onnx"]
        assert proof(graph, evidence, paths)["pytorch"].passed
        edited(paths["pytorch"], old, new)
        assert words in said(proof(graph, evidence, paths)["pytorch"])


def test_stated_shapes_are_those_of_a_run(mxnet: MxnetProcess) -> None:
    """onnxruntime only warns."""
    with converted(probabilities, mxnet) as (graph, evidence, paths):
        model = onnx.load(paths["onnx"])
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 7
        onnx.save(model, paths["onnx"])
        found = proof(graph, evidence, {"onnx": paths["onnx"]})["onnx"]
        assert "the file states shape ['N', 7] of 'prob', which is (5, 6)" in said(found)


def declared(monkeypatch: pytest.MonkeyPatch, op: str, **changed: Any) -> None:
    for name, value in changed.items():
        monkeypatch.setattr(REGISTRY[op], name, value)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"random": True}, "FullyConnected 'fc' is declared random; MXNet's draws nothing"),
        ({"order_dependent": True}, "FullyConnected 'fc' and 1 more layers are declared to depend"),
    ],
)
def test_no_declaration_excuses_itself(
    changed: Any, words: str, mxnet: MxnetProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(monkeypatch, "FullyConnected", **changed)
    with converted(probabilities, mxnet) as (graph, evidence, paths):
        for found in proof(graph, evidence, paths).values():
            assert words in said(found)


def test_the_lists_cover_all_declarations() -> None:
    """What is declared is listed, and what is listed is declared."""
    assert {name for name, op in REGISTRY.items() if op.random} == RANDOM
    known = {name for name, op in REGISTRY.items() if op.order_dependent}
    assert known == set(ORDER_SENSITIVE)
    assert all(ops.canonical_name(name) == name for name in (*RANDOM, *ORDER_SENSITIVE))


def dropout(net: Network, data: Any) -> List[Any]:
    """Which numbers to keep is drawn; those that are kept are in the order of the classes."""
    x = dense(net, data)
    chance = net.layer("_random_uniform_like", "chance", x, low=0.0, high=1.0)
    kept_ones = net.layer("_lesser_scalar", "kept", chance, scalar=0.7)
    return [chance, net.layer("elemwise_mul", "dropped", x, kept_ones)]


def normals(net: Network, data: Any) -> List[Any]:
    parameters = [net.parameter(name, 3) for name in ("mu", "sigma")]
    net.arrays["mu"][:], net.arrays["sigma"][:] = [0, 5, -5], [1, 0.1, 3]
    x = net.layer("_sample_normal", "drawn", *parameters, shape="(4,)")
    return [dense(net, data), x]


@pytest.mark.parametrize(
    ("build", "old", "new"),
    [
        (dropout, "torch.rand_like(low)", "torch.rand(1)"),
        (normals, "mean + deviation", "mean.flip(0) + deviation"),
        (normals, "deviation * torch.randn", "1.3 * deviation * torch.randn"),
    ],
)
def test_random_layers_are_judged_by_their_distribution(
    build: Build, old: str, new: str, mxnet: MxnetProcess
) -> None:
    with converted(build, mxnet) as (graph, evidence, paths):
        for found in proof(graph, evidence, paths).values():
            assert found.passed, found.explain("net")
        edited(paths["pytorch"], old, new)
        found = proof(graph, evidence, {"pytorch": paths["pytorch"]})["pytorch"]
        assert "is distributed otherwise than MXNet's" in said(found)
        assert {c.layer for c in found.culprits} <= {"chance", "drawn"}
        assert not found.same_function


def shuffled(net: Network, data: Any) -> List[Any]:
    return [net.layer("_shuffle", "shuffled", data)]


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("{0}", "is distributed otherwise than MXNet's"),
        ("{0}[torch.randint({0}.shape[0], {0}.shape[:1])]", "other rows than it was given"),
    ],
)
def test_what_is_shuffled_is_moved_and_kept(
    new: str, words: str, mxnet: MxnetProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with converted(shuffled, mxnet) as (graph, evidence, paths):
        assert all(found.passed for found in proof(graph, evidence, paths).values())
        monkeypatch.setattr(REGISTRY["_shuffle"], "text", new)
        path = convert(graph, "pytorch", paths["pytorch"].parent / "wrong")[0]
        assert words in said(proof(graph, evidence, {"pytorch": path})["pytorch"])


def chance(net: Network, data: Any) -> List[Any]:
    return [net.layer("_random_uniform_like", "chance", dense(net, data))]


def test_nothing_is_claimed_of_what_was_not_compared(mxnet: MxnetProcess) -> None:
    with converted(chance, mxnet) as (graph, evidence, paths):
        found = proof(graph, evidence, paths)
        shapes = {"data": (5, 8)}
        whole = VerifyResult("net", "user", shapes, found, {}, notes=notes_of(graph, found))
        record = whole.to_json()
    reason = "drawn at random: judged by its distribution, as a layer"
    for target in record["targets"].values():
        output, layer = target["output"], target["layers"][-1]
        figures = [output[k] for k in ("max_abs", "max_rel", "top1_equal", "top1")]
        assert figures == [None, None, None, None]
        assert output["not_compared"] == {"chance": reason}
        numbers = [v for k, v in layer.items() if k.startswith(("float", "max"))]
        assert numbers == [None] * len(numbers)
        assert "ranks among MXNet's draws" in layer["note"]
    for report in (page([record]), markdown([record])):
        assert report.count("not compared</td>" if "<html" in report else " not compared |") == 6
        assert f"was not compared: {reason}" in report
    assert "The numbers of 1 were not compared one by one" in page([record])
    caption = str(whole.__rich__().caption)
    assert f"Output 'chance' was not compared: {reason}" in caption


def test_places_that_changed_are_not_compared(mxnet: MxnetProcess) -> None:
    """The second largest comes first in every sample, as if both were as good as equal."""
    with converted(largest, mxnet) as (graph, evidence, paths):
        candidate: Any = TARGETS["onnx"].open(paths["onnx"], "float32")
        (truth,) = evidence
        run = candidate.run
        candidate.run = lambda inputs: [run(inputs)[0], run(inputs)[1][:, [1, 0, 2]]]
        found = prove_outputs(candidate, truth, graph)
    assert found.passed and list(found.not_compared) == ["top_output1"]
    assert found.max_abs is not None and found.figures["top_output1"].max_abs is None
    assert "decides here or before" in found.not_compared["top_output1"]


def test_an_output_is_compared_if_it_was_on_all_inputs() -> None:
    one, two = Figures(1.0, 0.5, True, TopK(EQUAL)), Figures(2.0, 0.1, False, TopK(EQUAL))
    silent = Figures(reason="chance")
    assert one + two == Figures(2.0, 0.5, False, TopK(EQUAL))
    assert one + silent == silent + one == silent
    assert one + NO_FIGURES == NO_FIGURES + silent == NO_FIGURES
    single = replace(one, top1_equal=None, top1=None)
    assert (single + single).top1 is None, "there is no second class"


def logarithms(net: Network, data: Any) -> List[Any]:
    x = net.layer("relu", "positive", dense(net, data))
    logs = net.layer("log", "logs", x)
    roots = net.layer("sqrt", "roots", net.layer("_rminus_scalar", "below", x, scalar=-1.0))
    return [logs, net.layer("relu", "behind", roots)]


def test_nan_and_infinity_are_equal_where_equal(mxnet: MxnetProcess) -> None:
    with converted(logarithms, mxnet) as (graph, evidence, paths):
        for target, found in proof(graph, evidence, paths).items():
            assert found.passed, found.explain("net")
            notes = notes_of(graph, {target: found})
            assert notes == {
                "logs": "infinity first appears here in MXNet",
                "roots": "NaN first appears here in MXNet",
            }
            (roots,) = (c for c in found.comparisons["float64"].checks if c.layer == "roots")
            assert (roots.rel, roots.max_abs, roots.problem) == (None, None, None)
            assert roots.note and roots.note.startswith("all values are NaN in MXNet too")
            assert found.output.not_compared == {"behind": "all values are NaN in MXNet too"}
            assert found.output.max_abs is not None, "that of the other output"


@pytest.mark.parametrize(
    ("layer", "value", "words"),
    [
        ("positive", np.nan, "NaN first appears in layer 'positive', where MXNet's is finite"),
        ("below", -np.inf, "infinity first appears in layer 'below', where MXNet's is finite"),
        ("logs", 0.0, "infinity first appears in MXNet's layer 'logs'; this one is finite"),
        ("roots", 0.0, "NaN first appears in MXNet's layer 'roots'; this one is finite"),
    ],
)
def test_where_the_first_one_begins_is_named(
    layer: str, value: float, words: str, mxnet: MxnetProcess
) -> None:
    with converted(logarithms, mxnet) as (graph, evidence, paths):
        inner = TARGETS["pytorch"].open(paths["pytorch"], "float64")

        def changed(array: Any) -> Any:
            return np.full_like(array, value)

        def opened(target: str, precision: str) -> Any:
            return Wrong(inner, layer, changed) if precision == "float64" else single

        single = TARGETS["pytorch"].open(paths["pytorch"], "float32")
        prover = Prover(graph, {"pytorch": paths["pytorch"]}, Budgets(), opened=opened)
        assert words in said(prover.prove(evidence)[0]["pytorch"])
