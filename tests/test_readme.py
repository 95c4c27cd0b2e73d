"""The README and CONTRIBUTING say what is true."""

from __future__ import annotations

import re
from pathlib import Path

from fixtures.zoo import ZOO

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_models_are_listed() -> None:
    for name in ZOO:
        assert f"`{name}`" in TEXT


def test_files_it_points_to_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert len(links) > 3
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_example_is_real() -> None:
    """What CONTRIBUTING shows of a file stands in that file."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.findall(r"```python\n# ([^\n]+)\n(.*?)```", text, re.DOTALL)
    assert len(shown) > 1
    for path, code in shown:
        assert code.strip() in (ROOT / path).read_text(encoding="utf-8"), path
