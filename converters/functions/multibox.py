"""The boxes of single-shot detectors: anchors, and what is detected of them."""

import torch

from .detection import overlaps, suppress


def multibox_prior(
    data, sizes=(1.0,), ratios=(1.0,), clip=False, steps=(-1.0, -1.0), offsets=(0.5, 0.5)
):
    """(N, C, H, W) -> (1, H * W * A, 4): corners of the anchors of each place.

    Each size with the first ratio, then the first size with the other ratios.
    """
    height, width = data.shape[2:4]
    pairs = [(size, ratios[0]) for size in sizes] + [(sizes[0], ratio) for ratio in ratios[1:]]
    tall = data.new_tensor([size / ratio**0.5 / 2 for size, ratio in pairs])
    wide = data.new_tensor([size * ratio**0.5 / 2 for size, ratio in pairs]) * height / width
    down, across = steps if min(steps) > 0 else (1 / height, 1 / width)
    like = {"dtype": data.dtype, "device": data.device}
    down = (torch.arange(height, **like) + offsets[0])[:, None, None] * down
    across = (torch.arange(width, **like) + offsets[1])[:, None] * across
    sides = torch.broadcast_tensors(across - wide, down - tall, across + wide, down + tall)
    boxes = torch.stack(sides, -1).reshape(1, -1, 4)
    return boxes.clamp(0, 1) if clip else boxes


def multibox_detection(
    cls_prob,
    loc_pred,
    anchor,
    clip=True,
    threshold=0.009999999776482582,
    nms_threshold=0.5,
    force_suppress=False,
    nms_topk=-1,
    variances=(0.10000000149011612, 0.10000000149011612, 0.20000000298023224, 0.20000000298023224),
):
    """cls_prob: (B, C, N), loc_pred: (B, N * 4), anchor: (1, N, 4) -> (B, N, 6).

    Class, score and corners of what is detected, the best first; class -1 is nothing.
    """
    top, kind = cls_prob[:, 1:].max(1)
    valid = (top > -1) & (top >= threshold)
    low, high = anchor.split(2, -1)
    size, middle = high - low, (low + high) / 2
    moved, grown = (loc_pred.unflatten(1, (-1, 4)) * loc_pred.new_tensor(variances)).split(2, -1)
    center, half = moved * size + middle, grown.exp() * size / 2
    boxes = torch.cat([center - half, center + half], -1)
    boxes = boxes.clamp(0, 1) if clip else boxes
    table = torch.cat([kind[..., None], top[..., None], boxes], -1)
    order = (~valid).int().argsort(dim=1, stable=True)
    valid = valid.take_along_dim(order, 1)
    found = torch.where(valid[..., None], table.take_along_dim(order[..., None], 1), -1)
    if not 0 < nms_threshold <= 1:
        return found
    scores = found[..., 1].masked_fill(~valid, -torch.inf)
    order = scores.sort(dim=1, descending=True, stable=True).indices
    order = order[:, :nms_topk] if nms_topk > 0 else order
    rows = found.take_along_dim(order[..., None], 1)
    corners = rows[..., 2:]
    areas = (corners[..., 2:] - corners[..., :2]).prod(-1)
    classes = rows[..., 0] if not force_suppress else torch.zeros_like(rows[..., 0])

    def strikes(best):
        return (overlaps(corners, areas, best) >= nms_threshold) & (
            classes == classes.take_along_dim(best, 1)
        )

    kept = suppress(valid.take_along_dim(order, 1), strikes)
    result = found.clone()
    result[..., 0] = -1
    result[:, : rows.shape[1]] = rows
    result[:, : rows.shape[1], 0] = torch.where(kept, rows[..., 0], -1)
    return result
