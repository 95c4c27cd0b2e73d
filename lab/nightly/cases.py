"""The list of expected cases: pytest's ids, sorted, one line for each set of parameters.

    tests/models/test_layers.py
     test_layers
      resnet18-onnx-float32
     test_tracing_changes_nothing
    …

A case in this list that is not there any more is red; to take it away on purpose is to delete its
line, which a reviewer sees. A case that is not in the list is no error: it hides nothing, and the
next night's history knows it.
"""

from __future__ import annotations

from pathlib import Path
from typing import FrozenSet, Iterable, Iterator, List, Sequence, Tuple

from converters.files import atomic_write
from mxproof.subject import UsageError

#: Not listed. The cases of tests/docs are the commands that the documents have, line by line: what
#: a document has no more, nobody types.
UNLISTED = ("tests/docs/",)


def parts(case: str) -> Tuple[str, str, str]:
    """An id -> file, function, parameters; those are "" where there are none."""
    file, _, rest = case.partition("::")
    function, bracket, given = rest.partition("[")
    return (file, function, given[:-1]) if bracket and given != "]" else (file, rest, "")


def suite(case: str) -> str:
    """What it is counted with: its file, or its step where no file has it."""
    return case.partition("::")[0]


def under(case: str, arguments: Sequence[str]) -> bool:
    """Whether pytest runs it when it is given these folders, files or ids."""
    for given in arguments:
        if case == given or given in ("", "."):
            return True
        after = case[len(given) :] if case.startswith(given) else ""
        if after.startswith(("[", "::")) or (after.startswith("/") and "::" not in given):
            return True
    return False


def arguments(given: Iterable[str], folder: Path, root: Path) -> List[str]:
    """What pytest is given, as ids begin: from its root, with slashes; what is elsewhere is none.

    Args:
        folder: that `given` are relative to.
    """
    found = []
    for argument in given:
        path, colons, rest = argument.partition("::")
        absolute = Path(folder, path).resolve()
        if root.resolve() in (absolute, *absolute.parents):
            found.append(absolute.relative_to(root.resolve()).as_posix() + colons + rest)
    return found


def listed(cases: Iterable[str]) -> Iterator[str]:
    """The lines of a list."""
    file = function = ""
    for case in sorted(cases, key=parts):
        here, name, given = parts(case)
        if here != file:
            yield here
        if (here, name) != (file, function):
            yield f" {name}"
        if given:
            yield f"  {given}"
        file, function = here, name


def write_list(path: Path, cases: Iterable[str]) -> None:
    kept = {case for case in cases if not case.startswith(UNLISTED)}
    with atomic_write(path) as file:
        file.write("".join(f"{line}\n" for line in listed(kept)).encode())


def read_list(path: Path) -> FrozenSet[str]:
    """The ids.

    Raises:
        UsageError: it is not of that form.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a list of cases: {error}.") from None
    found: List[str] = []
    file = function = ""
    alone = False  # whether the line before is a function, and so may be a case by itself
    for number, line in enumerate(lines, 1):
        depth = min(2, len(line) - len(line.lstrip(" ")))
        text = line[depth:]
        if not text or (depth and not file) or (depth == 2 and not function):
            raise UsageError(
                f"{path}:{number}: {line!r} is no line of a list of cases: a file, below it its "
                "functions, one space in, and below each its parameters, two spaces in."
            )
        if depth == 0:
            file, function, alone = text, "", False
        elif depth == 1:
            function, alone = text, True
            found.append(f"{file}::{function}")
        else:
            if alone:
                found.pop()
            alone = False
            found.append(f"{file}::{function}[{text}]")
    return frozenset(found)
