"""Boxes and their scores."""

import torch


def overlaps(corners, areas, place, extent=0.0):
    """(B, K, 4), (B, K) and the place of a box, (B, 1) -> (B, K): what each shares with it.

    As a part of their union; `extent` is added to the length of a side.
    """
    box = corners.take_along_dim(place[..., None], 1)
    sides = torch.minimum(corners[..., 2:], box[..., 2:])
    sides = (sides - torch.maximum(corners[..., :2], box[..., :2]) + extent).clamp(min=0)
    shared = sides[..., 0] * sides[..., 1]
    return shared / (areas.take_along_dim(place, 1) + areas - shared)


def suppress(remaining, strikes, most=None):
    """Boxes in order of their scores, bool (B, K) -> those that no better one strikes out.

    strikes: the place of a box, (B, 1) -> bool (B, K). At most `most` are kept.
    """
    kept = torch.zeros_like(remaining)
    places = torch.arange(remaining.shape[1], device=remaining.device)
    number = 0
    while remaining.any() and number != most:
        best = remaining.int().argmax(1, keepdim=True)
        chosen = places == best
        kept |= chosen & remaining
        remaining = remaining & ~chosen & ~strikes(best)
        number += 1
    return kept


def box_nms(
    data,
    overlap_thresh=0.5,
    valid_thresh=0.0,
    topk=-1,
    coord_start=2,
    score_index=1,
    id_index=-1,
    background_id=-1,
    force_suppress=False,
    in_format="corner",
    out_format="corner",
):
    """(..., N, W) -> same: the boxes that no better one overlaps, best first, then rows of -1."""
    table = data.reshape(-1, *data.shape[-2:])
    scores = table[..., score_index]
    valid = scores > valid_thresh
    if id_index >= 0:
        valid &= table[..., id_index] != background_id
    order = scores.masked_fill(~valid, -torch.inf).sort(dim=1, descending=True, stable=True).indices
    order = order[:, :topk] if topk > 0 else order
    rows = table.take_along_dim(order[..., None], 1)
    first, second = rows[..., coord_start : coord_start + 4].split(2, -1)
    if in_format == "center":
        first, second = first - second / 2, first + second / 2
        sides = rows[..., coord_start + 2 : coord_start + 4]
    else:
        sides = second - first
    areas = sides.clamp(min=0).prod(-1)
    apart = id_index >= 0 and not force_suppress
    classes = rows[..., id_index].int() if apart else torch.zeros_like(order)
    corners = torch.cat([first, second], -1)

    def strikes(best):
        found = overlaps(corners, areas, best) > overlap_thresh
        return found & (classes == classes.take_along_dim(best, 1))

    kept = suppress(valid.take_along_dim(order, 1), strikes)
    order = (~kept).int().argsort(dim=1, stable=True)
    rows = rows.take_along_dim(order[..., None], 1)
    rows = torch.where(
        kept.sum(1)[:, None, None] > torch.arange(rows.shape[1], device=rows.device)[:, None],
        rows,
        -1,
    )
    if in_format != out_format:
        box = rows[..., coord_start : coord_start + 4]
        a, b = box.split(2, -1)
        center = [(a + b) / 2, b - a] if out_format == "center" else [a - b / 2, a + b / 2]
        changed = torch.where(box[..., :1] >= 0, torch.cat(center, -1), box)
        rows = torch.cat([rows[..., :coord_start], changed, rows[..., coord_start + 4 :]], -1)
    result = torch.full_like(table, -1)
    result[:, : rows.shape[1]] = rows
    return result.reshape(data.shape)
