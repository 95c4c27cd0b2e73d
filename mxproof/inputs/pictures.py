"""Read picture files as inputs of a network."""

from __future__ import annotations

import math
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Tuple

import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from converters import Value
from converters.ir.input_sizes import DEFAULT_SIZES
from converters.ir.shapes import Shape, show
from converters.preprocessing import CHANNELS, Floats, Pixels, Preprocessing

from ..errors import UsageError
from ..model import Model
from .interpolation import resized

READ = "BMP, PNG, JPEG, GIF, WebP, TIFF"


def picture_input(
    files: Sequence[Path], preprocessing: Preprocessing, name: str, shape: Shape
) -> Floats:
    """Pictures -> (N, C, H, W), one each; or one clip (1, C, T, H, W) of them.

    The frames of a clip are the pictures, or those of one animated file; a single still picture
    stands still. A batch that the network fixes is filled by repeating the pictures.

    Args:
        name, shape: of the network's input.

    Raises:
        UsageError: the network takes no pictures of that kind, or a file cannot be read.
    """
    depth = CHANNELS[preprocessing.channels]
    if shape is None or len(shape) not in (4, 5) or shape[1] not in (depth, None):
        raise UsageError(
            f"--image: input {name!r} has shape {show(shape)}; a picture is (N, {depth}, H, W), "
            f"a clip (N, {depth}, T, H, W). Give the numbers: --npy {name}=FILE, or choose "
            "--channels."
        )
    height, width = (d if isinstance(d, int) else None for d in shape[-2:])
    size = preprocessing.size or ((height, width) if height and width else None)
    if size and (height or size[0], width or size[1]) != tuple(size):
        raise UsageError(
            f"--size {size[0]}x{size[1]}: input {name!r} has shape {show(shape)}. Leave "
            "--size out, or give that size."
        )
    frames = [f for file in files for f in read_picture(file, preprocessing, size)]
    sizes = sorted({show(f.shape[:2]) for f in frames})
    if len(sizes) > 1:
        raise UsageError(f"the pictures have different sizes: {', '.join(sizes)}. Give --size HxW.")
    array = preprocessing.array(np.stack(frames))
    if len(shape) == 5:
        array = _clip(array, shape[2])[None]
    return _batch(array, shape[0], name)


def pictures_for(
    subject: Model,
    files: Sequence[Path],
    value: Value,
    preprocessing: Optional[Preprocessing] = None,
    given: Optional[Mapping[str, Shape]] = None,
) -> List[Floats]:
    """What one of the network's inputs gets: an array for each picture, or one clip of them.

    Args:
        given: shapes that the user states, before those that the network leaves free.
        preprocessing: None for that which the network has on record, or none at all.

    Raises:
        UsageError: see `picture_input`.
    """
    shape = (given or {}).get(value.name) or value.shape
    how = preprocessing or subject.preprocessing or Preprocessing()
    batch = shape[0] if shape is not None and len(shape) == 4 else 0
    one_each = batch == 1 or not isinstance(batch, int)
    groups = [[file] for file in files] if one_each else [files]
    return [picture_input(group, how, value.name, shape) for group in groups]


def _clip(frames: Floats, length: object) -> Floats:
    """(F, C, H, W) -> (C, T, H, W): frames at even distances, or one that stands still."""
    default = DEFAULT_SIZES["T"] if len(frames) == 1 else len(frames)
    wanted = length if isinstance(length, int) else default
    chosen = (np.arange(wanted) * len(frames)) // wanted
    return np.ascontiguousarray(frames[chosen].swapaxes(0, 1))


def _batch(array: Floats, count: object, name: str) -> Floats:
    if not isinstance(count, int) or count == len(array):
        return array
    if count % len(array):
        raise UsageError(
            f"input {name!r} takes {count} at a time, got {len(array)} pictures. Give {count}, or "
            "a number that divides it."
        )
    return np.concatenate([array] * (count // len(array)))


def read_picture(
    file: Path, preprocessing: Preprocessing, size: Optional[Tuple[int, int]]
) -> List[Pixels]:
    """A file -> its frames, each (H, W, 3) RGB, or (H, W, 1) where grey is wanted; upright.

    Args:
        size: (height, width) that they are brought to; None leaves them as they are.

    Raises:
        UsageError: no such file, or not a picture.
    """
    if file.is_dir():
        raise UsageError(f"--image {file}: is a folder. Name the files in it: {file / '*'}.")
    try:
        with Image.open(file) as image:
            return [_pixels(frame, preprocessing, size) for frame in ImageSequence.Iterator(image)]
    except FileNotFoundError:
        raise UsageError(f"--image {file}: no such file.") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        why = "is none" if isinstance(error, UnidentifiedImageError) else str(error)
        raise UsageError(
            f"--image {file}: not a picture that can be read ({why}); read are: {READ}."
        ) from None


def _pixels(
    image: Image.Image, preprocessing: Preprocessing, size: Optional[Tuple[int, int]]
) -> Pixels:
    upright = ImageOps.exif_transpose(image) or image
    flat = upright.convert("L" if preprocessing.channels == "GRAY" else "RGB")
    pixels: Pixels = np.asarray(flat if size is None else _scaled(flat, preprocessing, *size))
    return pixels.reshape(*pixels.shape[:2], -1)


def _scaled(
    image: Image.Image, preprocessing: Preprocessing, height: int, width: int
) -> Image.Image:
    """To height x width."""
    method = preprocessing.interpolation
    if preprocessing.crop == "none":
        return resized(image, width, height, method)
    covering = max(width / image.width, height / image.height)
    factor = preprocessing.resize / min(image.size) if preprocessing.resize else covering
    across = max(width, math.floor(image.width * factor + 0.5))
    down = max(height, math.floor(image.height * factor + 0.5))
    scaled = resized(image, across, down, method)
    left, top = (across - width) // 2, (down - height) // 2
    return scaled.crop((left, top, left + width, top + height))
