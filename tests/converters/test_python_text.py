"""Foreign words on their way into source: none becomes code, and the layout is ruff's."""

from __future__ import annotations

import ast
import builtins
import keyword
import subprocess
import sys
from typing import Any, List

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from converters.python_text import (
    RESERVED,
    VARIABLES,
    Argument,
    class_name,
    identifier,
    indented,
    literal,
    prose,
    with_comment,
    wrap,
)

text = st.text() | st.text(st.characters(categories=["Cs", "Nd", "Pc", "Cc"]))
HOSTILE = (
    *("", "_", "__init__", "_modules", "__class__", "forward", "training", "self", "None"),
    *("lambda", "x", "x_", "9lives", "a\0b", "\ud800", "a\nb", "a\rb", "a\u2028b", "\\", '\\"'),
    "\u0661\u0662",  # digits, but not ASCII's
    "\u03c7",  # looks like x
    "\uff53elf",  # NFKC-normalised by the compiler to `self`
    *('"""', "'''", "{class_name}", "%s", "\\N{BULLET}", "# -*- coding: rot13 -*-"),
    *('"); import os; os.system("x") #', '"""\nimport os\n"""'),
)


@given(text)
@pytest.mark.parametrize("fixed", HOSTILE)
def test_identifier(fixed: str, name: str) -> None:
    taken: List[str] = []
    for word in (fixed, name, fixed, fixed + name):
        found = identifier(word, taken)
        assert found.isascii()
        assert found.isidentifier()
        assert not keyword.iskeyword(found)
        assert found not in RESERVED
        assert found not in VARIABLES
        assert not found.startswith("_")
        assert found not in taken
        taken.append(found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stage1_unit1_conv1", "stage1_unit1_conv1"),
        ("conv0_fwd", "conv0"),
        ("layer.0/conv", "layer_0_conv"),
        ("7x7", "n7x7"),
        ("float", "float_"),
        ("x", "x_"),
        ("_plus0", "plus0"),
        ("", "n"),
    ],
)
def test_readable_names_stay(name: str, expected: str) -> None:
    assert identifier(name) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["resnet18"], "Resnet18"),
        (["i3d", "resnet50"], "I3dResnet50"),
        (["18"], "Net18"),
        ([], "Net"),
        (["none"], "NetNone"),
        (["path"], "NetPath"),
        (["f"], "NetF"),
        (["unit"], "Unit3"),
    ],
)
def test_class_name(words: List[str], expected: str) -> None:
    assert class_name(words, ("Unit", "Unit2")) == expected
    assert not hasattr(builtins, expected)


numbers = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.one_of(numbers, text, st.tuples(numbers, numbers)))
@example('a"b\\')
def test_literal(value: Any) -> None:
    source = literal(value)
    assert source.isascii()
    assert repr(ast.literal_eval(source)) == repr(value)  # tells True from 1 and -0.0 from 0.0


@pytest.mark.parametrize("value", [None, [1], 1j, b"x", object(), float("nan"), float("inf")])
def test_what_has_no_literal(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="is no literal|has no literal"):
        literal(value)


def test_an_argument_is_its_name() -> None:
    assert literal(Argument("in_channels")) == "in_channels"


@given(text)
@pytest.mark.parametrize("fixed", HOSTILE)
def test_prose_ends_neither_a_comment_nor_a_docstring(fixed: str, name: str) -> None:
    said = prose(fixed + name)
    assert said.isascii()
    tree = ast.parse(f'"""{said}\n"""\nx = 1  # {said}\ny = 2\n')
    assert [type(s).__name__ for s in tree.body] == ["Expr", "Assign", "Assign"]
    lines = with_comment("x = 1", fixed + name, 30)
    assert ast.dump(ast.parse("\n".join(lines))) == ast.dump(ast.parse("x = 1"))
    assert len(lines) <= 2


SIZES = "in_channels, mid_channels, kernel_size, padding, stride, out_channels"
LINES = [
    "self.conv = nn.Conv2d(3, 64, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)",
    "self.sc = nn.Conv2d(in_channels, out_channels, kernel_size=(1, 1), stride=stride, bias=False)",
    f"self.conv = nn.Conv2d({SIZES}, dilation=(1, 1), groups=groups, bias=False)",
    "self.stage1_unit1_with_quite_a_long_name_for_one_line = Unit(64, 64, (1, 1), 256, 12, 1)",
    f"def __init__(self, {SIZES}, groups, channels):",
    f"def __init__(self, {SIZES}, groups, channels, dilation):",
    f"def forward(self, {', '.join(f'input{i}' for i in range(30))}):",
    f"x = torch.cat([{', '.join(f'v{i}' for i in range(18))}], 1)",
    f"x = torch.cat([{', '.join(f'v{i}' for i in range(20))}], 1)",
    f"x = torch.cat([{', '.join(f'v{i}' for i in range(40))}], 1)",
    "x = x.reshape(x.shape[0] * x.shape[1], x.shape[2] // 256, x.shape[3] * x.shape[4], 8, -1)",
    f"return {', '.join(f'v{i}' for i in range(40))}",
    "return x, y",
    "x = self.short(x)",
]


def statement(line: str) -> str:
    """What the compiler makes of a line: a head needs a body, a `return` a function."""
    body = f"{line}\n pass" if line.startswith("def") else line.replace("return ", "x = ")
    return ast.dump(ast.parse(body))


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("width", [92, 96, 60])
def test_wrap_keeps_the_code_and_the_width(line: str, width: int) -> None:
    lines = wrap(line, width)
    assert max(map(len, lines)) <= width or width == 60
    assert statement("\n".join(lines)) == statement(line)
    assert len(lines) > 1 or len(line) <= width


def test_wrap_is_what_ruff_does() -> None:
    pytest.importorskip("ruff", reason="needs ruff, whose layout is the measure")
    parts = []
    for i, line in enumerate(LINES):
        head = line if line.startswith("def") else "def forward(self):"
        body = "pass" if line.startswith("def") else line
        lines = [*indented(wrap(head, 96), 1), *indented(wrap(body, 92), 2)]
        parts.append("\n".join([f"class C{i}:", *lines, ""]))
    source = "\n\n".join(parts)
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=True)
    assert done.stdout == source
