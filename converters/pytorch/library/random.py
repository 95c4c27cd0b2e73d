"""Draws of random numbers: the first parameter is a tensor, which gives shape and type."""

import torch


def draw_uniform(low, high):
    """Between low and high."""
    return low + (high - low) * torch.rand_like(low)


def draw_normal(mean, deviation):
    """Around the mean."""
    return mean + deviation * torch.randn_like(mean)


def draw_exponential(rate):
    """Intervals between events of this rate."""
    return torch.empty_like(rate).exponential_() / rate


def draw_gamma(shape, scale):
    """By shape and scale."""
    return torch.distributions.Gamma(shape, torch.ones_like(shape)).sample() * scale


def draw_poisson(rate):
    """Events in an interval."""
    return torch.poisson(rate)


def draw_negative_binomial(successes, p):
    """Failures before so many successes of probability p."""
    return torch.poisson(draw_gamma(successes, (1 - p) / p))


def draw_by_dispersion(mean, dispersion):
    """Negative binomial by mean and dispersion; a dispersion of 0 is Poisson's distribution."""
    dispersion = dispersion * torch.ones_like(mean)
    some = torch.where(dispersion == 0, 1, dispersion)
    rate = draw_gamma(1 / some, some * mean)
    return torch.poisson(torch.where(dispersion == 0, mean, rate))


def draw_classes(probabilities, shape, dtype):
    """(*, K) -> (*, *shape) numbers of classes, and the logarithms of their probabilities."""
    rows = probabilities.reshape(-1, probabilities.shape[-1])
    count = torch.Size(shape).numel()
    chosen = torch.multinomial(rows, count, replacement=True)
    size = (*probabilities.shape[:-1], *shape)
    return chosen.reshape(size).to(dtype), rows.gather(1, chosen).log().reshape(size)
