"""Boxes: how they are encoded, how much they share, and which belong together."""

import torch


def box_decode(data, anchors, std0=1.0, std1=1.0, std2=1.0, std3=1.0, clip=-1.0, format="center"):
    """(B, N, 4), (1, N, 4) -> (B, N, 4): corners of the boxes that lie so far from the anchors."""
    center, size = anchors.split(2, -1)
    if format == "corner":
        size = size - center
        center = center + size * 0.5
    moved, grown = (data * data.new_tensor([std0, std1, std2, std3])).split(2, -1)
    center = moved * size + center
    grown = grown.clamp(max=clip) if clip > 0 else grown
    half = grown.exp() * size * 0.5
    return torch.cat([center - half, center + half], -1).detach()  # as MXNet: no gradient


def box_iou(lhs, rhs, format="corner"):
    """(*L, 4), (*R, 4) -> (*L, *R): what two boxes share, as a part of their union."""
    a, b = lhs.reshape(-1, 1, 4), rhs.reshape(1, -1, 4)
    (a_first, a_last), (b_first, b_last) = a.split(2, -1), b.split(2, -1)
    a_sides, b_sides = a_last - a_first, b_last - b_first
    if format == "center":
        a_sides, b_sides = a_last, b_last
        a_first, a_last = a_first - a_sides / 2, a_first + a_sides / 2
        b_first, b_last = b_first - b_sides / 2, b_first + b_sides / 2
    sides = (torch.minimum(a_last, b_last) - torch.maximum(a_first, b_first)).clamp(min=0)
    shared = sides.prod(-1)
    union = a_sides.clamp(min=0).prod(-1) + b_sides.clamp(min=0).prod(-1) - shared
    part = torch.where(shared > 0, shared / union, 0)
    return part.reshape(lhs.shape[:-1] + rhs.shape[:-1]).detach()  # as MXNet: no gradient


def box_encode(samples, matches, anchors, refs, means, stds):
    """How far each anchor's reference lies from it, and whether it counts: (B, N, 4) both.

    samples, matches: (B, N), anchors: (B, N, 4), refs: (B, M, 4), means, stds: (4).
    """
    places = matches.long().clamp(min=0)[..., None].expand(-1, -1, 4)
    first, last = refs.gather(1, places).split(2, -1)
    own_first, own_last = anchors.split(2, -1)
    size, own_size = last - first, own_last - own_first
    apart = first + size * 0.5 - (own_first + own_size * 0.5)
    offsets = (torch.cat([apart / own_size, (size / own_size).log()], -1) - means) / stds
    offsets = offsets.detach()  # as MXNet: no gradient
    valid = (samples > 0.5)[..., None].expand_as(anchors)
    return torch.where(valid, offsets, 0), valid.to(anchors.dtype)


def bipartite_matching(data, threshold, is_ascend=False, topk=-1):
    """(..., R, C) -> (..., R), (..., C): the column of each row and the row of each column.

    The best pair first, then the best of what is left; -1 is none.
    """
    rows, columns = data.shape[-2:]
    scores = data.reshape(-1, rows, columns)
    if is_ascend:
        scores, threshold = -scores, -threshold
    column_of = torch.full_like(scores[:, :, 0], -1)
    row_of = torch.full_like(scores[:, 0], -1)
    for _ in range(min(rows, columns, topk + 1 if topk > 0 else rows)):
        best, place = scores.flatten(1).max(1)
        for batch in (best > threshold).nonzero()[:, 0].tolist():
            row, column = divmod(place[batch].item(), columns)
            column_of[batch, row], row_of[batch, column] = column, row
        taken = torch.zeros_like(scores, dtype=torch.bool)
        taken |= (torch.arange(rows, device=data.device) == (place // columns)[:, None])[:, :, None]
        taken |= (torch.arange(columns, device=data.device) == (place % columns)[:, None])[:, None]
        scores = scores.masked_fill(taken, -torch.inf)
    return column_of.reshape(data.shape[:-1]), row_of.reshape((*data.shape[:-2], columns))
