"""How cases of an operator are drawn."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Callable, Literal, Mapping, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from converters.operators import REGISTRY
from converters.operators.attributes import Single

from .case import MAGNITUDES, MOVABLE, Case, Data, Shape, normal, whole

DrawFn = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Draw:
    """Hypothesis's `draw`, for one operator, with what rows draw often."""

    op: str
    draw: DrawFn

    def __call__(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self.draw(strategy)

    def flag(self) -> bool:
        return self.draw(st.booleans())

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def choice(self, *values: Any) -> Any:
        return self.draw(st.sampled_from(values))

    def shape(self, rank: Union[int, tuple[int, int]], low: int = 1, high: int = 6) -> Shape:
        """A shape with `rank` (or from, to) dimensions of low to high."""
        first, last = (rank, rank) if isinstance(rank, int) else rank
        sizes = self.draw(st.lists(st.integers(low, high), min_size=first, max_size=last))
        if sizes and low <= 3 <= high and self.flag():
            sizes[0] = 3  # a batch of more than the two on which the axes of pictures are tried
        return tuple(sizes)

    def sizes(self, *most: int) -> Shape:
        """A shape with sizes from 1 to these."""
        return tuple(self.number(1, size) for size in most)

    def axis(self, shape: Shape) -> int:
        """Any of the axes, counted from either side."""
        return self.number(-len(shape), len(shape) - 1)

    def moved(self, shape: Shape, fixed: Shape = (1,)) -> Data:
        """An input of any type, for operators that compute nothing."""
        dtype = self.choice("float32", "float32", "float32", *MOVABLE)
        return Data(shape, normal if dtype == "float32" else whole(0, 100), dtype, fixed)

    def attrs(self, **narrowed: Any) -> dict[str, Any]:
        """Draw attributes by their annotations; often one with a default is left out.

        Args:
            narrowed: attribute -> a strategy or a value, instead. None leaves it out.
        """
        cls = REGISTRY[self.op]
        hints = get_type_hints(cls)
        values: dict[str, Any] = {}
        for entry in dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ():
            if entry.name in narrowed:
                given = narrowed[entry.name]
                value = self.draw(given) if isinstance(given, st.SearchStrategy) else given
            elif entry.default is not dataclasses.MISSING and self.flag():
                continue
            else:
                value = self.draw(by_type(hints[entry.name], f"{self.op}.{entry.name}"))
            if value is not None:
                values[entry.name] = value
        return values


def by_type(kind: Any, where: str) -> st.SearchStrategy[Any]:
    """Values of an annotated type."""
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if get_origin(kind) is Union:
        return st.one_of(
            *(st.none() if k is type(None) else by_type(k, where) for k in get_args(kind))
        )
    if kind is bool:
        return st.booleans()
    if kind in (float, Single):
        return st.floats(-2, 2, width=32).map(lambda x: round(x, 3))
    raise TypeError(f"{where}: say what to draw, its type allows too much")


@dataclass(frozen=True)
class Row:
    """How one operator is tried.

    Attributes:
        make: draws a case.
        narrowed: what is not drawn, though the declaration takes it -> the reason.
        no_onnx: why the operator cannot be converted to ONNX at all.
        counted: the sizes of the result depend on the inputs' numbers.
        examples: cases that must be tried whatever is drawn, by name: corners and traps.
    """

    op: str
    make: Callable[[Draw], Case]
    narrowed: Mapping[str, str] = field(default_factory=dict)
    no_onnx: str = ""
    counted: bool = False
    examples: dict[str, Case] = field(default_factory=dict)

    def draw(self, draw: DrawFn) -> Case:
        """What the row draws, with numbers of other magnitudes where it draws normal ones, and
        often without the attributes that it draws as they are by default."""
        made, magnitudes = self.make(Draw(self.op, draw)), st.sampled_from(MAGNITUDES)
        inputs = tuple(
            dataclasses.replace(given, values=draw(magnitudes))
            if isinstance(given, Data) and given.values is normal
            else given
            for given in made.inputs
        )
        cls, leave_out = REGISTRY[self.op], draw(st.booleans())
        fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
        usual = {f.name: f.default for f in fields if leave_out and f.name != "num_args"}
        attrs = {k: v for k, v in made.attrs.items() if k not in usual or usual[k] != v}
        return dataclasses.replace(made, op=self.op, inputs=inputs, attrs=attrs)


#: Of all operators, by name; all_rows.py fills it.
ROWS: dict[str, Row] = {}


def row(
    *ops: str, no_onnx: str = "", counted: bool = False, **narrowed: str
) -> Callable[[Callable[[Draw], Case]], Callable[[Draw], Case]]:
    """Declare that the function below draws the cases of these operators.

    Args:
        narrowed: attribute or input -> why it is not drawn, or not in all its values.
    """

    def declare(make: Callable[[Draw], Case]) -> Callable[[Draw], Case]:
        for op in ops:
            assert op not in ROWS, f"two rows for {op}"
            ROWS[op] = Row(op, make, narrowed, no_onnx, counted)
        return make

    return declare
