"""What definitions are written with: the table of them, and the meaning of attributes' texts.

See mxnet_definitions.py, which says what they are for.
"""

import re
from collections import namedtuple

import numpy as np

#: run(attributes, *inputs) -> outputs; the names of both; when(attributes, dtype): is MXNet's own
#: operator replaced?
Definition = namedtuple("Definition", "run inputs outputs when")

#: MXNet's operator -> its Definition.
DEFINITIONS = {}


def in_float64(attrs, dtype):
    return dtype == "float64"


def always(attrs, dtype):
    return True


def defines(*ops, outputs=1, when=in_float64):
    """Enter a function in the table: run(attrs, *inputs) -> a list of `outputs` arrays."""

    def enter(run):
        inputs = run.__code__.co_varnames[1 : run.__code__.co_argcount]
        names = ["output{}".format(i) for i in range(outputs)]
        DEFINITIONS.update({op: Definition(run, list(inputs), names, when) for op in ops})
        return run

    return enter


_FLOAT = re.compile(r"([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?)(\d+))?f?")


def c_float(text):
    """The C float that MXNet reads in a text, which need not be the nearest one.

    Source: dmlc-core include/dmlc/strtonum.h, ParseFloat.
    """
    sign, whole, fraction, below, exponent = _FLOAT.match(text.strip()).groups()
    fraction = fraction[:19]
    value = np.float32(int(whole or 0))
    value += np.float32(int(fraction or 0) / 10.0 ** len(fraction))
    eights, ones = divmod(int(exponent or 0), 8)
    scale = np.float32(1)
    for factor in [1e8] * eights + [10] * ones:
        scale *= np.float32(factor)
    value = value / scale if below == "-" else value * scale
    return float(-value if sign == "-" else value)


def single(attrs, name, default):
    """The C float that an attribute stands for."""
    return c_float(attrs[name]) if name in attrs else float(np.float32(default))


def true(attrs, name, default="False"):
    return attrs.get(name, default) in ("True", "true", "1")


def numbers(text):
    """`(1, 2)` -> [1, 2]"""
    return [int(n) for n in text.strip("()[]").split(",") if n.strip()]


def geometry(attrs, **defaults):
    """[the kernel, and each of these: its number for each axis, or the default]"""
    kernel = numbers(attrs["kernel"])
    stated = {name: numbers(attrs.get(name, "()")) for name in defaults}
    return [kernel, *(stated[name] or [n] * len(kernel) for name, n in defaults.items())]


def floats(attrs, name, default):
    """C floats: `(0.1, 0.2)`"""
    text = attrs.get(name, default).strip("()[] ")
    return [float(np.float32(n)) for n in text.split(",") if n.strip()]
