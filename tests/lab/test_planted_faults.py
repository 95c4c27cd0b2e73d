"""The catalogue of faults: each is caught and named at its layer; what makes no difference is not.

Every kind is planted once in the small network; nightly, for each of its targets and in the zoo.
The campaign over all models is `python -m lab mutation`.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from lab.mutation import campaign
from lab.mutation.campaign import CATALOGUE, Case, cases, plant, subject_of
from lab.mutation.definitions import DEFINITIONS, difference
from lab.mutation.equivalence import SAME, equivalent
from lab.mutation.mutant import FAMILIES, Baseline, Mutant
from lab.mutation.network import NETWORKS
from lab.mutation.oracles import ORACLES, alarms
from lab.mutation.outcome import NO_FAULT, Outcome, Results
from lab.mutation.parameters import bfloat16, ulps
from lab.mutation.trial import Verdict, outputs_apart, tried
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import TARGETS, convert
from mxproof.zoo.models import I3D, ZOO

from .conftest import Run

pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
pytest.importorskip("onnxruntime", reason="needs onnxruntime, which runs one of the targets")

SMALL, SORTING = NETWORKS
MODELS = [
    pytest.param(model, marks=[] if model in NETWORKS else [pytest.mark.nightly], id=model)
    for model in (*NETWORKS, "resnet18", I3D)
]

#: Kinds that the small networks have no layer for.
NOT_IN_SMALL = {
    *("dilation of a point", "dropout rate of another layer", "axes squeezed in part"),
    *("mean keeps its axis", "mean over another axis", "temporal stride", "temporal padding"),
    *("batch size baked into a reshape", "frames in reverse order"),
    *("stride moved between two convolutions", "wrong for more than one frame"),
}

#: Caught, but not named: the converter refuses the layer that cannot read the result.
UNNAMED = {"mean over another axis": "None named for i3d_resnetv10_mean0"}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """The inputs are so small that threads would only wait for each other."""
    with threadpool_limits(1):
        yield


Baselines = Callable[[str], Baseline]


@pytest.fixture(scope="module")
def baseline_of(mxnet: MxnetProcess, tmp_path_factory: pytest.TempPathFactory) -> Baselines:
    """The baseline of one of the models above, with what `mxproof verify` draws for it."""

    @cache
    def baseline_of(model: str) -> Baseline:
        return campaign.baseline_of(mxnet, subject_of(model, tmp_path_factory.mktemp(model)))

    return baseline_of


@pytest.fixture(scope="module")
def small(baseline_of: Baselines) -> Baseline:
    return baseline_of(SMALL)


# --- the catalogue -------------------------------------------------------------------------


def home(kind: str, baseline_of: Baselines) -> str:
    """The first of the small networks that has a site for this kind."""
    found = (m for m in NETWORKS if CATALOGUE[kind].sites(baseline_of(m).graph))
    return next(found, "")


def test_catalogue(baseline_of: Baselines) -> None:
    assert len(CATALOGUE) == 107
    assert {f.family for f in CATALOGUE.values()} == set(FAMILIES)
    assert all(set(f.targets) <= set(TARGETS) for f in CATALOGUE.values())
    assert {kind for kind in CATALOGUE if not home(kind, baseline_of)} == NOT_IN_SMALL


def test_same_seed_same_faults(small: Baseline) -> None:
    def notes(seed: int) -> List[str]:
        drawn = cases(small.graph, SMALL, "one weight off by some ulps", 3, seed)
        return [f"{c.layer} {c.target} {c.mutant(small).note}" for c in drawn]

    assert notes(0) == notes(0) != notes(1)
    assert len({note.split()[1] for note in notes(0)}) == 2  # the targets take turns


# --- the harness ---------------------------------------------------------------------------


def problems(baseline: Baseline, model: str, kind: str, targets: Sequence[str]) -> List[str]:
    """Plant a kind once for each target; returns what the harness did wrong."""
    drawn = list(cases(baseline.graph, model, kind, len(targets), 0))
    found = []
    for number, target in enumerate(targets):
        outcome = plant(baseline, replace(drawn[number % len(drawn)], target=target))
        assert outcome.equivalent != "", "equivalent mutants have a reason"
        if outcome.problem and not (outcome.killed and outcome.problem == UNNAMED.get(kind)):
            found.append(f"{outcome.site}: {outcome.problem}")
    return found


@pytest.mark.parametrize("kind", [k for k in CATALOGUE if k not in NOT_IN_SMALL])
def test_kind(kind: str, baseline_of: Baselines) -> None:
    """Caught and named; or equivalent, with a reason, and passed like a clean conversion."""
    targets, model = CATALOGUE[kind].targets, home(kind, baseline_of)  # targets take turns
    target = targets[list(CATALOGUE).index(kind) % len(targets)]
    assert problems(baseline_of(model), model, kind, [target]) == []


@pytest.mark.nightly
@pytest.mark.parametrize("kind", CATALOGUE)
def test_kind_everywhere(kind: str, baseline_of: Baselines) -> None:
    """For all targets, and in resnet18 or, where that has no site for it, in I3D."""
    sites, targets = CATALOGUE[kind].sites, CATALOGUE[kind].targets
    real = "resnet18" if sites(baseline_of("resnet18").graph) else I3D
    for model in (*NETWORKS, real):
        if sites(baseline_of(model).graph):
            assert problems(baseline_of(model), model, kind, targets) == []


@pytest.mark.nightly
def test_every_kind_has_a_site(tmp_path: Path) -> None:
    homeless = set(NOT_IN_SMALL)
    for model in ZOO:
        graph = subject_of(model, tmp_path).graph
        homeless -= {kind for kind in homeless if CATALOGUE[kind].sites(graph)}
    assert not homeless


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("model", MODELS)
def test_no_fault_no_alarm(model: str, target: str, baseline_of: Baselines) -> None:
    baseline = baseline_of(model)
    assert tried(baseline, Mutant(baseline.graph, "", ""), target)[0] == Verdict(False)


@pytest.mark.parametrize("target", TARGETS)
def test_two_faults_are_both_named(target: str, small: Baseline) -> None:
    graph = small.graph
    layers = ("unit0_norm", "unit2_conv1")
    for kind, layer in zip(("epsilon left out", "one weight off by an ulp"), layers):
        case = Case(SMALL, kind, layer, target)
        graph = case.mutant(replace(small, graph=graph)).graph
    verdict, _ = tried(small, Mutant(graph, "", layers[0]), target)
    assert verdict == Verdict(True, layers)


# --- what makes no difference --------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_definitions_are_mxnets(model: str, baseline_of: Baselines) -> None:
    """By their definitions in NumPy all layers compute what MXNet computes."""
    baseline = baseline_of(model)
    truth = baseline.truths[1]
    for node in baseline.graph.nodes:
        if node.op not in DEFINITIONS:
            assert model == SORTING
            continue
        given = [baseline.value(name, truth) for name in node.inputs if name is not None]
        value = DEFINITIONS[node.op](baseline.graph.operators[node.name], *given)
        assert difference(value, truth[node.name].float64) < 1e-13, node.name


@pytest.mark.parametrize(
    ("model", "kind", "layer", "same"),
    [
        (SMALL, "momentum of another layer", "unit1_norm", True),
        (SMALL, "residual inputs swapped", "unit1_sum", True),
        (SMALL, "kernel of a global pooling", "pool2", True),
        (SMALL, "softmax form of another layer", "softmax_a", True),
        (SMALL, "tuning of another layer", "conv0", True),
        (SMALL, "count_include_pad exchanged", "pool2", True),  # a maximum
        (SMALL, "count_include_pad exchanged", "pool0", False),
        (SMALL, "pooling convention exchanged", "pool2", True),  # a global one
        (SMALL, "pooling convention exchanged", "pool0", False),
        (SMALL, "fix_gamma assumed", "unit0_norm", False),
        (SMALL, "dilation doubled", "unit0_conv0", False),
        (SMALL, "batch in reverse order", "conv0", False),
        (SMALL, "pixels rounded", "conv0", False),
        (SORTING, "weights that no input reaches", "conv1", False),
        (SORTING, "two results of a layer exchanged", "largest", False),
        *(
            pytest.param(*row, marks=pytest.mark.nightly)
            for row in (
                ("resnet18", "pixels rounded", "bn_data", False),
                ("resnet18", "dilation of a point", "stage2_unit1_sc", True),
                ("resnet18", "pooling convention exchanged", "pool1", True),
                ("resnet18", "count_include_pad exchanged", "pooling0", True),
                (I3D, "temporal stride", "layer3_0_conv0_fwd", False),
                (I3D, "kernel flipped", "layer3_0_conv0_fwd", False),
                (I3D, "dropout rate of another layer", "dropout0_fwd", True),
            )
        ),
    ],
)
def test_equivalents(model: str, kind: str, layer: str, same: bool, baseline_of: Baselines) -> None:
    """By the definitions for all inputs, whatever shows on those at hand."""
    baseline = baseline_of(model)
    mutant = Case(model, kind, layer, "pytorch").mutant(baseline)
    assert equivalent(baseline.graph, mutant) == (SAME if same else None)


@pytest.mark.parametrize("kind", [k for k, fault in CATALOGUE.items() if fault.why])
def test_equivalents_by_definition(kind: str, small: Baseline) -> None:
    """On inputs of many sizes, a layer computes the same if and only if it is said to."""
    random = np.random.default_rng(0)
    for layer in CATALOGUE[kind].sites(small.graph):
        mutant = Case(SMALL, kind, layer, "pytorch").mutant(small)
        node = small.nodes[layer]
        given = [n for n in node.inputs if n is not None]
        gaps = []
        for sizes in itertools.product((2, 3, 5), range(7, 13), range(7, 13)):
            shapes = small.graph.infer_shapes({"data": (sizes[0], 3, *(8 * s for s in sizes[1:]))})
            arrays = [
                small.graph.params[n].astype(np.float64)
                if n in small.graph.params
                else random.standard_normal(shapes[n])
                for n in given
            ]
            before, after = (
                DEFINITIONS[node.op](g.operators[layer], *arrays)
                for g in (small.graph, mutant.graph)
            )
            gaps.append(difference(after, before))
        assert (max(gaps) < 1e-13) == bool(equivalent(small.graph, mutant)), layer


@pytest.mark.parametrize(
    ("kind", "stored", "dead"),
    [
        ("sign of one weight", {}, False),  # half of the weights are 0: another one is found
        ("sign of one weight", {"weight": np.zeros_like}, True),
        ("one tensor rounded to bfloat16", {}, False),
        ("one tensor rounded to bfloat16", {"weight": bfloat16, "bias": bfloat16}, True),
        ("one weight lost", {"weight": lambda w: w * np.float32(1e-20)}, False),
    ],
)
def test_numbers_that_stay(kind: str, stored: Dict[str, Any], dead: bool, small: Baseline) -> None:
    params = dict(small.graph.params)
    params["unit0_conv0_weight"] = params["unit0_conv0_weight"].copy()
    params["unit0_conv0_weight"][::2] = 0
    for role, change in stored.items():
        params[f"unit0_conv0_{role}"] = change(params[f"unit0_conv0_{role}"])
    baseline = replace(small, graph=replace(small.graph, params=params))
    mutant = Case(SMALL, kind, "unit0_conv0", "onnx").mutant(baseline)
    assert bool(equivalent(baseline.graph, mutant)) is dead


def test_bits() -> None:
    one = np.float32(1)
    assert ulps(one, 1) == np.nextafter(one, np.float32(2))
    assert ulps(-one, 2) == np.float32(-1 - 2**-22)
    values = np.array([1, 1 + 2**-8, 1 + 3 * 2**-8, -(1 + 2**-7)], np.float32)
    assert bfloat16(values).tolist() == [1, 1, 1 + 2**-6, -(1 + 2**-7)]  # ties to even


# --- the checks of others ------------------------------------------------------------------


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
    """Who raises an alarm at x in place of y?"""
    found = alarms([[np.array([x], np.float32)]], [[np.array([y], np.float32)]])
    assert [name for name, alarm in found.items() if alarm] == alarmed


def test_oracles_and_forms() -> None:
    """What raises, or has another number of outputs, fails; other shapes fail all but one."""
    y = np.array([[1, 2, 4]], np.float32)
    assert all(alarms(None, [[y]]).values())
    assert all(alarms([[y, y]], [[y]]).values())
    other = alarms([[y.reshape(3, 1)]], [[y]])
    assert [name for name, alarm in other.items() if alarm] == NAMES[1:]


def test_a_model_that_kills_its_process(small: Baseline, tmp_path: Path) -> None:
    inputs = small.inputs
    path = convert(small.graph, "pytorch", tmp_path)[0]
    source = path.read_text()
    path.write_text(f"{source}\nimport os\nos._exit(3)\n")
    assert outputs_apart(path, "pytorch", inputs) is None
    path.write_text(source)
    found = outputs_apart(path, "pytorch", inputs)
    assert found is not None
    shapes = [[a.shape for a in outputs] for outputs in found]
    assert shapes == [[t.shape for t in truth.outputs] for truth in small.truths]


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
        ([{}], [False], True),
        ([{}], [True], False),
    ],
)
def test_passed(outcomes: List[Dict[str, Any]], cleans: List[bool], passed: bool) -> None:
    made = [outcome(kind=NO_FAULT, killed=killed, equivalent="because") for killed in cleans]
    assert Results((*made, *(outcome(**o) for o in outcomes))).passed == passed


def test_problems() -> None:
    made = (outcome(), outcome(**MISSED), outcome(**MISNAMED), outcome(kind="l", **EQUIVALENT))
    assert [o.problem for o in made] == [None, "not caught", "b named for a", None]
    found = Results(made).totals()
    assert found == {"kinds": 2, "cases": 4, "equivalent": 1, "killed": 2, "localised": 1}


# --- the command ---------------------------------------------------------------------------

ONE = ("small", "--sites", 1, "--kind", "moving mean left at 0")


def test_command(run: Run, tmp_path: Path, mxnet: MxnetProcess, small: Baseline) -> None:
    """In two worker processes; the outcome is that of this process."""
    record, page = tmp_path / "faults.json", tmp_path / "faults.md"
    where = ("--mxnet-python", mxnet.python, "--json", record, "--markdown", page)
    more = ("--jobs", 2, "--kind", "residual inputs swapped")
    code, out, err = run("mutation", *ONE, *more, *where)
    assert (code, err) == (0, "")
    assert "2 kinds, 2 cases, 1 of them equivalent: of 1 faults 1 were caught and 1 named" in out
    found = json.loads(record.read_text())
    totals = {"kinds": 2, "cases": 2, "equivalent": 1, "killed": 1, "localised": 1}
    assert {k: found[k] for k in totals} == totals
    swapped, mean = sorted(found["faults"], key=lambda f: str(f["kind"]), reverse=True)
    assert (swapped["killed"], swapped["named"]) == (False, None)
    assert swapped["equivalent"] == "addition commutes"
    assert (mean["killed"], mean["equivalent"]) == (True, None)
    assert mean["named"] == mean["expected"] in mean["site"]
    assert set(mean["oracles"]) == set(found["oracles"]) == set(NAMES)
    assert [(c["model"], c["killed"]) for c in found["clean"]] == [(SMALL, False)] * 2
    here = plant(small, next(cases(small.graph, SMALL, mean["kind"], 1, 0)))
    assert (mean["site"], mean["target"], mean["named"]) == (here.site, here.target, here.named)
    text = page.read_text()
    assert "`python -m lab mutation small --kind 'moving mean left at 0'" in text
    assert "| residual inputs swapped | graph | 1 | 0 of 0 | 0 of 0 | 1 |" in text
    assert "addition commutes" in text


def test_missed_fault_is_exit_code_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    missed = Results((outcome(**MISSED),))
    monkeypatch.setattr(campaign, "run", lambda *planned: missed)
    code, out, err = run("mutation", *ONE, "--quiet")
    assert (code, out) == (1, "")
    assert err == "k: m/onnx a: n: not caught.\n"


def test_list(run: Run) -> None:
    code, out, _ = run("mutation", "--list", "--kind", "scaled by 1/255")
    assert code == 0
    assert "scaled by 1/255" in out
    assert "kernel flipped" not in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("resnet19",), "resnet19: no model of that name"),
        (("small", "--kind", "a curse"), "--kind 'a curse': no such kind; the kinds are: "),
        (("small", "--sites", "0"), "no whole number of 1 or more"),
        (
            ("small", "--kind", "frames in reverse order"),
            "nothing to plant: small has no site for frames",
        ),
    ],
)
def test_refusals(run: Run, arguments: Tuple[str, ...], said: str) -> None:
    code, out, err = run("mutation", *arguments)
    assert (code, out) == (2, "")
    assert said in err
