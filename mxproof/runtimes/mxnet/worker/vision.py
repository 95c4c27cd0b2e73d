"""Definitions of operators on boxes; see definitions.py, which says what they are for."""

import numpy as np

from .attributes import always, defines, floats, mxnet, numbers, single, true


@defines("_image_to_tensor")
def to_tensor(attrs, x):
    """Channels before height and width, from 0 to 1."""
    return [np.moveaxis(x, -1, -3) / 255.0]


@defines("_contrib_ROIAlign", when=always)
def roi_align(attrs, data, rois):
    """MXNet's own, and 0 for regions of an image below 0: it leaves their memory as it was."""
    none = rois[:, 0] < 0
    rois = rois.copy()
    rois[:, 0] = rois[:, 0].clip(0, len(data) - 1)
    pooled = mxnet("contrib.ROIAlign", data, rois, **attrs)
    pooled[none] = 0
    return [pooled]


@defines("_contrib_MultiBoxPrior")
def multibox_prior(attrs, x):
    """Each size with the first ratio, then the first size with the other ratios, at each place."""
    height, width = x.shape[2:4]
    sizes, ratios = floats(attrs, "sizes", "(1,)"), floats(attrs, "ratios", "(1,)")
    steps, offsets = floats(attrs, "steps", "(-1, -1)"), floats(attrs, "offsets", "(0.5, 0.5)")
    if min(steps) <= 0:
        steps = [1.0 / height, 1.0 / width]
    pairs = [(size, ratios[0]) for size in sizes] + [(sizes[0], ratio) for ratio in ratios[1:]]
    halves = [(s * height / width * r**0.5 / 2, s / r**0.5 / 2) for s, r in pairs]
    rows, columns = np.indices((height, width))
    middles = np.stack([(columns + offsets[1]) * steps[1], (rows + offsets[0]) * steps[0]], -1)
    ends = [middles[:, :, None] + sign * np.array(halves) for sign in (-1, 1)]
    boxes = np.concatenate(ends, -1).reshape(1, -1, 4)
    return [np.clip(boxes, 0, 1) if true(attrs, "clip") else boxes]


def overlap(box, boxes):
    """What a box shares with each of others, as a part of their union."""
    width, height = np.maximum(
        0, np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    ).T
    shared = width * height
    union = np.prod(box[2:] - box[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared
    return np.divide(shared, union, out=np.zeros_like(union), where=union > 0)


def detected(attrs, scores, places, anchors):
    """Rows of (class, score, corners) of the anchors that show something."""
    kinds, best = scores[1:].argmax(0), scores[1:].max(0)
    variances = floats(attrs, "variances", "(0.1, 0.1, 0.2, 0.2)")
    sizes = anchors[:, 2:] - anchors[:, :2]
    centers = places[:, :2] * variances[:2] * sizes + (anchors[:, :2] + anchors[:, 2:]) / 2
    reach = np.exp(places[:, 2:] * variances[2:]) * sizes / 2
    boxes = np.concatenate([centers - reach, centers + reach], 1)
    boxes = np.clip(boxes, 0, 1) if true(attrs, "clip", "True") else boxes
    shown = (best >= single(attrs, "threshold", 0.01)) & (best > -1)
    return np.concatenate([kinds[:, None], best[:, None], boxes], 1)[shown]


@defines("_contrib_MultiBoxDetection")
def multibox_detection(attrs, cls_prob, loc_pred, anchor):
    """What is detected, without what better ones overlap."""
    limit, most = single(attrs, "nms_threshold", 0.5), int(attrs.get("nms_topk", -1))
    out = np.full((len(cls_prob), anchor.shape[1], 6), -1.0)
    for result, scores, places in zip(out, cls_prob, loc_pred):
        rows = detected(attrs, scores, places.reshape(-1, 4), anchor.reshape(-1, 4))
        if 0 < limit <= 1:
            best = rows[np.argsort(-rows[:, 1], kind="stable")[: most if most > 0 else None]]
            for i, row in enumerate(best):
                others = best[i + 1 :] if row[0] >= 0 else best[:0]
                alike = true(attrs, "force_suppress") | (others[:, 0] == row[0])
                others[alike & (overlap(row[2:], others[:, 2:]) >= limit), 0] = -1
            rows[len(best) :, 0] = -1
            rows[: len(best)] = best
        result[: len(rows)] = rows
    return [out]


def base_anchors(attrs, stride):
    """Corners of the anchors at the first place, rounded as MXNet does."""
    one, half, rows = np.float32(1), np.float32(0.5), []
    for ratio in map(np.float32, floats(attrs, "ratios", "(0.5, 1, 2)")):
        width = np.floor(np.sqrt(np.floor(np.float32(stride * stride) / ratio)) + half)
        for scale in map(np.float32, floats(attrs, "scales", "(4, 8, 16, 32)")):
            w = width * scale
            h = np.floor(w / scale * ratio + half) * scale
            x, y, middle = half * (w - one), half * (h - one), half * np.float32(stride - 1)
            rows.append([middle - x, middle - y, middle + x, middle + y])
    return np.array(rows, np.float64)


def proposed(attrs, scores, moves, info):
    """Rows of (corners, score) of all anchors of one image, place after place."""
    stride = int(attrs.get("feature_stride", 16))
    base, (height, width) = base_anchors(attrs, stride), scores.shape[1:]
    limits = np.array([info[1], info[0]] * 2) - 1
    least = int(attrs.get("rpn_min_size", 16)) * info[2]
    y, x, _ = np.indices((height, width, len(base)))
    boxes = base + np.stack([x, y, x, y], -1) * stride
    moves = moves.reshape(-1, 4, height, width).transpose(2, 3, 0, 1)
    if true(attrs, "iou_loss"):
        boxes = boxes + moves
    else:
        sizes = boxes[..., 2:] - boxes[..., :2] + 1
        centers = moves[..., :2] * sizes + boxes[..., :2] + 0.5 * (sizes - 1)
        reach = 0.5 * (np.exp(moves[..., 2:]) * sizes - 1)
        boxes = np.concatenate([centers - reach, centers + reach], -1)
    boxes = np.clip(boxes, 0, limits)
    small = (boxes[..., 2:] - boxes[..., :2] + 1 < least).any(-1, keepdims=True)
    boxes = boxes + small * np.array([-least, -least, least, least]) / 2
    beyond = (y >= int(info[0] / stride)) | (x >= int(info[1] / stride)) | small[..., 0]
    scores = np.where(beyond, -1, scores[len(base) :].transpose(1, 2, 0))
    return np.concatenate([boxes, scores[..., None]], -1).reshape(-1, 5)


@defines("_contrib_Proposal", "_contrib_MultiProposal", outputs=2)
def proposal(attrs, cls_prob, bbox_pred, im_info):
    """The best boxes of each image, without what better ones overlap."""
    before, after = (
        int(attrs.get("rpn_%s_nms_top_n" % k, d)) for k, d in (("pre", 6000), ("post", 300))
    )
    rois = []
    for number, image in enumerate(zip(cls_prob, bbox_pred, im_info)):
        ranked = sorted(proposed(attrs, *image), key=lambda row: -row[4])
        ranked = np.array(ranked[:before] if before > 0 else ranked)
        ends = ranked[:, :4] + [0, 0, 1, 1]  # a pixel's far side
        kept, struck = [], np.zeros(len(ranked), bool)
        for i in range(len(ranked)):
            if struck[i] or len(kept) == after:
                continue
            kept.append([number, *ranked[i]])
            struck[i + 1 :] |= overlap(ends[i], ends[i + 1 :]) > single(attrs, "threshold", 0.7)
        rois += [kept[i % len(kept)] for i in range(after)]
    rois = np.array(rois)
    return [rois[:, :5], rois[:, 5:]]


def affine_grid(matrices, height, width):
    """(N, 6) -> (N, 2, height, width)"""
    down, across = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    places = np.stack([across, down, np.ones_like(down)])
    return np.einsum("nij,jhw->nihw", matrices.reshape(-1, 2, 3), places)


@defines("GridGenerator", outputs=2)
def grid_generator(attrs, x):
    """Of an affine map, or of offsets in pixels; the second output is for training."""
    if attrs["transform_type"] == "affine":
        height, width = numbers(attrs["target_shape"])
        return [affine_grid(x, height, width), np.zeros((3, height * width))]
    height, width = x.shape[2:]
    down, across = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    half = np.array([(width - 1) / 2.0, (height - 1) / 2.0]).reshape(2, 1, 1)
    return [(x + np.stack([across, down])) / half - 1, np.zeros((2, height, width))]


@defines("SpatialTransformer", outputs=3)
def spatial_transformer(attrs, x, loc):
    """Interpolated where an affine map leads; the other outputs are for training."""
    height, width = numbers(attrs["target_shape"])
    out = mxnet("BilinearSampler", x, affine_grid(loc, height, width))
    return [out, np.zeros((3, height * width)), np.zeros((len(x), 2, height * width))]
