"""Boxes and their scores: which of them are kept, where they lie, and which are proposed."""

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
        return found.detach()
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
    return result.detach()  # as MXNet: no gradient


def anchored_boxes(bbox_pred, im_info, anchors, feature_stride, iou_loss):
    """(B, 4 A, H, W) -> corners (B, H, W, A, 4); which of them the image has; (B, H, W, 1)."""
    height, width = bbox_pred.shape[2:]
    moves = bbox_pred.unflatten(1, (-1, 4)).permute(0, 3, 4, 1, 2)
    rows = torch.arange(height, device=moves.device)[:, None, None]
    columns = torch.arange(width, device=moves.device)[:, None]
    shift = torch.stack(torch.broadcast_tensors(columns, rows), -1).to(moves.dtype)
    shift = torch.cat([shift, shift], -1) * feature_stride
    if iou_loss:
        low, high = (shift + anchors + moves).split(2, -1)
    else:
        first, last = (shift + anchors).split(2, -1)
        size = last - first + 1
        center = moves[..., :2] * size + (first + 0.5 * (size - 1))
        reach = 0.5 * (moves[..., 2:].exp() * size - 1)
        low, high = center - reach, center + reach
    limit = im_info[:, None, None, None, :2]
    real = (limit / feature_stride).int()
    inside = (rows < real[..., 0]) & (columns < real[..., 1])
    ends = (limit - 1).flip(-1)
    low, high = (torch.minimum(end, ends).clamp(min=0) for end in (low, high))
    return torch.cat([low, high], -1), inside


def proposals(
    cls_prob,
    bbox_pred,
    im_info,
    anchors,
    rpn_pre_nms_top_n=6000,
    rpn_post_nms_top_n=300,
    threshold=0.699999988079071,
    rpn_min_size=16,
    feature_stride=16,
    iou_loss=False,
):
    """(B, 2 A, H, W), (B, 4 A, H, W), (B, 3) -> (B * post, 5) of image and corners; scores.

    im_info: height, width and scale of the images; anchors: (A, 4) at the first place.
    """
    boxes, inside = anchored_boxes(bbox_pred, im_info, anchors, feature_stride, iou_loss)
    scores = cls_prob[:, len(anchors) :].permute(0, 2, 3, 1)
    least = rpn_min_size * im_info[:, 2, None, None, None]
    small = (boxes[..., 2:] - boxes[..., :2] + 1 < least[..., None]).any(-1)
    scores = torch.where(inside & ~small, scores, -1).flatten(1)
    half = (least / 2)[..., None]
    grown = torch.cat([boxes[..., :2] - half, boxes[..., 2:] + half], -1)
    boxes = torch.where(small[..., None], grown, boxes).flatten(1, 3)
    scores, order = scores.sort(dim=1, descending=True, stable=True)
    if rpn_pre_nms_top_n > 0:
        scores, order = scores[:, :rpn_pre_nms_top_n], order[:, :rpn_pre_nms_top_n]
    boxes = boxes.take_along_dim(order[..., None], 1)
    areas = (boxes[..., 2:] - boxes[..., :2] + 1).prod(-1)
    kept = suppress(
        torch.ones_like(order, dtype=torch.bool),
        lambda best: overlaps(boxes, areas, best, 1.0) > threshold,
        rpn_post_nms_top_n,
    )
    places = (~kept).int().argsort(dim=1, stable=True)
    again = torch.arange(rpn_post_nms_top_n, device=kept.device) % kept.sum(1, keepdim=True)
    chosen = places.take_along_dim(again, 1)
    images = torch.arange(len(kept), device=kept.device)[:, None, None].expand(*again.shape, 1)
    found = torch.cat([images.to(boxes.dtype), boxes.take_along_dim(chosen[..., None], 1)], -1)
    scores = scores.take_along_dim(chosen, 1).reshape(-1, 1)
    return found.flatten(0, 1).detach(), scores.detach()  # as MXNet: no gradient
