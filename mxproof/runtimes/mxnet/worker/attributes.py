"""The registry of definitions, and parsers for the text of MXNet's attributes.

See definitions.py, which says what they are for.
"""

from collections import namedtuple
from operator import attrgetter

import numpy as np

#: run(attributes, *inputs) -> outputs; their names; when(attributes, dtype): is MXNet's operator
#: replaced?; gradient(attributes, of the first output, *inputs) -> of the inputs, or None.
Definition = namedtuple("Definition", "run outputs when gradient")

#: MXNet's operator -> its Definition.
DEFINITIONS = {}


def in_float64(attrs, dtype):
    return dtype == "float64"


def always(attrs, dtype):
    return True


def defines(*ops, outputs=1, when=in_float64, gradient=None):
    """Enter a function in the table: run(attrs, *inputs) -> a list of `outputs` arrays."""

    def enter(run):
        names = [f"output{i}" for i in range(outputs)]
        DEFINITIONS.update({op: Definition(run, names, when, gradient) for op in ops})
        return run

    return enter


def mxnet(op, *arrays, **attrs):
    """The result of an operator that MXNet has in float64."""
    import mxnet as mx

    given = [mx.nd.array(array, dtype=array.dtype) for array in arrays]
    return attrgetter(op)(mx.nd)(*given, **attrs).asnumpy()


def c_float(text):
    """The C float that MXNet reads in a text, which need not be the nearest one."""
    return float(mxnet("contrib.quadratic", np.zeros(1), c=text)[0])


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
