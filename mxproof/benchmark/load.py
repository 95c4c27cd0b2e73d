"""How much of the machine others took: a runtime with more threads suffers more from them."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Optional, Tuple


class Load:
    """From its making on, what processes other than this one and its ended children took."""

    def __init__(self) -> None:
        self._begin = self._now()

    @staticmethod
    def _now() -> Optional[Tuple[float, float, float]]:
        """(seconds, processor seconds of all, of this process and its children); None: unknown."""
        try:
            numbers = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        except OSError:
            return None
        user, nice, system, _, _, *interrupts_and_steal = map(int, numbers)
        busy = user + nice + system + sum(interrupts_and_steal)
        own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        spent = sum(usage.ru_utime + usage.ru_stime for usage in own)
        return time.monotonic(), busy / os.sysconf("SC_CLK_TCK"), spent

    def others(self) -> float:
        """Share of all processors, 0 to 1; 0 where the system does not tell.

        A hypervisor's other guests count, as far as it says so.
        """
        end = self._now()
        if self._begin is None or end is None:
            return 0.0
        seconds, busy, own = (after - before for after, before in zip(end, self._begin))
        return min(1.0, max(0.0, (busy - own) / (seconds * (os.cpu_count() or 1) or 1.0)))
