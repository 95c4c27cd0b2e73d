"""Region proposals: the best boxes around fixed anchors, without those that they overlap."""

import torch

from .detection import overlaps, suppress


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
    return found.flatten(0, 1), scores.take_along_dim(chosen, 1).reshape(-1, 1)
