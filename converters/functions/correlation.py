"""How alike two maps are, at each place and at places around it."""

import torch
import torch.nn.functional as F  # noqa: N812


def correlation(data1, data2, kernel_size, max_displacement, stride1, stride2, pad_size, product):
    """(N, C, H, W) twice -> (N, displacements, H', W'): mean product (or distance) of windows."""
    here, there = (F.pad(data, (pad_size,) * 4) for data in (data1, data2))
    height, width = (size - 2 * max_displacement for size in here.shape[2:])
    here = here[:, :, max_displacement:, max_displacement:][:, :, :height, :width]
    reach = max_displacement // stride2 * stride2
    begins = range(max_displacement - reach, max_displacement + reach + 1, stride2)
    maps = []
    for top in begins:
        for left in begins:
            moved = there[:, :, top : top + height, left : left + width]
            maps.append((here * moved if product else (here - moved).abs()).mean(1))
    return F.avg_pool2d(torch.stack(maps, 1), kernel_size, stride1)
