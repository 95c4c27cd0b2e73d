"""Where something was measured: what else a figure depends on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any, Dict, Mapping


def environment(versions: Mapping[str, str]) -> Dict[str, Any]:
    """For a record.

    Args:
        versions: of what was measured; "python" among them where that was another.
    """
    return {
        "versions": dict(sorted(versions.items())),
        "python": versions.get("python", platform.python_version()),
        "system": platform.platform(terse=True),
        "cpu": cpu(),
        "cores": cores(),
    }


def cpu() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def cores() -> int:
    """That this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
