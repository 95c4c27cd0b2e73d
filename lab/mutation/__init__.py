"""Planted faults: the proof that the instrument catches what it is there to catch.

A fault is a small declared change of a conversion; the harness has to fail it and to name the
layer. A change that cannot make a difference is an equivalent mutant and has to pass.
"""
