"""Arrays, and the element types that MXNet has."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]

#: By mshadow's type flag (3rdparty/mshadow/mshadow/base.h, enum TypeFlag), as `__dtype__` too.
TYPE_FLAGS = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
