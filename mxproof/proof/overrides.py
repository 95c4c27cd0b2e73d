"""Find the user's tolerance overrides that no layer needs."""

from __future__ import annotations

from typing import Iterable, Set, Tuple

from .proof import TargetProof
from .results import LayerResult
from .tolerance import Budgets, ToleranceOverride


def used_rows(proofs: Iterable[TargetProof]) -> Set[int]:
    """By their id, the rows that make a difference to a layer: in the chain, or isolated."""
    return {id(check.row) for check in _checks(proofs) if check.uses_row}


def unused_rows(budgets: Budgets, used: Set[int]) -> Tuple[str, ...]:
    """What to say of each row of a file that is not among those used."""
    idle = (row for row in budgets.own if budgets.path and id(row) not in used)
    return tuple(f"--budgets {budgets.path}: {_unused(row)}" for row in idle)


def _unused(row: ToleranceOverride) -> str:
    stricter = row.stricter("float64") or row.stricter("float32")
    if stricter and row.looser:
        looser = ", ".join(row.looser)
        return f"no layer needed the looser limits ({looser}) of the row for {row}. Delete them."
    if stricter:
        return f"no layer was held to the row for {row}. Correct its patterns, or delete it."
    return f"no layer needed the row for {row}. Delete it."


def _checks(proofs: Iterable[TargetProof]) -> Iterable[LayerResult]:
    return (check for proof in proofs for found in proof.compared for check in found.checks)
