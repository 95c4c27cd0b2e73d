"""What recurrent layers need beside torch's own."""


def flat_states(result):
    """(output, (hidden, cell)) -> output, hidden, cell."""
    output, (hidden, cell) = result
    return output, hidden, cell
