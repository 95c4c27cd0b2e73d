"""Report the progress of long work to a listener: the command line draws it, others may log it."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Callable, Iterable, Iterator, Optional, Sequence, TypeVar

Item = TypeVar("Item")

#: (what is being done, how many are done, of how many; None where that is not known).
Listener = Callable[[str, int, Optional[int]], None]

_listener: ContextVar[Optional[Listener]] = ContextVar("listener", default=None)


def report(text: str, done: int = 0, total: Optional[int] = None) -> None:
    """Tell the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener(text, done, total)


def counted(items: Sequence[Item], text: str) -> Iterable[Item]:
    """The items, one after the other, and the listener told of each."""
    for done, item in enumerate(items):
        report(text, done, len(items))
        yield item


def listener() -> Optional[Listener]:
    """Who listens now."""
    return _listener.get()


@contextmanager
def listening(to: Listener) -> Iterator[None]:
    """`to` is told of all that is done in this block."""
    token = _listener.set(to)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def part_of(what: str, done: int, total: int) -> Iterator[None]:
    """What is told in this block is a part of longer work, of which so many were done before."""
    outer = _listener.get()
    if outer is None:
        yield
        return

    def inner(text: str, part: int, _: Optional[int]) -> None:
        outer(what + text, done + part, total)

    with listening(inner):
        yield
