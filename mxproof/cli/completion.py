"""Print a script that completes commands, options and files. bash, once: eval "$(mxproof completion
bash)"; for good, into ~/.local/share/bash-completion/completions/mxproof. zsh: into a file _mxproof
in a folder of $fpath. fish: into ~/.config/fish/completions/mxproof.fish. Needs the extra
`completion`."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Dict

from ..errors import require
from .common import PROVEN

#: Metavars for which a shell offers files, and folders (a prefix is the head of a file's name).
FILES, FOLDERS = ("FILE", "PATH", "CHECKPOINT", "MODEL"), ("DIR",)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="which shell")


def run(args: argparse.Namespace) -> int:
    shtab = require("shtab", "completion", "shtab")
    from . import MXPROOF

    parser = MXPROOF.parser(*MXPROOF.commands)
    offer(parser, {**dict.fromkeys(FILES, shtab.FILE), **dict.fromkeys(FOLDERS, shtab.DIRECTORY)})
    sys.stdout.write(shtab.complete(parser, shell=args.shell) + "\n")
    return PROVEN


def offer(parser: argparse.ArgumentParser, offers: Dict[str, Any]) -> None:
    """Say of each option, of each command, what kind of word it takes."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in dict.fromkeys(action.choices.values()):
                offer(command, offers)
        elif isinstance(action.metavar, str) and action.metavar in offers:
            action.complete = offers[action.metavar]  # type: ignore[attr-defined]
