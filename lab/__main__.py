"""`python -m lab mutation|alarms|bisect|calibrate|nightly`."""

from __future__ import annotations

import sys
from typing import List, Optional

from mxproof.cli import Program, execute

PROGRAM = Program(
    name="python -m lab",
    description="Test the instrument: plant faults and count how many the proof catches, count its "
    "false alarms, find the cause of a drift, calibrate the latency gate, judge a nightly run.",
    commands={
        "mutation": ("lab.mutation.command", "plant conversion faults; each must be caught"),
        "alarms": ("lab.alarms", "prove networks like trained ones; none may fail"),
        "bisect": ("lab.bisect.command", "name the change that made numbers or speed drift"),
        "calibrate": ("lab.calibrate", "measure the latency gate's false alarms and its power"),
        "nightly": ("lab.nightly.command", "judge a nightly run against the last green one"),
    },
)


def main(arguments: Optional[List[str]] = None) -> int:
    """Run a command of the laboratory; returns the exit code."""
    try:
        return execute(PROGRAM, arguments)
    except ModuleNotFoundError as error:
        advice = "the laboratory needs it: pip install -e '.[all,dev]'."
        print(f"{PROGRAM.name}: {error.name} is not installed here; {advice}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
