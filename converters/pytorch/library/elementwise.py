"""Functions of single numbers that torch has otherwise, or not at all."""

import torch


def round_away(x):
    """The nearest whole number; from midway away from zero, where torch goes to the even one."""
    return torch.where((x - x.round()).abs() == 0.5, (x + 0.5 * x.sign()).detach(), x.round())


def straight_through(x, y):
    """y, made of x; its gradient is handed on to x as it is."""
    return x + (y - x).detach() if x.requires_grad else y


def round_straight_through(x):
    """round_away, with the gradient of the identity."""
    return straight_through(x, round_away(x))


def sign_straight_through(x):
    """The sign, with the gradient of the identity."""
    return straight_through(x, x.sign())


def round_down(x):
    """The nearest whole number; from midway to the lower one."""
    return torch.where(x - x.floor() <= x.ceil() - x, x.floor(), x.ceil())


def modulo(a, b):
    """The remainder with the divisor's sign; 0 where the divisor is 0."""
    none = b == 0
    return torch.where(none, 0, torch.remainder(a, torch.where(none, 1, b)))


def power(a, b):
    """a to the power of b for whole numbers; what has a fraction is cut off."""
    return a.to(torch.float64).pow(b.to(torch.float64)).to(a.dtype)


def gamma(x):
    """The gamma function: its logarithm is taken in float64, for it loses what it grows by."""
    odd = (x < 0) & (x.floor() % 2 != 0)
    size = x.to(torch.float64).lgamma().exp().to(x.dtype)
    return torch.where(odd, -size, size)
