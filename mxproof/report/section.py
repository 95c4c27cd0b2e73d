"""One model on the page."""

from __future__ import annotations

from typing import Mapping, Sequence

from .layers import layers_table
from .markup import facts, mark, target_title, text
from .plot import HEIGHT, Panel, panels
from .record import FAIL, Json
from .wording import RUNTIMES, TARGETS, number, sentence, shapes, summary

WEIGHTS = {
    "pretrained": "as published",
    "seeded": "random, from a seed",
    "user": "of the user's checkpoint",
}


def section(record: Json, key: str, *, alone: bool) -> str:
    """Everything about one model.

    Args:
        key: the first part of the ids in it.
        alone: it is the only one on its page, whose heading has said what it is.
    """
    model = text(record["model"])
    h, head = ("h2" if alone else "h3"), ""
    if not alone:
        said = text(sentence(record))
        head = f"<h2>{mark(record['verdict'])} {model}</h2><p>{said}</p>"
    return "\n".join(
        (
            f'<section class="model" id="{key}" aria-label="{model}">{head}',
            _problems(record["problems"]),
            f'<{h} id="{key}-results">Results</{h}>{_results(record, key)}',
            *(_target(record, name, f"{key}-{i}", h) for i, name in enumerate(record["targets"])),
            *((f"<{h}>Latency</{h}>", _latency(record["latency"])) if record["latency"] else ()),
            f"<{h}>How to see this again</{h}>{_provenance(record)}",
            "</section>",
        )
    )


def _problems(problems: Sequence[str]) -> str:
    rows = "".join(f"<li>{text(p)}</li>" for p in problems)
    return f'<ul class="problems">{rows}</ul>' if rows else ""


def _results(record: Json, key: str) -> str:
    targets: Mapping[str, Json] = record["targets"]
    rows = {name: summary(target) for name, target in targets.items()}
    if not rows:
        return "<p>No layer was compared.</p>"
    lines = [("verdict", [mark(target["verdict"], words=True) for target in targets.values()])]
    for cells in zip(*rows.values()):
        lines.append((cells[0][0], [text(cell) for _, cell in cells]))
    body = "".join(
        f'<tr><th scope="row">{text(heading)}</th>'
        f"{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for heading, cells in lines
    )
    titles = "".join(f'<th scope="col">{target_title(name)}</th>' for name in rows)
    return (
        f'<table class="results" aria-labelledby="{key}-results"><thead><tr><td></td>{titles}</tr>'
        f"</thead><tbody>{body}</tbody></table>"
    )


def _target(record: Json, name: str, key: str, h: str) -> str:
    target = record["targets"][name]
    title = TARGETS.get(name, name)
    note = (target["output"] or {}).get("top1_note") or ""
    figures = [_figure(panel, title) for panel in panels(target)]
    return "\n".join(
        (
            f"<{h}>{mark(target['verdict'])} {text(title)}: error over depth</{h}>",
            _explanation(target),
            f"<p>Top-1: {text(note)}.</p>" if note else "",
            f'<div class="plots" data-layers="{key}-layers">{"".join(figures)}'
            '<p class="readout">Point at a layer, or walk through them with '
            "the arrow keys.</p></div>"
            if target["layers"]
            else "",
            layers_table(target, title, f"{key}-layers", opened=target["verdict"] == FAIL),
        )
    )


def _explanation(target: Json) -> str:
    """What failed, in the words of the command line; and, of several, each layer to blame."""
    paragraphs = "".join(f"<p>{text(p)}</p>" for p in target["explanation"])
    blamed = [layer for layer in target["layers"] if layer["name"] in set(target["introduced"])]
    rows = "".join(
        f"<li><strong>{text(c['name'])}</strong> ({text(c['op'])}): "
        f"{text(c['alone'] or c['problem'] or '')}</li>"
        for c in (blamed if len(blamed) > 1 else ())
    )
    introduced = f"<p>Layers that introduced a difference:</p><ol>{rows}</ol>" if rows else ""
    return f'<div class="failure">{paragraphs}{introduced}</div>' if paragraphs or rows else ""


def _figure(panel: Panel, target: str) -> str:
    count = len(panel.points)
    failed = sum(p.failed for p in panel.points)
    beyond = (
        f"{failed} of {count} layers are beyond their budget" if failed else "all within budget"
    )
    label = text(f"{target}, {panel.title}: {beyond}")
    return (
        f'<figure class="mxp-plot"><figcaption>{text(panel.title)}{_legend(panel)}</figcaption>'
        f'<div class="frame" tabindex="0" role="slider" aria-label="{label}" aria-valuemin="1" '
        f'aria-valuemax="{count}" aria-valuenow="1" aria-valuetext="{text(panel.words(0))}">'
        f'<svg width="100%" height="{HEIGHT + 20}" aria-hidden="true">{panel.inner()}</svg></div>'
        "</figure>"
    )


def _legend(panel: Panel) -> str:
    """Of what is in the panel."""
    kinds = {
        "dot": ("within budget", True),
        "ring": ("beyond", any(p.failed for p in panel.points)),
        "ring full": ("introduced here", any(p.failed and p.blamed for p in panel.points)),
        "rule": ("budget", True),
    }
    shown = (
        f'<span><i class="{k}"></i>{word}</span>' for k, (word, there) in kinds.items() if there
    )
    return f'<span class="legend">{"".join(shown)}</span>'


def _latency(latency: Mapping[str, Json]) -> str:
    """Bars in a table: the numbers are its cells."""
    longest = max(t["median_ms"] for t in latency.values()) or 1.0
    rows = "".join(_bar(name, timing, longest) for name, timing in latency.items())
    threads = {t["threads"] for t in latency.values()}
    on = "on all cores" if threads == {None} else f"threads: {', '.join(map(str, threads))}"
    return (
        '<table class="bars"><thead class="heard"><tr><th scope="col">runtime</th>'
        f'<th scope="col">median</th></tr></thead><tbody>{rows}</tbody></table>'
        f'<p class="soft">One pass, {on}; the median and the shortest of '
        f"{min(t['rounds'] for t in latency.values())} rounds. The line in a bar is the "
        "shortest.</p>"
    )


def _bar(name: str, timing: Json, longest: float) -> str:
    median, least = (100 * timing[k] / longest for k in ("median_ms", "min_ms"))
    shown = text(RUNTIMES.get(name, name))
    return (
        f'<tr><th scope="row">{shown}</th><td><div class="track"><div class="bar {text(name)}" '
        f'style="width:{median:.1f}%"></div><i style="left:{least:.1f}%"></i></div>'
        f"<span>{_ms(timing['median_ms'])} <small>(shortest {_ms(timing['min_ms'])})</small></span>"
        "</td></tr>"
    )


def _ms(value: float) -> str:
    return f"{number(value, '.3g' if value < 1000 else '.0f')} ms"


def _provenance(record: Json) -> str:
    apart = record.get("output_input")
    stated = {
        "weights": WEIGHTS.get(record["weights"], record["weights"]),
        "input": shapes(record["input"]),
        **({"input of output and latency": shapes(apart)} if apart else {}),
        "reference": "MXNet itself" if record["reference"] == "mxnet" else record["reference"],
        **record["source"],
    }
    system = record["system"]
    machine = {
        "system": system["platform"],
        "processor": f"{system['processor']}, {system['cores']} cores",
    }
    command = text(record["command"])
    again = f'<pre tabindex="0"><code>{command}</code></pre>' if command else ""
    return (
        f'{again}<div class="columns">{facts(stated)}{facts({**record["versions"], **machine})}'
        "</div>"
    )
