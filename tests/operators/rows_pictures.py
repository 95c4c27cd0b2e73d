"""Gluon's transforms of pictures."""

from __future__ import annotations

from hypothesis import strategies as st

from .case import MOVABLE, Case, Data, DrawFn, Row, attributes, uniform, whole

NUMBERS = st.floats(0.125, 2, width=32)


def draw_to_tensor(draw: DrawFn) -> Case:
    shape = tuple(draw(st.integers(1, n)) for n in (3, 5, 5, 3))[draw(st.integers(0, 1)) :]
    return Case("_image_to_tensor", (Data(shape, whole(0, 128), draw(st.sampled_from(MOVABLE))),))


def draw_normalize(draw: DrawFn) -> Case:
    channels = draw(st.sampled_from([1, 3]))
    counts = {name: draw(st.sampled_from([1, channels])) for name in ("mean", "std")}
    stated = {name: st.tuples(*(NUMBERS,) * count) for name, count in counts.items()}
    attrs = attributes(draw, "_image_normalize", **stated)
    shape = (channels, draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    several = (draw(st.integers(1, 3)),) if draw(st.booleans()) else ()
    return Case("_image_normalize", (Data((*several, *shape), fixed=(len(several),)),), attrs)


def draw_crop(draw: DrawFn) -> Case:
    begin, size = ([draw(st.integers(least, 4)) for _ in range(2)] for least in (0, 1))
    attrs = {"x": begin[0], "y": begin[1], "width": size[0], "height": size[1]}
    height, width = (begin[a] + size[a] + draw(st.integers(0, 3)) for a in (1, 0))
    several = (draw(st.integers(1, 3)),) if draw(st.booleans()) else ()
    shape = (*several, height, width, draw(st.sampled_from([1, 3])))
    return Case("_image_crop", (Data(shape, fixed=(len(shape) - 1,)),), attrs)


STATED = "MXNet's defaults, of 4 numbers, fit no picture"
PICTURE = Data((8, 6, 3), whole(0, 256), "uint8")
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
ROWS = [
    Row("_image_to_tensor", draw_to_tensor, {"a picture": Case("_image_to_tensor", (PICTURE,))}),
    Row(
        "_image_normalize",
        draw_normalize,
        {"ImageNet": Case("_image_normalize", (Data((2, 3, 5, 4), uniform(0, 1)),), IMAGENET)},
        dict.fromkeys(IMAGENET, STATED),
    ),
    Row("_image_crop", draw_crop),
]
