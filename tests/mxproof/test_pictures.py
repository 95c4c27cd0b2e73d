"""Picture files -> what a network takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Optional, Tuple

import numpy as np
import pytest
from PIL import Image

from converters.preprocessing import Preprocessing
from mxproof.errors import UsageError
from mxproof.inputs.pictures import picture_input, read_picture

FREE = ("N", 3, "H", "W")


@pytest.fixture
def pixels() -> np.ndarray:
    """(8, 12, 3): every pixel another."""
    return np.random.default_rng(0).integers(0, 256, (8, 12, 3)).astype(np.uint8)


def save(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "jpg"])
def test_a_picture_keeps_its_pixels(tmp_path: Path, pixels: np.ndarray, suffix: str) -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    shown = red if suffix == "jpg" else pixels  # what JPEG keeps within 3
    array = picture_input([save(tmp_path / f"a.{suffix}", shown)], Preprocessing(), "data", FREE)
    gap = np.abs(array - shown.transpose(2, 0, 1)[None].astype(float)).max()
    assert gap <= 3 * (suffix == "jpg")


def test_transparency_and_palettes_become_colours(tmp_path: Path, pixels: np.ndarray) -> None:
    image = Image.fromarray(pixels).quantize(96)
    image.save(tmp_path / "palette.png")
    (frame,) = read_picture(tmp_path / "palette.png", Preprocessing(), None)
    assert np.array_equal(frame, np.asarray(image.convert("RGB")))
    (grey,) = read_picture(tmp_path / "palette.png", Preprocessing(channels="GRAY"), None)
    assert grey.shape == (8, 12, 1)


def test_the_middle_is_cut_out(tmp_path: Path, pixels: np.ndarray) -> None:
    """Where nothing has to be scaled, the pixels themselves."""
    file = save(tmp_path / "a.png", pixels)
    array = picture_input([file], Preprocessing(), "data", ("N", 3, 8, 6))
    assert np.array_equal(array[0].transpose(1, 2, 0), pixels[:, 3:9])
    cut = Preprocessing(size=(4, 4), resize=8)
    array = picture_input([file], cut, "data", FREE)
    assert np.array_equal(array[0].transpose(1, 2, 0), pixels[2:6, 4:8])


def test_scaling_covers_the_size_and_keeps_proportions(tmp_path: Path) -> None:
    """Left third black, right third white: both edges show in a stretched picture only."""
    stripes = np.full((10, 30, 3), 128, np.uint8)
    stripes[:, :10], stripes[:, 20:] = 0, 255
    file = save(tmp_path / "a.png", stripes)
    shape = ("N", 3, 20, 20)
    covered = picture_input([file], Preprocessing(), "data", shape)
    assert covered[0, 0, :, 2:-2] == pytest.approx(np.full((20, 16), 128.0), abs=1)
    stretched = picture_input([file], Preprocessing(crop="none"), "data", shape)
    assert stretched[0, 0, :, 0].max() == 0
    assert stretched[0, 0, :, -1].min() == 255


#: (height, width) of pixels 0, 37, 74, … modulo 256 -> what the OpenCV in MXNet 1.9.1 makes of
#: them: `mx.image.imresize(pixels, width, height, interp=1)`.
OPENCV = {
    (4, 6): [[35, 59, 114, 170], [182, 46, 69, 125], [169, 192, 24, 79]],
    (3, 4): [
        *([0, 13, 34, 55, 77, 98, 111], [59, 72, 93, 115, 128, 91, 68]),
        *([148, 161, 182, 204, 206, 81, 3], [83, 96, 117, 139, 152, 115, 92]),
        [40, 53, 74, 95, 117, 138, 151],
    ],
    (8, 8): [[64, 163, 41], [171, 78, 112], [57, 120, 212]],
}


@pytest.mark.parametrize("shape", OPENCV)
def test_a_picture_is_scaled_as_opencv_does(tmp_path: Path, shape: Tuple[int, int]) -> None:
    """Byte for byte; and within one of the definition: new centres at (i + 0.5) * scale - 0.5,
    between two by two old ones, those beyond the edge being the edge."""
    expected = np.array(OPENCV[shape])
    pixels = (np.arange(shape[0] * shape[1]) * 37 % 256).astype(np.uint8).reshape(shape)
    file = save(tmp_path / "a.png", pixels)
    how = Preprocessing(expected.shape, crop="none", channels="GRAY", interpolation="opencv")
    found = picture_input([file], how, "data", ("N", 1, "H", "W"))[0, 0]
    assert np.array_equal(found, expected)
    lines = pixels.astype(float)
    for axis, (before, after) in enumerate(zip(shape, expected.shape)):
        places = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
        hats = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(before)))
        lines = np.moveaxis(np.tensordot(hats, lines, (1, axis)), 0, axis)
    assert np.abs(found - lines).max() <= 1
    smooth = picture_input(
        [file], replace(how, interpolation="bilinear"), "data", (1, 1, None, None)
    )
    assert not np.array_equal(smooth[0, 0], expected)


def test_a_picture_lies_as_its_camera_says(tmp_path: Path, pixels: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    file = save(tmp_path / "a.png", pixels, exif=exif)
    (frame,) = read_picture(file, Preprocessing(), None)
    assert np.array_equal(frame, np.rot90(pixels, -1))


@pytest.fixture
def animated(tmp_path: Path) -> Path:
    """Six frames, each of one grey."""
    frames = [Image.new("RGB", (5, 4), (40 * i,) * 3) for i in range(6)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    return tmp_path / "a.gif"


@pytest.mark.parametrize(
    ("length", "greys"),
    [
        ("T", [0, 40, 80, 120, 160, 200]),
        (3, [0, 80, 160]),
        (12, [0, 0, 40, 40, 80, 80, 120, 120, 160, 160, 200, 200]),
    ],
)
def test_an_animation_is_a_clip(animated: Path, length: Any, greys: Any) -> None:
    clip = picture_input([animated], Preprocessing(), "data", ("N", 3, length, "H", "W"))
    assert clip.shape == (1, 3, len(greys), 4, 5)
    assert np.array_equal(clip[0, 0, :, 0, 0], greys)


def test_one_picture_stands_still(tmp_path: Path, pixels: np.ndarray) -> None:
    file = save(tmp_path / "a.png", pixels)
    clip = picture_input([file], Preprocessing(), "data", ("N", 3, "T", "H", "W"))
    assert clip.shape == (1, 3, 16, 8, 12)
    assert (clip == clip[:, :, :1]).all()


@pytest.mark.parametrize(("batch", "count"), [("N", 2), (2, 2), (4, 4)])
def test_pictures_fill_a_batch(tmp_path: Path, pixels: np.ndarray, batch: Any, count: int) -> None:
    files = [save(tmp_path / f"{i}.png", pixels // (i + 1)) for i in range(2)]
    array = picture_input(files, Preprocessing(), "data", (batch, 3, "H", "W"))
    assert len(array) == count
    for i in range(count):
        assert np.array_equal(array[i].transpose(1, 2, 0), pixels // (i % 2 + 1))


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (None, "input 'data' has shape ?"),
        (("N", 10), "a picture is (N, 3, H, W)"),
        (("N", 1, "H", "W"), "choose --channels"),
        ((3, 3, "H", "W"), "takes 3 at a time, got 2 pictures"),
        (("N", 3, 5, 5), "--size 4x4: input 'data' has shape Nx3x5x5"),
    ],
)
def test_what_no_picture_fits_is_refused(
    tmp_path: Path, pixels: np.ndarray, shape: Optional[Tuple[Any, ...]], said: str
) -> None:
    files = [save(tmp_path / f"{i}.png", pixels) for i in range(2)]
    with pytest.raises(UsageError) as caught:
        picture_input(files, Preprocessing(size=(4, 4)), "data", shape)
    assert said in str(caught.value)


def test_pictures_of_several_sizes_need_one(tmp_path: Path, pixels: np.ndarray) -> None:
    files = [save(tmp_path / "a.png", pixels), save(tmp_path / "b.png", pixels[:6])]
    with pytest.raises(UsageError, match=r"6x12, 8x12. Give --size HxW"):
        picture_input(files, Preprocessing(), "data", FREE)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, None])
def test_what_is_no_picture_is_an_error(
    tmp_path: Path, pixels: np.ndarray, content: Optional[bytes]
) -> None:
    """None: a picture that ends in its middle. A file that does not exist: docs/errors.md."""
    whole = save(tmp_path / "a.png", pixels).read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(UsageError, match=r"b.png: not a picture that can be read"):
        read_picture(tmp_path / "b.png", Preprocessing(), None)
