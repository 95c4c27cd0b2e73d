from __future__ import annotations

import json
from typing import Any, Dict

import numpy as np
import pytest

from converters import CheckpointError
from converters.preprocessing import Preprocessing

PIXELS = np.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3).astype(np.uint8)


def test_numbers_follow_the_order_of_channels() -> None:
    how = Preprocessing(channels="BGR", scale=0.5, mean=(1, 2, 3), std=(4, 5, 6))
    array = how.array(PIXELS)
    assert (array.shape, array.dtype, array.flags.c_contiguous) == ((2, 3, 4, 5), np.float32, True)
    for channel, (source, mean, std) in enumerate(((2, 1, 4), (1, 2, 5), (0, 3, 6))):
        expected = ((PIXELS[..., source] * 0.5 - mean) / std).astype(np.float32)
        np.testing.assert_array_equal(array[:, channel], expected)


def test_one_number_is_for_all_channels() -> None:
    grey = PIXELS[..., :1]
    array = Preprocessing(channels="GRAY", scale=1 / 255, mean=(0.13,), std=(0.3,)).array(grey)
    assert array.shape == (2, 1, 4, 5)
    np.testing.assert_allclose(array[:, 0], (grey[..., 0] / 255 - 0.13) / 0.3, rtol=1e-6)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (Preprocessing(), "RGB 0..255"),
        (
            Preprocessing((224, 200), 256, "center", "BGR", 1 / 255, (0.1, 0.2, 0.3), (2.0,)),
            "shorter side 256, the middle 224x200, BGR 0..255, times 0.00392156862745098, "
            "less (0.1, 0.2, 0.3), over 2",
        ),
        (Preprocessing((8, 9)), "scaled to cover, the middle 8x9, RGB 0..255"),
        (Preprocessing((8, 9), 9), "shorter side 9, the middle 8x9, RGB 0..255"),
        (Preprocessing((8, 9), crop="none"), "stretched to 8x9, RGB 0..255"),
        (
            Preprocessing((8, 9), interpolation="opencv"),
            "scaled to cover, the middle 8x9, interpolation opencv, RGB 0..255",
        ),
    ],
)
def test_it_survives_as_text_and_says_itself(how: Preprocessing, words: str) -> None:
    assert Preprocessing.from_text(how.to_text()) == how
    assert "\n" not in how.to_text()
    assert ("interpolation" in how.to_text()) == (how.interpolation != "bilinear"), "as before"
    assert str(how) == words


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"channels": "CMYK"}, "channels='CMYK'"),
        ({"crop": "left"}, "crop='left'"),
        ({"interpolation": "box"}, "interpolation='box'; allowed: bilinear, bicubic, lanczos"),
        ({"mean": (1.0, 2.0)}, "mean has 2 numbers"),
        ({"channels": "GRAY", "std": (1.0, 2.0, 3.0)}, "std has 3 numbers"),
        ({"std": (1.0, 0.0, 1.0)}, "neither scale nor a std 0"),
        ({"scale": float("nan")}, "must be finite"),
        ({"mean": (0.0, float("nan"), 0.0)}, "must be finite"),
        ({"std": (float("inf"),)}, "must be finite"),
        ({"size": (0, 3)}, "1 or more"),
        ({"resize": 0}, "1 or more"),
        ({"size": (8, 8), "resize": 7}, "resize=7 is less than the size"),
        ({"size": (8, 12), "resize": 11}, "resize=11 is less than the size"),
        ({"size": (12, 8), "resize": 11}, "resize=11 is less than the size"),
        ({"resize": 8, "crop": "none"}, "crop='center' only"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: Dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Preprocessing(**fields)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", json.dumps({**json.loads(Preprocessing().to_text()), "mean": 3})],
)
def test_a_damaged_record_is_an_error_that_says_what_to_do(text: str) -> None:
    with pytest.raises(CheckpointError, match="State it by --size, --mean"):
        Preprocessing.from_text(text)
