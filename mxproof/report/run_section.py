"""What pytest's tests did, on the page."""

from __future__ import annotations

from typing import Dict, List

from .markup import facts, text
from .record import Json


def run_section(run: Json) -> str:
    """Counts, failures with their messages, skips with their reasons, the environment."""
    counts = ", ".join(f"{count} {outcome}" for outcome, count in run["counts"].items() if count)
    failures: List[Json] = [test for test in run["tests"] if test["outcome"] == "failed"]
    failed = "".join(
        f"<li><p><strong>{text(test['id'])}</strong></p>"
        f'<pre tabindex="0">{_lines(test["message"])}</pre></li>'
        for test in failures
    )
    skipped = "".join(
        f"<li>{text(reason)} <small>({count} tests)</small></li>"
        for reason, count in skips(run).items()
    )
    return (
        '<section><h2 id="tests">Tests</h2>'
        f"<p>{text(counts) or 'No test ran.'}</p>"
        + (f'<h3>Failed</h3><ol class="failure">{failed}</ol>' if failed else "")
        + (f"<h3>Skipped</h3><ul>{skipped}</ul>" if skipped else "")
        + f"<h3>Environment</h3>{facts(run['environment'])}</section>"
    )


def skips(run: Json) -> Dict[str, int]:
    """Reason -> how many tests were skipped for it."""
    found: Dict[str, int] = {}
    for test in run["tests"]:
        if test["outcome"] == "skipped":
            found[test["message"]] = found.get(test["message"], 0) + 1
    return found


def _lines(message: str) -> str:
    """Foreign text whose lines are kept."""
    return "\n".join(map(text, message.splitlines()))
