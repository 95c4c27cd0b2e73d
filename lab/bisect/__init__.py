"""Name the difference between two environments that changed a converted model.

The runner (runner.py) converts and runs the model in an environment (environments.py); a judge
(judges.py) calls the result green or red; the search (search.py) swaps what differs.
"""
