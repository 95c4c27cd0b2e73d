"""Find the two files of a checkpoint, symbol and parameters, from whatever path a user gives.

A prefix (`model/net`) means model/net-symbol.json and model/net-0000.params. Either of the two
files, whatever their names, or a folder may be given as well. The other file is the one that has
the same prefix, or else the only one that has no other's. Where several would do, all are listed
and none is taken.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence, Union

from ..errors import CheckpointError
from .naming import readable

PathLike = Union[str, "os.PathLike[str]"]

ENDING = re.compile(r"-symbol\.json$|\.json$|-\d{4,}\.params$|\.params$")
#: How a symbol's JSON begins, whoever sorted its keys: other JSON files may lie beside it.
BEGINNING = re.compile(rb'\s*\{\s*"(nodes|heads|arg_nodes|node_row_ptr|attrs)"\s*:')
ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip", ".mar")
LISTED = 10  # files that a message names


@dataclass(frozen=True)
class CheckpointFiles:
    """The files of one checkpoint."""

    symbol: Path
    params: Path

    @property
    def name(self) -> str:
        """What the network is called."""
        return readable(_stem(self.symbol), "network")

    def linked(self, folder: Path) -> Path:
        """Link both files into a folder under the usual names; returns the prefix they have there.

        For versions of this package that know a checkpoint by its prefix alone.
        """
        folder.mkdir(parents=True, exist_ok=True)
        prefix = folder.absolute() / _stem(self.symbol)
        for path, link in ((self.symbol, symbol_path(prefix)), (self.params, params_path(prefix))):
            link.symlink_to(path.absolute())
        return prefix


Checkpoint = Union[PathLike, CheckpointFiles]


def symbol_path(prefix: PathLike) -> Path:
    return Path(f"{os.fspath(prefix)}-symbol.json")


def params_path(prefix: PathLike, epoch: int = 0) -> Path:
    return Path(f"{os.fspath(prefix)}-{epoch:04d}.params")


def find_files(
    checkpoint: Checkpoint, epoch: Optional[int] = None, params: Optional[PathLike] = None
) -> CheckpointFiles:
    """The two files of a checkpoint.

    Args:
        checkpoint: a prefix, one of the two files, or a folder that holds one symbol.
        epoch: which parameters, of those stored under one prefix; by default 0, or the only ones.
        params: the file of parameters, where the symbol's name does not tell.

    Raises:
        CheckpointError: a file is missing, or several could be meant.
    """
    if isinstance(checkpoint, CheckpointFiles):
        return checkpoint
    path = Path(checkpoint)
    if path.is_file() and path.name.endswith(ARCHIVES):
        raise CheckpointError(f"{path}: is an archive. Unpack it, and give the folder.")
    if params is not None and (epoch is not None or path.suffix == ".params"):
        other = f"epoch {epoch}" if epoch is not None else str(path)
        raise CheckpointError(f"{params} and {other}: both choose the parameters. Leave one out.")
    if path.is_file() and path.suffix == ".params":
        if epoch is not None and not path.name.endswith(f"-{epoch:04d}.params"):
            raise CheckpointError(f"{path} is not of epoch {epoch}. Leave one of the two out.")
        return CheckpointFiles(_symbol_of(path), path)
    if path.is_file() and path.suffix != ".json" and not _is_symbol(path):
        raise CheckpointError(
            f"{path}: neither a symbol (.json) nor a .params file. Give one of these, their "
            "prefix, or their folder."
        )
    symbol = path if path.is_file() else _named_symbol(path)
    if params is None:
        return CheckpointFiles(symbol, _params_of(symbol, epoch))
    if not Path(params).is_file():
        raise CheckpointError(f"{params}: no such file. {_found_in(Path(params).parent)}")
    return CheckpointFiles(symbol, Path(params))


def _named_symbol(path: Path) -> Path:
    """The symbol of a prefix, or of a folder."""
    symbol = symbol_path(path)
    if symbol.is_file():
        return symbol
    if path.is_dir():
        symbols = _symbols(path)
        if len(symbols) == 1:
            return symbols[0]
        advice = "Give one of them, or a prefix" if symbols else "Give the folder of a checkpoint"
        raise CheckpointError(
            f"{path}: holds {len(symbols) or 'no'} symbols. {advice}. {_found_in(path)}"
        )
    wanted = path if path.suffix in (".json", ".params") else symbol
    raise CheckpointError(f"{wanted}: no such file. {_found_in(path.parent)}")


def _params_of(symbol: Path, epoch: Optional[int]) -> Path:
    usual = params_path(symbol.parent / _stem(symbol), epoch or 0)
    if usual.is_file():
        return usual
    symbols, stored = _symbols(symbol.parent), _params(symbol.parent)
    own = [path for path in stored if _owner(path, symbols) == symbol]
    free = own or [path for path in stored if _owner(path, symbols) is None]
    if epoch is None and len(free) == 1:
        return free[0]
    if not free:
        raise CheckpointError(
            f"{usual}: no such file, and no other parameters that {symbol.name} could go with. "
            f"Put them there, or name their file: --params FILE. {_found_in(symbol.parent)}"
        )
    numbered = re.compile(rf"{re.escape(_stem(symbol))}-(\d{{4,}})\.params")
    epochs = [m[1] for m in (numbered.fullmatch(path.name) for path in free) if m]
    if len(epochs) == len(free):
        raise CheckpointError(
            f"{usual}: no such file. Stored epochs: {', '.join(epochs)}; choose one with --epoch."
        )
    raise CheckpointError(
        f"{usual}: no such file. {symbol.name} may go with: {_names(free)}; choose one with "
        "--params FILE."
    )


def _symbol_of(params: Path) -> Path:
    symbols = _symbols(params.parent)
    if not symbols:
        raise CheckpointError(
            f"{params}: there is no symbol (.json) beside it, and parameters are no network. "
            "Load them into their Gluon network, and write both files: net.export."
        )
    owner = _owner(params, symbols)
    owners = {_owner(path, symbols) for path in _params(params.parent)}
    free = [path for path in symbols if path not in owners] or symbols
    if owner is None and len(free) != 1:
        raise CheckpointError(
            f"{params}: its name does not tell its symbol. Give the symbol, and --params {params}. "
            f"{_found_in(params.parent)}"
        )
    return owner or free[0]


def _stem(path: Path) -> str:
    return ENDING.sub("", path.name)


def _owner(params: Path, symbols: Sequence[Path]) -> Optional[Path]:
    """The symbol whose prefix the file has. Of several it is the longest: net-a-0000.params is of
    net-a-symbol.json."""
    name = params.name[: -len(".params")]
    fitting = [s for s in symbols if any(f"{name}{c}".startswith(_stem(s) + c) for c in "-_.")]
    return max(fitting, key=lambda symbol: len(_stem(symbol)), default=None)


def _symbols(folder: Path) -> List[Path]:
    return [path for path in sorted(folder.glob("*.json")) if _is_symbol(path)]


def _params(folder: Path) -> List[Path]:
    return sorted(folder.glob("*.params"))


def _is_symbol(path: Path) -> bool:
    """Judged by its name or its first bytes; what is damaged is reported when it is read."""
    if path.name.endswith("-symbol.json"):
        return True
    with open(path, "rb") as file:
        return bool(BEGINNING.match(file.read(200)))


def _found_in(folder: Path) -> str:
    if not folder.is_dir():
        return f"There is no folder {folder}."
    found = [*_symbols(folder), *_params(folder)]
    if not found:
        return "A checkpoint is a symbol (.json) and a .params file; the folder holds neither."
    return f"The folder holds: {_names(found)}."


def _names(paths: Sequence[Path]) -> str:
    more = [f"{len(paths) - LISTED} more"] if len(paths) > LISTED else []
    return ", ".join([*(path.name for path in paths[:LISTED]), *more])
