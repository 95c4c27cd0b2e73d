"""Whoever does what a message recommends gets further: each is provoked, and then obeyed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import List

import pytest

from .conftest import Run
from .remedies import REMEDIES, write


def followed(words: List[str], then: str) -> List[str]:
    """The command that does what the message says; see `Remedy.then`."""
    if then[:1] not in "+-":
        return shlex.split(then)
    for sign, text in re.findall(r"(?:^| )([+-]) (.*?)(?= [+-] |$)", then):
        more = shlex.split(text)
        if sign == "+":
            words = [*words, *more]
            continue
        place = next(i for i in range(len(words)) if words[i : i + len(more)] == more)
        words = [*words[:place], *words[place + len(more) :]]
    return words


@pytest.mark.parametrize("name", REMEDIES)
def test_a_message_is_followed(
    name: str,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    remedy = REMEDIES[name]
    python = request.getfixturevalue("mxnet").python if remedy.needs else ""
    write(tmp_path, remedy)
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        for variable, value in remedy.environment.items():
            patch.setenv(variable, value)
        code, _, err = run(*shlex.split(remedy.command))
    assert code == 2, err
    match = re.search(remedy.said, err)
    assert match, err
    then = match.expand(remedy.then.replace("{python}", python))
    code, _, again = run(*followed(shlex.split(remedy.command), then))
    assert code == 0, f"{err}\n{then}\n{again}"
