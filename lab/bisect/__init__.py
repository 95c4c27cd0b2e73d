"""Name the difference between two environments that changed a converted model.

The environments (environments.py) are built and run (runner.py); a judge (judges.py) calls a result
green or red; the search (search.py) swaps what differs.
"""
