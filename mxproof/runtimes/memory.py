"""Return freed memory to the system between two runtimes."""

from __future__ import annotations

import ctypes
import gc
import mmap
from contextlib import suppress
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
    with suppress(OSError, TypeError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
