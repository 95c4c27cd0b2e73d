"""What draws random numbers in training: MXNet's distribution, and nothing drawn in inference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from converters import save_pytorch, to_pytorch
from mxproof.runtimes.pytorch import Pytorch

from .case import Case, case
from .rows_recurrent import rnn

COUNT = 4000


def module(case: Case, folder: Path) -> Any:
    """The operator in PyTorch, as its user loads it."""
    net, heads = case.network()
    graph = net.graph(*heads, inputs=case.shapes(False))
    return Pytorch(save_pytorch(to_pytorch(graph), folder)[0]).model


def near(found: float, expected: float, deviation: float) -> bool:
    """Of COUNT draws, the mean: five deviations off is one case in two million."""
    return abs(found - expected) <= 5 * deviation / COUNT**0.5


@pytest.mark.parametrize("axes", [(), (1,), (-1, 1)])
def test_dropout(axes: Any, tmp_path: Path) -> None:
    """p is what is dropped; what is kept is divided by 1 - p; along the axes all are alike."""
    p, shape = 0.3, (COUNT, 3, 2)
    dropout = module(case(shape, op="Dropout", p=p, axes=axes), tmp_path)
    torch.manual_seed(0)
    ones = torch.ones(shape)
    assert torch.equal(dropout(ones), ones)
    made = dropout.train()(ones).numpy()
    drawn = made[:, :1] if 1 in axes else made
    drawn = drawn[:, :, :1] if -1 in axes else drawn
    assert np.array_equal(made, np.broadcast_to(drawn, shape))
    assert set(np.unique(made)) == {0, np.float32(1 / (1 - p))}
    for column in drawn.reshape(COUNT, -1).T:
        assert near((column == 0).mean(), p, (p * (1 - p)) ** 0.5)


def test_drawn_slopes(tmp_path: Path) -> None:
    """Between the bounds, each alike; in inference their mean."""
    low, high = 0.1, 0.4
    shape = (COUNT, 1)
    attrs = {"act_type": "rrelu", "lower_bound": low, "upper_bound": high}
    rrelu = module(case(shape, op="LeakyReLU", **attrs), tmp_path)
    torch.manual_seed(0)
    x = -torch.ones(shape)
    assert torch.equal(rrelu(x)[0], torch.full(shape, -0.25))
    slopes = -rrelu.train()(x)[0].numpy()
    assert low <= slopes.min() < low + 0.01 and high - 0.01 < slopes.max() <= high
    assert near(slopes.mean(), 0.25, (high - low) / 12**0.5)


@pytest.mark.parametrize("fed", [False, True])
def test_dropout_between_recurrent_layers(fed: bool, tmp_path: Path) -> None:
    """With p = 1 the second layer reads nothing, whatever the first one makes."""
    layers = rnn("gru", num_layers=2, p=1.0, fed=fed)
    gru = module(Case("RNN", layers.inputs, layers.attrs), tmp_path)
    inputs = [torch.from_numpy(array) for array in layers.feeds(0).values()]
    other = [2 * inputs[0], *inputs[1:]]
    assert not torch.equal(gru(*inputs), gru(*other))
    assert torch.equal(gru.train()(*inputs), gru(*other))
