"""Do the rows catch slips in the declarations? `python -m tests.operators.mutation` tells.

Each function of converters/operators runs with one expression edited; each declaration with one of
its constants or defaults changed, or with a result that is wrong under a condition only (a batch of
3, an exact 0, numbers that are tiny or huge). Of the rows that reach the mutant, one has to fail.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, Iterable, List, Optional, Sequence

import onnxruntime

from lab.mutation.code import CodeMutant, mutants
from mxproof.runtimes.mxnet.client import MxnetProcess

from .all_rows import ROWS
from .equivalent import EQUIVALENT
from .mutants import of_declaration
from .trial import FOLDER, PLACES, READ, Trial, drawn

#: A shared function is tried with the rows of so many operators, and so many cases of each.
OPERATORS, CASES = 4, 16
#: What reads names and attributes, not operators: tests/converters is for these.
READERS = ("__init__", "attributes", "lookup", "refused", "registry", "aliases")
FILES = [file for file in sorted(FOLDER.rglob("*.py")) if file.stem not in READERS]
#: The share of those that make a difference: kinds are general, and not every edit that is listed
#: as a survivor has been looked into.
REQUIRED = 0.85


@dataclass
class Outcome:
    """One mutant, and how the rows fared.

    Attributes:
        place: the operator, or the file and the function.
        killed: the operator whose row failed, or "".
        reached: how many operators' rows ran it.
        equivalent: why it makes no difference, or none that a row can see; None if it makes one.
    """

    place: str
    kind: str
    note: str
    killed: str = ""
    reached: int = 0

    @classmethod
    def of(cls, mutant: Any) -> Outcome:
        return cls(mutant.place, mutant.kind, mutant.note)

    @property
    def equivalent(self) -> Optional[str]:
        text = str(self)
        found = (why for pattern, why in EQUIVALENT.items() if fnmatchcase(text, pattern))
        return None if self.killed else next(found, None)

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}: {self.note}"


def chosen(mutant: Any, share: float) -> bool:
    """Is it in the sample? The same ones always are, whatever else changes."""
    key = f"{mutant.place} {mutant.kind} {mutant.note}"
    return zlib.crc32(key.encode()) < share * 2**32


class Campaign:
    """Mutants of these files' functions, and of the declarations, tried operator by operator."""

    def __init__(self, files: Iterable[Path] = FILES, share: float = 1.0) -> None:
        self.share = share
        self.code = [(m, Outcome.of(m)) for m in mutants(*files) if chosen(m, share)]
        self.declared: List[Outcome] = []

    def run(self, op: str, mxnet: MxnetProcess, count: int) -> None:
        """Try all that the row of this operator reaches, with so many cases drawn."""
        row = ROWS[op]
        cases = [*row.examples.values(), *drawn(row, count)]
        with TemporaryDirectory() as name, ExitStack() as stack:
            folders = (Path(name) / str(k) for k in range(len(cases)))
            trials = [Trial(c, row, mxnet, f, stack) for c, f in zip(cases, folders)]
            trials.sort(key=lambda trial: trial.size)
            for code, outcome in self.code:
                if not outcome.killed and outcome.reached < OPERATORS:
                    self._try(code, outcome, op, trials)
            for mutant in of_declaration(op, max(len(t.arrays) for t in trials)):
                if chosen(mutant, self.share):
                    outcome = replace(Outcome.of(mutant), reached=1)
                    with mutant.applied():
                        if any(t.fails([READ, *PLACES]) for t in trials if mutant.meets(t)):
                            outcome.killed = op
                    self.declared.append(outcome)

    def _try(self, mutant: CodeMutant, outcome: Outcome, op: str, trials: Sequence[Trial]) -> None:
        found = [(t, t.reached(str(mutant.file), mutant.where.lines)) for t in trials]
        reached = [(trial, places) for trial, places in found if places][:CASES]
        if reached:
            outcome.reached += 1
            with mutant.applied():
                if any(trial.fails(places) for trial, places in reached):
                    outcome.killed = op

    def outcomes(self) -> List[Outcome]:
        """Of all mutants that a row reached."""
        return [*self.declared, *(outcome for _, outcome in self.code if outcome.reached)]


def record(outcomes: Sequence[Outcome]) -> Dict[str, Any]:
    """What lab/nightly reads."""
    real = [o for o in outcomes if o.equivalent is None]
    totals, killed = (
        Counter(o.kind for o in some) for some in (real, [o for o in real if o.killed])
    )
    return {
        "required": REQUIRED,
        "kinds": {kind: {"cases": totals[kind], "killed": killed[kind]} for kind in totals},
        "equivalent": len(outcomes) - len(real),
        "survivors": [asdict(o) for o in real if not o.killed],
    }


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.operators.mutation", description=__doc__)
    parser.add_argument("--only", metavar="TEXT", default="", help="operators named like this")
    parser.add_argument("--shard", metavar="K/N", default="1/1", help="a part of the operators")
    parser.add_argument("--draws", type=int, default=20, metavar="N", help="cases of an operator")
    parser.add_argument("--share", type=float, default=1.0, help="of the mutants, a fraction")
    parser.add_argument("--json", metavar="FILE", help="write the record there")
    args = parser.parse_args(arguments)
    part, parts = map(int, args.shard.split("/"))
    ops = [op for op in sorted(ROWS) if args.only in op][part - 1 :: parts]
    onnxruntime.set_default_logger_severity(4)  # it prints every error that it also raises
    campaign = Campaign(share=args.share)
    with MxnetProcess() as mxnet:
        for number, op in enumerate(ops):
            print(f"{number + 1} of {len(ops)}: {op}", file=sys.stderr, flush=True)
            campaign.run(op, mxnet, args.draws)
    found = record(campaign.outcomes())
    if args.json:
        Path(args.json).write_text(json.dumps(found, indent=1), encoding="utf-8")
    for o in found["survivors"]:
        print(f"{o['place']}: {o['kind']}: {o['note']}; survived {o['reached']} operators' rows")
    for kind, counts in found["kinds"].items():
        print(f"{kind}: {counts['killed']} of {counts['cases']} killed")
    share = 1 - len(found["survivors"]) / sum(k["cases"] for k in found["kinds"].values())
    print(f"{share:.1%} of all killed; {REQUIRED:.0%} are required")
    return int(share < REQUIRED)


if __name__ == "__main__":
    sys.exit(main())
