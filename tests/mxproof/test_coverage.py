"""Which stored numbers take part in a layer: as found by moving each of them by itself."""

from __future__ import annotations

from typing import Any, Dict, Tuple

import numpy as np
import pytest

from mxproof.coverage import Coverage, Ranges, Share
from mxproof.drawing import BETWEEN, MIXED, MODERATE, POSITIVE, REAL, draw, draw_layers
from mxproof.evidence import live
from mxproof.report.record import coverage_record
from mxproof.report.wording import coverage_words
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.survey import Survey
from tests.converters.networks import Network
from tests.operators.prove import reference

SHAPE = (2, 4, 3, 3)
#: Operator -> shapes of its stored arrays, and attributes.
LAYERS: Dict[str, Tuple[str, Tuple[Tuple[int, ...], ...], Dict[str, Any]]] = {
    "convolution": (
        "Convolution",
        ((6, 2, 3, 3), (6,)),
        {"kernel": (3, 3), "num_filter": 6, "num_group": 2},
    ),
    "padded": (
        "Convolution",
        ((2, 4, 5, 1),),
        {"kernel": (5, 1), "pad": (2, 0), "stride": (3, 3), "num_filter": 2, "no_bias": True},
    ),
    "deconvolution": (
        "Deconvolution",
        ((4, 3, 2, 2), (6,)),
        {"kernel": (2, 2), "num_filter": 6, "num_group": 2, "no_bias": False},
    ),
    "dense": ("FullyConnected", ((5, 36), (5,)), {"num_hidden": 5}),
    "batch norm": ("BatchNorm", ((4,),) * 4, {"fix_gamma": False}),
    "fixed gamma": ("BatchNorm", ((4,),) * 4, {"fix_gamma": True}),
    "PReLU": ("LeakyReLU", ((4,),), {"act_type": "prelu"}),
    "instance norm": ("InstanceNorm", ((4,),) * 2, {}),
    "sum": ("broadcast_add", ((1, 4, 1, 1),), {}),
    "maximum": ("broadcast_maximum", ((1, 4, 3, 1),), {}),
    "table": ("Embedding", ((6, 2),), {"input_dim": 6, "output_dim": 2}),
    "GRU": ("RNN", ((3 * 2 * (2 + 3 + 2),),), {"mode": "gru", "state_size": 2, "num_layers": 1}),
}


def data_of(op: str) -> np.ndarray:
    """Numbers with a dead channel, a dead column, and one that is never negative."""
    random = np.random.default_rng(0)
    if op == "Embedding":
        return random.integers(0, 3, (2, 2)).astype(np.float32)
    x = random.standard_normal((2, 2, 3) if op == "RNN" else SHAPE).astype(np.float32)
    x[:, 1] = 0
    x[..., 2] = 0
    x[:, 0] = np.abs(x[:, 0])
    return x


@pytest.mark.parametrize("name", LAYERS)
def test_numbers_that_take_part_are_those_that_change_the_result(
    name: str, mxnet: MxnetProcess
) -> None:
    op, shapes, attrs = LAYERS[name]
    net, x = Network(), data_of(op)
    inputs = [net.variable("data"), *(net.parameter(f"p{k}", *s) for k, s in enumerate(shapes))]
    if name == "batch norm":
        net.arrays["p0"][3] = 0
    if op == "BatchNorm":
        net.arrays["p3"] = np.abs(net.arrays["p3"])
    if op == "RNN":
        inputs.append(net.variable("state"))
    head = net.layer(op, "layer", *inputs, **attrs)
    fed = {"data": x, **({"state": np.zeros((1, 2, 2), np.float32)} if op == "RNN" else {})}
    sizes = {k: v.shape for k, v in fed.items()}
    with reference(net.symbol(head), net.arrays, sizes, mxnet) as (graph, model, _):
        node = graph.nodes[0]
        given = {k: fed[n] for k, n in enumerate(node.inputs) if n in fed}
        stored = [k for k, n in enumerate(node.inputs) if n in graph.params]
        (plain, *_), masks = model.isolated(node, given, stored)
        for k in stored:
            array = graph.params[node.inputs[k] or ""].astype(np.float64)
            expected = np.zeros(array.shape, bool)
            for place in np.ndindex(*array.shape):
                moved = array.copy()
                moved[place] += 0.01
                found = model.isolated(node, {**given, k: moved})[0][0]
                expected[place] = not np.array_equal(found, plain)
            if (name, k) == ("fixed gamma", 1):  # what a gamma of 1 would do; exempt, see below
                continue
            mask = np.broadcast_to(masks[k], array.shape)
            np.testing.assert_array_equal(mask, expected, err_msg=str(node.inputs[k]))


def test_what_cannot_take_part_is_exempt(mxnet: MxnetProcess) -> None:
    net = Network()
    x = net.batch_norm("fixed", net.variable("data"), 4, fix_gamma=True)
    x = net.batch_norm("dead", x, 4, fix_gamma=False)
    net.arrays["dead_gamma"][2] = 0
    inputs = {"data": data_of("BatchNorm")}
    with reference(net.symbol(x), net.arrays, {"data": SHAPE}, mxnet) as (_, model, _):
        survey = live(model, [inputs], {}).survey
        assert survey is not None
        survey.drawn(model.truth(inputs), 0)
        coverage = survey.coverage()
    dead = "1 numbers: of channels that are multiplied by a gamma of 0"
    assert coverage.exempt == {
        "fixed_gamma": "4 numbers: not read: fix_gamma says that it is 1",
        "dead_moving_mean": dead,
        "dead_moving_var": dead,
    }
    assert coverage.stored.total == coverage.stored.isolated == 32 - 6
    assert coverage.problems == []


def test_weights_that_meet_nothing_but_padding_are_exempt(mxnet: MxnetProcess) -> None:
    """Those around the middle of a filter, in pictures of one pixel; a larger one reaches them."""
    net = Network()
    head = net.convolution("conv", net.variable("data"), 4, 2)
    inputs = {"data": ("N", 4, "H", "W")}
    why = "out of reach in inputs of these sizes (padding, or cut off); larger ones may reach them"
    with reference(net.symbol(head), net.arrays, inputs, mxnet) as (graph, model, _):
        survey = Survey(model, graph)
        for number, (side, missing) in enumerate([(1, 8), (2, 0)]):
            truth = model.truth({"data": np.ones((1, 4, side, side), np.float32)})
            survey.drawn(truth, number)
            coverage = survey.coverage()
            exempt = {"conv_weight": f"{missing * 8} numbers: {why}"} if missing else {}
            assert (coverage.problems, dict(coverage.exempt)) == ([], exempt)
            assert coverage.stored.isolated == coverage.stored.total == 72 - missing * 8


def test_rows_of_a_table_that_are_cut_off_are_exempt(mxnet: MxnetProcess) -> None:
    """Positions beyond the length of a sequence, which MXNet does not read either."""
    net = Network()
    table = net.layer("slice_axis", "cut", net.parameter("table", 7, 3), axis=0, begin=0, end=4)
    head = net.layer("broadcast_add", "sum", net.variable("data"), table)
    inputs = {"data": np.ones((4, 3), np.float32)}
    with reference(net.symbol(head), net.arrays, {"data": (4, 3)}, mxnet) as (graph, model, _):
        survey = Survey(model, graph)
        for number in range(2):
            survey.drawn(model.truth(inputs), number)
        coverage = survey.coverage()
        assert coverage.problems == []
        assert coverage.exempt["table"].startswith("9 numbers: out of reach")


def test_what_is_missing_is_named() -> None:
    some = Share(10, 5, 9)
    coverage = Coverage(Share(1000, 900, 999), some, some, {"w": 1}, {}, {"w": "conv"})
    assert coverage.problems == [
        "1 of 1,000 stored numbers took part in no layer, not even by itself on inputs drawn for "
        "it, so nothing is known of them: 1 of 'w' (conv)"
    ]
    record = coverage_record(coverage)
    assert record["coverage"]["stored"]["missing"] == {"w": 1}
    assert "stored numbers 90 % in the chain, 99.9 % isolated" in coverage_words(record)
    nearly = Coverage(Share(10**6, 0, 10**6 - 1), some, some, {"w": 1}, {}, {"w": "conv"})
    assert "99.9 % isolated" in coverage_words(coverage_record(nearly))


def test_without_mxnet_there_is_no_coverage() -> None:
    for of, why in (("net.npz", "a recording cannot"), ("mxnet", "MXNet has no layers")):
        record = coverage_record(None, of)
        assert record["coverage"] is None
        assert coverage_words(record).startswith(f"Coverage: not measured: {why}")


def test_ranges() -> None:
    """(2, 3, 2): a channel that varies, one that does not, one of both signs."""
    ranges = Ranges()
    ranges.add("x", np.array([[[0, 1], [2, 2], [-1, 1]]]))
    assert (ranges.channels(), ranges.varied(), ranges.of_both_signs()) == (3, 2, 1)
    ranges.add("x", np.array([[[0, 1], [3, 3], [-1, 1]]]))
    assert ranges.varied() == 3
    ranges.add("x", np.array([[[0, 1], [2, 2]]]))  # of another size: one channel
    assert (ranges.channels(), ranges.varied(), ranges.of_both_signs()) == (1, 1, 1)


@pytest.mark.parametrize("how", [MIXED, MODERATE, POSITIVE, BETWEEN, REAL])
@pytest.mark.parametrize("positive", [False, True])
def test_what_is_drawn(how: int, positive: bool) -> None:
    """All kinds of numbers at once; then the wildest are left out; then the real ones remain."""
    real = np.random.default_rng(0).uniform(1, 3, (2, 4, 16, 16))
    real[:, 1] = 0  # is dead, and so is given numbers of the others' size
    found = draw(real, how, np.random.default_rng(1), positive)
    assert (found.shape, found.dtype) == (real.shape, real.dtype)
    kinds = {
        "huge": bool((np.abs(found) > 1e3).any()),
        "negative": bool((found < 0).any()),
        "zeros": bool((found[1] == 0).any()),
        "alive": bool(found[0, 1].any()),
    }
    assert kinds == {
        "huge": how == MIXED,
        "negative": how <= MODERATE and not positive,
        "zeros": how <= MODERATE or how >= BETWEEN,
        "alive": how <= POSITIVE,
    }
    assert how > POSITIVE or ((found[0, 1] != 0).mean() > 0.8)


def test_a_survey_looks_at_a_truth_once(mxnet: MxnetProcess) -> None:
    net = Network()
    head = net.convolution("conv", net.variable("data"), 4, 2)
    inputs = {"data": data_of("Convolution")}
    with reference(net.symbol(head), net.arrays, {"data": SHAPE}, mxnet) as (graph, model, _):
        survey, truth = Survey(model, graph), model.truth(inputs)
        first = survey.drawn(truth, 0)
        assert len(first) == 1
        assert survey.drawn(truth, 0) is first
        assert survey.drawn(model.truth(inputs), 1) == []  # nothing is missing
        assert survey.coverage().stored == Share(72, 54, 72)


def test_zeros_are_drawn_where_they_hide_no_weight(mxnet: MxnetProcess) -> None:
    """In channels of few numbers: of what a batch norm reads, and not of what a filter does."""
    net = Network()
    x = net.convolution("conv", net.variable("data"), 4, 32)
    head = net.batch_norm("bn", x, 32, fix_gamma=False)
    inputs = {"data": np.ones((1, 4, 3, 3), np.float32)}
    sizes = {"data": (1, 4, 3, 3)}
    with reference(net.symbol(head), net.arrays, sizes, mxnet) as (graph, model, _):
        drawn = draw_layers(model, graph, model.truth(inputs), graph.nodes)
        assert drawn is not None
        conv, norm = graph.nodes
        assert drawn.given("data").all()
        assert 0.05 < (drawn.given(conv.outputs[0]) == 0).mean() < 0.2
        assert norm.op == "BatchNorm"
