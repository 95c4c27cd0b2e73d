"""The documentation builds: mkdocs --strict follows every link, and pages load nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mxproof.cli import MXPROOF

from .documents import ROOT

pytest.importorskip("mkdocs", reason="needs mkdocs: pip install 'mxproof[docs]'")


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    where = ["--config-file", str(config), "--site-dir", str(site)]
    return subprocess.run([*command, *where], cwd=ROOT, capture_output=True, text=True)


def test_it_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = build(ROOT / "mkdocs.yml", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {path: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")}
    assert len(pages) > 15
    loads = r"<(?:script|img|iframe|link(?! rel=.canon))\b[^>]*(?:src|href)=.?(?:https?:)?//"
    assert not [path.name for path, text in pages.items() if re.search(loads, text)]
    for sheet in tmp_path.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", sheet.read_text("utf-8"))
    (commands,) = (text for path, text in pages.items() if path.name == "commands.html")
    assert all(f'id="mxproof-{name}"' in commands for name in MXPROOF.commands)


def test_a_broken_link_fails(tmp_path: Path) -> None:
    """The configuration makes mkdocs strict about links and anchors."""
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    validation = settings[settings.index("validation:") : settings.index("nav:")]
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text(f"site_name: a\nuse_directory_urls: false\n{validation}")
    for link, code in (("#here", 0), ("nowhere.md", 1), ("#nothing", 1)):
        (tmp_path / "docs" / "index.md").write_text(f"# Here\n\n[a]({link})\n")
        assert build(tmp_path / "mkdocs.yml", tmp_path / "site").returncode == code, link
