"""Attention with several heads, whose queries, keys and values lie interleaved."""


def head_part(x, heads, parts, part):
    """(T, N, heads * parts * D) -> (N * heads, T, D): the queries, keys or values."""
    time, batch, _ = x.shape
    return x.reshape(time, batch * heads, parts, -1)[:, :, part].transpose(0, 1)


def attention_scores(queries, keys):
    """(B, S, D), (B, T, D) -> (B, S, T)."""
    return queries / queries.shape[2] ** 0.5 @ keys.transpose(1, 2)


def joined_heads(x, heads):
    """(N * heads, T, D) -> (T, N, heads * D)."""
    _, time, size = x.shape
    return x.transpose(0, 1).reshape(time, -1, heads * size)
