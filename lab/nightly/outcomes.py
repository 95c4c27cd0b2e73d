"""What may become of a case."""

from __future__ import annotations

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
#: Known exceptions: those that fail, as they are known to, and those that do not any more.
XFAILED, XPASSED = "xfailed", "xpassed"
#: A benchmark that was slower, and one whose noise let nobody tell.
SLOWER, INCONCLUSIVE = "slower", "inconclusive"

#: What was really run; a skip was not.
RAN = (PASSED, FAILED, XFAILED, XPASSED, SLOWER, INCONCLUSIVE)
RED = (FAILED, SLOWER, XPASSED)
ORDER = (FAILED, SLOWER, XPASSED, INCONCLUSIVE, SKIPPED, XFAILED, PASSED)
