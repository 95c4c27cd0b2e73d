"""Convolutions that move each tap of the kernel by an offset of its own."""

import torch

from .interpolation import interpolate, lines_clamped, lines_padded


def deformable_convolution(
    data,
    offset,
    weight,
    bias=None,
    mask=None,
    stride=(1, 1),
    dilate=(1, 1),
    pad=(0, 0),
    num_group=1,
    num_deformable_group=1,
):
    """offset: (N, groups * taps * 2, H', W'), mask: (N, groups * taps, H', W').

    All around the map is 0; without a mask, also what lies less than a pixel outside.
    """
    batch, channels, *sizes = data.shape
    kernel, out = weight.shape[2:], offset.shape[2:]
    device, groups, taps = data.device, num_deformable_group, kernel[0] * kernel[1]
    moved = offset.reshape(batch, groups, taps, 2, *out)
    tap = torch.arange(taps, device=device)
    lines = []
    for axis, number in enumerate((tap // kernel[1], tap % kernel[1])):
        steps = torch.arange(out[axis], device=device) * stride[axis] - pad[axis]
        steps = steps[:, None] if axis == 0 else steps[None]
        place = moved[:, :, :, axis] + (steps + (number * dilate[axis])[:, None, None])
        if mask is None:
            inside = (place >= 0) & (place < sizes[axis])
            lines.append(lines_clamped(place, sizes[axis], inside))
        else:
            lines.append(lines_padded(place, sizes[axis]))
    maps = data.reshape(batch * groups, channels // groups, *sizes).permute(0, 2, 3, 1)
    first = torch.arange(batch * groups, device=device).reshape(batch, groups, 1, 1, 1)
    columns = interpolate(maps, first, *lines)
    if mask is not None:
        columns = columns * mask.reshape(batch, groups, taps, *out, 1)
    columns = columns.permute(0, 1, 5, 2, 3, 4).reshape(batch, num_group, -1, out[0] * out[1])
    result = weight.reshape(num_group, weight.shape[0] // num_group, -1) @ columns
    result = result.reshape(batch, -1, *out)
    return result if bias is None else result + bias[:, None, None]
