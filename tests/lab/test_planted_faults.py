"""The catalogue of faults: each is caught and named at its layer; what makes no difference is not.

The campaign over all models is `python -m lab mutation`; here each kind is planted once for each
of its targets in three networks.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy as np
import pytest

from converters import Graph
from fixtures.zoo import I3D, ZOO
from lab.mutation import campaign, fleet
from lab.mutation.bystander import Bystander
from lab.mutation.campaign import Case, cases, plant, tried
from lab.mutation.catalogue import CATALOGUE
from lab.mutation.definition import DEFINITIONS
from lab.mutation.equivalence import difference, equivalent
from lab.mutation.fault import FAMILIES, Ground, Planted
from lab.mutation.judge import Verdict
from lab.mutation.network import SHAPES
from lab.mutation.oracles import ORACLES, alarms
from lab.mutation.outcome import Clean, Outcome, Results
from lab.mutation.single import bfloat16, ulps
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.targets import TARGETS, convert

from .conftest import Run

pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
pytest.importorskip("onnxruntime", reason="needs onnxruntime, which runs one of the targets")

#: One input of each network and one turned, of one sample more; small, for the clock's sake.
INPUTS: Dict[str, Tuple[Tuple[int, ...], ...]] = {
    "resnet18": ((1, 3, 33, 32), (2, 3, 32, 33)),
    I3D: ((1, 3, 9, 17, 16), (2, 3, 9, 16, 17)),
    fleet.SMALL: SHAPES,
}

#: What is caught, but not named at its layer.
UNNAMED = {
    "mean over another axis": "the converter refuses the layer that cannot read the result",
}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """The inputs are small: threads would wait for each other longer than they compute."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def grounds(mxnet: MxnetProcess) -> Dict[str, Ground]:
    found = {}
    for model, shapes in INPUTS.items():
        with tempfile.TemporaryDirectory() as folder:
            subject, _ = fleet.subject_of(model, Path(folder))
            seeds = (0, 1) if subject.model is None else (0, 0)  # 0 is a picture
            inputs = [subject.inputs({"data": s}, seed) for s, seed in zip(shapes, seeds)]
            found[model] = fleet.grounded(mxnet, subject, inputs)
    return found


@pytest.fixture(scope="module")
def bystander() -> Iterator[Bystander]:
    worker = Bystander()
    yield worker
    worker.close()


def planned(kind: str, grounds: Dict[str, Ground]) -> Iterator[Tuple[str, Case]]:
    """In the small network, and in resnet18 or, for what that has no place for, in I3D.

    With each of its targets; in resnet18 with one, by turns, which the campaign does not spare.
    """
    fault = CATALOGUE[kind]
    turn = list(CATALOGUE).index(kind) % len(fault.targets)
    large = "resnet18" if fault.sites(grounds["resnet18"].graph) else I3D
    for model in (fleet.SMALL, large):
        drawn = list(cases(grounds[model].graph, model, fault, len(fault.targets), 0))
        targets = fault.targets[turn : turn + 1] if model == "resnet18" else fault.targets
        for number, target in enumerate(targets if drawn else ()):
            yield model, replace(drawn[number % len(drawn)], target=target)


# --- the catalogue -------------------------------------------------------------------------


def test_families() -> None:
    assert {f.family for f in CATALOGUE.values()} == set(FAMILIES)
    assert len(CATALOGUE) >= 36
    assert all(set(f.targets) <= set(TARGETS) for f in CATALOGUE.values())


def test_every_kind_has_a_place() -> None:
    homeless = set(CATALOGUE)
    for model in (*ZOO, fleet.SMALL):
        with tempfile.TemporaryDirectory() as folder:
            graph = fleet.subject_of(model, Path(folder))[0].graph
        homeless -= {kind for kind in homeless if CATALOGUE[kind].sites(graph)}
    assert not homeless


def test_same_seed_same_faults(grounds: Dict[str, Ground]) -> None:
    ground = grounds["resnet18"]
    fault = CATALOGUE["one weight off by some ulps"]

    def notes(seed: int) -> List[str]:
        drawn = cases(ground.graph, "resnet18", fault, 3, seed)
        return [f"{c.layer} {c.target} {c.planted(ground).note}" for c in drawn]

    assert notes(0) == notes(0) != notes(1)
    assert len({note.split()[1] for note in notes(0)}) == 2  # the targets take turns


# --- the harness ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(k, marks=[pytest.mark.xfail(reason=UNNAMED[k])] if k in UNNAMED else [])
        for k in CATALOGUE
    ],
)
def test_kind(kind: str, grounds: Dict[str, Ground]) -> None:
    """Caught and named; or equivalent, with a reason, and passed like a clean conversion."""
    outcomes = [plant(grounds[m], m, case) for m, case in planned(kind, grounds)]
    assert outcomes
    assert [f"{o.site}: {o.problem}" for o in outcomes if o.problem] == []
    assert all(o.equivalent != "" for o in outcomes)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("model", INPUTS)
def test_no_fault_no_alarm(model: str, target: str, grounds: Dict[str, Ground]) -> None:
    ground = grounds[model]
    assert tried(ground, Planted(ground.graph, "", ""), target)[0] == Verdict(False)


@pytest.mark.parametrize("target", TARGETS)
def test_two_faults_are_both_named(target: str, grounds: Dict[str, Ground]) -> None:
    ground = grounds["resnet18"]
    graph = ground.graph
    layers = ("stage2_unit1_bn1", "stage3_unit2_conv2")
    for kind, layer in zip(("epsilon left out", "one weight off by an ulp"), layers):
        case = Case(CATALOGUE[kind], layer, target, (0,))
        graph = case.planted(replace(ground, graph=graph)).graph
    verdict, _ = tried(ground, Planted(graph, "", layers[0]), target)
    assert verdict == Verdict(True, layers)


# --- what makes no difference --------------------------------------------------------------


@pytest.mark.parametrize("model", INPUTS)
def test_definitions_are_mxnets(model: str, grounds: Dict[str, Ground]) -> None:
    """By their definitions in NumPy all layers compute what MXNet computes."""
    ground = grounds[model]
    truth = ground.truths[1]
    for node in ground.graph.nodes:
        given = [ground.value(name, truth) for name in node.inputs if name is not None]
        value = DEFINITIONS[node.op](ground.graph.operators[node.name], *given)
        assert difference(value, truth[node.name].float64) < 1e-13, node.name


@pytest.mark.parametrize(
    ("model", "kind", "layer", "why"),
    [
        ("resnet18", "momentum of another layer", "bn0", "never reads the momentum"),
        ("resnet18", "residual inputs swapped", "_plus3", "addition commutes"),
        ("resnet18", "pixels rounded", "bn_data", "a whole number already"),
        ("resnet18", "pooling convention exchanged", "pool1", "it has but one"),
        (I3D, "temporal stride", "layer3_0_conv0_fwd", "it has one frame"),
        (I3D, "kernel flipped", "layer3_0_conv0_fwd", "changes by nothing"),
        (I3D, "dropout rate of another layer", "dropout0_fwd", "nothing is dropped"),
        (fleet.SMALL, "fix_gamma assumed", "unit0_norm", None),
        ("resnet18", "batch in reverse order", "bn_data", None),
    ],
)
def test_equivalents(
    model: str, kind: str, layer: str, why: Any, grounds: Dict[str, Ground]
) -> None:
    case = Case(CATALOGUE[kind], layer, "pytorch", (0,))
    found = equivalent(case.fault, grounds[model], case.planted(grounds[model]))
    assert found is None if why is None else why in (found or "")


def narrowed(graph: Graph, name: str) -> Graph:
    """With a parameter that is a bfloat16 already."""
    return replace(graph, params={**graph.params, name: bfloat16(graph.params[name])})


def test_dead_numbers_say_why(grounds: Dict[str, Ground]) -> None:
    clip = grounds[I3D]
    one = CATALOGUE["sign of one weight"]

    def why(ground: Ground, kind: str, layer: str, model: str) -> str:
        return Case(CATALOGUE[kind], layer, "onnx", (0,)).planted(ground).why

    assert why(clip, one.kind, "layer3_0_conv0_fwd", I3D) == ""  # a live one was found
    fixed = replace(clip, graph=narrowed(clip.graph, "layer1_0_conv0_weight"))
    assert "a bfloat16 already" in why(
        fixed, "one tensor rounded to bfloat16", "layer1_0_conv0_fwd", I3D
    )
    weight = clip.graph.params["layer3_0_conv0_weight"] * np.float32(0)
    silent = replace(clip.graph, params={**clip.graph.params, "layer3_0_conv0_weight": weight})
    assert "is 0 already" in why(replace(clip, graph=silent), one.kind, "layer3_0_conv0_fwd", I3D)


def test_bits() -> None:
    one = np.float32(1)
    assert ulps(one, 1) == np.nextafter(one, np.float32(2))
    assert ulps(-one, 2) == np.float32(-1 - 2**-22)
    values = np.array([1, 1 + 2**-8, 1 + 3 * 2**-8, -(1 + 2**-7)], np.float32)
    assert bfloat16(values).tolist() == [1, 1, 1 + 2**-6, -(1 + 2**-7)]  # ties to even


# --- the checks of others ------------------------------------------------------------------


def verdicts(x: Sequence[float], y: Sequence[float]) -> Dict[str, bool]:
    """Who raises an alarm at x in place of y?"""
    return alarms([[np.array([x], np.float32)]], [[np.array([y], np.float32)]])


NAMES = [o.name for o in ORACLES]
MMDNN, MXNETS, POLYGRAPHY, ABSOLUTE, RELATIVE = NAMES


@pytest.mark.parametrize(
    ("x", "y", "alarmed"),
    [
        ([1, 2, 4], [1, 2, 4], []),
        # Sorted, a permutation is no difference: the flaw of that rule.
        ([4, 2, 1], [1, 2, 4], [MXNETS, POLYGRAPHY, ABSOLUTE, RELATIVE]),
        # 10 log10(mean(y^2) / 0.01) is 20 dB, but 10 log10(max(y^2) / 0.01) is 20 too, not 30.
        ([1.1, 1.1], [1, 1], NAMES),
        # 20 dB and, with one large element, 40 dB; the error is 0.1 / 10.
        ([10.1, 0.1], [10, 0], [MXNETS, POLYGRAPHY, ABSOLUTE, RELATIVE]),
        # Noise of 2^-10: 60 dB. 9.8e-4 < 1e-3 + 1e-4, but not 1e-5.
        ([1 + 2**-10], [1], [POLYGRAPHY, ABSOLUTE, RELATIVE]),
        # 2^-16 is 1.5e-5 of 1: too much for the narrow ones, in 4 no more than 0.4e-5 of it.
        ([1 + 2**-16], [1], [POLYGRAPHY, ABSOLUTE, RELATIVE]),
        ([4 + 2**-16], [4], [ABSOLUTE]),
        # Of nothing everything is infinitely much; the elementwise rule takes the absolute.
        ([1, 2**-17], [1, 0], [RELATIVE]),
        # Below 1e-7 the first rule sees no signal, even where nothing differs.
        ([2**-12, 2**-12], [2**-12, 2**-12], [MMDNN]),
        ([float("nan"), 1], [1, 1], NAMES),
    ],
)
def test_oracles(x: List[float], y: List[float], alarmed: List[str]) -> None:
    assert [name for name, alarm in verdicts(x, y).items() if alarm] == alarmed


def test_oracles_and_forms() -> None:
    """What raises, or has another number of outputs, fails; other shapes fail all but one."""
    y = np.array([[1, 2, 4]], np.float32)
    assert all(alarms([None], [[y]]).values())
    assert all(alarms([[y, y]], [[y]]).values())
    other = alarms([[y.reshape(3, 1)]], [[y]])
    assert [name for name, alarm in other.items() if alarm] == NAMES[1:]


# --- a runtime that dies -------------------------------------------------------------------


def test_bystander_survives(
    grounds: Dict[str, Ground], bystander: Bystander, tmp_path: Path
) -> None:
    ground = grounds[fleet.SMALL]
    inputs = [t.inputs for t in ground.truths]
    path = convert(ground.graph, "pytorch", tmp_path)[0]
    source = path.read_text()
    path.write_text(f"{source}\nimport os\nos._exit(3)\n")
    bystander.start(path, "pytorch", inputs)
    assert bystander.result(2) == [None, None]
    path.write_text(source)
    bystander.start(path, "pytorch", inputs)
    for found, truth in zip(bystander.result(2), ground.truths):
        assert found is not None
        assert [a.shape for a in found] == [t.shape for t in truth.outputs]


# --- the record ----------------------------------------------------------------------------

SILENT = dict.fromkeys(NAMES, False)


def outcome(**changed: Any) -> Outcome:
    fields: Dict[str, Any] = dict.fromkeys(Outcome.__dataclass_fields__)
    fields.update(model="m", target="onnx", kind="k", family="graph", layer="a", note="n")
    fields.update(expected="a", killed=True, named="a", oracles=SILENT)
    return Outcome(**{**fields, **changed})


MISSED, MISNAMED = {"killed": False, "named": None}, {"named": "b"}
EQUIVALENT = {"killed": False, "named": None, "equivalent": "because"}


@pytest.mark.parametrize(
    ("outcomes", "cleans", "passed"),
    [
        ([{}], [], True),
        ([{}] * 99 + [MISNAMED], [], True),
        ([{}] * 98 + [MISNAMED], [], False),  # less than 99 %
        ([{}] * 999 + [MISSED], [], False),
        ([{}, EQUIVALENT], [], True),
        ([{}, {**EQUIVALENT, "killed": True}], [], False),
        ([{}], [True], False),
    ],
)
def test_passed(outcomes: List[Dict[str, Any]], cleans: List[bool], passed: bool) -> None:
    made = tuple(Clean("m", "onnx", killed, SILENT) for killed in cleans)
    assert Results(tuple(outcome(**o) for o in outcomes), made).passed == passed


def test_totals() -> None:
    results = Results(
        (outcome(), outcome(**MISSED), outcome(**MISNAMED), outcome(kind="l", **EQUIVALENT)), ()
    )
    assert results.totals() == {
        **{"kinds": 2, "cases": 4, "equivalent": 1},
        **{"killed": 2, "localised": 1},
    }
    assert [o.problem for o in results.problems] == ["not caught", "b named for a"]


# --- the command ---------------------------------------------------------------------------

ONE = ("small", "--sites", 1, "--kind", "moving mean left at 0")


def test_command(run: Run, tmp_path: Path, mxnet: MxnetProcess, grounds: Dict[str, Ground]) -> None:
    """With a worker for each of two processors; without any the outcome is the same."""
    record, page = tmp_path / "faults.json", tmp_path / "faults.md"
    threads = os.environ.get("OMP_NUM_THREADS")
    where = ("--mxnet-python", mxnet.python, "--json", record, "--markdown", page)
    more = ("--jobs", 2, "--kind", "residual inputs swapped")
    code, out, err = run("mutation", *ONE, *more, *where)
    assert (code, err) == (0, "")
    assert "2 kinds, 2 cases, 1 of them equivalent: of 1 faults 1 were caught and 1 named" in out
    found = json.loads(record.read_text())
    assert {k: found[k] for k in ("kinds", "cases", "equivalent", "killed", "localised")} == {
        **{"kinds": 2, "cases": 2, "equivalent": 1},
        **{"killed": 1, "localised": 1},
    }
    swapped, mean = sorted(found["faults"], key=lambda f: str(f["kind"]), reverse=True)
    assert (swapped["killed"], swapped["named"]) == (False, None)
    assert swapped["equivalent"] == "addition commutes"
    assert (mean["killed"], mean["equivalent"]) == (True, None)
    assert mean["named"] == mean["expected"] in mean["site"]
    assert set(mean["oracles"]) == set(found["oracles"]) == set(NAMES)
    case = next(cases(grounds["small"].graph, "small", CATALOGUE[str(mean["kind"])], 1, 0))
    here = plant(grounds["small"], "small", case)
    assert (mean["site"], mean["target"], mean["named"]) == (here.site, here.target, here.named)
    assert os.environ.get("OMP_NUM_THREADS") == threads, "was set for the workers alone"
    text = page.read_text()
    assert "`python -m lab mutation small --kind 'moving mean left at 0'" in text
    assert "| residual inputs swapped | graph | 1 | 0 of 0 | 0 of 0 | 1 |" in text
    assert "addition commutes" in text


def test_missed_fault_is_exit_code_1(
    run: Run, mxnet: MxnetProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "judge", lambda *_: Verdict(False))
    code, out, err = run("mutation", *ONE, "--jobs", 1, "--mxnet-python", mxnet.python, "--quiet")
    assert (code, out) == (1, "")
    assert "moving mean left at 0: small/" in err
    assert "not caught" in err


def test_list(run: Run) -> None:
    code, out, _ = run("mutation", "--list", "--kind", "scaled by 1/255")
    assert code == 0
    assert "scaled by 1/255" in out
    assert "kernel flipped" not in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("resnet19",), "resnet19: there is no model of that name"),
        (("small", "--kind", "a curse"), "--kind 'a curse': there is no such kind; there are: "),
        (("small", "--json", "nowhere/faults.json"), "--json nowhere/faults.json: there is no"),
        (("small", "--markdown", "nowhere/f.md"), "--markdown nowhere/f.md: there is no such"),
        (("small", "--sites", "0"), "no whole number of 1 or more"),
        (("small", "--kind", "frames in reverse order"), "nothing was planted: small have no"),
    ],
)
def test_refusals(run: Run, arguments: Tuple[str, ...], said: str) -> None:
    code, out, err = run("mutation", *arguments)
    assert (code, out) == (2, "")
    assert said in err
