"""Pages in a real Chromium, driven by pytest-playwright: fixtures and checks that suites share."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, NoReturn

import pytest

PHONE = 375  # pixels
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # it shows our own pages only, and root has no sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
)

#: The least contrast of any text with what is behind it, by the definition of WCAG 2 (large text
#: counts 3/4.5 as much), with that text and the number of texts.
CONTRAST = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgb(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const e = node.parentElement;
    if (!node.data.trim() || !e.getClientRects().length) continue;
    if (e.closest("title, script, style")) continue;
    const style = getComputedStyle(e);
    const color = rgb(e.closest("svg") ? style.fill : style.color);
    const [a, b] = [light(color), light(behind(e))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    found.push([((a + 0.05) / (b + 0.05)) * (large ? 1.5 : 1), node.data.trim()]);
  }
  return found.sort((x, y) => x[0] - y[0])[0].concat(found.length);
}"""


def _unavailable(reason: str) -> NoReturn:
    if os.environ.get("MXPROOF_REQUIRE_BROWSER"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> Dict[str, Any]:
    """$CHROME, or Chromium by its usual names: Playwright's own browser is not downloaded."""
    names = [os.environ["CHROME"]] if os.environ.get("CHROME") else NAMES
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        _unavailable("needs Chromium: install it, or name it by the environment variable CHROME")
    return {"executable_path": path, "args": list(FLAGS)}


class Reader:
    """A tab with a page in it.

    Attributes:
        page: Playwright's.
        complaints: errors, and whatever was written to the console, since the page was opened.
        requests: URLs that it asked for.
    """

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: List[str] = []
        self.requests: List[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: Path, *, width: int = 1280, dark: bool = False) -> Any:
        """Show a file; returns Playwright's page."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        self.complaints.clear()
        self.requests.clear()
        self.page.goto(path.absolute().as_uri())
        return self.page

    def check(self, path: Path, *, width: int, dark: bool) -> None:
        """Unfolded, the page reports nothing, loads nothing, fits, and all its text is legible."""
        page = self.open(path, width=width, dark=dark)
        page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        assert not self.complaints, self.complaints
        asked = [url for url in self.requests if not url.startswith("data:")]
        assert asked == [path.as_uri()], asked
        found = page.evaluate("document.documentElement.scrollWidth")
        assert found <= width, f"{found} pixels wide"
        least, text, count = page.evaluate(CONTRAST)
        assert count > 10 and least >= 4.5, f"{text!r}: {least:.2f}"


@pytest.fixture
def reader(request: pytest.FixtureRequest) -> Reader:
    """A tab of its own for each test."""
    if not find_spec("pytest_playwright"):
        _unavailable("needs pytest-playwright: pip install 'mxproof[test]'")
    return Reader(request.getfixturevalue("page"))
