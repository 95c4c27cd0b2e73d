"""The laboratory: what tests the instrument. Not part of the wheel; run it by `python -m lab`."""
