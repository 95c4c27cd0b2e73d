"""The parts of a PyTorch module before it is text: statements, and blocks of statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Tuple, Union

from ..ir.arrays import Array


def token(kind: str, index: int) -> str:
    """A place in an expression, filled in when variables and modules have names."""
    return f"\0{kind}{index}\0"


@dataclass(frozen=True)
class ModuleCall:
    """A submodule: its class, constructor arguments by index or name, and the arrays it holds.

    Attributes:
        wrapper: the function that the new module is handed to, and that returns it.
    """

    kind: str
    arguments: Mapping[Any, Any]
    state: Mapping[str, Array]
    wrapper: str = ""


@dataclass(frozen=True)
class Statement:
    """One layer: `outputs = expression`, with tokens for inputs and modules."""

    layer: str
    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]
    expression: str
    modules: Tuple[ModuleCall, ...] = ()
    functions: Tuple[str, ...] = ()  # of converters/pytorch/library, that the expression calls


@dataclass(frozen=True, eq=False)
class BlockClass:
    """A part of the network that occurs several times: its statements, with arguments."""

    name: str
    arguments: Mapping[str, str]  # name -> type
    statements: Tuple[Statement, ...]
    attributes: Tuple[str, ...]  # of each statement's modules
    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]
    instances: Tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """One occurrence of a block's class."""

    cls: BlockClass
    name: str
    values: Tuple[Any, ...]  # of the arguments
    statements: Tuple[Statement, ...]  # as they are in this occurrence
    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Stage:
    """Blocks that follow each other and are numbered: an nn.Sequential.

    Attributes:
        names: of the blocks in it, `unit1`; or of all of them a number from 0 on.
    """

    name: str
    names: Tuple[str, ...]
    blocks: Tuple[Block, ...]

    @property
    def inputs(self) -> Tuple[str, ...]:
        return self.blocks[0].inputs

    @property
    def outputs(self) -> Tuple[str, ...]:
        return self.blocks[-1].outputs


Item = Union[Statement, Block, Stage]


def statements_of(item: Item) -> Tuple[Statement, ...]:
    """All that an item computes."""
    if isinstance(item, Stage):
        return tuple(s for block in item.blocks for s in block.statements)
    return item.statements if isinstance(item, Block) else (item,)


def blocks_of(item: Item) -> Tuple[Block, ...]:
    """The blocks in an item."""
    if isinstance(item, Stage):
        return item.blocks
    return (item,) if isinstance(item, Block) else ()
