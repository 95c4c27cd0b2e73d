"""Triangles and factors of matrices."""

import torch


def triangle_of(x, offset):
    """(*, n, n) -> (*, k): the numbers below a diagonal and on it, row by row."""
    rows, columns = torch.tril_indices(x.shape[-1], x.shape[-1], -offset)
    return x[..., rows, columns]


def triangle_matrix(x, size, offset):
    """(*, k) -> (*, size, size): numbers below a diagonal and on it, row by row, among zeros."""
    rows, columns = torch.tril_indices(size, size, -offset)
    matrix = x.new_zeros(*x.shape[:-1], size, size)
    matrix[..., rows, columns] = x
    return matrix


def lq(x):
    """(*, m, n) -> Q with orthonormal rows, lower triangle L: x = L Q."""
    q, r = torch.linalg.qr(x.mT)
    return q.mT, r.mT


def eigenvectors(x):
    """(*, n, n) -> U with eigenvectors as rows, eigenvalues; each row's largest is positive."""
    values, columns = torch.linalg.eigh(x)
    rows = columns.mT
    largest = rows.gather(-1, rows.abs().argmax(-1, keepdim=True))
    return rows * torch.where(largest < 0, -1, 1), values
