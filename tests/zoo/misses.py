"""Models that are known not to convert or not to verify, and why.

A row that passes fails the suite, so that none outlives its reason.
"""

from __future__ import annotations

from typing import Dict, List, Mapping

#: model -> target -> one line.
MISSES: Dict[str, Dict[str, str]] = {
    "mask_rcnn_fpn_syncbn_resnet18_v1b_coco": {
        "onnx": "float32 only: a slice of few large boxes is 4.1 times as noisy as MXNet's, and "
        "4 are allowed; the tensor that it is cut from is within"
    },
}


def disagreements(model: str, found: Mapping[str, str]) -> str:
    """What fails and should not, and what should fail and does not."""
    expected = MISSES.get(model, {})
    lines = [f"{target}: {reason}" for target, reason in found.items() if target not in expected]
    return "\n".join([*lines, *outlived(model, found)])


def outlived(model: str, found: Mapping[str, str]) -> List[str]:
    """The rows that are not needed any more."""
    return [
        f"{target} passes: delete its row in misses.py ({reason})"
        for target, reason in MISSES.get(model, {}).items()
        if target not in found
    ]
