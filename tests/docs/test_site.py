"""The built site: every link leads somewhere, and no page loads anything from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple
from urllib.parse import unquote, urlsplit

import pytest

from .documents import ROOT

pytest.importorskip("mkdocs", reason="needs mkdocs: tox -e docs")

LOADED = ("script", "img", "link", "iframe", "source", "video")
GOOD = re.compile(r"https://[\w.-]+\.[a-z]{2,}(/[\w./#-]*)?")


class Page(HTMLParser):
    """
    Attributes:
        names: what a link can point to in this page.
        links: where links lead; what the page loads is `loads`.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: Set[str] = set()
        self.links: List[str] = []
        self.loads: List[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        given = dict(attrs)
        self.names |= {value for key in ("id", "name") if (value := given.get(key))}
        for key in ("href", "src"):
            if (value := given.get(key)) is not None:
                (self.loads if tag in LOADED else self.links).append(value)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def pages(site: Path) -> Dict[Path, Page]:
    return {p: Page(p.read_text(encoding="utf-8")) for p in sorted(site.rglob("*.html"))}


def problem(page: Path, link: str, site: Path, pages: Dict[Path, Page]) -> str:
    """What is wrong with a link, if anything."""
    parts = urlsplit(link)
    if parts.scheme:
        return "" if GOOD.fullmatch(link) else "is no https address"
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    path = path / "index.html" if path.is_dir() else path
    if not path.is_file() or site.resolve() not in path.resolve().parents:
        return "leads nowhere"
    anchor = unquote(parts.fragment)
    known = pages[path].names if path in pages else set()
    return "" if anchor in {"", *known} else "has no such heading"


def test_every_link_leads_somewhere(site: Path, pages: Dict[Path, Page]) -> None:
    own = {path: page for path, page in pages.items() if path.name != "404.html"}
    found = {
        f"{path.name}: {link}": what
        for path, page in own.items()
        for link in (*page.links, *page.loads)
        if (what := problem(path, link, site, pages))
    }
    assert not found
    assert sum(len(page.links) for page in own.values()) > 200


def test_the_check_sees_broken_links(site: Path, pages: Dict[Path, Page]) -> None:
    page = site / "index.html"
    for link in ("nowhere.html", "errors.html#nothing", "../outside.html", "http://example.org/"):
        assert problem(page, link, site, pages), link
    assert not problem(page, "errors.html#runtimes", site, pages)


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: Dict[Path, Page]) -> None:
    for path, page in pages.items():
        assert not [link for link in page.loads if urlsplit(link).netloc], path
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", sheet.read_text("utf-8"))


def test_every_command_has_a_heading(pages: Dict[Path, Page]) -> None:
    from mxproof.cli import MXPROOF

    (page,) = (page for path, page in pages.items() if path.name == "commands.html")
    for name in MXPROOF.commands:
        assert f"mxproof-{name}" in page.names
