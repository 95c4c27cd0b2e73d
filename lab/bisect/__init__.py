"""Which difference between two environments makes a converted model drift: `python -m lab bisect`.

An environment is a mapping of factors to values (factors.py), read from lock files and records
(locks.py). A probe (numbers.py, speed.py) says of an environment whether it is green or red, and
the search (search.py) swaps factors between the green one and the red one.
"""
