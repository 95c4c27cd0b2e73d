"""The page as text: what is in it, and what cannot be. In a browser: test_report_browser.py."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import pytest

from mxproof.reports.page import markdown, notebook, page
from mxproof.reports.record import Json
from mxproof.reports.wording import lost_digits

from .conftest import Run
from .records import HOSTILE, WRONG, deep, proof

VOID = {"meta", "link", "input", "br", "img", "wbr"}
Attributes = Dict[str, Optional[str]]


class Document(HTMLParser):
    """Elements with their attributes, and text by the element it is in.

    Well nested, with an id once, and links to what is there.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: List[Tuple[str, Attributes]] = []
        self.texts: List[Tuple[str, str]] = []
        self.open: List[str] = []
        self.feed(source)
        self.close()
        assert not self.open, f"not closed: {self.open}"
        ids = [a["id"] for _, a in self.elements if "id" in a]
        assert len(ids) == len(set(ids))
        assert {a["href"] for a in self.all("a")} <= {f"#{name}" for name in ids}

    def handle_starttag(self, tag: str, attributes: List[Tuple[str, Optional[str]]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self.open += [tag] if tag not in VOID else []

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag, f"</{tag}> in {self.open}"

    def handle_data(self, data: str) -> None:
        self.texts += [(self.open[-1], data)] if self.open else []

    def all(self, tag: str) -> List[Attributes]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag: str) -> List[str]:
        return [text for name, text in self.texts if name == tag]


@pytest.mark.parametrize("wrong", [(), ("pytorch",), ("onnx", "pytorch")])
def test_the_verdict_is_the_proofs_and_the_layer_that_is_wrong_is_there(
    wrong: Tuple[str, ...],
) -> None:
    record = proof(wrong).to_json()
    source = page([record])
    document = Document(source)
    assert document.text("title")[0] == ("Not equal: small" if wrong else "Proven equal: small")
    states = [a["data-verdict"] for a in document.all("tr") if "data-verdict" in a]
    assert states.count("introduced fail") == len(wrong)
    assert states.count("pass") == 6 - len(wrong)
    assert source.count(f"<li><strong>{WRONG}</strong> (Activation, layer 2 of 3): ") == len(wrong)
    assert (
        f"PyTorch differs from MXNet, first in Activation {WRONG} (layer 2 of 3)." in source
    ) == bool(wrong)
    rows = re.findall(
        r'<tr id="m0-.-layers-1" data-verdict="introduced fail">.*?</tr>', source, re.S
    )
    for name, row in zip(wrong, rows):
        layer = record["targets"][name]["layers"][1]
        for text in (WRONG, f"{layer['float64_rel']:.1e}", "introduced", layer["alone"][:30]):
            assert text in row
        assert repr(layer["float64_rel"]) in row, "what it is sorted by is exact"


def test_a_number_that_could_not_be_had_sorts_as_the_worst_or_the_least() -> None:
    record = deep(2)
    failed, exact = record["targets"]["onnx"]["layers"]
    failed.update(float64_rel=None, verdict="fail")
    exact.update(float64_rel=None)
    rows = re.findall(r'<tr id="m0-0-layers-.*?</tr>', page([record]), re.S)
    cells = [re.findall(r'<td data-value="([^"]*)">([^<]*)</td>', row)[1] for row in rows]
    assert cells == [("Infinity", "–"), ("-1", "–")]


def test_every_part_is_there() -> None:
    record = deep(30)
    record["command"], record["source"] = "mxproof verify x", {"symbol_sha256": "ab" * 32}
    document = Document(page([record], made="today"))
    texts = [text for _, text in document.texts]
    for expected in ("mxproof verify x", "ab" * 32, "1.9.1", "today", "data 2×3×8×6", "15 ms"):
        assert expected in map(str.strip, texts)
    assert len(document.all("figure")) == 4
    assert document.all("html")[0]["lang"] == "en"
    assert all(a.get("scope") in ("col", "row") for a in document.all("th"))
    headings = [int(tag[1]) for tag, _ in document.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(headings, headings[1:])), "no level is left out"


def test_digits_lost_are_on_the_page_and_in_the_summary() -> None:
    record = deep(3)
    target = record["targets"]["onnx"]
    first, second, _ = target["layers"]
    second["op"] = "BatchNorm"
    assert not re.search("loses about", page([record]) + markdown([record]))
    target["digits_lost"] = {first["name"]: 0.7, second["name"]: 1.84}
    norm = "loses about 1.8 digits against MXNet in BatchNorm"
    assert lost_digits(target).startswith(f"{target['precisions']['float32']['candidate']} {norm}")
    assert "(and less in 1 more layer), within" in lost_digits(target)
    assert lost_digits(target).endswith("`mxproof convert --exact-batch-norm` avoids that.")
    for text in (page([record]), markdown([record])):
        assert text.count(norm) == 1
    second["op"] = "Convolution"
    assert lost_digits(target).endswith("within what rounding may do.")


def test_many_models_are_on_one_page_what_failed_first() -> None:
    records = [deep(5), proof(["onnx"]).to_json(), deep(4)]
    document = Document(page(records))
    assert document.text("title")[0] == "Not equal: 3 models"
    links = [a["href"] for a in document.all("a") if a["href"] != "#main"]
    assert links[0] == "#m1" and len(links) == 6


def hostile() -> Json:
    record = deep(4, failed_from=2, name=HOSTILE + "{}")
    record["model"] = record["command"] = HOSTILE
    record["source"] = {HOSTILE: HOSTILE}
    record["versions"][HOSTILE] = HOSTILE
    record["problems"] = [HOSTILE]
    record["input"] = {HOSTILE: [1]}
    for target in record["targets"].values():
        target["explanation"] = [HOSTILE]
        target["output"]["top1_note"] = HOSTILE
        target["layers"][0].update(op=HOSTILE, note=HOSTILE, problem=HOSTILE, alone=HOSTILE)
    return record


def test_text_of_strangers_stays_text() -> None:
    run = {
        "verdict": "fail",
        "counts": {"failed": 1},
        "tests": [{"id": HOSTILE, "outcome": "failed", "message": f"{HOSTILE}\n{HOSTILE}"}],
        "environment": {HOSTILE: HOSTILE},
    }
    for source in (page([hostile()]), page([hostile(), hostile()], run=run), notebook(hostile())):
        document = Document(source)
        assert not document.all("img")
        assert all(not name.startswith("on") for _, a in document.elements for name in a)
        assert source.count("</script>") == source.count("<script>")
        assert sum(HOSTILE in text for _, text in document.texts) > 10


def test_nothing_is_loaded_from_anywhere() -> None:
    source = page([deep(3)])
    document = Document(source)
    assert not [t for t, a in document.elements if "src" in a and t != "img"]
    assert [a["href"] for a in document.all("link")] == ["data:,"]
    for address in ("url(", "@import", "http"):
        assert address not in source.replace("http-equiv", "")
    policy = document.all("meta")[1]["content"] or ""
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.split("style-src")[0]


def test_a_proof_saves_its_page(tmp_path: Path) -> None:
    found = proof(["onnx"])
    found.save_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page([found.to_json()])


def test_in_a_notebook() -> None:
    document = Document(proof(["onnx"])._repr_html_())
    assert "✗ Not equal: small" in document.text("strong")
    assert len(document.all("tr")) == 3
    assert all(WRONG in "".join(document.text(tag)) for tag in ("p", "title", "td"))


@pytest.mark.parametrize("option", ["--html", "--markdown"])
def test_without_jinja_a_report_is_refused_before_the_work(
    option: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    code, _, err = run("verify", "no-such-model", option, "file")
    assert code == 2
    assert f"argument {option}: reports are written with Jinja2" in err
    assert "pip install 'mxproof[report]'" in err
