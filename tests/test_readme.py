"""The README says what is true."""

from __future__ import annotations

import re
from pathlib import Path

from converters.ops import REGISTRY
from fixtures.zoo import ZOO

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_operators_are_listed() -> None:
    sentence = re.search(r"Supported operators: ([^.]*)\.", TEXT)
    assert sentence
    assert sentence[1].replace("\n", " ").split(", ") == sorted(REGISTRY, key=str.lower)


def test_the_models_are_listed() -> None:
    for name in ZOO:
        assert f"`{name}`" in TEXT


def test_files_it_points_to_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert len(links) > 3
    for link in links:
        assert (Path(__file__).parents[1] / link).exists(), link
