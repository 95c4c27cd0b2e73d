"""Giving memory back to the system between one runtime and the next."""

from __future__ import annotations

import ctypes
import gc
import mmap
from typing import Any, Iterable


def trim_memory(arrays: Iterable[Any] = ()) -> None:
    """Free what nobody holds, and the pages of memory-mapped `arrays` (they are read again when
    they are needed).

    The C library keeps what was freed for the next request; a runtime's few hundred megabytes
    then add to those of the next.
    """
    gc.collect()
    for array in arrays:
        while array is not None and not isinstance(array, mmap.mmap):
            array = getattr(array, "base", None)
        if array is not None and hasattr(mmap, "MADV_DONTNEED"):
            array.madvise(mmap.MADV_DONTNEED)
    trim = getattr(_C, "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)


try:
    _C: Any = ctypes.CDLL(None)
except (OSError, TypeError):  # not everywhere can a process open itself
    _C = None
